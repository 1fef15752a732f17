"""Rule files by reference, with what they import, as one set of rules."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import kto_data
from kto_data.config.yaml_file import YamlFile, load_yaml
from kto_data.errors import ConfigError, InputError, Mistake, did_you_mean
from kto_data.labelers.rules.file_model import JudgeVote
from kto_data.labelers.rules.parse import ParsedFile, parse_rules
from kto_data.labelers.rules.rule import Rule, RuleSet

_BUILTIN = "builtin:"


def load_rules(refs: Sequence[str], *, base: Path) -> RuleSet:
    """Load rule files.

    Args:
        refs: `builtin:NAME` for a pack of the toolkit, else a path; `#rule-id` after it takes one rule of it.
        base: The folder that paths are relative to.

    Raises:
        ConfigError: With every mistake in every file, and every file that is missing.

    >>> load_rules(["builtin:sums"], base=Path()).ids
    ('wrong-sum',)
    """
    return load_with_files(refs, base=base)[0]


def load_with_files(refs: Sequence[str], *, base: Path) -> tuple[RuleSet, dict[str, YamlFile]]:
    """Return what `load_rules` does, and the rule files by the name that rules have them under."""
    loader = _Loader()
    rules: list[Rule] = []
    for ref in refs:
        try:
            rules += loader.load(ref, base, "")
        except InputError as error:
            loader.mistakes.append(_of_reference(ref, error))
    if loader.mistakes:
        raise ConfigError(loader.mistakes)
    unique = _unique(rules)
    asked = tuple(rule for rule in unique if isinstance(rule.vote, JudgeVote))
    voting = tuple(rule for rule in unique if rule not in asked)
    return RuleSet(voting, tuple(loader.files), asked), loader.opened()


def _of_reference(ref: str, error: InputError) -> Mistake:
    message = str(error)
    return Mistake(ref, 0, "", message.removeprefix(f"{ref}: "))


def builtin_packs() -> tuple[str, ...]:
    """Return the names of the rule packs that come with the toolkit."""
    return tuple(sorted(path.stem for path in _packs_folder().glob("*.yaml")))


def pack_description(name: str) -> str:
    """Return what a pack of the toolkit is for, in one line.

    >>> pack_description("sums").split(".")[0]
    'Outputs that state a sum which is wrong, in any language'
    """
    data = load_yaml(_packs_folder() / f"{name}.yaml").data
    return " ".join(data["description"].split())


def _packs_folder() -> Path:
    package = Path(kto_data.__file__).parent
    installed = package / "shipped" / "rules"
    return installed if installed.is_dir() else package.parent / "rules"  # the latter in a checkout


@dataclass(frozen=True, slots=True)
class _Place:
    """A file, what messages call it, and the rule of it that is asked for."""

    path: Path
    shown: str
    rule_id: str | None


def _find(ref: str, folder: Path, shown_folder: str) -> _Place:
    """Return what a reference stands for; one that begins with `builtin:` is a pack of the toolkit."""
    name, _, rule_id = ref.partition("#")
    if not name.startswith(_BUILTIN):
        return _Place(folder / name, os.path.normpath(os.path.join(shown_folder, name)), rule_id or None)
    pack = name.removeprefix(_BUILTIN)
    packs = builtin_packs()
    if pack not in packs:
        raise InputError(f"there is no rule pack {pack!r}{did_you_mean(pack, packs)}")
    path = _packs_folder() / f"{pack}.yaml"
    return _Place(path, name, rule_id or None)


class _Loader:
    """Reads each file once, and collects the mistakes of all of them."""

    def __init__(self) -> None:
        self.files: dict[Path, None] = {}  # a dict keeps their order
        self.mistakes: list[Mistake] = []
        self._parsed: dict[Path, tuple[YamlFile, ParsedFile] | None] = {}
        self._open: list[Path] = []

    def opened(self) -> dict[str, YamlFile]:
        """Return the files that could be read, by the name that messages use."""
        return {parsed[0].name: parsed[0] for parsed in self._parsed.values() if parsed}

    def load(self, ref: str, folder: Path, shown_folder: str) -> list[Rule]:
        """Return the rules that a reference stands for, those that its file imports first.

        Raises:
            InputError: The reference itself is wrong. Mistakes inside the file are collected instead.
        """
        place = _find(ref, folder, shown_folder)
        key = place.path.resolve()
        if key in self._open:
            raise InputError(f"{place.shown} imports itself")
        parsed = self._parse(key, place)
        if parsed is None:
            return []
        file, content = parsed
        self._open.append(key)
        rules = [rule for imported in self._imported(file, content) for rule in imported] + list(
            content.rules
        )
        self._open.pop()
        if place.rule_id is None:
            return rules
        chosen = [rule for rule in rules if rule.id == place.rule_id]
        if not chosen:
            known = [rule.id for rule in rules]
            raise InputError(
                f"{place.shown} has no rule {place.rule_id!r}{did_you_mean(place.rule_id, known)}"
            )
        return chosen

    def _parse(self, key: Path, place: _Place) -> tuple[YamlFile, ParsedFile] | None:
        if key in self._parsed:
            return self._parsed[key]
        self.files[place.path] = None
        try:
            file = load_yaml(place.path, name=place.shown)
            content = parse_rules(file)
        except ConfigError as error:
            self.mistakes += error.mistakes
            self._parsed[key] = None  # told once, however often the file is asked for
            return None
        self.files.update(dict.fromkeys(content.named_files))
        self._parsed[key] = (file, content)
        return file, content

    def _imported(self, file: YamlFile, content: ParsedFile) -> Iterator[list[Rule]]:
        # A pack's own files lie beside it, wherever that is, so its name says nothing about a folder.
        shown_folder = "" if file.name.startswith(_BUILTIN) else os.path.dirname(file.name)
        for index, ref in enumerate(content.imports):
            try:
                yield self.load(ref, file.folder, shown_folder)
            except InputError as error:
                self.mistakes.append(file.mistake(("imports", index), str(error)))


def _unique(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules, each once; a rule reached on two ways is one rule, two rules of one id are a mistake."""
    first: dict[str, Rule] = {}
    mistakes = []
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if other is not rule:  # a file is parsed once, so the same rule is the same object
            message = f"the id {rule.id!r} is taken by the rule at {other.file}:{other.line}"
            mistakes.append(Mistake(rule.file, rule.line, "", message))
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(first.values())
