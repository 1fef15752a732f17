"""JSON bytes to plain values that every table can hold; anything else is a named defect.

Refused beside broken JSON: bytes that are not UTF-8, lone surrogates (UTF-8 has no bytes for them),
NaN and Infinity, integers beyond 64 bits, and nesting that could exhaust the stack later. Raw
control characters in a text are let through as they are, and of a repeated key the last one counts.
"""

import json
import math
import re
from typing import Any

from kto_data.readers.record import Defect, kind_of

MAX_DEPTH = 100
"""Nesting beyond this is refused: well under what Python's recursion limit leaves to later steps."""

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_object(data: bytes) -> dict[str, Any]:
    r"""Return a JSON object.

    Raises:
        Defect: `not_utf8`, `not_json`, `not_an_object`, `lone_surrogate`, `not_finite`,
            `number_too_large` or `too_deep`.

    >>> parse_object(b'{"prompt": "caf\\u00e9"}')
    {'prompt': 'café'}
    """
    value = parse_value(data)
    if not isinstance(value, dict):
        raise Defect("not_an_object", f"a record must be a JSON object, not {kind_of(value)}")
    return value


def parse_value(data: bytes) -> Any:
    """Return any JSON value; raises like `parse_object`."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise Defect("not_utf8", f"byte {error.start + 1} (0x{byte:02x}) is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Defect("not_json", f"{error.msg.removesuffix(' at')} at character {error.pos + 1}") from None
    except RecursionError:
        raise _too_deep() from None
    brackets = data.count(b"{") + data.count(b"[")
    if brackets > MAX_DEPTH and isinstance(value, dict | list) and _depth_exceeds(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE_ESCAPE.search(data):
        _refuse_lone_surrogates(value)
    return value


def _too_deep() -> Defect:
    return Defect("too_deep", f"lists and objects are nested more than {MAX_DEPTH} deep")


def _depth_exceeds(value: Any, limit: int) -> bool:
    """Return whether lists and objects are nested deeper; level by level, so without recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise Defect(
            "lone_surrogate", f"the escape \\u{code:04x} is half a character and cannot be stored as UTF-8"
        ) from None


def _parse_int(text: str) -> int:
    # the length first: Python refuses to convert thousands of digits, and is slow at it
    if len(text) > 20 or not -(2**63) <= (number := int(text)) < 2**63:
        raise Defect("number_too_large", f"an integer of {len(text)} digits does not fit into 64 bits")
    return number


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Defect("not_finite", f"the number {text[:20]} is beyond what a 64-bit float holds")
    return number


def _parse_constant(text: str) -> float:
    raise Defect("not_finite", f"{text} is not JSON; write null")


_DECODER = json.JSONDecoder(
    strict=False, parse_int=_parse_int, parse_float=_parse_float, parse_constant=_parse_constant
)
