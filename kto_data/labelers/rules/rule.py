"""A rule, read and checked, and a set of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from kto_data.labelers.rules.conditions import Condition, Leaf
from kto_data.labelers.rules.file_model import InlineTest, JudgeVote, LoggedVote, RuleOptions

if TYPE_CHECKING:
    import pyarrow as pa

_ELSEWHERE = {
    "tests",
    "when",
    "match",
    "assert_",
    "vote",
    "scope",
}  # keys that are told in another form, or not
_EVENT_COLUMNS = ("finish_reason", "next_user")


@dataclass(frozen=True)
class Rule:
    """One labeler: where it is applicable, what it looks for, and what it votes.

    Attributes:
        options: The keys of the rule with the file's defaults.
        vote: +1 or -1 where it fires, the logged vote that it passes on, or the judge that it stands for.
        when: Where it is applicable; None for everywhere.
        match: Where it fires; None for a logged vote, which fires where the logged vote is no abstention,
            and for a judge's.
        file: The file that it is from, as the user named it.
        line: Its line there.
        test_lines: The line of each of its tests.
    """

    options: RuleOptions
    vote: int | LoggedVote | JudgeVote
    when: Condition | None
    match: Condition | None
    file: str
    line: int
    test_lines: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """Its name in votes and reports."""
        return self.options.id

    @property
    def tests(self) -> tuple[InlineTest, ...]:
        """Its inline tests."""
        return self.options.tests

    @cached_property
    def definition(self) -> dict[str, Any]:
        """What the rule means as plain data, with the words of its lists and without its tests."""
        options = self.options.model_dump(mode="json", exclude=_ELSEWHERE)
        vote = self.vote if isinstance(self.vote, int) else self.vote.model_dump(mode="json")
        return options | {
            "vote": vote,
            "when": self.when and self.when.definition(),
            "match": self.match and self.match.definition(),
        }

    @cached_property
    def version(self) -> str:
        """16 hex digits that change exactly if the rule's votes, or how they count, may change."""
        told = {"message", "metadata"}
        meaning = {key: value for key, value in self.definition.items() if key not in told}
        return xxhash.xxh3_64_hexdigest(_canonical(meaning).encode())

    @cached_property
    def reads(self) -> frozenset[str]:
        """The scopes and columns that the rule looks at."""
        names = {leaf.scope for leaf in self.leaves() if leaf.check.reads_text}
        names.update(*(leaf.check.reads() for leaf in self.leaves()))
        if isinstance(self.vote, LoggedVote):
            names.add(self.vote.column)
        return frozenset(names)

    @cached_property
    def batched(self) -> bool:
        """Whether one of its checks is to be asked about many rows at once."""
        return any(leaf.check.batched for leaf in self.leaves())

    @cached_property
    def uses_captures(self) -> bool:
        """Whether its `match` uses values that its `when` captured."""
        return self.match is not None and any(leaf.check.capture_names() for leaf in self.match.leaves())

    @property
    def about(self) -> str:
        """`event` if the rule looks at what happened around the output, else `content`."""
        event = any(name.startswith("meta.") or name in _EVENT_COLUMNS for name in self.reads)
        return "event" if event else "content"

    def leaves(self) -> Iterator[Leaf]:
        """Yield the checks of `when` and `match`."""
        for condition in (self.when, self.match):
            if condition is not None:
                yield from condition.leaves()


@dataclass(frozen=True)
class RuleSet:
    """The rules of some files, in order; their ids are unique.

    Attributes:
        rules: The rules.
        files: Every file that they come from, and that they name: whoever hashes these, hashes the rules.
        for_judges: Rules that say which rows a judge is for; they do not vote themselves.
    """

    rules: tuple[Rule, ...]
    files: tuple[Path, ...]
    for_judges: tuple[Rule, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rules, in order."""
        return tuple(rule.id for rule in self.rules)

    def labelers(self) -> "pa.Table":
        """Return the rules as the table `LABELERS`."""
        import pyarrow as pa  # rules are read without it

        from kto_data.schema import LABELERS

        return pa.Table.from_pylist([_labeler(rule) for rule in self.rules], schema=LABELERS)


def _labeler(rule: Rule) -> dict[str, Any]:
    options = rule.options
    return {
        "labeler": rule.id,
        "version": rule.version,
        "kind": "rule",
        "mode": options.mode,
        "about": rule.about,
        "weight": options.weight,
        "group": options.group,
        "cap_per": options.cap and options.cap.per,
        "cap_max": options.cap and options.cap.max,
        "priority": options.priority,
        "prior_mean": options.precision and options.precision.mean,
        "prior_strength": options.precision and options.precision.strength,
        "definition": _canonical(rule.definition),
    }


def _canonical(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
