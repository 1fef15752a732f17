"""One rule file, read into rules, with every mistake in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from kto_data.config.validate import validate
from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError, Mistake, did_you_mean
from kto_data.labelers.rules.conditions import AtLeast, Condition, Not
from kto_data.labelers.rules.conditions_file import ConditionReader
from kto_data.labelers.rules.file_model import FileOptions, JudgeVote, LoggedVote, RuleOptions
from kto_data.labelers.rules.plugins import load_plugins
from kto_data.labelers.rules.promptfoo import read_assertions
from kto_data.labelers.rules.requires import missing_requirements
from kto_data.labelers.rules.rule import Rule
from kto_data.labelers.rules.sources import Sources
from kto_data.labelers.rules.word_lists import WordLists
from kto_data.vote_codes import UNDESIRABLE, VOTE_NAMES

M = TypeVar("M", bound=BaseModel)

_RESERVED = ("row_id", "sample_id")  # columns of a block of rule votes


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a rule file says.

    Attributes:
        rules: Its own rules, in order.
        imports: The references to other files' rules.
        named_files: The files that it names: of words, schemas and functions.
    """

    rules: tuple[Rule, ...]
    imports: tuple[str, ...]
    named_files: tuple[Path, ...]


def parse_rules(file: YamlFile) -> ParsedFile:
    """Read a rule file.

    Raises:
        ConfigError: With every mistake in the file.
    """
    return _Parser(file).parse()


class _Parser:
    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._mistakes: list[Mistake] = []
        self._sources = Sources(file)

    def parse(self) -> ParsedFile:
        file, data = self._file, self._file.data
        options = self._validated(FileOptions, data, ())
        raw = data if isinstance(data, Mapping) else {}
        if options:
            self._mistakes += load_plugins(self._sources, options.plugins)
            self._mistakes += missing_requirements(file, options.requires)
        raw_lists = raw.get("lists")
        lists = WordLists(file, raw_lists if isinstance(raw_lists, Mapping) else {})
        self._check_lists(lists, raw_lists)
        raw_rules = raw["rules"] if isinstance(raw.get("rules"), list) else []
        defaults = raw.get("defaults", {}) if options else {}
        rules = [self._rule(rule, ("rules", index), defaults, lists) for index, rule in enumerate(raw_rules)]
        if options and not raw_rules and not options.imports:
            self._note((), "the file has neither rules nor imports")
        if self._mistakes or options is None:
            raise ConfigError(_named(mistake, raw_rules) for mistake in self._mistakes)
        files = tuple(dict.fromkeys([*lists.files, *self._sources.files]))
        return ParsedFile(tuple(rule for rule in rules if rule), options.imports, files)

    def _check_lists(self, lists: WordLists, raw: Any) -> None:
        """Note mistakes in lists, those that no rule uses too."""
        for name in raw if isinstance(raw, Mapping) else ():
            try:
                lists.named(name, ("lists", name))
            except ConfigError as error:
                self._mistakes += error.mistakes

    def _rule(self, raw: Any, path: KeyPath, defaults: Mapping[str, Any], lists: WordLists) -> Rule | None:
        data = {**defaults, **raw} if isinstance(raw, Mapping) else raw
        options = self._validated(RuleOptions, data, path)
        if not isinstance(raw, Mapping):
            return None
        scope = options.scope if options else "completion"
        asks_judge = isinstance(raw.get("vote"), Mapping) and "judge" in raw["vote"]
        reader = ConditionReader(self._file, lists, self._sources, asks_judge=asks_judge)
        when = reader.read(raw["when"], (*path, "when"), scope) if "when" in raw else None
        reader.capture(when)
        match = self._match(raw, path, scope, reader)
        self._mistakes += reader.mistakes
        vote = self._vote(raw, path)
        if not reader.mistakes:
            self._check_captures(when, match, path)
        if options is None or vote is None:
            return None
        if options.id in _RESERVED:
            self._note((*path, "id"), f"{options.id!r} is the name of a column; call the rule something else")
        line = self._file.line_of(path)
        test_lines = tuple(self._file.line_of((*path, "tests", n)) for n in range(len(options.tests)))
        return Rule(options, vote, when, match, self._file.name, line, test_lines)

    def _match(
        self, raw: Mapping[str, Any], path: KeyPath, scope: str, reader: ConditionReader
    ) -> Condition | None:
        """Return the rule's `match`; of promptfoo's assertions, that not all of them pass."""
        if "assert" not in raw:
            return reader.read(raw["match"], (*path, "match"), scope) if "match" in raw else None
        at = (*path, "assert")
        if "match" in raw:
            self._note(at, "stands in place of match; give one of them")
        if raw.get("vote", "undesirable") != "undesirable":
            self._note(at, "votes undesirable where an assertion fails; for another vote, use match")
        parts = read_assertions(reader, raw["assert"], at, scope)
        return Not(AtLeast(len(parts), parts)) if parts else None

    def _vote(self, raw: Mapping[str, Any], path: KeyPath) -> int | LoggedVote | JudgeVote | None:
        at, vote = (*path, "vote"), raw.get("vote")
        if isinstance(vote, Mapping):
            return self._others_vote(raw, vote, path)
        if "assert" in raw:
            return UNDESIRABLE
        if "match" not in raw:
            self._note((*path, "match"), "is missing")
        if "vote" not in raw:
            self._note(at, "is missing")
            return None
        if vote not in ("desirable", "undesirable"):
            known = ("desirable", "undesirable")
            hint = did_you_mean(str(vote), known).partition("; known")[0]
            self._note(at, f"should be desirable, undesirable or {{column, map}}, not {vote!r}{hint}")
            return None
        return VOTE_NAMES[vote]

    def _others_vote(
        self, raw: Mapping[str, Any], vote: Mapping[str, Any], path: KeyPath
    ) -> LoggedVote | JudgeVote | None:
        """Return a vote that the rule passes on: a logged one, or a judge's."""
        what = "the vote of a judge" if "judge" in vote else "a logged vote"
        why = {
            "match": "the judge decides; say in `when` which rows it is asked about"
            if "judge" in vote
            else "what was logged is the vote",
            "otherwise": "the judge's own vote counts" if "judge" in vote else "map the value in question",
        } | ({"tests": "a judge is tested in its own file"} if "judge" in vote else {})
        for key in why:
            if key in raw:
                self._note((*path, key), f"{what} has no {key}: {why[key]}")
        at = (*path, "vote")
        return (
            self._validated(JudgeVote, vote, at) if "judge" in vote else self._validated(LoggedVote, vote, at)
        )

    def _check_captures(self, when: Condition | None, match: Condition | None, path: KeyPath) -> None:
        """Note the captured names that are used and that nothing captures."""
        for key, condition, names in (
            ("when", when, frozenset[str]()),
            ("match", match, when.group_names() if when else frozenset[str]()),
        ):
            used = (
                {name for leaf in condition.leaves() for name in leaf.check.capture_names()}
                if condition
                else ()
            )
            for name in sorted(set(used) - names):
                hint = did_you_mean(name, names) if names else f"; name a group in `when`: (?P<{name}>...)"
                self._note((*path, key), f"{{{{{name}}}}} is not captured by the rule's `when`{hint}")

    def _validated(self, model: type[M], data: Any, path: KeyPath) -> M | None:
        try:
            return validate(model, data, self._file, path)
        except ConfigError as error:
            self._mistakes += error.mistakes
            return None

    def _note(self, path: KeyPath, message: str) -> None:
        self._mistakes.append(self._file.mistake(path, message))


def _named(mistake: Mistake, raw_rules: Sequence[Any]) -> Mistake:
    """Return the mistake with the rule's id beside its number: `rules[2] (loops).match`."""
    found = re.match(r"rules\[(\d+)\]", mistake.key)
    raw = raw_rules[int(found[1])] if found and int(found[1]) < len(raw_rules) else None
    if not found or not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str):
        return mistake
    return replace(mistake, key=f"{found[0]} ({raw['id']}){mistake.key[found.end() :]}")
