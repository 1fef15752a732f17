"""The pictures of the report: which facts each chart is drawn from. Empty where the facts are missing."""

from typing import Any

from markupsafe import Markup

from kto_data.report.charts import (
    Bar,
    Line,
    Part,
    class_histogram,
    interval_bars,
    line_chart,
    shares_bar,
)
from kto_data.report.text import as_figure, interval_ends, number, percent, score

MODELS = (("reference", "Reference"), ("trained", "Trained"), ("control", "Control"))
"""Keys and names; short, because on a telephone name and figures share one line."""


def ranking_chart(evaluation: dict[str, Any], measure: str, title: str) -> Markup:
    """Reference, trained model and control by one ranking measure (`auc` or `pair_accuracy`)."""
    bars = [
        bar
        for key, label in MODELS
        if (bar := _bar(label, (evaluation.get(key) or {}).get(measure), key)) is not None
    ]
    if not bars:
        return Markup()
    described = "; ".join(f"{bar.label}: {score(bar.estimate)}" for bar in bars)
    return interval_bars(bars, title=title, description=f"{described}. The dashed line is chance.", mark=0.5)


def desirable_chart(shares: dict[str, Any], title: str) -> Markup:
    """Desirable share of generated outputs, before and after training."""
    bars = [bar for key, label in MODELS[:2] if (bar := _bar(label, shares.get(key), key)) is not None]
    if not bars:
        return Markup()
    described = "; ".join(f"{bar.label}: {percent(bar.estimate)}" for bar in bars)
    return interval_bars(
        bars, title=title, description=f"{described}.", show=percent, axis=("0%", "50%", "100%")
    )


def training_charts(curves: list[dict[str, Any]]) -> list[Markup]:
    """For each stage its loss, its implicit rewards by label, and its KL estimate, as far as logged."""
    charts = []
    for stage in dict.fromkeys(point.get("stage") or "training" for point in curves):
        points = [point for point in curves if (point.get("stage") or "training") == stage]
        for title, lines in (
            (f"{stage}: loss", [_line(points, "loss", "loss", "trained")]),
            (
                f"{stage}: implicit reward",
                [
                    _line(points, "rewards_chosen", "desirable", "desirable"),
                    _line(points, "rewards_rejected", "undesirable", "undesirable", dashed=True),
                ],
            ),
            (f"{stage}: KL estimate", [_line(points, "kl", "KL", "control")]),
        ):
            chart = line_chart(lines, title=title, description=_course(lines))
            if chart:
                charts.append(chart)
    return charts


def class_chart(histogram: dict[str, Any] | None, title: str) -> Markup:
    """One value by label."""
    if not histogram or len(histogram.get("edges") or ()) < 2:
        return Markup()
    edges = histogram["edges"]
    outside = (histogram.get("n_below") or 0) + (histogram.get("n_above") or 0)
    left_out = f" {number(outside)} rows lie outside the drawn range." if outside else ""
    return class_histogram(
        edges,
        histogram["n_desirable"],
        histogram["n_undesirable"],
        title=title,
        description=f"Shares of each class from {number(edges[0])} to {number(edges[-1])}.{left_out}",
    )


def label_bar(counts: dict[str, Any]) -> Markup:
    """Desirable and undesirable rows as one divided bar."""
    return shares_bar(
        [
            Part("desirable", counts.get("desirable") or 0, "desirable"),
            Part("undesirable", counts.get("undesirable") or 0, "undesirable"),
        ]
    )


def votes_bar(labeler: dict[str, Any]) -> Markup:
    """What a labeler said, as one divided bar."""
    return shares_bar(
        [
            Part("desirable", labeler.get("n_desirable") or 0, "desirable"),
            Part("undesirable", labeler.get("n_undesirable") or 0, "undesirable"),
            Part("abstain", labeler.get("n_abstain") or 0, "abstain"),
            Part("not applicable", labeler.get("n_not_applicable") or 0, "none"),
            Part("faults", labeler.get("n_faults") or 0, "fault"),
        ]
    )


def _bar(label: str, value: Any, tone: str) -> Bar | None:
    estimate = as_figure(value).get("estimate")
    if estimate is None:
        return None
    lower, upper = interval_ends(value) or (None, None)
    return Bar(label, estimate, lower, upper, tone)


def _line(points: list[dict[str, Any]], key: str, label: str, tone: str, *, dashed: bool = False) -> Line:
    return Line(
        label,
        [point.get("step") or 0 for point in points],
        [point.get(key) for point in points],
        tone,
        dashed,
    )


def _course(lines: list[Line]) -> str:
    """First and last value of each line, for those who cannot see it."""
    courses = []
    for line in lines:
        known = [y for y in line.ys if y is not None]
        if known:
            courses.append(f"{line.label} from {number(known[0])} to {number(known[-1])}")
    return "; ".join(courses)


def shortcut_chart(audit: dict[str, Any]) -> Markup:
    """How well surface and prompt alone foretell the label."""
    bars = [
        bar
        for key, label in (("surface", "Surface features"), ("prompt", "The prompt alone"))
        if (bar := _bar(label, audit.get(key), "control")) is not None
    ]
    if not bars:
        return Markup()
    described = "; ".join(f"{bar.label}: {score(bar.estimate)}" for bar in bars)
    return interval_bars(
        bars,
        title="AUC of models that cannot read",
        description=f"{described}. The dashed line is chance.",
        mark=0.5,
    )
