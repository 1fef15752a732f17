"""Tests for an imported rule: outputs made up from what it asserts, and what the rule does with them.

They keep what was imported from changing unnoticed; whether it was right to assert that, only people know.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kto_data.config.yaml_file import YamlFile
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.inline_tests import outcome_of, row_of_test
from kto_data.labelers.rules.lint.backtracking import example_of
from kto_data.labelers.rules.parse import parse_rules

_PLAIN = (
    "Plain words.",
    "",
    "{}",
    "[1]",
    "SELECT a FROM t",
    "```sql\nSELECT a FROM t\n```",
    "<div>text</div>",
    "<a><b>text</b></a>",
    "I'm sorry, but I can't help with that.",
)
_TYPES: Mapping[str, Any] = {
    "string": "a",
    "number": 1,
    "integer": 1,
    "boolean": True,
    "array": [],
    "null": None,
}
_MOST_WORDS = 2000


def tests_for(rule: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return up to two tests: an output on which the rule fires, and one on which it does not."""
    data = {"version": 1, "rules": [{key: value for key, value in rule.items() if key != "tests"}]}
    [read] = parse_rules(YamlFile("imported", folder, data)).rules
    prompt = _prompt(rule.get("when"))
    found: dict[str, dict[str, Any]] = {}
    for text in dict.fromkeys(_candidates(rule["assert"])):
        test = {**({"prompt": prompt} if prompt else {}), "completion": text}
        outcome = outcome_of(decide(read, row_of_test(_as_test(test))))
        if outcome in ("fire", "ok") and outcome not in found:
            found[outcome] = {"name": "as imported", **test, "expect": outcome}
        if len(found) == 2:
            break
    return [found[outcome] for outcome in ("fire", "ok") if outcome in found]


def _as_test(test: Mapping[str, Any]) -> Any:
    from kto_data.labelers.rules.file_model import InlineTest

    return InlineTest(**test, expect="ok")


def _prompt(when: Any) -> str:
    """Return a prompt to which a rule is applicable."""
    if not isinstance(when, Mapping) or "not" in when:
        return "Anything."
    if "any" in when:
        return _prompt(when["any"][0])
    return str(when["equals"]) if "equals" in when else " ".join(when["contains-all"]["values"])


def _candidates(asserts: Any) -> Iterator[str]:
    """Yield outputs that assertions may be about: what they name, alone, together and in another case."""
    texts: list[str] = []
    for one in _flat(asserts):
        texts += _texts(one)
    yield from _PLAIN[:2]
    yield from texts
    yield " ".join(texts)
    yield "".join(texts)
    yield from (text.upper() for text in texts)
    yield from _PLAIN


def _flat(asserts: Any) -> Iterator[Mapping[str, Any]]:
    for one in asserts:
        if one["type"] == "assert-set":
            yield from _flat(one["assert"])
        else:
            yield one


def _texts(assertion: Mapping[str, Any]) -> list[str]:
    kind, value = str(assertion["type"]).removeprefix("not-"), assertion.get("value")
    if kind == "regex" and isinstance(value, str):
        return [example_of(value), value]
    if kind in ("is-json", "contains-json") and isinstance(value, Mapping):
        return [json.dumps(_instance(value))]
    if kind == "equals" and isinstance(value, Mapping | list):
        return [json.dumps(value)]
    if kind == "word-count":
        counts = value.values() if isinstance(value, Mapping) else [value]
        wanted = [n for n in counts if isinstance(n, int) and n < _MOST_WORDS]
        return [" ".join(["word"] * (n + more)) for n in wanted for more in (0, 1)]
    if kind.endswith(("contains-any", "contains-all")) and isinstance(value, str):
        return [word.strip() for word in value.split(",")]
    values = value if isinstance(value, list) else [value]
    return [str(one) for one in values if isinstance(one, str | int | float)]


def _instance(schema: Any, depth: int = 0) -> Any:
    """Return something that a simple JSON Schema describes."""
    if not isinstance(schema, Mapping) or depth > 10:
        return {}
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list):
        return schema["enum"][0]
    properties = schema.get("properties")
    if isinstance(properties, Mapping) or schema.get("type") == "object":
        known = properties if isinstance(properties, Mapping) else {}
        names = {*known, *(schema.get("required") or [])}
        return {name: _instance(known.get(name, {"type": "string"}), depth + 1) for name in sorted(names)}
    if schema.get("type") == "array":
        return [_instance(schema.get("items", {"type": "string"}), depth + 1)] * int(
            schema.get("minItems", 1)
        )
    return _TYPES.get(str(schema.get("type")), {})
