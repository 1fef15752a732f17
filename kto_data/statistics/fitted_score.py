"""A labeler's score turned into a probability by gold labels, and the threshold that follows.

Shapes: N scored samples with gold labels; rows of one group (a prompt) are never on both sides of a fold.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FOLDS = 5
_LEAST = 10
_CLIP = 1e-3
"""Probabilities are held this far from 0 and 1 where their log loss is taken: isotonic steps reach both."""


@dataclass(frozen=True, slots=True)
class FittedScore:
    """How a score is best read.

    Attributes:
        method: `logistic` or `isotonic`, whichever had the lower log loss on held-out groups.
        threshold: The least score whose probability of desirable is at least one half; None if there is none.
        n: Samples.
        n_folds: Folds of the cross-validation.
        accuracy: Share of held-out samples that the fitted reading gets right.
        log_loss: Mean log loss on held-out samples, in nats.
        brier: Mean squared error on held-out samples.
    """

    method: str
    threshold: float | None
    n: int
    n_folds: int
    accuracy: float
    log_loss: float
    brier: float


def fit_score(score_N: Floats, gold_N: Bools, group_N: npt.NDArray[np.int64]) -> FittedScore | None:
    """Fit both ways of reading a score, and return the better one, judged on groups that it was not fitted on.

    Logistic: J. Platt (1999), Probabilistic outputs for support vector machines; isotonic: B. Zadrozny and
    C. Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates, KDD.

    Returns:
        None with fewer than 10 samples, of one class only, of one score only, or with fewer than two groups.
    """
    n_folds = min(_FOLDS, len(np.unique(group_N)))
    if len(score_N) < _LEAST or len(np.unique(gold_N)) < 2 or len(np.unique(score_N)) < 2 or n_folds < 2:
        return None
    held = {
        method: _held_out(method, score_N, gold_N, group_N, n_folds) for method in ("logistic", "isotonic")
    }
    losses = {method: _log_loss(p_N, gold_N) for method, p_N in held.items()}
    method = min(losses, key=lambda name: losses[name])
    p_N = held[method]
    return FittedScore(
        method,
        _threshold(_fitted(method, score_N, gold_N), score_N),
        len(score_N),
        n_folds,
        float(np.mean((p_N >= 0.5) == gold_N)),
        losses[method],
        float(np.mean((p_N - gold_N) ** 2)),
    )


def _held_out(
    method: str, score_N: Floats, gold_N: Bools, group_N: npt.NDArray[np.int64], n_folds: int
) -> Floats:
    """Return the probability of each sample by a reading that was fitted without its group."""
    from sklearn.model_selection import GroupKFold

    p_N = np.empty(len(score_N))
    for train, test in GroupKFold(n_folds).split(score_N, gold_N, group_N):
        if len(np.unique(gold_N[train])) < 2:
            p_N[test] = gold_N[train].mean()
        else:
            p_N[test] = _read(_fitted(method, score_N[train], gold_N[train]), score_N[test])
    return p_N


def _fitted(method: str, score_N: Floats, gold_N: Bools) -> Any:
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if method == "isotonic":
        return IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(score_N, gold_N)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(score_N[:, None], gold_N)


def _read(model: Any, score_N: Floats) -> Floats:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(score_N[:, None])[:, 1])
    return np.asarray(model.predict(score_N))


def _threshold(model: Any, score_N: Floats) -> float | None:
    levels = np.unique(score_N)
    middles = np.concatenate([levels[:1], (levels[1:] + levels[:-1]) / 2])
    enough = middles[_read(model, middles) >= 0.5]
    return float(enough[0]) if len(enough) else None


def _log_loss(p_N: Floats, gold_N: Bools) -> float:
    clipped_N = np.clip(p_N, _CLIP, 1 - _CLIP)
    return float(-np.mean(np.where(gold_N, np.log(clipped_N), np.log1p(-clipped_N))))
