"""How text and numbers of a run are shown: nothing invisible, nothing endless, nothing misread.

HTML escaping is the template engine's work; this is about what escaping leaves alone: control
characters, marks that turn the reading direction round, half surrogate pairs, a megabyte of text.
"""

import re
from typing import Any, NamedTuple

DASH = "–"
"""Shown where there is no value."""

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "␡"}
_INVISIBLE = re.compile(
    "[\u0080-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
"""C1 controls, direction marks, line separators, empty spaces, surrogates, non-characters, tag characters."""


def printable(text: str) -> str:
    r"""Return the text with every character that hides, reorders or breaks a page made visible.

    >>> printable("a\x00b \u202edlrow")
    'a␀b ⟨U+202E⟩dlrow'
    """
    return _INVISIBLE.sub(
        lambda match: f"⟨U+{ord(match[0]):04X}⟩", text.replace("\r\n", "\n").translate(_CONTROLS)
    )


class Shortened(NamedTuple):
    """The beginning of a text, and how many characters were left out."""

    text: str
    n_left_out: int


def shorten(text: str | None, limit: int) -> Shortened:
    """Return the first `limit` characters of a text.

    >>> shorten("abcdef", 4)
    Shortened(text='abcd', n_left_out=2)
    """
    whole = text or ""
    return Shortened(whole[:limit], max(0, len(whole) - limit))


def number(value: float | None) -> str:
    """A count with thousands set apart, or a number to four digits.

    >>> number(12345), number(0.123456), number(-2.0), number(None)
    ('12,345', '0.1235', '−2.0', '–')
    """
    if value is None:
        return DASH
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if value == round(value, 1) and abs(value) < 1e6:
        return f"{value:,.1f}".replace("-", "−")
    return f"{value:,.4g}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share in percent.

    >>> percent(0.0815), percent(None)
    ('8.2%', '–')
    """
    return DASH if share is None else f"{100 * share:.1f}%"


def points(gap: float) -> str:
    """A difference of two shares in percentage points, always with its sign.

    >>> points(0.125), points(-0.004)
    ('+12.5', '−0.4')
    """
    return f"{100 * gap:+.1f}".replace("-", "−")


def score(value: float | None) -> str:
    """An AUC, an accuracy, or a difference of them.

    >>> score(0.79), score(-0.15), score(None)
    ('0.790', '−0.150', '–')
    """
    return DASH if value is None else f"{value:.3f}".replace("-", "−")


def duration(seconds: float | None) -> str:
    """A duration in the unit that fits.

    >>> duration(0.25), duration(42.0), duration(192), duration(7500)
    ('0.25 s', '42.0 s', '3 min 12 s', '2 h 05 min')
    """
    if seconds is None:
        return DASH
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(n_bytes: float | None) -> str:
    """A file size.

    >>> size(512), size(2_400_000)
    ('512 B', '2.4 MB')
    """
    if n_bytes is None:
        return DASH
    if n_bytes < 1000:
        return f"{n_bytes:g} B"
    for power, unit in ((1, "kB"), (2, "MB"), (3, "GB")):
        if n_bytes < 1000 ** (power + 1):
            return f"{n_bytes / 1000**power:.1f} {unit}"
    return f"{n_bytes / 1000**4:.1f} TB"


def as_figure(value: Any) -> dict[str, Any]:
    """A figure, a bare number or None, as a figure.

    >>> as_figure(0.5), as_figure(None)
    ({'estimate': 0.5}, {'estimate': None})
    """
    return value if isinstance(value, dict) else {"estimate": value}


def interval_ends(value: Any) -> tuple[float, float] | None:
    """The two ends of a figure's interval; None where it has none."""
    figure = as_figure(value)
    lower, upper = figure.get("lower"), figure.get("upper")
    return None if lower is None or upper is None else (lower, upper)


def plain(value: Any) -> Any:
    """Facts as JSON can hold them: numpy scalars become Python's, numbers that are none become None.

    >>> plain({"loss": [float("nan"), 1.5], "n": (1, 2)})
    {'loss': [None, 1.5], 'n': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"a report's facts hold plain values, not {type(value).__name__}: {value!r}")
