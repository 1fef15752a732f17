r"""Numbers as people and LaTeX write them, read exactly.

`1,234.50`, `$5`, `-3/4`, `3 1/2`, `\frac{1}{2}`, `1.5e3`, `2 \times 10^{3}`, `50\%`, each with a unit after it
(`5 km`, `12 \text{ apples}`). A single letter right after the digits is no unit: `5x` is not a number.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

_MAX_CHARS = 400  # a longer "number" is digits without end, and slow to compare
_MAX_EXPONENT = 400
_MAX_ANSWER = 1000  # characters that a final answer and its unit may have

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_POWER = r"(?:[eE](?P<e>[-+]?\d+)|\s*(?:\\times|\\cdot|[x×*])\s*10\s*\^\s*\{?\s*(?P<ten>[-+]?\d+)\s*\}?)?"
_FRACTION = r"\\frac\s*(?:\{\s*(?P<top>-?\d+)\s*\}\s*\{\s*(?P<bottom>-?\d+)\s*\}|(?P<short_top>\d)\s*(?P<short_bottom>\d))"
_NUMBER = (
    r"(?P<sign>(?<![\w)\]}])[-+])?\s?\$?\s?"
    rf"(?:(?P<whole>\d+)?\s?{_FRACTION}"
    r"|(?:(?P<mixed>\d+)\s+)?(?P<over>\d+)\s?/\s?(?P<under>\d+)(?![\d/.])"
    rf"|(?P<decimal>{_DECIMAL}){_POWER})"
    r"(?P<percent>\s?%)?"
)
_ANYWHERE = re.compile(rf"(?<![\w.])(?:{_NUMBER})(?![\d])", re.ASCII)
_DIGIT = re.compile(r"[0-9]")
_START = re.compile(_NUMBER, re.ASCII)
_BEFORE = re.compile(
    r"\s*(?:[A-Za-z]\w*\s*=\s*)?(?:≈|=|~|about|approximately|USD|US|Rs\.?)?\s*", re.IGNORECASE
)
# Units: words, powers and slashes between them, but no single letter that touches the digits.
_UNIT = re.compile(r"(?:(?:\s|[^\W\d_]{2}|°)[^\W\d_°²³µ./^\s-]*(?:[\s./^-]|[^\W\d_]|\^\d|[°²³µ])*)?[\s.!,;]*")

_LATEX = [
    (re.compile(r"\\[dtc]frac"), r"\\frac"),
    (re.compile(r"\\(?:text|textbf|mathrm|mbox|mathbf|operatorname)\s*\{([^{}]*)\}"), r" \1"),
    (re.compile(r"\{,\}|(?<=\d)\\[,!](?=\d{3})"), ","),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\degree"), "°"),
    (re.compile(r"\\(?:left|right|displaystyle|big|Big)(?![A-Za-z])"), ""),
    (re.compile(r"\\[ ,!;:]|~"), " "),
    (re.compile(r"\\\$|[$€£¥]|\\[()\[\]]"), ""),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"[−–]"), "-"),
    (re.compile(r"\*\*|__|`"), ""),
]


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number.

    Attributes:
        value: The number itself; of `50%` it is 50.
        percent: Whether a percent sign came after it.
    """

    value: Fraction
    percent: bool = False


def plain(text: str) -> str:
    r"""Return a text without what only sets it: dollars of LaTeX, `\text`, `\left`, thin spaces, emphasis.

    >>> plain(r"$\dfrac{1}{2}\text{ km}$")
    '\\frac{1}{2}  km'
    """
    for pattern, put in _LATEX:
        text = pattern.sub(put, text)
    return text.strip()


def number(text: str) -> Number | None:
    r"""Return the number that a text is, None if it is something else or more than that.

    >>> str(number(r"\$1,234.50").value), str(number("3 1/2 cups").value), number("5x")
    ('2469/2', '7/2', None)
    """
    if len(text) > _MAX_ANSWER:
        return None
    body = plain(text)
    before = _BEFORE.match(body)
    match = _START.match(body, before.end() if before else 0)
    if match is None or _UNIT.fullmatch(body, match.end()) is None:
        return None
    return _number(match)


def last_number(text: str) -> Number | None:
    """Return the last number in a text.

    >>> str(last_number("That is 3 + 4 = 7 apples.").value)
    '7'
    """
    end = len(text)
    while end > 0:
        start = max(text.rfind("\n", 0, end) + 1, end - _MAX_ANSWER)
        matches = reversed(
            list(_ANYWHERE.finditer(plain(text[start:end]))) if _DIGIT.search(text, start, end) else []
        )
        if found := next(filter(None, map(_number, matches)), None):
            return found
        end = start - (text[start - 1 : start] == "\n") if start else 0
    return None


def _number(match: re.Match[str]) -> Number | None:
    if match.end() - match.start() > _MAX_CHARS:
        return None
    value = _value(match.groupdict())
    if value is None:
        return None
    return Number(-value if match["sign"] == "-" else value, match["percent"] is not None)


def _value(part: dict[str, str | None]) -> Fraction | None:
    top = part["top"] or part["short_top"] or part["over"]
    if top is not None:
        bottom = int(part["bottom"] or part["short_bottom"] or part["under"] or 0)
        whole = int(part["whole"] or part["mixed"] or 0)
        return whole + Fraction(int(top), bottom) if bottom else None
    exponent = part["e"] or part["ten"] or "0"
    if len(exponent) > 5 or abs(int(exponent)) > _MAX_EXPONENT:
        return None
    return Fraction((part["decimal"] or "").replace(",", "")) * Fraction(10) ** int(exponent)
