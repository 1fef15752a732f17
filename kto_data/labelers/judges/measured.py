"""What a judge's votes are worth: against gold, against itself, and by what should not matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from kto_data.statistics.agreement import cohen_kappa, confusion
from kto_data.statistics.calibration import Calibration, calibration
from kto_data.statistics.fitted_score import FittedScore, fit_score
from kto_data.statistics.intervals import Interval, cluster_bootstrap, difference_of_shares, wilson

_SEED = 0
_BINS = 10
_NO_LEVEL = 2
"""Two levels of a score at least make a curve."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One sample that a judge has voted on.

    Attributes:
        prompt_id: Its prompt.
        vote: The judge's, +1, -1, 0.
        score: The judge's, where there is one.
        samples: The votes of the single answers.
        gold: The right label, where it is known.
        n_chars: The length of its completion.
        model: The model that wrote it, where it is known.
        cost_usd: What the vote cost, where that is known.
    """

    prompt_id: str
    vote: int
    score: float | None = None
    samples: Sequence[int] = ()
    gold: bool | None = None
    n_chars: int = 0
    model: str | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a calibration curve: samples with scores near one another."""

    score: float
    share: Interval
    n: int


@dataclass(frozen=True, slots=True)
class AgainstGold:
    """Votes compared with gold; abstentions count apart.

    Attributes:
        n_gold: Samples with gold that the judge was asked about.
        n_compared: ... on which it did not abstain.
        agreement: Share of these on which it is right.
        kappa: Cohen's kappa, with a bootstrap interval that draws whole prompts.
        sensitivity: Of the desirable ones, the share that it calls so.
        specificity: Of the undesirable ones, the share that it calls so.
        calibration: How far scores that are probabilities can be taken at their word.
        curve: Observed shares of desirable by score.
        fitted: How the score is best read; None without scores or with too few samples.
        accuracy_now: Share right with the judge's own threshold, of the samples with a score.
    """

    n_gold: int
    n_compared: int
    agreement: Interval | None
    kappa: Interval | None
    sensitivity: Interval | None
    specificity: Interval | None
    calibration: Calibration | None
    curve: Sequence[Bin]
    fitted: FittedScore | None
    accuracy_now: float | None


@dataclass(frozen=True, slots=True)
class Biases:
    """What should not matter, and perhaps does; each is a difference of shares called desirable.

    Attributes:
        longer: Longer against shorter completions; where gold is known, of equal gold.
        own_family: Outputs of the judge's own family of models against others'.
        own_family_gold: The same difference in gold: what it would be without any preference.
        itself: Share of pairs of answers to one question that agree; None with one answer each.
    """

    longer: Interval | None
    own_family: Interval | None
    own_family_gold: Interval | None
    itself: Interval | None


def against_gold(judged: Sequence[Judged]) -> AgainstGold:
    """Compare votes with gold."""
    known = [one for one in judged if one.gold is not None]
    gold_N = np.array([1 if one.gold else -1 for one in known], dtype=np.int8)
    vote_N = np.array([one.vote for one in known], dtype=np.int8)
    counts = confusion(vote_N, gold_N)
    prompts_N = _numbers([one.prompt_id for one in known])
    n_up = counts.n_both_desirable + counts.n_only_second_desirable
    n_down = counts.n_both_undesirable + counts.n_only_first_desirable
    scored = [one for one in known if one.score is not None]
    score_N = np.array([one.score for one in scored], dtype=np.float64)
    right_N = np.array([bool(one.gold) for one in scored], dtype=np.bool_)
    probabilities = len(score_N) > 0 and bool(np.all((score_N >= 0) & (score_N <= 1)))
    decided = [one for one in scored if one.vote]
    return AgainstGold(
        n_gold=len(known),
        n_compared=counts.n_compared,
        agreement=wilson(counts.n_agree, counts.n_compared),
        kappa=cluster_bootstrap(
            lambda rows: cohen_kappa(confusion(vote_N[rows], gold_N[rows])),
            prompts_N,
            np.random.default_rng(_SEED),
        )
        if counts.n_compared
        else None,
        sensitivity=wilson(counts.n_both_desirable, n_up),
        specificity=wilson(counts.n_both_undesirable, n_down),
        calibration=calibration(score_N, right_N) if probabilities else None,
        curve=_curve(score_N, right_N),
        fitted=fit_score(score_N, right_N, _numbers([one.prompt_id for one in scored])),
        accuracy_now=float(np.mean([(one.vote > 0) == one.gold for one in decided])) if decided else None,
    )


def biases(judged: Sequence[Judged], family: str | None) -> Biases:
    """Measure preferences from votes that are there; see `probes` for those that need further questions."""
    decided = [one for one in judged if one.vote]
    own = [one for one in decided if family and one.model and fnmatchcase(one.model.lower(), family.lower())]
    others = [one for one in decided if family and one.model and one not in own]
    known = [[one for one in group if one.gold is not None] for group in (own, others)]
    pairs = [
        (one.samples[i], one.samples[j]) for one in judged for j in range(len(one.samples)) for i in range(j)
    ]
    return Biases(
        longer=_longer(decided),
        own_family=difference_of_shares(_up(own), len(own), _up(others), len(others))
        if own and others
        else None,
        own_family_gold=difference_of_shares(
            sum(bool(one.gold) for one in known[0]),
            len(known[0]),
            sum(bool(one.gold) for one in known[1]),
            len(known[1]),
        )
        if all(known)
        else None,
        itself=wilson(sum(first == second for first, second in pairs), len(pairs)),
    )


def family_of(model: str) -> str | None:
    """Return the pattern of the models of one family: what stands before the first number of the name.

    >>> family_of("gpt-4o-mini"), family_of("meta-llama/Llama-3.1-8B"), family_of("4x")
    ('gpt*', 'llama*', None)
    """
    name = model.rsplit("/", 1)[-1].lower()
    stem = ""
    for letter in name:
        if not letter.isalpha():
            break
        stem += letter
    return f"{stem}*" if len(stem) > 1 else None


def _longer(decided: Sequence[Judged]) -> Interval | None:
    """Return how much more often completions over the median length of their class are called desirable."""
    long: list[Judged] = []
    short: list[Judged] = []
    for gold in {one.gold for one in decided}:
        group = [one for one in decided if one.gold is gold]
        middle = float(np.median([one.n_chars for one in group]))
        long += [one for one in group if one.n_chars > middle]
        short += [one for one in group if one.n_chars <= middle]
    return difference_of_shares(_up(long), len(long), _up(short), len(short)) if long and short else None


def _curve(score_N: npt.NDArray[np.float64], right_N: npt.NDArray[np.bool_]) -> list[Bin]:
    if len(np.unique(score_N)) < _NO_LEVEL:
        return []
    edges = np.unique(np.quantile(score_N, np.linspace(0, 1, _BINS + 1)))
    place_N = np.clip(np.searchsorted(edges, score_N, side="right") - 1, 0, max(0, len(edges) - 2))
    points = []
    for place in np.unique(place_N):
        inside = place_N == place
        share = wilson(int(right_N[inside].sum()), int(inside.sum()))
        assert share is not None
        points.append(Bin(float(score_N[inside].mean()), share, int(inside.sum())))
    return points


def _up(judged: Sequence[Judged]) -> int:
    return sum(one.vote > 0 for one in judged)


def _numbers(names: Sequence[str]) -> npt.NDArray[np.int64]:
    found = np.unique(np.array(names, dtype=np.str_), return_inverse=True)[1] if names else np.zeros(0)
    return np.asarray(found, dtype=np.int64)
