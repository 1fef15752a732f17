"""When a class weight is the wrong tool: sample, deduplicate or collect instead."""

from collections.abc import Iterator

from kto_data.balance.statistics import BalanceStatistics

FEW_ROWS = 100
"""A class of fewer effective rows: what is learnt from it is learnt from these rows by heart."""

MUCH_WEIGHT = 5.0
"""A class whose rows count so many times: their errors do, too."""

MOST_OF_A_CLASS = 0.1
"""A completion that makes up so much of a class is learnt as such."""

APART = 4.0
"""Sources whose ratios differ by such a factor: one class weight cannot suit both."""


def advise(
    statistics: BalanceStatistics, desirable_weight: float, undesirable_weight: float
) -> tuple[str, ...]:
    """Return a sentence for each reason not to rely on class weights alone; empty if there is none."""
    return (
        *_few(statistics),
        *_heavy(desirable_weight, undesirable_weight),
        *_canned(statistics),
        *_sources(statistics),
        *_row_weights(statistics),
        *_noisy(statistics),
    )


def _few(statistics: BalanceStatistics) -> Iterator[str]:
    effective = statistics.effective_rows
    for name, n in (("desirable", effective.desirable), ("undesirable", effective.undesirable)):
        if n < FEW_ROWS:
            yield (
                f"Collect more {name} rows: {n:,.0f} (effective) are too few to weight up; a weight repeats them, it "
                "does not add to what they show."
            )


def _heavy(desirable_weight: float, undesirable_weight: float) -> Iterator[str]:
    for name, other, weight in (
        ("desirable", "undesirable", desirable_weight),
        ("undesirable", "desirable", undesirable_weight),
    ):
        if weight > MUCH_WEIGHT:
            yield (
                f"Sample {other} rows down (`curate: [{{cap: ...}}]`) or collect {name} ones: at {name}_weight "
                f"{weight:.3g} every wrong {name} label counts {weight:.3g} times, and single batches swing with it."
            )


def _canned(statistics: BalanceStatistics) -> Iterator[str]:
    common = statistics.most_common_completion
    sizes = (statistics.n_desirable, statistics.n_undesirable)
    for name, share, n in zip(
        ("desirable", "undesirable"), (common.desirable, common.undesirable), sizes, strict=True
    ):
        if share > MOST_OF_A_CLASS and n * share > 2:
            yield (
                f"Deduplicate: one completion makes up {share:.0%} of the {name} rows, so weighting that class up "
                "teaches mostly that text (`curate: [exact_dedup, near_dedup]`, or a cap)."
            )


def _sources(statistics: BalanceStatistics) -> Iterator[str]:
    ratios = {
        one.name: one.weight.ratio
        for one in statistics.by_source
        if one.weight.ratio and min(one.n_desirable, one.n_undesirable) >= 10
    }
    if len(ratios) > 1:
        low, high = min(ratios, key=lambda name: ratios[name]), max(ratios, key=lambda name: ratios[name])
        if ratios[high] > APART * ratios[low]:
            yield (
                f"Even sources out first: desirable to undesirable stands {ratios[high]:.3g} to 1 in {high} and "
                f"{ratios[low]:.3g} to 1 in {low}; a class weight moves both alike, so which source a row is from "
                "tells its label. Cap or sample by source, or use `balance.row_weights: {source: ...}`."
            )


def _row_weights(statistics: BalanceStatistics) -> Iterator[str]:
    effective = statistics.effective_rows.desirable + statistics.effective_rows.undesirable
    if effective < statistics.n_rows / 2:
        yield (
            f"The row weights leave {effective:,.0f} effective of {statistics.n_rows:,} rows: most of the training hangs "
            "on few of them. Lower `at_most`, or drop rows that weigh next to nothing."
        )


def _noisy(statistics: BalanceStatistics) -> Iterator[str]:
    expected, n = statistics.expected, statistics.n_rows
    gap = abs(expected.n_desirable - statistics.n_desirable)
    if expected.n_without_p < n and gap > 0.1 * min(statistics.n_desirable, statistics.n_undesirable):
        yield (
            f"By their probabilities {expected.n_desirable:,.0f} of the rows are desirable, not the "
            f"{statistics.n_desirable:,} that are labelled so: have more of the unsure rows decided (gold, annotators) "
            "before trusting a weight."
        )
