"""`match` and `when` of a rule file, read into conditions."""

from collections.abc import Mapping
from typing import Any

from kto_data.config.validate import Options, validate
from kto_data.config.yaml_file import KeyPath, YamlFile, format_key
from kto_data.errors import ConfigError, Mistake, did_you_mean
from kto_data.labelers.rules.checks.check import CHECKS, Check
from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not, Unresolved
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.promptfoo_left_out import NOT_HERE
from kto_data.labelers.rules.sources import Sources
from kto_data.labelers.rules.templates import is_template, read_check
from kto_data.labelers.rules.word_lists import WordLists

COMPOSITIONS = ("all", "any", "not", "at_least")


class _ScopeOnly(Options):
    scope: Scope


class ConditionReader:
    """Reads the conditions of one rule, noting every mistake instead of stopping at the first.

    Args:
        file: The rule file.
        lists: Its lists of words.
        sources: The files and plugins that its checks may use.
        asks_judge: Whether the rule's vote is a judge's, so that its `when` may be `unresolved`.
    """

    def __init__(
        self, file: YamlFile, lists: WordLists, sources: Sources, *, asks_judge: bool = False
    ) -> None:
        self._file = file
        self._lists = lists
        self._asks_judge = asks_judge
        self.sources = sources
        self._captured: frozenset[str] = frozenset()
        self.mistakes: list[Mistake] = []

    def capture(self, when: Condition | None) -> None:
        """Let what is read from now on use the values that a rule's `when` captures."""
        self._captured = when.group_names() if when else frozenset()

    def read(self, data: Any, path: KeyPath, scope: str) -> Condition | None:
        """Return the condition at a key path, None after a mistake in it."""
        if not isinstance(data, Mapping):
            self.note(path, "should be a check such as {contains: refund}, or all / any / not / at_least")
            return None
        scope = self._scope(data, path, scope)
        names = [name for name in data if name != "scope"]
        if len(names) != 1:
            found = f", not {len(names)} ({', '.join(names)}): join them with all or any" if names else ""
            self.note(path, f"needs exactly one check{found}")
            return None
        name = names[0]
        value, at = data[name], (*path, name)
        if name in ("all", "any"):
            parts = self._parts(value, at, scope)
            return AtLeast(len(parts) if name == "all" else 1, parts) if parts else None
        if name == "at_least":
            return self._at_least(value, at, scope)
        if name == "not":
            part = self.read(value, at, scope)
            return part and Not(part)
        if name.startswith("not-") and name not in CHECKS:
            leaf = self.leaf(name.removeprefix("not-"), value, at, scope)
            return leaf and Not(leaf)
        return self.leaf(name, value, at, scope)

    def _scope(self, data: Mapping[str, Any], path: KeyPath, scope: str) -> str:
        if "scope" not in data:
            return scope
        try:
            return validate(_ScopeOnly, {"scope": data["scope"]}, self._file, path).scope
        except ConfigError as error:
            self.mistakes += error.mistakes
            return scope

    def _parts(self, data: Any, path: KeyPath, scope: str) -> tuple[Condition, ...] | None:
        if not isinstance(data, list) or not data:
            self.note(path, "should be a list of one or more checks")
            return None
        parts = [self.read(part, (*path, index), scope) for index, part in enumerate(data)]
        read = tuple(part for part in parts if part is not None)
        return read if len(read) == len(parts) else None

    def _at_least(self, data: Any, path: KeyPath, scope: str) -> Condition | None:
        if not isinstance(data, Mapping) or set(data) != {"n", "of"}:
            self.note(path, "should be {n: NUMBER, of: [checks]}")
            return None
        parts = self._parts(data["of"], (*path, "of"), scope)
        n = data["n"]
        if parts is None:
            return None
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= len(parts):
            self.note((*path, "n"), f"should be a whole number from 1 to {len(parts)}, not {n!r}")
            return None
        return AtLeast(n, parts)

    def leaf(self, name: str, value: Any, path: KeyPath, scope: str) -> Condition | None:
        """Return a check with its options, which stand at a key path; None after a mistake."""
        if name == "unresolved":
            return self._unresolved(value, path)
        if name not in CHECKS:
            self.note(path, _not_a_check(name))
            return None
        kind = CHECKS.get(name)
        try:
            options = kind.resolve(self._options(kind, value, path), self.sources, path)
            check = read_check(kind, options, self._captured, self._file, path)
        except ConfigError as error:
            self.mistakes += (_as_written(mistake, kind, value, path) for mistake in error.mistakes)
            return None
        return Leaf(name, check, scope)

    def _unresolved(self, value: Any, path: KeyPath) -> Condition | None:
        if not self._asks_judge:
            self.note(
                path, "looks at the other labelers' votes, so only a rule with vote: {judge: NAME} may ask it"
            )
        elif value is not True:
            self.note(path, f"should be true, not {value!r}")
        else:
            return Unresolved()
        return None

    def _options(self, kind: type[Check], value: Any, path: KeyPath) -> dict[str, Any]:
        """Return a check's options: a plain value goes to its short form, and lists of words are looked up."""
        if not isinstance(value, Mapping):
            return self._short_options(kind, value, path)
        options = dict(value)
        later = [key for key in options if key in kind.later]
        if later:
            raise ConfigError(
                self._file.mistake((*path, key), "is not supported by this version") for key in later
            )
        sources = [key for key in ("values", "list", "file") if key in options]
        if not kind.takes_words:
            return options
        if len(sources) != 1:
            given = f", not {len(sources)}" if sources else ""
            raise ConfigError(
                [self._file.mistake(path, f"needs its words from one of values, list, file{given}")]
            )
        if is_template(options.get("values")):
            return options
        if "list" in options:
            options["values"] = self._lists.named(options.pop("list"), (*path, "list"))
        elif "file" in options:
            options["values"] = self._lists.from_file(options.pop("file"), (*path, "file"))
        else:
            options["values"] = self._lists.given(options["values"], (*path, "values"))
        return options

    def _short_options(self, kind: type[Check], value: Any, path: KeyPath) -> dict[str, Any]:
        if kind.takes_words and kind.short and not is_template(value):
            return {kind.short: self._lists.given(value, path)}
        if kind.short:
            return {kind.short: value}
        if value is True or value is None:
            return {}
        name = path[-1]
        remedy = f"write {{not: {{{name}: true}}}}" if value is False else f"write {name}: {{option: value}}"
        raise ConfigError([self._file.mistake(path, f"should be true or options, not {value!r}; {remedy}")])

    def note(self, path: KeyPath, message: str) -> None:
        """Note a mistake at a key path of the file."""
        self.mistakes.append(self._file.mistake(path, message))


def _not_a_check(name: str) -> str:
    if name in NOT_HERE:
        return f"{name!r} {NOT_HERE[name]}"
    return f"unknown check {name!r}{did_you_mean(name, [*CHECKS, *COMPOSITIONS])}"


def _as_written(mistake: Mistake, kind: type[Check], value: Any, path: KeyPath) -> Mistake:
    """Return the mistake without the option's name where the user used the short form and did not write it."""
    short_key = format_key((*path, kind.short or ""))
    if isinstance(value, Mapping) or mistake.key != short_key:
        return mistake
    return Mistake(mistake.file, mistake.line, format_key(path), mistake.message)
