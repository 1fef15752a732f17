"""Charts as inline SVG: text stays at its size, only the drawing area follows the page's width.

Horizontal positions are percentages, so a chart is readable on a telephone without scaling its
letters. Colours are classes (`tone-...`) that the page's style sheet sets for light and dark; they come
from the palette of Okabe and Ito, which colour-blind readers can tell apart, and no chart relies on colour
alone: bars are named, lines differ in their dashes, one class of a histogram is hollow.

Every text goes through `printable` and is escaped by `Markup.format`.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from markupsafe import Markup

from kto_data.report.text import number, printable, score

MAX_POINTS = 400
"""A line of more points is averaged in steps: more cannot be seen, and would fill the page's file."""

PLOT_HEIGHT = 132


@dataclass(frozen=True, slots=True)
class Bar:
    """A named bar; the interval may be missing."""

    label: str
    estimate: float
    lower: float | None = None
    upper: float | None = None
    tone: str = "trained"


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; a missing value is a gap."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    tone: str = "trained"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a whole."""

    label: str
    n: int
    tone: str


def interval_bars(
    bars: Sequence[Bar],
    *,
    title: str,
    description: str,
    mark: float | None = None,
    show: Callable[[float | None], str] = score,
    axis: tuple[str, str, str] = ("0", "0.5", "1"),
) -> Markup:
    """Horizontal bars from 0 to 1 with their intervals, one below the other.

    Args:
        bars: From top to bottom.
        title: Shown above the chart.
        description: For those who cannot see it.
        mark: Where a dashed line stands, such as 0.5 for chance.
        show: How a value is written.
        axis: How 0, 0.5 and 1 are written below the bars.
    """
    row_height = 38
    height = row_height * len(bars) + 22
    parts = [_axis(height - 16, axis)]
    if mark is not None:
        parts.append(
            Markup('<line class="mark" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(_at(mark), height - 18)
        )
    for row, bar in enumerate(bars):
        parts.append(_bar(bar, row * row_height, show))
    return _figure(title, description, height, Markup().join(parts))


def line_chart(lines: Sequence[Line], *, title: str, description: str, x_label: str = "step") -> Markup:
    """Lines over a common horizontal axis; empty when there is nothing to draw."""
    drawn = [line for line in (_thin(line) for line in lines) if any(y is not None for y in line.ys)]
    values = [y for line in drawn for y in line.ys if y is not None]
    if not values:
        return Markup()
    ticks = nice_ticks(min(values), max(values))
    low, high = min(ticks[0], *values), max(ticks[-1], *values)
    xs = [x for line in drawn for x in line.xs]
    x_low, x_high = min(xs), max(xs)
    top = 16
    heights = [(tick, top + PLOT_HEIGHT * (1 - (tick - low) / (high - low))) for tick in ticks]
    parts = [
        Markup('<line class="grid" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>').format(y)
        for _, y in heights
    ]
    curves = [
        Markup('<path class="line tone-{}{}" d="{}"/>').format(
            line.tone, " dashed" if line.dashed else "", _path(line, (x_low, x_high), (low, high))
        )
        for line in drawn
    ]
    parts.append(
        Markup(
            '<svg y="{}" width="100%" height="{}" viewBox="0 0 1000 1000" preserveAspectRatio="none">{}</svg>'
        ).format(top, PLOT_HEIGHT, Markup().join(curves))
    )
    # after the lines, so that a number stays readable where a line runs through it
    parts += [
        Markup('<text class="tick" x="0" y="{:.1f}">{}</text>').format(y - 3, number(tick))
        for tick, y in heights
    ]
    parts.append(_ends(f"{x_label} {number(x_low)}", number(x_high), top + PLOT_HEIGHT + 15))
    keys = [(line.label, line.tone, "dashed" if line.dashed else "line") for line in drawn]
    if len(lines) == 1:  # the title says it
        keys = []
    return _figure(title, description, top + PLOT_HEIGHT + 20, Markup().join(parts), keys=keys)


def class_histogram(
    edges: Sequence[float],
    n_desirable: Sequence[int],
    n_undesirable: Sequence[int],
    *,
    title: str,
    description: str,
) -> Markup:
    """Two classes in the same bins, each as shares of its own class so that the shapes compare."""
    n_bins = len(edges) - 1
    shares = [[n / (sum(counts) or 1) for n in counts] for counts in (n_desirable, n_undesirable)]
    highest = max((share for side in shares for share in side), default=0) or 1
    parts = [Markup('<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(PLOT_HEIGHT)]
    for side, (tone, style) in enumerate((("desirable", "solid"), ("undesirable", "hollow"))):
        for index, share in enumerate(shares[side]):
            if share:
                height = max(1.0, (PLOT_HEIGHT - 6) * share / highest)
                parts.append(
                    Markup(
                        '<rect class="{} tone-{}" x="{:.3f}%" y="{:.1f}" width="{:.3f}%" height="{:.1f}"/>'
                    ).format(
                        style,
                        tone,
                        100 * (index + 0.08 + 0.44 * side) / n_bins,
                        PLOT_HEIGHT - height,
                        100 * 0.4 / n_bins,
                        height,
                    )
                )
    parts.append(_ends(number(edges[0]), number(edges[-1]), PLOT_HEIGHT + 15))
    keys = [
        (f"desirable ({number(sum(n_desirable))})", "desirable", "solid"),
        (f"undesirable ({number(sum(n_undesirable))})", "undesirable", "hollow"),
    ]
    return _figure(title, description, PLOT_HEIGHT + 20, Markup().join(parts), keys=keys)


def shares_bar(parts: Sequence[Part]) -> Markup:
    """One thin bar divided into parts, with their names and counts as its text alternative."""
    total = sum(part.n for part in parts)
    if not total:
        return Markup()
    text = ", ".join(f"{part.label} {number(part.n)}" for part in parts)
    left, drawn = 0, []
    for part in parts:
        drawn.append(
            Markup('<rect class="solid tone-{}" x="{:.3f}%" width="{:.3f}%" height="10"/>').format(
                part.tone, 100 * left / total, 100 * part.n / total
            )
        )
        left += part.n
    return Markup('<svg class="shares" role="img" width="100%" height="10"><title>{}</title>{}</svg>').format(
        printable(text), Markup().join(drawn)
    )


def nice_ticks(low: float, high: float, n: int = 3) -> list[float]:
    """Round numbers that span the range in about `n` steps.

    >>> nice_ticks(0.13, 0.69)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    >>> nice_ticks(1, 1)
    [0.8, 0.9, 1.0, 1.1, 1.2]
    """
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):  # as good as constant
        low, high = low - (abs(low) * 0.2 or 1), high + (abs(high) * 0.2 or 1)
    rough = (high - low) / n
    exponent = floor(log10(rough))
    power = 10.0**exponent
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(index * step, max(0, -exponent)) for index in range(first, last + 1)]


def _figure(
    title: str, description: str, height: float, body: Markup, keys: Sequence[tuple[str, str, str]] = ()
) -> Markup:
    """A figure with its caption, its key, and an SVG that names and describes itself."""
    name = f"chart-{zlib.crc32((title + description).encode('utf-8', 'replace')):08x}"
    legend = Markup().join(
        Markup('<span class="key"><svg width="22" height="10" aria-hidden="true">{}</svg> {}</span>').format(
            _swatch(tone, style), printable(label)
        )
        for label, tone, style in keys
    )
    return Markup(
        '<figure class="chart"><figcaption><b>{title}</b> {legend}</figcaption>'
        '<svg role="img" aria-labelledby="{name}-t {name}-d" width="100%" height="{height:.0f}">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{body}</svg></figure>'
    ).format(
        title=printable(title),
        description=printable(description),
        legend=legend,
        name=name,
        height=height,
        body=body,
    )


def _swatch(tone: str, style: str) -> Markup:
    if style in ("solid", "hollow"):
        return Markup('<rect class="{} tone-{}" x="1" y="1" width="18" height="8"/>').format(style, tone)
    dashed = " dashed" if style == "dashed" else ""
    return Markup('<path class="line tone-{}{}" d="M0 5H22"/>').format(tone, dashed)


def _bar(bar: Bar, top: float, show: Callable[[float | None], str]) -> Markup:
    """The name and value of a bar in one line, the bar and its interval in the next."""
    value = show(bar.estimate)
    whisker = Markup()
    if bar.lower is not None and bar.upper is not None:
        value += f"  ({show(bar.lower)} to {show(bar.upper)})"
        whisker = Markup(
            '<g class="whisker"><line x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
            '<line x1="{0}" x2="{0}" y1="{3}" y2="{4}"/><line x1="{1}" x2="{1}" y1="{3}" y2="{4}"/></g>'
        ).format(_at(bar.lower), _at(bar.upper), top + 25, top + 21, top + 29)
    return Markup(
        '<text x="0" y="{0}">{1}</text><text class="value" x="100%" y="{0}">{2}</text>'
        '<rect class="solid pale tone-{3}" x="0" y="{4}" width="{5}" height="10"/>{6}'
    ).format(top + 14, printable(bar.label), value, bar.tone, top + 20, _at(bar.estimate), whisker)


def _axis(y: float, labels: tuple[str, str, str]) -> Markup:
    """Hairlines at the quarters, and three of them written out."""
    hairlines = Markup().join(
        Markup('<line class="grid" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(_at(quarter / 4), y)
        for quarter in range(5)
    )
    middle = Markup('<text class="tick middle" x="50%" y="{}">{}</text>').format(y + 14, labels[1])
    return hairlines + _ends(labels[0], labels[2], y + 14) + middle


def _ends(left: str, right: str, y: float) -> Markup:
    return Markup(
        '<text class="tick" x="0" y="{0:.1f}">{1}</text><text class="tick value" x="100%" y="{0:.1f}">{2}</text>'
    ).format(y, printable(left), printable(right))


def _at(value: float) -> str:
    """A value in [0, 1] as a horizontal position."""
    return f"{100 * min(1.0, max(0.0, value)):.2f}%"


def _thin(line: Line) -> Line:
    """At most MAX_POINTS points, each the mean of its stretch; what is not finite is a gap."""
    ys = [y if y is not None and isfinite(y) else None for y in line.ys]
    stretch = ceil(len(ys) / MAX_POINTS)
    if stretch <= 1:
        return Line(line.label, line.xs, ys, line.tone, line.dashed)
    xs, means = [], []
    for start in range(0, len(ys), stretch):
        known = [y for y in ys[start : start + stretch] if y is not None]
        xs.append(line.xs[min(start + stretch, len(ys)) - 1])
        means.append(sum(known) / len(known) if known else None)
    return Line(line.label, xs, means, line.tone, line.dashed)


def _path(line: Line, x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    """SVG path data in a square of 1000, broken at gaps; a single point becomes a short stroke."""
    x_low, x_span = x_range[0], (x_range[1] - x_range[0]) or 1
    y_low, y_span = y_range[0], (y_range[1] - y_range[0]) or 1
    commands, pen = [], "M"
    for x, y in zip(line.xs, line.ys, strict=True):
        if y is None:
            pen = "M"
            continue
        commands.append(f"{pen}{1000 * (x - x_low) / x_span:.1f} {1000 * (1 - (y - y_low) / y_span):.1f}")
        pen = "L"
    return commands[0] + "h4" if len(commands) == 1 else "".join(commands)
