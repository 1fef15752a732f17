"""Calibrated: what votes and silences are worth is learned from gold labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.special import expit, logit, softmax
from threadpoolctl import threadpool_limits

from kto_data.aggregators import logistic
from kto_data.aggregators.method import METHODS, Aggregate, Gold, Method
from kto_data.aggregators.weighted import Weighted
from kto_data.votes.table import Floats, Ints, VoteTable

_PULLS = (0.0, 0.1, 0.2, 0.4)
"""How far coefficients are drawn towards the labelers' own log-odds: 1 would trust that labelers err
independently; judges that share their errors deserve a fraction."""
_PRECISIONS = tuple(np.logspace(0, 4, 7))
"""How strongly they are drawn; labelers' single votes are worth less than 3 in log-odds, so below 1 means not at all."""
_CANDIDATES = [(pull, precision) for pull in _PULLS for precision in reversed(_PRECISIONS)]
_TEMPERATURE = 2.0
"""Held-out log-losses are divided by it before the candidates are averaged; 1 would trust few gold labels too much."""
_LEAST_SHARE = 0.01
"""Candidates of a smaller share in the average are left out."""
_INTERCEPT_PRECISION = 4.0
"""Ten gold labels of which eight are desirable must not outvote the judges; two hundred move it freely."""
_PLATT_STRENGTH = 10.0
_ALWAYS = 0.9
"""A labeler of both polarities that votes on more samples than this says nothing by speaking at all."""


@METHODS.register("calibrated")
class Calibrated(Method):
    """Fit one regularised logistic model on everybody's votes and abstentions to the gold labels.

    log-odds(desirable) = b + sum_m weight_m (s_m (up_m - down_m) + a_m (up_m + down_m)), where up_m and
    down_m say how labeler m voted; a silence leaves m's part out, so that with labelers who only say
    what is bad, b is what their silence is worth, and samples nobody voted on get a probability too.
    All labelers are fitted together: copies of one rule share its worth instead of multiplying it.

    The coefficients have a Gaussian prior around c x (the labeler's own smoothed log-odds, which start
    at its `prior_mean` with `prior_strength`), so that with little gold the labelers' priors speak. How
    far (c) and how strongly they are drawn is cross-validated, with all samples of a prompt
    held out together; the candidates are averaged by their held-out likelihood, and the result is
    calibrated on held-out log-odds (Platt scaling). Gold counts by 1 / p_selected.

    With fewer gold labels than `min_gold`, or gold of one class, it warns and gives the answer of `weighted`:
    unsupervised models turned the labels upside down on one-sided and on correlated votes, while adding up
    votes never did.
    """

    min_gold: int = Field(10, ge=2)
    """With fewer gold labels than this it falls back."""
    default_precision: float = Field(0.7, gt=0.5, lt=1.0)
    """Precision of a labeler that states none, before gold is seen."""
    default_strength: float = Field(4.0, gt=0.0)
    """How many gold labels that assumption is worth."""

    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return probabilities for all samples when there is gold enough, else those of `weighted`."""
        reason = self._why_not(gold)
        if gold is None or reason:
            fallback = Weighted(default_precision=self.default_precision).aggregate(votes)
            return Aggregate(
                fallback.p_desirable_N,
                fallback.method,
                warnings=[f"calibrated needs {reason}; the labels are those of `{fallback.method}`"],
                worth_M=fallback.worth_M,
                worth_against_M=fallback.worth_against_M,
            )
        problem = _problem(votes, gold, self)
        with _one_thread():
            model = _fit(problem)
        return _answer(votes, problem, model)

    def refit(self, votes: VoteTable, gold: Gold | None, before: Aggregate) -> Aggregate:
        """Fit the coefficients anew and choose nothing: how they are drawn, and the calibration, are those of `before`."""
        if gold is None or not isinstance(before.fitted, _Model):
            return self.aggregate(votes, gold)
        problem = _problem(votes, gold, self)
        with _one_thread():
            model = _refit(problem, before.fitted)
        return _answer(votes, problem, model)

    def _why_not(self, gold: Gold | None) -> str:
        n_gold = 0 if gold is None else len(gold)
        if gold is None or n_gold < self.min_gold:
            return f"{self.min_gold} gold labels and has {n_gold}"
        if gold.label_G.all() or not gold.label_G.any():
            return f"gold of both classes and all {n_gold} are {'desirable' if gold.label_G[0] else 'undesirable'}"
        return ""


def _one_thread() -> threadpool_limits:
    """Keep small matrices in one thread: several wait for one another and take twenty times as long."""
    return threadpool_limits(1)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """What is fitted. The D features are s_m of M labelers, a_m of those in `two_sided`, and the intercept."""

    feature_D: Sequence[tuple[str, str]]  # whose it is, and which
    x_GD: Floats
    y_G: Floats
    weight_G: Floats
    group_G: Ints
    factor_M: Floats
    one_sided_M: Ints  # +1 or -1 for a labeler that only ever votes so, else 0
    two_sided: Ints
    prior_mean_M: Floats
    prior_strength_M: Floats

    def pull(self, chosen_G: npt.NDArray[np.bool_]) -> Floats:
        """Return the labelers' own log-odds [D] on the chosen gold.

        A labeler of both polarities: of being right. A one-sided one: of being right, less those of that class.
        """
        n_labelers = len(self.factor_M)
        sign_GM = np.sign(self.x_GD[chosen_G, :n_labelers])
        weight_G, y_G = self.weight_G[chosen_G], self.y_G[chosen_G]
        right_M = weight_G @ (sign_GM == np.where(y_G > 0.5, 1, -1)[:, None])
        own_M = logistic.smoothed_logit(
            right_M, weight_G @ np.abs(sign_GM), mean=self.prior_mean_M, strength=self.prior_strength_M
        )
        base = float(logit((weight_G @ y_G + 1) / (weight_G.sum() + 2)))
        direction_M = np.where(self.one_sided_M == 0, own_M, own_M - self.one_sided_M * base)
        return np.concatenate([direction_M, np.zeros(len(self.two_sided) + 1)])

    def precision(self, precision: float) -> Floats:
        """Return the prior's precisions [D]."""
        precision_D = np.full(self.x_GD.shape[1], precision)
        precision_D[-1] = _INTERCEPT_PRECISION
        return precision_D

    def worths(self, coefficients_D: Floats) -> tuple[Floats, Floats, float]:
        """Return the log-odds of a vote for [M] and against [M], and the intercept."""
        n_labelers = len(self.factor_M)
        spoke_M = np.zeros(n_labelers)
        spoke_M[self.two_sided] = coefficients_D[n_labelers:-1]
        signed_M = coefficients_D[:n_labelers]
        return (
            self.factor_M * (spoke_M + signed_M),
            self.factor_M * (spoke_M - signed_M),
            float(coefficients_D[-1]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """The candidates that count, their coefficients and shares in the average, and the calibration of that.

    The held-out log-odds of the gold samples are calibrated, their loss is not.
    """

    feature_D: Sequence[tuple[str, str]]
    candidate_C: Sequence[tuple[float, float]]
    w_CD: Floats
    share_C: Floats
    slope: float
    shift: float
    held_out_G: Floats
    held_out_log_loss: float

    def average(self) -> Floats:
        """Return the candidates' calibrated average [D]."""
        w_D = self.share_C @ self.w_CD * self.slope
        w_D[-1] += self.shift
        return np.asarray(w_D)


def _problem(votes: VoteTable, gold: Gold, options: Calibrated) -> _Problem:
    labelers = votes.labelers
    up_M, down_M = votes.per_labeler(votes.up_V), votes.per_labeler(votes.down_V)
    one_sided_M = np.where(down_M == 0, 1, np.where(up_M == 0, -1, 0)) * (up_M + down_M > 0)
    share_M = (up_M + down_M) / max(len(votes.sample_ids), 1)
    two_sided = np.flatnonzero((one_sided_M == 0) & (share_M > 0) & (share_M < _ALWAYS))
    factor_M = np.array([1.0 if lab.weight is None else lab.weight for lab in labelers])
    net_GM, cast_GM = _votes_on(gold, votes)
    x_GD = np.concatenate(
        [net_GM * factor_M, (cast_GM * factor_M)[:, two_sided], np.ones((len(gold), 1))], axis=1
    )
    weight_G = gold.importance()
    # unequal weights carry the information of fewer labels: Kish's effective sample size
    weight_G = weight_G * weight_G.sum() / (weight_G**2).sum()
    means = [options.default_precision if lab.prior_mean is None else lab.prior_mean for lab in labelers]
    strengths = [
        options.default_strength if lab.prior_strength is None else lab.prior_strength for lab in labelers
    ]
    names = [lab.name for lab in labelers]
    return _Problem(
        [*((name, "sign") for name in names), *((names[m], "speaks") for m in two_sided), ("", "intercept")],
        x_GD,
        gold.label_G.astype(np.float64),
        weight_G,
        gold.sample_G if gold.prompt_N is None else gold.prompt_N[gold.sample_G],
        factor_M,
        one_sided_M.astype(np.int64),
        two_sided,
        np.array(means),
        np.array(strengths),
    )


def _votes_on(gold: Gold, votes: VoteTable) -> tuple[Floats, Floats]:
    """Return the balance and the number of each labeler's votes on gold samples [G, M]."""
    row_N = np.full(len(votes.sample_ids), -1, dtype=np.int64)
    row_N[gold.sample_G] = np.arange(len(gold))
    mine = votes.where(row_N[votes.sample_V] >= 0)
    at = (row_N[mine.sample_V], mine.labeler_V)
    net_GM, cast_GM = (np.zeros((len(gold), len(votes.labelers))) for _ in range(2))
    net_GM[at], cast_GM[at] = mine.up_V - mine.down_V, mine.up_V + mine.down_V
    return net_GM, cast_GM


def _answer(votes: VoteTable, problem: _Problem, model: _Model) -> Aggregate:
    worth_M, worth_against_M, intercept = problem.worths(model.average())
    return Aggregate(
        expit(votes.evidence(worth_M, worth_against_M) + intercept),
        "calibrated",
        p_held_out_G=expit(model.held_out_G),
        worth_M=worth_M,
        worth_against_M=worth_against_M,
        facts={
            "n_gold": float(len(problem.y_G)),
            "n_gold_effective": float(problem.weight_G.sum()),
            "intercept": intercept,
            "held_out_log_loss": model.held_out_log_loss,
            "slope": model.slope,
        },
        fitted=model,
    )


def _fit(problem: _Problem) -> _Model:
    """Fit every candidate on every fold, average them by held-out likelihood, and calibrate."""
    n_gold = len(problem.y_G)
    n_folds = min(10 if n_gold <= 300 else 5, len(np.unique(problem.group_G)))
    fold_G = logistic.folds_of(problem.group_G, problem.y_G, max(n_folds, 1))
    z_CG = np.zeros((len(_CANDIDATES), n_gold))
    for fold in range(n_folds):
        train_G = fold_G != fold
        if train_G.all() or not train_G.any():
            continue
        for number, w_D in enumerate(_path(problem, train_G, _CANDIDATES)):
            z_CG[number, ~train_G] = problem.x_GD[~train_G] @ w_D
    share_C = np.asarray(softmax(-logistic.log_loss(z_CG, problem.y_G, problem.weight_G) / _TEMPERATURE))
    kept = np.flatnonzero(share_C >= _LEAST_SHARE)
    share_C = share_C[kept] / share_C[kept].sum()
    candidate_C = [_CANDIDATES[number] for number in kept]
    held_out_G = share_C @ z_CG[kept]
    w_CD = np.stack(list(_path(problem, np.ones(n_gold, dtype=bool), candidate_C)))
    slope, shift = logistic.platt(held_out_G, problem.y_G, problem.weight_G, strength=_PLATT_STRENGTH)
    held_out_loss = float(
        logistic.log_loss(held_out_G, problem.y_G, problem.weight_G) / problem.weight_G.sum()
    )
    return _Model(
        problem.feature_D,
        candidate_C,
        w_CD,
        share_C,
        slope,
        shift,
        held_out_G * slope + shift,
        held_out_loss,
    )


def _refit(problem: _Problem, model: _Model) -> _Model:
    """Fit the candidates that count on all gold, each from where it was."""
    place = {feature: d for d, feature in enumerate(model.feature_D)}
    known = [place.get(feature, -1) for feature in problem.feature_D]
    start_CD = np.where(np.array(known) >= 0, model.w_CD[:, known], 0.0)
    everything = np.ones(len(problem.y_G), dtype=bool)
    w_CD = np.stack(list(_path(problem, everything, model.candidate_C, start_CD)))
    return replace(model, feature_D=problem.feature_D, w_CD=w_CD)


def _path(
    problem: _Problem,
    train_G: npt.NDArray[np.bool_],
    candidates: Sequence[tuple[float, float]],
    start_CD: Floats | None = None,
) -> Iterator[Floats]:
    """Yield the coefficients of each candidate; without starts, each fit begins at the last."""
    pull_D = problem.pull(train_G)
    x_GD, y_G, weight_G = problem.x_GD[train_G], problem.y_G[train_G], problem.weight_G[train_G]
    w_D = None
    for number, (pull, precision) in enumerate(candidates):
        mean_D = pull * pull_D
        if start_CD is not None:
            w_D = start_CD[number]
        w_D = logistic.fit(
            x_GD,
            y_G,
            weight_G,
            mean_D=mean_D,
            precision_D=problem.precision(precision),
            start_D=mean_D if w_D is None else w_D,
        )
        yield w_D
