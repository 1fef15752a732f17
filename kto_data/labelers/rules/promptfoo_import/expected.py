"""An assertion in one line, as in the `__expected` columns of promptfoo's tables: `contains-any: red, blue`."""

import re
from typing import Any

_FORM = re.compile(r"^(not-)?([a-z][a-z0-9:-]*?)(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?$")
_LISTS = ("contains-any", "contains-all", "icontains-any", "icontains-all")
_WITH_THRESHOLD = ("classifier", "cost", "latency", "levenshtein", "perplexity", "rouge-n", "similar")
_DEFAULT_THRESHOLDS = {"similar": 0.8}
_DEFAULT_THRESHOLD = 0.75
_SCRIPTS = ("javascript:", "fn:", "eval:")
_GRADES = ("grade:", "llm-rubric:")
_BARE = (
    "is-json",
    "contains-json",
    "is-xml",
    "contains-xml",
    "is-sql",
    "contains-sql",
    "is-html",
    "contains-html",
    "is-refusal",
)


def assertion_of(text: str) -> dict[str, Any]:
    """Return an assertion from its line; a text that names no type has to be the output.

    >>> assertion_of("not-contains-any: red, blue")
    {'type': 'not-contains-any', 'value': ['red', 'blue']}
    >>> assertion_of("similar(0.9): hello"), assertion_of("Paris")
    ({'type': 'similar', 'value': ' hello', 'threshold': 0.9}, {'type': 'equals', 'value': 'Paris'})
    """
    for prefix in _SCRIPTS:
        if text.startswith(prefix):
            return {"type": "javascript", "value": text.removeprefix(prefix).strip()}
    for prefix in _GRADES:
        if text.startswith(prefix):
            return {"type": "llm-rubric", "value": text.removeprefix(prefix)}
    if text.startswith("python:") or re.match(r"file://\S+\.py(?::\w+)?$", text):
        return {"type": "python", "value": text.removeprefix("python:").strip()}
    found = _FORM.match(text)
    kind = found[2] if found else ""
    if not found or not _is_type(kind, has_value=found[4] is not None):
        return {"type": "equals", "value": text}
    full, value = (found[1] or "") + kind, found[4]
    if kind in _LISTS:
        return {"type": full, "value": [word.strip() for word in (value or "").split(",")]}
    asserted: dict[str, Any] = {"type": full} if value is None else {"type": full, "value": value}
    if kind in _WITH_THRESHOLD:
        default = _DEFAULT_THRESHOLDS.get(kind, _DEFAULT_THRESHOLD)
        asserted["threshold"] = float(found[3]) if found[3] else default
    return asserted


def _is_type(kind: str, *, has_value: bool) -> bool:
    """Whether a word is a type of assertion, and not the output that is expected."""
    from kto_data.labelers.rules.checks.check import CHECKS
    from kto_data.labelers.rules.promptfoo_left_out import NOT_HERE

    return kind in _BARE or (has_value and (kind in CHECKS or kind in NOT_HERE))
