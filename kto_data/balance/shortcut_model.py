"""The shallow models of the shortcut audit: logistic regressions on surface features and on the prompt's words.

Both are cross-validated by prompt. Rows come as the columns that `surface` and `rows` have, [n rows] each.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kto_data.balance.surface import NUMBERS

Floats = npt.NDArray[np.float64]

_FOLDS = 5
_COMMON = 0.01
"""A word that begins so many rows, or a language or model of so many, is a feature."""
_MOST_VALUES = 40


def filled(values: Any) -> list[Any]:
    """Return a column's values, with an empty text where there is none."""
    texts: list[Any] = np.ma.filled(values, "").tolist()  # type: ignore[no-untyped-call,unused-ignore]  # typed from numpy 2.3 on
    return texts


def surface_features(found: dict[str, Any]) -> tuple[list[str], Floats]:
    """Return the features by name, [n rows, d]: log counts and shares, then which value a row has."""
    names, columns = list(NUMBERS), []
    for name in NUMBERS:
        values = found[name].astype(np.float64)
        columns.append(values if name.endswith("share") else np.log1p(values))
    for group in ("opening", "language", "source", "model"):
        values = np.array([str(value) if value else "" for value in filled(found[group])])
        distinct, counts = np.unique(values[values != ""], return_counts=True)
        common = distinct[counts >= max(2.0, _COMMON * len(values))][:_MOST_VALUES]
        if len(common) > 1 or group == "opening":
            names += [f"{group}: {value}" for value in common]
            columns += [(values == value).astype(np.float64) for value in common]
    return names, np.stack(columns, axis=1)


def prompt_folds(prompt_ids: Any) -> npt.NDArray[np.int64]:
    """Return each row's fold; rows of one prompt stay together: a model that knows a prompt's answer is no evidence."""
    _, prompt = np.unique(prompt_ids.astype(str), return_inverse=True)
    return np.asarray(prompt % _FOLDS)


def fit_surface(
    x_ND: Floats, label: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return out-of-fold scores, and the coefficients of the model on all rows."""
    scale = x_ND.std(axis=0)
    scaled_ND = (x_ND - x_ND.mean(axis=0)) / np.where(scale > 0, scale, 1)
    return _out_of_fold(scaled_ND, label, folds), _logistic().fit(scaled_ND, label).coef_[0]


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, max_iter=500)


def _out_of_fold(x: Any, label: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]) -> Floats:
    scores = np.zeros(len(label))
    for fold in np.unique(folds):
        held, rest = folds == fold, folds != fold
        if 0 < label[rest].sum() < rest.sum():
            scores[held] = _logistic().fit(x[rest], label[rest]).decision_function(x[held])
    return scores


def prompt_scores(
    found: dict[str, Any], label: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> Floats:
    """Return out-of-fold scores of a model that sees the words of the prompt and nothing else."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectors = HashingVectorizer(n_features=2**14, ngram_range=(1, 2), alternate_sign=False).transform(
        ["" if text is None else str(text) for text in found["prompt_text"]]
    )
    return _out_of_fold(vectors * 5.0, label, folds)  # of length 1 they would be held too near 0
