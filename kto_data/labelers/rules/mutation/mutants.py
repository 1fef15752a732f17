"""The small changes that are made to a rule: a part dropped or inverted, a limit shifted, a pattern loosened."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kto_data.config.yaml_file import KeyPath, format_key
from kto_data.labelers.rules.mutation.change import DROPPED, Mutant, at, changed, shown
from kto_data.labelers.rules.mutation.patterns import loosened

_SHIFT = 0.2
"""A limit is shifted by a fifth, and by one at least: who tests nearer to it than that has tested it."""
_MOST_WORDS = 8
_NOT_LIMITS = frozenset({"timeout_s", "seed"})
_SQL = ((" AND ", " OR "), (" OR ", " AND "), (" IS NOT NULL", " IS NULL"), (">", "<"), ("<", ">"))


def mutants(raw: Mapping[str, Any]) -> Iterator[Mutant]:
    """Yield a rule as it stands in its file with one change after another."""
    if "when" in raw:
        missing = "a test with expect: skip"
        yield Mutant(("when",), "without its when", missing, changed(raw, ("when",), DROPPED))
        yield from _of_condition(raw, ("when",))
    if "match" in raw:
        yield from _of_condition(raw, ("match",))
    if isinstance(raw.get("assert"), list):
        yield from _without_parts(raw, ("assert",), "an output on which {} alone fails")


def _of_condition(raw: Mapping[str, Any], path: KeyPath) -> Iterator[Mutant]:
    """Yield the changes of the condition at a path, and of its parts."""
    node = at(raw, path)
    name = next(key for key in node if key != "scope")
    inside, value = (*path, name), node[name]
    if "scope" in node:
        change, missing = (
            f"without scope: {node['scope']}",
            f"a row whose {node['scope']} decides, not another text",
        )
        yield Mutant((*path, "scope"), change, missing, changed(raw, (*path, "scope"), DROPPED))
    if name in ("all", "any"):
        yield from _without_parts(raw, inside, "a row on which {} alone decides")
        if len(value) > 1:
            other = "any" if name == "all" else "all"
            swapped = changed(raw, path, {other if key == name else key: one for key, one in node.items()})
            yield Mutant(
                inside,
                f"{other} in place of {name}",
                "a row on which some parts hold and some do not",
                swapped,
            )
        for number in range(len(value)):
            yield from _of_condition(raw, (*inside, number))
    elif name == "at_least":
        yield from _of_number(raw, (*inside, "n"), 1)
        for number in range(len(value["of"])):
            yield from _of_condition(raw, (*inside, "of", number))
    elif name == "not":
        yield _inverted(raw, path, value, value)
        if not set(value) & {"all", "any", "not", "at_least"}:
            yield from _of_check(raw, (*inside, *_names(value)), next(iter(_names(value))))
        else:
            yield from _of_condition(raw, inside)
    else:
        yield _inverted(raw, path, node, {"not": node})
        yield from _of_check(raw, inside, name.removeprefix("not-"))


def _names(node: Mapping[str, Any]) -> list[str]:
    return [key for key in node if key != "scope"]


def _inverted(raw: Mapping[str, Any], path: KeyPath, part: Any, value: Any) -> Mutant:
    missing = f"a row on which the outcome hangs on {shown(part)}"
    return Mutant(path, f"{shown(part)} inverted", missing, changed(raw, path, value))


def _without_parts(raw: Mapping[str, Any], path: KeyPath, missing: str) -> Iterator[Mutant]:
    parts = at(raw, path)
    if len(parts) > 1:
        for number, part in enumerate(parts):
            gone = changed(raw, (*path, number), DROPPED)
            yield Mutant((*path, number), f"without {shown(part)}", missing.format(shown(part)), gone)


def _of_check(raw: Mapping[str, Any], path: KeyPath, check: str) -> Iterator[Mutant]:
    """Yield the changes of a check's options, which stand at a path."""
    value = at(raw, path)
    if isinstance(value, str):
        yield from _of_text(raw, path, check)
    elif isinstance(value, list):
        yield from _of_words(raw, path)
    elif isinstance(value, Mapping):
        for key in value:
            if key not in _NOT_LIMITS:
                yield from _of_option(raw, (*path, key), check)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_number(raw, path, _step(value))


def _of_option(raw: Mapping[str, Any], path: KeyPath, check: str) -> Iterator[Mutant]:
    value, name = at(raw, path), str(path[-1])
    if isinstance(value, bool):
        flipped = changed(raw, path, not value)
        missing = f"a row on which it matters whether {name} is {shown(value)}"
        yield Mutant(path, f"{name}: {shown(not value)} in place of {shown(value)}", missing, flipped)
    elif isinstance(value, int | float):
        yield from _of_number(raw, path, _step(value))
    elif isinstance(value, str) and name in ("pattern", "query"):
        yield from _of_text(raw, path, check)
    elif isinstance(value, list) and name == "values":
        yield from _of_words(raw, path)
    elif isinstance(value, Mapping):
        for key in value:
            yield from _of_option(raw, (*path, key), check)


def _step(value: int | float) -> int | float:
    return max(1, round(abs(value) * _SHIFT)) if isinstance(value, int) else abs(value) * _SHIFT or _SHIFT


def _of_number(raw: Mapping[str, Any], path: KeyPath, step: int | float) -> Iterator[Mutant]:
    value = at(raw, path)
    for new in (value + step, value - step):
        new = round(new, 6) if isinstance(new, float) else new
        name = format_key(path[-2:]) if isinstance(path[-1], int) else str(path[-1])
        missing = f"rows on both sides of {name} {shown(value)}, no further from it than {shown(new)}"
        yield Mutant(
            path, f"{name}: {shown(new)} in place of {shown(value)}", missing, changed(raw, path, new)
        )


def _of_words(raw: Mapping[str, Any], path: KeyPath) -> Iterator[Mutant]:
    words: Sequence[Any] = at(raw, path)
    step = max(1, -(-len(words) // _MOST_WORDS))
    for number in range(0, len(words), step) if len(words) > 1 else ():
        word = shown(words[number])
        gone = changed(raw, (*path, number), DROPPED)
        missing = f"a text that has {word} alone of the words"
        yield Mutant((*path, number), f"without the word {word}", missing, gone, is_wording=True)


def _of_text(raw: Mapping[str, Any], path: KeyPath, check: str) -> Iterator[Mutant]:
    text = at(raw, path)
    if check == "regex":
        for new, change, missing in loosened(text):
            yield Mutant(path, f"the pattern {change}", missing, changed(raw, path, new), is_wording=True)
    elif check == "sql":
        for old, other in _SQL:
            if old in text:
                new = text.replace(old, other, 1)
                missing = f"rows on which {shown(text)} and {shown(new)} differ"
                yield Mutant(
                    path, f"{other.strip()} in place of {old.strip()}", missing, changed(raw, path, new)
                )
