"""What an instruction is, and the registry of them.

To add one: a function `(text, *, option, ...) -> bool` that is registered under its id. Its keyword arguments
are the instruction's `kwargs`; they are checked against its annotations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, signature
from typing import Any, Literal

from pydantic import ValidationError, validate_call

from kto_data.errors import did_you_mean
from kto_data.labelers.rules.limits import RowError
from kto_data.registry import Registry

Relation = Literal["less than", "at least"]
"""How the number that was asked for bounds a count: below it, or from it on."""


@dataclass(frozen=True)
class Instruction:
    """One verifiable instruction.

    Attributes:
        verify: The function that says whether a text follows it.
    """

    verify: Callable[..., bool]

    @cached_property
    def options(self) -> Mapping[str, bool]:
        """The names of its kwargs, and whether each has to be given."""
        parameters = list(signature(self.verify).parameters.values())[1:]
        return {parameter.name: parameter.default is Parameter.empty for parameter in parameters}

    @cached_property
    def _checked(self) -> Callable[..., bool]:
        return validate_call(self.verify)

    def problem(self, kwargs: Mapping[str, Any]) -> str | None:
        """Return what is wrong with the names of some kwargs, None if nothing is."""
        for name in kwargs:
            if name not in self.options:
                return f"unknown kwarg {name!r}{did_you_mean(name, self.options) or '; it takes none'}"
        missing = [name for name, needed in self.options.items() if needed and name not in kwargs]
        return f"needs the kwarg {missing[0]!r}" if missing else None

    def follows(self, text: str, kwargs: Mapping[str, Any]) -> bool:
        """Return whether a text follows the instruction; an empty one follows none.

        Raises:
            RowError: The kwargs do not fit the instruction.
        """
        if problem := self.problem(kwargs):
            raise RowError(problem)
        if not text.strip():
            return False
        try:
            return self._checked(text, **kwargs)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
        raise RowError(f"kwarg {first['loc'][0]}: {first['msg']}, not {str(first['input'])[:60]!r}")


INSTRUCTIONS: Registry[Instruction] = Registry(
    "instruction", package="kto_data.labelers.rules.ifeval", group="kto_data.ifeval"
)
"""The instructions by id, such as `punctuation:no_comma`."""


def instruction(name: str) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """Return a decorator that registers a function as the instruction of that id."""

    def decorate(verify: Callable[..., bool]) -> Callable[..., bool]:
        INSTRUCTIONS.register(name)(Instruction(verify))
        return verify

    return decorate


def compare(n: int, relation: Relation, bound: int) -> bool:
    """Return whether a count keeps to what was asked: fewer than, or at least, so many."""
    return n < bound if relation == "less than" else n >= bound
