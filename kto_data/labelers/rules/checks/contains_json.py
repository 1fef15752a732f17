"""Whether there is JSON in a text."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.json_schemas import Schema, decoder, from_file, violation
from kto_data.labelers.rules.limits import RowError

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources

_EFFORT = 20
"""Characters read for each character of a text, at most: nested text that is nearly JSON would take for ever."""


@CHECKS.register("contains-json")
class ContainsJson(Check):
    """There is a JSON object in the text: `contains-json: true`, or `contains-json: {schema: {required: [city]}}`.

    It may stand anywhere, with other text around it, and objects count, not bare lists or numbers (`[1]` is
    often a footnote). It has to be whole: an object that is cut off, or has comments, is not JSON.
    """

    schema_: Schema | None = Field(default=None, alias="schema")
    """What one of the objects has to fit: a JSON Schema, written out or `{file: PATH}`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if an object is found, and fits."""
        problem = ""
        for start, end, value in objects(text):
            broken = self.schema_ and violation(self.schema_, value)
            if not broken:
                return Found(True, text[start:end][:80], ((start, end),))
            problem = problem or f"JSON, but {broken}"
        return Found(False, problem or "no JSON object")

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with the schema that is in a file."""
        if "schema" not in options:
            return options
        return {**options, "schema": from_file(options["schema"], sources, (*path, "schema"))}


def objects(text: str, opening: str = "{") -> Iterator[tuple[int, int, Any]]:
    """Yield the outermost JSON objects of a text, with where they start and end.

    Raises:
        RowError: The text is so nearly JSON, so often, that it cannot be searched in linear time.

    >>> [(start, value) for start, _, value in objects('a {b} {"c": {"d": 1}}')]
    [(6, {'c': {'d': 1}})]
    """
    read_one = decoder().raw_decode
    effort = _EFFORT * len(text) + 10_000
    start = text.find(opening)
    while start >= 0:
        try:
            value, end = read_one(text, start)
            yield start, end, value
        except json.JSONDecodeError as error:
            end = start + 1
            effort -= error.pos - start
        except ValueError:
            end = start + 1
            effort -= 100
        except RecursionError:
            raise RowError("the JSON is nested too deeply to read") from None
        if effort < 0:
            raise RowError("too much of the text is nearly JSON to search it")
        start = text.find(opening, end)
