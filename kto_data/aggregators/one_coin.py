"""One-coin: each labeler is right equally often on both labels."""

from pydantic import Field

from kto_data.aggregators import em
from kto_data.aggregators.diagnosis import disagrees, one_sided
from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.aggregators.patterns import find_patterns
from kto_data.votes.table import VoteTable


@METHODS.register("one_coin")
class OneCoin(Method):
    """Learn one accuracy a_m a labeler by EM: Dawid-Skene with b_m = 1 - a_m.

    log-odds(desirable) = log share / (1 - share) + sum_m (up_m - down_m) log a_m / (1 - a_m). With few votes a
    labeler, half as many parameters are worth more than the biases that they cannot express. The model
    is called homogeneous Dawid-Skene in Y. Zhang, X. Chen, D. Zhou and M. Jordan (2016), Spectral methods
    meet EM, Journal of Machine Learning Research 17(102), https://jmlr.org/papers/v17/14-511.html; there it
    is estimated otherwise. Priors, tempering, weights and limits are those of `dawid_skene`.
    """

    prior_accuracy: float = Field(0.8, gt=0.5, lt=1.0)
    """Accuracy that a labeler is assumed to have."""
    prior_strength: float = Field(0.2, gt=0.0)
    """How many votes that assumption is worth, on each label; ten times as many while EM looks for its start."""
    correlation: float = Field(0.05, ge=0.0, le=1.0)
    """Share of their errors that labelers have in common: 0 trusts their independence."""

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return probabilities; NaN where nobody voted. Gold is not used."""
        patterns = find_patterns(votes)
        priors = em.priors_of(
            votes.labelers, accuracy=self.prior_accuracy, strength=self.prior_strength, class_strength=10.0
        )
        fit = em.fit(patterns, priors, symmetric=True)
        n_labelers = len(votes.labelers)
        return Aggregate(
            patterns.per_sample(em.tempered(fit.log_odds_K, patterns, self.correlation)),
            "one_coin",
            warnings=[
                *one_sided("one_coin", patterns, votes.labelers),
                *disagrees("one_coin", patterns, fit.p_K),
            ],
            worth_M=fit.worth_X[:n_labelers],
            worth_against_M=fit.worth_X[n_labelers:],
            facts={"share": fit.share, "n_steps": float(fit.n_steps), "n_patterns": float(len(patterns.n_K))},
        )
