"""The test cases of a promptfoo configuration: from the file itself, and from the files of tests that it names."""

import csv
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.config.yaml_file import KeyPath, YamlFile, format_key, load_yaml
from kto_data.errors import InputError
from kto_data.labelers.rules.promptfoo_import.expected import assertion_of

_FILE = "file://"
_YAML = (".yaml", ".yml", ".json")
_VAR = re.compile(r"\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Left:
    """Something that was not imported.

    Attributes:
        file: The file that it stands in.
        line: Its line; 0 where the file has none.
        key: Where in the file.
        what: What it is, such as an assertion's type.
        reason: Why.
    """

    file: str
    line: int
    key: str
    what: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion and where it stands."""

    raw: Mapping[str, Any]
    file: str
    line: int
    key: str

    def left(self, reason: str) -> Left:
        """Return it as something that was not imported."""
        return Left(self.file, self.line, self.key, str(self.raw.get("type", "assertion")), reason)


@dataclass(frozen=True, slots=True)
class Case:
    """A test case.

    Attributes:
        name: What it shows.
        vars: The values of the variables.
        asserts: Its own assertions.
        threshold: The weighted share of assertions that has to pass; None for all of them.
        has_defaults: Whether the default test's assertions count too.
    """

    name: str
    vars: Mapping[str, Any]
    asserts: tuple[Assertion, ...]
    threshold: float | None = None
    has_defaults: bool = True


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration says of assertions.

    Attributes:
        name: The file.
        folder: Its folder.
        description: What it is for.
        prompts: The templates of prompts that stand in it.
        default: The default test.
        cases: The test cases.
        left: What could not be read.
    """

    name: str
    folder: Path
    description: str
    prompts: tuple[str, ...]
    default: Case
    cases: tuple[Case, ...]
    left: list[Left] = field(default_factory=list)


def read_config(path: Path) -> Config:
    """Read a promptfoo configuration and the files of tests that it names.

    Raises:
        InputError: The file cannot be read, or is no configuration.
    """
    file = load_yaml(path)
    if not isinstance(file.data, Mapping) or not {"tests", "defaultTest", "scenarios"} & set(file.data):
        raise InputError(
            f"{path}: no promptfoo configuration: it has neither tests, defaultTest nor scenarios"
        )
    reader = _Reader(file)
    default = reader.case(file, file.data.get("defaultTest") or {}, ("defaultTest",))
    cases = [
        *reader.tests(file, file.data.get("tests"), ("tests",)),
        *reader.scenarios(file.data.get("scenarios")),
    ]
    prompts = file.data.get("prompts")
    texts = (one for one in (prompts if isinstance(prompts, list) else [prompts]) if isinstance(one, str))
    return Config(
        str(path),
        file.folder,
        str(file.data.get("description") or ""),
        tuple(text for text in texts if _is_plain(text)),
        default,
        tuple(_with_defaults(case, default) for case in cases),
        reader.left,
    )


def _is_plain(prompt: str) -> bool:
    """Whether a prompt stands in the file itself and is plain text, not a file's name or a list of messages."""
    return not re.search(r"^\s*\[|^\w+://|\.(?:txt|json|ya?ml|py|js|ts|md|csv|j2)(?::\w+)?$", prompt)


def _with_defaults(case: Case, default: Case) -> Case:
    threshold = default.threshold if case.threshold is None else case.threshold
    return Case(case.name, {**default.vars, **case.vars}, case.asserts, threshold, case.has_defaults)


class _Reader:
    def __init__(self, config: YamlFile) -> None:
        self._config = config
        templates = config.data.get("assertionTemplates")
        self._templates = templates if isinstance(templates, Mapping) else {}
        self.left: list[Left] = []

    def tests(self, file: YamlFile, data: Any, path: KeyPath) -> Iterator[Case]:
        """Yield the cases of a list of tests, or of the file that stands in its place."""
        if data is None:
            return
        if not isinstance(data, list):
            yield from self._named(file, data, path)
            return
        for number, one in enumerate(data):
            at = (*path, number)
            if isinstance(one, Mapping) and ("vars" in one or "assert" in one or "description" in one):
                yield from self._expanded(self.case(file, one, at), one, file.folder)
            else:
                yield from self._named(file, one, at)

    def scenarios(self, data: Any) -> Iterator[Case]:
        """Yield each test of a scenario with each of its configurations' variables."""
        for number, one in enumerate(data if isinstance(data, list) else ()):
            path: KeyPath = ("scenarios", number)
            if not isinstance(one, Mapping):
                self._leave(self._config, path, "scenario", "should be {config, tests}")
                continue
            configs = one.get("config") if isinstance(one.get("config"), list) else [{}]
            for case in self.tests(self._config, one.get("tests"), (*path, "tests")):
                for config in configs or [{}]:
                    given = config.get("vars") if isinstance(config, Mapping) else None
                    values = {**(given if isinstance(given, Mapping) else {}), **case.vars}
                    yield Case(case.name, values, case.asserts, case.threshold, case.has_defaults)

    def case(self, file: YamlFile, data: Any, path: KeyPath) -> Case:
        """Return one test case."""
        if not isinstance(data, Mapping):
            self._leave(file, path, "test", "should be a mapping with vars and assert")
            return Case("", {}, ())
        options = data.get("options") if isinstance(data.get("options"), Mapping) else {}
        asserts = data.get("assert")
        read = [
            self._assertion(file, one, (*path, "assert", number))
            for number, one in enumerate(asserts if isinstance(asserts, list) else ())
        ]
        threshold = data.get("threshold")
        for key in ("transform", "postprocess"):
            if key in data or key in (options or {}):
                self._leave(
                    file, path, key, "is code of another language: the assertions look at the output as it is"
                )
        given = data.get("vars")
        return Case(
            str(data.get("description") or ""),
            given if isinstance(given, Mapping) else {},
            tuple(one for one in read if one),
            float(threshold)
            if isinstance(threshold, int | float) and not isinstance(threshold, bool)
            else None,
            not (options or {}).get("disableDefaultAsserts", False),
        )

    def _assertion(self, file: YamlFile, data: Any, path: KeyPath) -> Assertion | None:
        if isinstance(data, Mapping) and isinstance(data.get("$ref"), str):
            name = data["$ref"].rpartition("/")[2]
            if name not in self._templates:
                self._leave(file, path, "$ref", f"there is no assertion template {name!r}")
                return None
            data = {**self._templates[name], **{key: value for key, value in data.items() if key != "$ref"}}
        if isinstance(data, str):
            data = assertion_of(data)
        if not isinstance(data, Mapping):
            self._leave(file, path, "assertion", "should be a mapping with a type")
            return None
        return Assertion(data, file.name, file.line_of(path), format_key(path))

    def _expanded(self, case: Case, data: Mapping[str, Any], folder: Path) -> Iterator[Case]:
        """Yield a case once for each combination of the values of variables that are lists."""
        options = data.get("options")
        whole = isinstance(options, Mapping) and options.get("disableVarExpansion")
        choices = [
            [
                (name, _read_var(one, folder))
                for one in (value if isinstance(value, list) and not whole else [value])
            ]
            for name, value in case.vars.items()
        ]
        for combination in itertools.product(*choices):
            yield Case(case.name, dict(combination), case.asserts, case.threshold, case.has_defaults)

    def _named(self, file: YamlFile, data: Any, path: KeyPath) -> Iterator[Case]:
        """Yield the cases of a file of tests."""
        name = data.get("path") if isinstance(data, Mapping) else data
        if not isinstance(name, str):
            self._leave(file, path, "tests", "should be a list of tests, or the name of a file of them")
            return
        name = name.removeprefix(_FILE)
        if re.match(r"^\w+:(//|$)", name) or Path(name).suffix.lower() not in (*_YAML, ".jsonl", ".csv"):
            self._leave(file, path, name, "is made by code or by a service: write its tests into a file")
            return
        found = (
            sorted(file.folder.glob(name)) if any(char in name for char in "*?[") else [file.folder / name]
        )
        if not found:
            self._leave(file, path, name, "no file matches")
        for one in found:
            try:
                yield from self._file(one, _shown_name(one, self._config.folder))
            except (InputError, OSError, ValueError) as error:
                self._leave(file, path, name, f"cannot be read: {error}")

    def _file(self, path: Path, name: str) -> Iterator[Case]:
        if path.suffix.lower() in _YAML:
            file = load_yaml(path, name=name)
            yield from self.tests(file, file.data if isinstance(file.data, list) else [file.data], ())
            return
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".jsonl":
            for number, line in enumerate(text.splitlines()):
                if line.strip():
                    file = YamlFile(name, path.parent, [json.loads(line)], (number + 1, {}))
                    yield from self.tests(file, file.data, ())
            return
        rows = csv.DictReader(text.splitlines(keepends=True))
        for record in rows:
            yield self._csv_case(name, rows.line_num, record)

    def _csv_case(self, name: str, line: int, record: Mapping[str | None, Any]) -> Case:
        """Return a row of a table: variables, and `__expected`, `__expected2`, ... as assertions in a line."""
        asserts, values = [], {}
        metric = record.get("__metric")
        for key, value in record.items():
            if key is None or value is None:
                continue
            if key.startswith("__expected"):
                if value.strip():
                    raw = assertion_of(value) | ({"metric": metric} if metric else {})
                    asserts.append(Assertion(raw, name, line, key))
            elif not key.startswith("__"):
                values[key] = value
        threshold = record.get("__threshold")
        return Case(
            str(record.get("__description") or ""),
            values,
            tuple(asserts),
            float(threshold) if threshold else None,
        )

    def _leave(self, file: YamlFile, path: KeyPath, what: str, reason: str) -> None:
        self.left.append(Left(file.name, file.line_of(path), format_key(path), what, reason))


def _shown_name(path: Path, folder: Path) -> str:
    """Return a file as messages call it: relative to the configuration's folder where it lies inside."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _read_var(value: Any, folder: Path) -> Any:
    if isinstance(value, str) and value.startswith(_FILE):
        path = folder / value.removeprefix(_FILE)
        if path.suffix in (".txt", ".md", ".html"):
            return path.read_text(encoding="utf-8").strip()
    return value


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return plain data with `{{name}}` replaced by variables in all of its texts.

    Raises:
        LookupError: A text holds more than names of variables, or a name that none has.
    """
    if isinstance(value, Mapping):
        return {key: fill(one, variables) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [fill(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        found: Any = variables
        for part in match[1].split("."):
            if not isinstance(found, Mapping) or part not in found:
                raise LookupError(f"there is no variable {match[1]!r}")
            found = found[part]
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    filled = _VAR.sub(put, value)
    if "{%" in value or "{{" in _VAR.sub("", value):
        raise LookupError("a template with filters or blocks")
    return filled


def has_variables(value: Any) -> bool:
    """Return whether plain data has a template in one of its texts."""
    return "{{" in json.dumps(value, default=str) or "{%" in json.dumps(value, default=str)
