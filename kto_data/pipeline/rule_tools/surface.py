"""Rules whose firing can be told from the surface of an output: its opening, length, markdown, or where it is from.

Such a rule need not be wrong (a limit on length is about length), but what it votes can be learnt without learning
the task. The features are those of the shortcut audit; a rule goes with some of them as far as these rank the rows
on which it fires above others (AUC).

Shapes: N rows, M rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kto_data.balance.surface import NUMBERS, surface
from kto_data.labelers.rules.row import Row, scope_text
from kto_data.statistics.auc import auc

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.str_]

FEWEST = 20
"""Rows on which a rule fires, and on which it does not, below which nothing is said."""
ALONE = 0.95
"""An AUC from which on a rule fires on the feature alone."""
_FOLDS = 5

_LENGTH = ("chars", "words", "lines")
_MARKDOWN = ("headings", "bullets", "bold", "code_blocks", "links")


@dataclass(frozen=True, slots=True)
class Surface:
    """What of the surface a rule's firing goes with most.

    Attributes:
        kind: `length`, `markdown`, `opening`, `source`, `model` or `wording`.
        feature: The feature, such as `words`.
        auc: How well it ranks the rows on which the rule fires above the others, from 0.5 to 1.
        alone: Whether it tells nearly all: the rule fires on the surface alone.
    """

    kind: str
    feature: str
    auc: float
    alone: bool


def look_at(rows: Sequence[Row], fires_MN: Bools) -> list[Surface | None]:
    """Return for each of M rules what its firing goes with most; None where too few rows tell."""
    features = _features(rows)
    found: list[Surface | None] = []
    for fires_N in fires_MN:
        n = int(fires_N.sum())
        if n < FEWEST or len(fires_N) - n < FEWEST:
            found.append(None)
            continue
        best: tuple[float, str, str] = (0.0, "", "")
        for name, scores in features.numbers.items():
            area = auc(scores, fires_N) or 0.5
            best = max(best, (max(area, 1 - area), _kind(name), name))  # few words can speak for it, or many
        for name, values in features.values.items():
            best = max(best, (auc(_rates(values, fires_N), fires_N) or 0.5, name, name))
        area, kind, name = best
        found.append(Surface(kind, name, float(area), area >= ALONE))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    """Of N rows: features that are numbers, and those that are one of some values."""

    numbers: Mapping[str, Floats]
    values: Mapping[str, Words]


def _features(rows: Sequence[Row]) -> _Features:
    seen = [surface(scope_text(row, "completion") or "") for row in rows]
    values = {"opening": [str(one["opening"]) for one in seen]}
    values |= {name: [str(getattr(row, name) or "") for row in rows] for name in ("source", "model")}
    return _Features(
        {name: np.array([one[name] for one in seen], dtype=np.float64) for name in NUMBERS},
        {name: np.array(some) for name, some in values.items() if len(set(some)) > 1},
    )


def _kind(name: str) -> str:
    return "length" if name in _LENGTH else "markdown" if name in _MARKDOWN else "wording"


def _rates(values_N: Words, fires_N: Bools) -> Floats:
    """Return for each row how often the rule fires on other rows (of other folds) with the same value."""
    _, value_N = np.unique(values_N, return_inverse=True)
    fold_N = np.arange(len(fires_N)) % _FOLDS
    score_N = np.zeros(len(fires_N))
    n_values = int(value_N.max()) + 1
    for fold in range(_FOLDS):
        held = fold_N == fold
        n = np.bincount(value_N[~held], minlength=n_values)
        hits = np.bincount(value_N[~held], weights=fires_N[~held], minlength=n_values)
        prior = float(fires_N[~held].mean())
        score_N[held] = ((hits + prior) / (n + 1))[value_N[held]]
    return score_N
