"""Whether a text is JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.checks.json_schemas import Schema, from_file, loads, violation
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fast.statistics import EdgeByte
from kto_data.labelers.rules.limits import fill, names_in

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources

_FENCE = re.compile(r"\A```[\w-]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_FIRST = EdgeByte("first")
_STARTS = b'{["-0123456789tfnNI'


@CHECKS.register("is-json")
class IsJson(Check):
    """The text is one JSON value and nothing else: `is-json: true`, or with options.

    White space around it does not matter. NaN and Infinity are not JSON. `schema` is a JSON Schema
    (draft 2020-12; its patterns in RE2's syntax): `is-json: {schema: {type: object, required: [city]}}`.
    """

    fenced: bool = False
    """Whether the value may stand in one Markdown code fence."""
    keys: tuple[Word, ...] = ()
    """Keys that the value, an object, must have; captured ones too: `keys: ["{{first}}", id]`."""

    schema_: Schema | None = Field(default=None, alias="schema")
    """What the value has to fit: a JSON Schema, written out or `{file: PATH}`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text parses and has the keys."""
        body = text.strip()
        if self.fenced and (fence := _FENCE.match(body)):
            body = fence[1]
        try:
            value = loads(body)
        except ValueError as error:
            return Found(False, f"not JSON: {error}")
        wanted = [fill(key, context.captures) for key in self.keys]
        if wanted and not isinstance(value, dict):
            return Found(False, "JSON, but not an object")
        missing = [key for key in wanted if key not in value]
        if missing:
            return Found(False, "missing keys: " + ", ".join(missing))
        problem = self.schema_ and violation(self.schema_, value)
        return Found(not problem, problem or "JSON")

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with the schema that is in a file."""
        if "schema" not in options:
            return options
        return {**options, "schema": from_file(options["schema"], sources, (*path, "schema"))}

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the first byte."""
        return (_FIRST,)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts that start as no JSON value does."""
        may_start = b"\0`" + _STARTS if self.fenced else b"\0" + _STARTS
        return Settled(evidence.constant(False), evidence.plain & ~evidence.is_one_of(_FIRST, may_start))

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in `keys`."""
        return names_in(*self.keys)
