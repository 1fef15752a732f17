"""Whether a text states a sum that is wrong."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic

_MAX_DIGITS = 30
"""Longer numbers are ids, not operands; a bound also keeps exact products small."""
_MAX_OPERANDS = 50

_TOKEN = re.compile(
    r"""(?P<number>[$€£]?\d(?:[\d.,]*\d)?%?)
      | (?P<bold>(?<!\S)\*\*+(?=\S)|(?<=\S)\*\*+(?!\d))
      | (?P<sign>[+\-−–*×·÷/]|\\(?:times|cdot|div)\b|(?<![^\W\d_])[xX](?![^\W\d_]))
      | (?P<equals>=)
      | (?P<word>\\?[^\W\d_]+)
      | (?P<other>[^\s\\]|\\)""",
    re.VERBOSE,
)
# One side ends with a number, the other begins with a number, perhaps a negative one; white space as Python has it.
_SPACE = r"[\s\v\x1c-\x1f\x{85}\pZ]*"
_EQUALS = Pattern(rf"[\pN%]{_SPACE}={_SPACE}[-−–]?{_SPACE}[$€£]?\pN")
_LABEL = re.compile(r"\s*(?:[-*+•]\s+|\(?\d+[.)]\s+)")
_NUMBER = re.compile(r"[$€£]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(%?)")
_SIGNS = {
    "−": "-",
    "–": "-",
    "×": "*",
    "·": "*",
    "x": "*",
    "X": "*",
    "÷": "/",
    "\\times": "*",
    "\\cdot": "*",
    "\\div": "/",
}
# What makes the number after it, or before it, a part of something that is not read here.
_BEFORE = set(")]}^√~≈<>!²³") | {"times", "plus", "minus", "over", "by", "of", "per", "squared"}
_AFTER = set("([{^√!²³:\\") | {
    "r",
    "rem",
    "remainder",
    "thousand",
    "million",
    "billion",
    "percent",
    "dozen",
    "k",
}


@CHECKS.register("arithmetic")
class Arithmetic(Check):
    """The text states an equation between numbers that is wrong: `arithmetic: true`.

    Equations are `48 + 37 = 85`, `$2 x 3 = $6`, `1,200 / 4 = 300`, `2 + 3 * 4 = 14` and chains of them
    (`2 + 3 = 5 = 10 / 2`), on one line: numbers with thousands commas, a decimal point,
    a currency sign or a percent sign, and the signs `+ - * x × · / ÷`, with products before sums. What is
    only a part of something longer (brackets, powers, variables, remainders, `5 million`) is left alone.

    The arithmetic is exact. A stated result may be rounded to the decimals that it is stated with if there is
    a division, or if it has two decimals or more: `10 / 3 = 3.33` is right.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if at least one equation is wrong."""
        wrong = [equation for equation in equations(text) if not equation.right]
        if not wrong:
            return Found(False)
        first = wrong[0]
        evidence = f"{text[first.start : first.end]} (it is {_plain(first.value)})"
        return Found(True, evidence, tuple((equation.start, equation.end) for equation in wrong[:MAX_SPANS]))

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the pattern that no equation is without."""
        return (_EQUALS,)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts without an equals sign between what could be its sides."""
        found = evidence.matches(_EQUALS)
        return Settled(found, ~found)


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides with `=` between them; `value` is what the left one comes to."""

    start: int
    end: int
    value: Fraction
    right: bool


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of an equation: its exact value, the decimals it is stated with, and whether it divides."""

    start: int
    end: int
    value: Fraction
    n_operands: int
    n_decimals: int
    divides: bool


def equations(text: str) -> Iterator[Equation]:
    """Yield the equations of a text that can be read, in order.

    >>> [(str(equation.value), equation.right) for equation in equations("So 48 + 37 = 86.")]
    [('85', False)]
    """
    start = 0
    for line in text.split("\n"):
        label = _LABEL.match(line)
        skip = label.end() if label else 0
        for run in _runs(line, skip):
            for left, right in pairwise(_sides(run)):
                if left and right and max(left.n_operands, right.n_operands) > 1:
                    yield Equation(start + left.start, start + right.end, left.value, _equal(left, right))
        start += len(line) + 1


def _runs(line: str, skip: int) -> Iterator[list[_Token | None]]:
    """Yield the stretches of numbers and signs of a line that have an `=`.

    None in a stretch stands for something beside it that makes its first or last side unreadable.
    """
    run: list[_Token | None] = []
    before: _Token | None = None
    for match in _TOKEN.finditer(line, skip):
        token = _Token(str(match.lastgroup), match[0], match.start(), match.end())
        if token.kind in ("word", "other", "bold"):
            yield from _closed(run, token)
            run = []
        else:
            if not run and before and _is_barrier(before, token):
                run.append(None)
            if not run and before and token.kind == "sign":
                run.append(None)
            run.append(token)
        before = token
    yield from _closed(run, None)


def _closed(run: list[_Token | None], after: _Token | None) -> Iterator[list[_Token | None]]:
    if not any(token and token.kind == "equals" for token in run):
        return
    last = run[-1]
    if after and last and after.text.lower() in _AFTER:
        run.append(None)
    yield run


def _is_barrier(before: _Token, token: _Token) -> bool:
    """Whether what stands before a stretch makes its first number a part of something else."""
    is_variable = before.kind == "word" and before.end == token.start
    return is_variable or before.text.startswith("\\") or before.text.lower() in _BEFORE


def _sides(run: Sequence[_Token | None]) -> list[_Side | None]:
    sides: list[list[_Token | None]] = [[]]
    for token in run:
        if token and token.kind == "equals":
            sides.append([])
        else:
            sides[-1].append(token)
    return [_side(tokens) for tokens in sides]


def _side(tokens: Sequence[_Token | None]) -> _Side | None:
    """Return what a side comes to, None if it is not a plain expression."""
    if not tokens or len(tokens) > 2 * _MAX_OPERANDS:
        return None
    read = [token for token in tokens if token]
    if len(read) < len(tokens):
        return None
    negative = len(read) > 1 and read[0].kind == "sign" and _SIGNS.get(read[0].text, read[0].text) == "-"
    body = read[1:] if negative else read
    numbers, signs = body[::2], [_SIGNS.get(token.text, token.text) for token in body[1::2]]
    if len(body) % 2 == 0 or any(token.kind != "number" for token in numbers):
        return None
    if any(token.kind != "sign" for token in body[1::2]):
        return None
    values = [_number(token.text) for token in numbers]
    total = _evaluate([value for value in values if value is not None], signs, negative=negative)
    if total is None or None in values:
        return None
    decimals = max(len(token.text.rstrip("%").partition(".")[2]) for token in numbers)
    percent = 2 if any(token.text.endswith("%") for token in numbers) else 0
    return _Side(read[0].start, read[-1].end, total, len(numbers), decimals + percent, "/" in signs)


def _number(text: str) -> Fraction | None:
    match = _NUMBER.fullmatch(text)
    if not match or len(text) > _MAX_DIGITS:
        return None
    value = Fraction(match[1].replace(",", "") + (match[2] or ""))
    return value / 100 if match[3] else value


def _evaluate(values: Sequence[Fraction], signs: Sequence[str], *, negative: bool) -> Fraction | None:
    if len(values) != len(signs) + 1:
        return None
    terms = [-values[0] if negative else values[0]]
    for sign, value in zip(signs, values[1:], strict=True):
        if sign in "+-":
            terms.append(value if sign == "+" else -value)
        elif sign == "*":
            terms[-1] *= value
        elif value == 0:
            return None
        else:
            terms[-1] /= value
    return sum(terms, Fraction(0))


def _equal(left: _Side, right: _Side) -> bool:
    """Whether two sides agree, the one that is a single number being perhaps rounded."""
    stated, other = (right, left) if right.n_operands <= left.n_operands else (left, right)
    gap = abs(stated.value - other.value)
    may_round = other.divides or stated.n_decimals >= 2
    return gap <= Fraction(1, 2 * 10**stated.n_decimals) if may_round else gap == 0


def _plain(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.10g}"
