"""Whether a text is JSON."""

import json
import re
from typing import Any, ClassVar, NoReturn

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.limits import RowError, fill, names_in

_FENCE = re.compile(r"\A```[\w-]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)


@CHECKS.register("is-json")
class IsJson(Check):
    """The text is one JSON value and nothing else: `is-json: true`, or with options.

    White space around it does not matter. NaN and Infinity are not JSON.
    """

    later: ClassVar[frozenset[str]] = frozenset({"schema"})

    fenced: bool = False
    """Whether the value may stand in one Markdown code fence."""
    keys: tuple[Word, ...] = ()
    """Keys that the value, an object, must have; captured ones too: `keys: ["{{first}}", id]`."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text parses and has the keys."""
        body = text.strip()
        if self.fenced and (fence := _FENCE.match(body)):
            body = fence[1]
        try:
            value = _parse(body)
        except ValueError as error:
            return Found(False, f"not JSON: {error}")
        except RecursionError:
            raise RowError("the JSON is nested too deeply to read") from None
        wanted = [fill(key, context.captures) for key in self.keys]
        if wanted and not isinstance(value, dict):
            return Found(False, "JSON, but not an object")
        missing = [key for key in wanted if key not in value]
        return Found(not missing, "missing keys: " + ", ".join(missing) if missing else "JSON")

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in `keys`."""
        return names_in(*self.keys)


def _parse(text: str) -> Any:
    # Python refuses to read numbers of many thousand digits; they are JSON, and their value does not matter.
    return json.loads(text, parse_constant=_refuse, parse_int=len, parse_float=len)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
