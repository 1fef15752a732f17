"""Whether the final answer of a text is the right one."""

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from kto_data.config.validate import Options
from kto_data.labelers.rules.answers.compare import equal, same
from kto_data.labelers.rules.answers.extract import after, boxed
from kto_data.labelers.rules.answers.rational import Number, last_number, number
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.limits import RowError

_HASHES = "####"


class After(Options):
    """An answer that stands after a marker, to the end of its line."""

    after: str = Field(min_length=1)
    """The marker, such as `A:`; its last occurrence counts."""


def _as_text(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(value) if is_number else value


class _Answer(Check):
    short: ClassVar[str | None] = "value"

    value: Annotated[
        str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number"], "minLength": 1})
    ] = Field(min_length=1)
    """The right answer; in a longer text, such as a worked solution, its final answer."""
    extract: Literal["boxed_or_last", "boxed", "last"] | After = "boxed_or_last"
    r"""Where the answer stands in the text: `boxed` (the last `\boxed{}`), `last` (the last number), `boxed_or_last`
    (the last `\boxed{}`, else what follows the last `####`, else the last number), or `{after: "A:"}`."""
    tolerance: float = Field(default=0, ge=0)
    """How far a number may be from the right one; 0 for exactly."""

    @field_validator("tolerance")
    @classmethod
    def _finite(cls, tolerance: float) -> float:
        if tolerance == float("inf"):
            raise ValueError("should be a finite number")
        return tolerance

    def _given(self, text: str) -> str | None:
        """Return the final answer of a text as it is written, None without one."""
        if isinstance(self.extract, After):
            return after(text, self.extract.after)
        if self.extract != "last" and (answer := boxed(text)) is not None:
            return answer
        if self.extract == "boxed_or_last" and (answer := after(text, _HASHES)) is not None:
            return answer
        found = last_number(text) if self.extract != "boxed" else None
        return None if found is None else _shown(found)

    def _right(self) -> str:
        """Return the right answer: a marked one in a longer text, the text itself, or the last number in it."""
        marker = self.extract.after if isinstance(self.extract, After) else _HASHES
        for marked in (after(self.value, marker), after(self.value, _HASHES), boxed(self.value)):
            if marked is not None:
                return marked
        is_prose = "\n" in self.value.strip() or len(self.value.split()) >= _A_SENTENCE
        if not is_prose or number(self.value) is not None:
            return self.value
        found = last_number(self.value)
        return self.value if found is None else _shown(found)

    def _tolerance(self) -> Fraction:
        return Fraction(repr(self.tolerance))


_A_SENTENCE = 6  # words from which a reference is prose with an answer in it, not the answer


@CHECKS.register("math-equal")
class MathEqual(_Answer):
    r"""The text's final answer is the right one: `math-equal: {value: "{{meta.reference}}", extract: boxed_or_last}`.

    Numbers are compared exactly, however they are written (`1,234.50`, `$5`, `-3/4`, `3 1/2`, `\frac{1}{2}`, `1.5e3`),
    and whatever unit follows; of `50%` and `0.5`, or `50%` and `50`, either stands for the other. Lists and pairs are
    compared part by part. Anything else is compared as it is written, spaces and LaTeX's settings
    apart: `x+1` is not `1+x`. A text without an answer is wrong.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the answer is the right one."""
        given, right = self._given(text), self._right()
        if given is None:
            return Found(False, f"no answer found; the right one is {right}")
        holds = same(given, right, tolerance=self._tolerance())
        if not holds and number(given) is None and number(right) is not None:
            alone = _only_number(given)
            holds = alone is not None and same(_shown(alone), right, tolerance=self._tolerance())
        return Found(holds, given if holds else f"{given[:60]}, not {right[:60]}")


@CHECKS.register("numeric")
class Numeric(_Answer):
    """The text's final answer is a number within a tolerance: `numeric: {value: 3.14, tolerance: 0.01}`.

    Numbers are read as for `math-equal`; a text without one is wrong, and a value that is none is a fault.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the number is near enough."""
        right = number(self._right())
        if right is None:
            raise RowError(f"value is {self.value[:60]!r}, not a number")
        answer = self._given(text)
        given = None if answer is None else number(answer) or _only_number(answer)
        if given is None:
            return Found(False, f"no number found; the right one is {_shown(right)}")
        holds = equal(given, right, self._tolerance())
        return Found(holds, _shown(given) if holds else f"{_shown(given)}, not {_shown(right)}")


def _only_number(text: str) -> Number | None:
    """Return the number in a text that has just one, such as `The answer is 5.`."""
    found = last_number(text)
    return (
        found
        if found is not None and len([word for word in text.split() if any(map(str.isdigit, word))]) == 1
        else None
    )


def _shown(found: Number) -> str:
    return f"{found.value}%" if found.percent else str(found.value)
