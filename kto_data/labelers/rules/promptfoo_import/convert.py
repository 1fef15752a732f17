"""promptfoo's test cases as rules, each of which votes undesirable where what was asserted does not hold."""

import copy
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from kto_data.config.yaml_file import YamlFile
from kto_data.errors import ConfigError, Mistake
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.promptfoo_import.cases import (
    Assertion,
    Case,
    Config,
    Left,
    fill,
    has_variables,
    read_config,
)
from kto_data.labelers.rules.promptfoo_import.samples import tests_for

_KEPT = ("type", "value", "threshold", "weight", "metric", "provider", "assert", "config")
_GRADED = (
    "similar",
    "rouge-n",
    "bleu",
    "gleu",
    "meteor",
    "classifier",
    "python",
    "tool-call-f1",
    "perplexity-score",
    "assert-set",
)
"""Assertions whose score is not 0 or 1, so that an average of scores is no share of those that pass."""
_MOST_COPIES = 200
_FILE = "file://"


@dataclass(frozen=True, slots=True)
class Imported:
    """A configuration as rules.

    Attributes:
        ruleset: A name for them.
        description: What they are for.
        rules: The rules as plain data.
        left: What was not imported, and why.
        n_assertions: Assertions that were.
    """

    ruleset: str
    description: str
    rules: tuple[dict[str, Any], ...]
    left: tuple[Left, ...]
    n_assertions: int


def import_config(path: Path, *, into: Path) -> Imported:
    """Return the assertions of a promptfoo configuration as rules.

    A test passes if all of its assertions do: each becomes a rule of its own, applicable to rows with the test's
    prompt. With a `threshold` on the test the weighted share of assertions that pass has to reach it: they become one
    rule. Those of the default test are applicable to every row.

    Args:
        path: The configuration.
        into: The folder of the rule file; files that are named are named from there.

    Raises:
        InputError: The file cannot be read, or is no configuration.
    """
    config = read_config(path)
    return _Converter(config, into).convert()


class _Converter:
    def __init__(self, config: Config, into: Path) -> None:
        self._config = config
        self._into = into
        self._ids: set[str] = set()
        self._left = list(config.left)
        self._kept: set[int] = set()
        self._file = YamlFile(config.name, into, {})

    def convert(self) -> Imported:
        config = self._config
        rules = [*self._defaults()]
        for number, case in enumerate(config.cases, start=1):
            rules += self._case(case, number)
        description = config.description or f"Imported from {Path(config.name).name}."
        name = Path(config.name).name.partition(".")[0]
        left = tuple(dict.fromkeys(self._left))
        return Imported(name, description, tuple(rules), left, len(self._kept))

    def _defaults(self) -> Iterator[dict[str, Any]]:
        """Yield the rules of the default test, for rows of every prompt but those with a threshold of their own."""
        default = self._config.default
        apart = [case for case in self._config.cases if self._is_joint(case) or not case.has_defaults]
        if default.threshold is not None and not self._config.cases:
            yield from self._joint(default, default.asserts, "default", None)
            return
        if len(apart) == len(self._config.cases) > 0:
            return
        whens = [self._when(case) for case in apart]
        when = {"not": whens[0] if len(whens) == 1 else {"any": whens}} if whens and all(whens) else None
        for one in default.asserts:
            if not has_variables(_values(one.raw)):
                yield from self._single(one, {}, "default", when)

    def _case(self, case: Case, number: int) -> Iterator[dict[str, Any]]:
        name, when = case.name or f"test-{number}", self._when(case)
        default = self._config.default.asserts if case.has_defaults else ()
        if self._is_joint(case):
            yield from self._joint(case, (*default, *case.asserts), name, when)
            return
        said = [one.raw for one in default if not has_variables(_values(one.raw))]
        own = [
            one for one in case.asserts if one.raw not in said
        ]  # what holds everywhere need not be said again
        for one in (*(one for one in default if has_variables(_values(one.raw))), *own):
            yield from self._single(one, case.vars, name, when)

    @staticmethod
    def _is_joint(case: Case) -> bool:
        return case.threshold is not None

    def _single(
        self, assertion: Assertion, variables: Mapping[str, Any], name: str, when: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield an assertion as a rule; one that counts nothing becomes a rule that does not vote."""
        shadow = assertion.raw.get("weight") == 0
        read = self._read(assertion, variables)
        if read is None:
            return
        self._kept.add(id(assertion))
        kind = str(read["type"])
        yield self._rule(
            f"{name} {read.get('metric') or kind}",
            f"{name}: does not pass {_shown(read)}",
            when,
            [read],
            {"weight": assertion.raw["weight"]} if "weight" in assertion.raw else {},
            shadow=shadow,
        )

    def _joint(
        self, case: Case, asserts: Sequence[Assertion], name: str, when: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield one rule for a case with a threshold; none if any part of the average is missing."""
        threshold = case.threshold or 0.0
        if threshold <= 0:
            self._left += (
                one.left("is in a test with threshold 0, which passes whatever the output is")
                for one in asserts
            )
            return
        if threshold > 1:
            self._left += (
                one.left(f"is in a test with threshold {threshold:g}, which nothing reaches")
                for one in asserts
            )
            return
        counted = [one for one in asserts if one.raw.get("weight", 1) != 0]
        read = [self._read(one, case.vars) for one in counted]
        graded = [one for one in counted if str(one.raw.get("type", "")).removeprefix("not-") in _GRADED]
        self._left += (
            one.left(
                "has a score between 0 and 1, so the average that the test's threshold asks for is not kept"
            )
            for one in graded
        )
        copies = _copies([one.raw.get("weight", 1) for one in counted])
        if graded or copies is None or any(one is None for one in read):
            what = "its weights" if copies is None else "an assertion that was left out"
            self._left += (
                one.left(f"is in a test whose threshold cannot be kept because of {what}")
                for one in counted
                if one not in graded
            )
            return
        parts = [
            copy.deepcopy(_unweighted(one))
            for one, n in zip(read, copies, strict=True)
            if one is not None
            for _ in range(n)
        ]
        if not parts:
            return
        self._kept.update(id(one) for one in counted)
        joined = {"type": "assert-set", "threshold": threshold, "assert": parts}
        yield self._rule(name, f"{name}: less than {threshold:g} of the assertions pass", when, [joined], {})

    def _rule(
        self,
        name: str,
        message: str,
        when: Any,
        asserts: list[Any],
        told: Mapping[str, Any],
        *,
        shadow: bool = False,
    ) -> dict[str, Any]:
        rule: dict[str, Any] = {"id": self._id(name), "message": message.replace("{", "(").replace("}", ")")}
        if shadow:
            rule["mode"] = "shadow"
        if when:
            rule["when"] = when
        rule["assert"] = asserts
        metrics = [one["metric"] for one in asserts if "metric" in one]
        about = {**({"metric": metrics[0]} if metrics else {}), **told}
        if about:
            rule["metadata"] = {"promptfoo": about}
        rule["tests"] = tests_for(rule, self._into)
        return {key: value for key, value in rule.items() if value != []}

    def _id(self, name: str) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "rule"
        found = next(
            one for one in (slug, *(f"{slug}-{n}" for n in range(2, 100_000))) if one not in self._ids
        )
        self._ids.add(found)
        return found

    def _read(self, assertion: Assertion, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an assertion as `assert` takes it, with its variables put in; None if it cannot be kept."""
        raw = assertion.raw
        unknown = [key for key in raw if key not in _KEPT]
        if "transform" in unknown:
            self._left.append(assertion.left("has a transform, which is code of another language"))
            return None
        try:
            kept = fill({key: raw[key] for key in raw if key in _KEPT}, variables)
        except LookupError as error:
            self._left.append(assertion.left(str(error)))
            return None
        kept = self._moved(kept)
        if kept.get("weight") == 0:
            del kept["weight"]
        problem = self._problem(kept)
        if problem:
            self._left.append(assertion.left(problem))
            return None
        return dict(kept)

    def _problem(self, assertion: Mapping[str, Any]) -> str | None:
        """Return why an assertion is no rule, None if it is one."""
        data = {"version": 1, "rules": [{"id": "a", "assert": [dict(assertion)]}]}
        try:
            parse_rules(YamlFile(self._config.name, self._into, data))
        except ConfigError as error:
            return "; ".join(dict.fromkeys(map(_told, error.mistakes)))
        return None

    def _moved(self, value: Any) -> Any:
        """Return plain data whose files are named from the rule file's folder."""
        if isinstance(value, Mapping):
            return {key: self._moved(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._moved(one) for one in value]
        if isinstance(value, str) and value.startswith(_FILE):
            place = self._config.folder / value.removeprefix(_FILE)
            return _FILE + os.path.relpath(place, self._into)
        return value

    def _when(self, case: Case) -> dict[str, Any] | None:
        """Return where a case is applicable: its prompt where that is known, else what its variables say."""
        values = [value for value in case.vars.values() if isinstance(value, str) and value.strip()]
        if not values:
            return None
        try:
            prompts = [fill(prompt, case.vars).strip() for prompt in self._config.prompts]
        except LookupError:
            prompts = []
        if prompts:
            asked = [{"equals": prompt, "scope": "last_user"} for prompt in dict.fromkeys(prompts)]
            return asked[0] if len(asked) == 1 else {"any": asked}
        return {"contains-all": {"values": list(dict.fromkeys(values))}, "scope": "prompt"}


def _told(mistake: Mistake) -> str:
    """Return a mistake without its place in the made-up file, and without the list of all check types."""
    message = mistake.message.partition("; known: ")[0]
    option = mistake.key.rpartition(".")[2]
    return message if option in ("value", "") or option.startswith("assert[") else f"{option} {message}"


def _values(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != "metric"}


def _unweighted(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != "weight"}


def _shown(raw: Mapping[str, Any]) -> str:
    value = raw.get("value")
    text = "" if value is None else f" {value}"
    return str(raw["type"]) + (text if len(text) <= 80 else text[:77] + "...")


def _copies(weights: Sequence[Any]) -> list[int] | None:
    """Return how often each assertion has to be counted for its weight; None for weights that are no numbers."""
    try:
        shares = [Fraction(str(weight)) for weight in weights]
    except ValueError:
        return None
    if any(share <= 0 for share in shares):
        return None
    scale = math.lcm(*(share.denominator for share in shares))
    counts = [int(share * scale) for share in shares]
    common = math.gcd(*counts) or 1
    copies = [count // common for count in counts]
    return copies if sum(copies) <= _MOST_COPIES else None
