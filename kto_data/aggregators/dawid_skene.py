"""Dawid-Skene: each labeler has its own error rate on each label, learned from who agrees with whom."""

from pydantic import Field

from kto_data.aggregators import em
from kto_data.aggregators.diagnosis import disagrees, one_sided
from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.aggregators.patterns import find_patterns
from kto_data.votes.table import VoteTable


@METHODS.register("dawid_skene")
class DawidSkene(Method):
    """Learn a_m = P(m votes desirable | desirable) and b_m = P(m votes desirable | undesirable) by EM.

    log-odds(desirable) = log share / (1 - share) + sum over votes up of log a_m / b_m + sum over votes down of
    log (1 - a_m) / (1 - b_m), labelers erring independently given the label. A. Dawid and A. Skene (1979),
    Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics
    28(1), 20-28, https://doi.org/10.2307/2346806, equations 2.3 to 2.5.

    Three things differ: rates have a Dirichlet prior (labelers are taken to be better than chance), firm at
    first and then slight; EM starts from the majority and from the one-coin solution, and the better goes on; and probabilities
    are tempered for the errors that labelers share, because plain EM is far too sure. Equal votes are told once, so that
    a million samples take seconds. It hears votes, not silences: for labelers who only ever say one thing, use `firing` or
    `calibrated`. `prior_mean` and `prior_strength` replace the two options below; `weight` multiplies a labeler's log-odds.
    """

    prior_accuracy: float = Field(0.8, gt=0.5, lt=1.0)
    """Accuracy that a labeler is assumed to have, on both labels."""
    prior_strength: float = Field(0.4, gt=0.0)
    """How many votes on samples of each label that assumption is worth; ten times as many while EM looks for its start."""
    correlation: float = Field(0.05, ge=0.0, le=1.0)
    """Share of their errors that labelers have in common: 0 trusts their independence."""

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return probabilities; NaN where nobody voted. Gold is not used."""
        patterns = find_patterns(votes)
        priors = em.priors_of(
            votes.labelers, accuracy=self.prior_accuracy, strength=self.prior_strength, class_strength=1.0
        )
        fit = em.fit(patterns, priors, symmetric=False)
        n_labelers = len(votes.labelers)
        return Aggregate(
            patterns.per_sample(em.tempered(fit.log_odds_K, patterns, self.correlation)),
            "dawid_skene",
            warnings=[
                *one_sided("dawid_skene", patterns, votes.labelers),
                *disagrees("dawid_skene", patterns, fit.p_K),
            ],
            worth_M=fit.worth_X[:n_labelers],
            worth_against_M=fit.worth_X[n_labelers:],
            facts={"share": fit.share, "n_steps": float(fit.n_steps), "n_patterns": float(len(patterns.n_K))},
        )
