"""What a row's columns say, such as why the model stopped."""

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.file_model import Column
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.row import column_value, value_text


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


@CHECKS.register("finish-reason")
class FinishReason(Check):
    """The model stopped for a reason: `finish-reason: length`, `finish-reason: [stop, tool_calls]`.

    In upper or lower case. Not applicable where the row does not say.
    """

    short: ClassVar[str | None] = "value"
    reads_text: ClassVar[bool] = False

    value: Annotated[
        tuple[Word, ...],
        BeforeValidator(_several),
        Field(min_length=1),
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
        ),
    ]
    """The reason, or several of which one has to be it: `stop`, `length`, `tool_calls`, `content_filter`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the reason is one of them."""
        given = context.row.finish_reason
        if not given:
            return Found(None)
        return Found(given.casefold() in {value.casefold() for value in self.value}, given)

    def reads(self) -> frozenset[str]:
        """Return the finish reason."""
        return frozenset({"finish_reason"})


Op = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "is null", "is not null"]
_NULLS = ("is null", "is not null")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_plain(part) for part in value)
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f"should be a text, a number, true, false or a list of them, not {value!r}")
    return value


@CHECKS.register("column")
class ColumnCheck(Check):
    """A column of the row compares: `column: {name: meta.score, op: ">=", value: 0.5}`.

    Not applicable where the column is null, but for `is null` and `is not null`. Texts compare with texts and numbers
    with numbers; `<` and the like between two kinds is a fault, and `==` is false.
    """

    reads_text: ClassVar[bool] = False

    name: Column
    """The column: `meta.<column>`, finish_reason, model or source."""
    op: Op = "=="
    """`==`, `!=`, `<`, `<=`, `>`, `>=`; `in` and `not in` a list; `contains`: a text or a list has the value in it; `is null`,
    `is not null`."""
    value: Annotated[Any, AfterValidator(_plain)] = None
    """What it is compared with: a text, a number, true or false; a list for `in` and `not in`."""

    @model_validator(mode="after")
    def _fits(self) -> "ColumnCheck":
        if self.op in _NULLS and self.value is not None:
            raise ValueError(f"`{self.op}` takes no value")
        if self.op not in _NULLS and self.value is None:
            raise ValueError(f"`{self.op}` needs a value")
        if self.op in ("in", "not in") and not isinstance(self.value, tuple):
            raise ValueError(f"`{self.op}` needs a list of values")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the comparison does."""
        given = column_value(context.row, self.name)
        if self.op in _NULLS:
            return Found((given is None) == (self.op == "is null"), value_text(given) or "null")
        if given is None:
            return Found(None)
        return Found(self._holds(given), (value_text(given) or "")[:80])

    def reads(self) -> frozenset[str]:
        """Return the column."""
        return frozenset({self.name})

    def _holds(self, given: Any) -> bool:
        if self.op in ("==", "!="):
            return bool((_same_kind(given) == _same_kind(self.value)) == (self.op == "=="))
        if self.op in ("in", "not in"):
            found = _same_kind(given) in [_same_kind(value) for value in self.value]
            return found == (self.op == "in")
        if self.op == "contains":
            return self._contains(given)
        if _kind(given) != _kind(self.value) or _kind(given) not in ("text", "number"):
            raise RowError(f"{self.name} is {given!r}, which does not compare with {self.value!r}")
        return bool(_COMPARISONS[self.op](given, self.value))

    def _contains(self, given: Any) -> bool:
        if isinstance(given, str) and isinstance(self.value, str):
            return self.value in given
        if isinstance(given, list | tuple):
            return _same_kind(self.value) in [_same_kind(part) for part in given]
        raise RowError(f"{self.name} is {given!r}, which cannot contain {self.value!r}")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true/false"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def _same_kind(value: Any) -> Any:
    """Return a value so that 1 and true are not the same."""
    return tuple(map(_same_kind, value)) if isinstance(value, list | tuple) else (_kind(value), value)
