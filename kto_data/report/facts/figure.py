"""Values that several parts of a report show."""

from typing import TypedDict


class Figure(TypedDict, total=False):
    """An estimate, with its confidence interval where there is one."""

    estimate: float | None
    lower: float
    upper: float
    level: float  # nominal coverage of the interval; 0.95 when missing
    n: int  # what the estimate was counted on


class Histogram(TypedDict, total=False):
    """Rows by value and label: `statistics.histograms.ClassHistogram` as a dict."""

    edges: list[float]
    n_desirable: list[int]
    n_undesirable: list[int]
    n_below: int
    n_above: int


class Calibration(TypedDict, total=False):
    """How scores compare with what is so: `statistics.calibration.Calibration` as a dict."""

    n: int
    brier: float
    ece: float
    mean_stated: float
    share: float
