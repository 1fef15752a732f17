"""Whether a text follows verifiable instructions, such as "no commas" or "at least 300 words"."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.ifeval.instruction import INSTRUCTIONS
from kto_data.labelers.rules.ifeval.loose import readings
from kto_data.labelers.rules.limits import RowError


def _listed(value: Any) -> Any:
    """Return JSON text as what it says, and one thing as a list of it."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = json.loads(value)
    return [value] if isinstance(value, str | Mapping) else value


def _options(value: Any) -> Any:
    """Return an instruction's kwargs without the ones that are null: a column has every key in every row."""
    if isinstance(value, str):
        value = json.loads(value)
    if value is None:
        return {}
    return (
        {key: each for key, each in value.items() if each is not None}
        if isinstance(value, Mapping)
        else value
    )


@CHECKS.register("ifeval")
class IfEval(Check):
    """The text follows instructions of IFEval (Zhou et al. 2023, arXiv 2311.07911): all of them, or as `need` says.

    `ifeval: {ids: ["punctuation:no_comma"]}`, or from the row's own metadata:
    `ifeval: {ids: "{{meta.instruction_id_list}}", kwargs: "{{meta.kwargs}}"}`. Not applicable without any ids.

    With `loose: true` an instruction counts as followed if one of eight readings follows it: the text without
    its first line, its last line, both or neither, each with and without its asterisks.
    Sentences are found by the Punkt algorithm with lists of our own; languages by `langdetect`.
    The published verifier puts a random letter in place of a `letter` that is none (`#`, `!`): here it is counted.
    """

    short: ClassVar[str | None] = "ids"

    ids: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    """The instructions, such as `length_constraints:number_words`."""
    kwargs: Annotated[
        tuple[Annotated[dict[str, Any], BeforeValidator(_options)], ...] | None, BeforeValidator(_listed)
    ] = None
    """The options of each instruction, in the order of `ids`: `[{num_words: 300, relation: at least}]`."""
    loose: bool = False
    """Whether the loose reading counts."""
    need: Annotated[str, Field(pattern="^(all|any)$")] = "all"
    """Whether `all` of the instructions have to be followed, or `any` one."""
    only: str | None = None
    """Of the ids only this one; not applicable in rows without it."""

    @model_validator(mode="after")
    def _known(self) -> "IfEval":
        if self.kwargs is not None and len(self.kwargs) != len(self.ids):
            raise ValueError(f"has {len(self.ids)} ids and kwargs for {len(self.kwargs)}")
        for name in (*self.ids, *((self.only,) if self.only else ())):
            if name not in INSTRUCTIONS:
                _raise_unknown(name)
        for name, kwargs in self._asked():
            if problem := INSTRUCTIONS.get(name).problem(kwargs):
                raise ValueError(f"{name}: {problem}")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the instructions are followed."""
        verdicts = self.verdicts(text)
        asked = [(name, holds) for name, holds in verdicts if self.only in (None, name)]
        if not asked:
            return Found(None)
        missed = [name for name, holds in asked if not holds]
        holds = not missed if self.need == "all" else len(missed) < len(asked)
        return Found(holds, "not followed: " + ", ".join(missed) if missed else "all followed")

    def verdicts(self, text: str) -> list[tuple[str, bool]]:
        """Return each instruction's id with whether the text follows it."""
        forms = list(dict.fromkeys(readings(text))) if self.loose else [text]
        found = []
        for name, kwargs in self._asked():
            try:
                found.append((name, any(INSTRUCTIONS.get(name).follows(form, kwargs) for form in forms)))
            except RowError as error:
                raise RowError(f"{name}: {error}") from None
        return found

    def _asked(self) -> list[tuple[str, Mapping[str, Any]]]:
        kwargs = self.kwargs if self.kwargs is not None else ({},) * len(self.ids)
        return list(zip(self.ids, kwargs, strict=True))


def _raise_unknown(name: str) -> None:
    try:
        INSTRUCTIONS.get(name)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
