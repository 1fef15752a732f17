"""A YAML file as plain data, with the line of every key.

Loading is safe: only YAML 1.2's plain types exist, so a file cannot make objects; a key given
twice is an error; and a file that grows by aliases (an "anchor bomb") is refused. libyaml, in C, reads
the text into events; what these mean is decided here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kto_data.config.scalars import plain, tagged
from kto_data.errors import ConfigError, InputError, Mistake

KeyPath = tuple[str | int, ...]
Place = int | tuple[int, "dict[str | int, Place]"]
"""The line of a value; of a mapping or list, also the places of what is in it."""

MAX_VALUES = 1_000_000
"""Values a file may come to once aliases are expanded; far above any real rule file."""
MAX_DEPTH = 100
"""Mappings and lists inside one another; far above any real rule file."""

_NO_BREAKS = "\x85\u2028\u2029"
_REMEDIES = {
    "mapping values are not allowed": "put a text with ': ' in it into quotes, or mend the indentation",
    "could not find expected ':'": "a text over several lines has to be further in than its key, or in quotes",
    "did not find expected '-' indicator": "mend the indentation: what belongs to an entry begins below its first key",
    "did not find expected key": "mend the indentation, or put the whole text into quotes",
    "any token": "put a text that begins with this character into quotes",
    "unknown escape character": "in double quotes a backslash is written twice; use single quotes for patterns",
}
_CONTAINER_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq")}
_Parser: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the latter where libyaml is not: the same events, slowly


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A loaded file.

    Attributes:
        name: The file as the user named it.
        folder: The folder that paths inside the file are relative to.
        data: Its content: dicts with string keys, lists, and scalars.
        place: Where it stands, from line 1.
    """

    name: str
    folder: Path
    data: Any
    place: Place = field(default=1, repr=False)

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key path, or of its nearest ancestor that the file has."""
        place = self.place
        for part in path:
            if isinstance(place, int) or part not in place[1]:
                break
            place = place[1][part]
        return place if isinstance(place, int) else place[0]

    def mistake(self, path: KeyPath, message: str) -> Mistake:
        """Return a mistake at a key path of this file."""
        return Mistake(self.name, self.line_of(path), format_key(path), message)


def format_key(path: KeyPath) -> str:
    """Return a key path as people write it.

    >>> format_key(("rules", 2, "match", "regex"))
    'rules[2].match.regex'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def load_yaml(path: Path, *, name: str | None = None) -> YamlFile:
    """Load a YAML file.

    Args:
        path: The file.
        name: What messages call it; the path by default.

    Raises:
        InputError: The file is missing, a folder, or not UTF-8 text.
        ConfigError: It is not YAML, or has a duplicate key, a tag or too many values.
    """
    shown = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{shown}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{shown}: is a folder, not a YAML file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{shown}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror}") from None
    return parse_yaml(text, name=shown, folder=path.parent)


def parse_yaml(text: str, *, name: str, folder: Path) -> YamlFile:
    r"""Parse YAML text; like `load_yaml` but for its source.

    >>> file = parse_yaml("a: 1\nb:\n  - x\n", name="t.yaml", folder=Path())
    >>> file.data, file.line_of(("b", 0))
    ({'a': 1, 'b': ['x']}, 3)
    """
    text = text.removeprefix("\ufeff")
    hidden = _stand_ins(text)
    table = {ord(char): stand_in for char, stand_in in hidden.items()}
    builder = _Builder(name, {ord(stand_in): char for char, stand_in in hidden.items()})
    try:
        data, place = builder.document(_Parser(text.translate(table) if table else text))
    except (yaml.YAMLError, ValueError) as error:
        line, problem = _explained(error, text)
        raise ConfigError(
            [*builder.mistakes, Mistake(name, line, "", f"not valid YAML: {problem}")]
        ) from None
    if builder.mistakes:
        raise ConfigError(builder.mistakes)
    return YamlFile(name, folder, data, place)


def _stand_ins(text: str) -> dict[str, str]:
    """Return the characters of a text that libyaml takes for line ends and YAML 1.2 does not, each with an unused one."""
    found = [char for char in _NO_BREAKS if char in text]
    unused = (chr(code) for code in range(0xE000, 0xF900) if chr(code) not in text) if found else iter(())
    return dict(zip(found, unused, strict=False))


def _explained(error: Exception, text: str) -> tuple[int, str]:
    """Return the line at which libyaml gave up, 0 if it does not tell, and why."""
    if isinstance(error, yaml.reader.ReaderError):
        before = text.encode("utf-8", "replace")[: int(error.position)]
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return before.count(
            b"\n"
        ) + 1, f"the character U+{code:04X} may not stand in a file; escape it in double quotes"
    if not isinstance(error, yaml.MarkedYAMLError):
        return 0, str(error) or type(error).__name__
    in_key = error.context == "while scanning a simple key"  # noticed lines after the word that is no key
    mark = error.context_mark if in_key else error.problem_mark or error.context_mark
    if mark is None:
        return 0, str(error)
    lines = text.split("\n")
    line = min(mark.line, len(lines) - 1)  # what is missing at the end is told at the last line
    problem = str(error.problem)
    of_tab = "any token" in problem and lines[line][mark.column : mark.column + 1] == "\t"
    if of_tab or "tab character that violates indentation" in problem:
        return line + 1, "a tab is used for indentation; YAML allows only spaces"
    told = f"{problem} {error.context}" if error.context else problem
    remedy = next((remedy for part, remedy in _REMEDIES.items() if part in problem), "")
    return line + 1, f"{told}; {remedy}" if remedy else told


class _Builder:
    """Turns libyaml's events into plain data, noting lines and mistakes.

    Args:
        name: What messages call the file.
        shown: The characters of the file that others stand in for.
    """

    def __init__(self, name: str, shown: Mapping[int, str]) -> None:
        self.name = name
        self._shown: Mapping[int, str] = shown
        self.mistakes: list[Mistake] = []
        self._next: Callable[[], Any]
        self._path: list[str | int] = []
        self._n_values = 0
        self._anchors: dict[str, tuple[Any, Place, int]] = {}

    def document(self, parser: Any) -> tuple[Any, Place]:
        """Return the content of the only document, and where it stands."""
        next_event = self._next = parser.get_event
        next_event()  # the stream's start
        event = next_event()
        if isinstance(event, yaml.StreamEndEvent):
            raise ConfigError([Mistake(self.name, 1, "", "the file is empty")])
        found = self._value(next_event())
        next_event()  # the document's end
        event = next_event()
        if not isinstance(event, yaml.StreamEndEvent):
            message = "a second document begins here; a file holds one, without --- inside it"
            self._note(event.start_mark.line + 1, message)
        return found

    def _value(self, event: Any) -> tuple[Any, Place]:
        self._count(1, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before, line = self._n_values, event.start_mark.line + 1
        data: Any
        place: Place
        if isinstance(event, yaml.ScalarEvent):
            data, place = self._scalar(event), line
        else:
            data, place = self._container(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = data, place, self._n_values - before
        return data, place

    def _container(self, event: Any) -> tuple[Any, Place]:
        line = event.start_mark.line + 1
        if event.tag is not None and event.tag not in _CONTAINER_TAGS:
            self._note(line, _no_tag(event.tag))
        if len(self._path) >= MAX_DEPTH:
            message = f"more than {MAX_DEPTH} mappings and lists inside one another"
            raise ConfigError([Mistake(self.name, line, format_key(tuple(self._path[:1])), message)])
        places: dict[str | int, Place] = {}
        data = self._mapping(places) if isinstance(event, yaml.MappingStartEvent) else self._list(places)
        return data, (line, places)

    def _mapping(self, places: dict[str | int, Place]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        next_event, path = self._next, self._path
        while not isinstance(event := next_event(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = self._key(event)
            path.append("" if key is None else key)
            if twice := key in data:
                self._note(line, "the key is given twice")
            value, place = self._value(next_event())
            path.pop()
            if key is not None and not twice:
                data[key] = value
                places[key] = line if isinstance(place, int) else (line, place[1])
        return data

    def _key(self, event: Any) -> str | None:
        """Return a key as it is written, None if it is no word."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = event.value, line, 0
            return str(event.value).translate(self._shown) if self._shown else str(event.value)
        self._note(line, "a key must be a plain word or a quoted text")
        if not isinstance(event, yaml.AliasEvent):
            self._path.append("")
            self._container(event)
            self._path.pop()
        return None

    def _list(self, places: dict[str | int, Place]) -> list[Any]:
        data: list[Any] = []
        next_event, path = self._next, self._path
        while not isinstance(event := next_event(), yaml.SequenceEndEvent):
            path.append(len(data))
            value, places[len(data)] = self._value(event)
            path.pop()
            data.append(value)
        return data

    def _alias(self, event: Any) -> tuple[Any, Place]:
        """Return what an alias names: the same object, which counts as if it were written out."""
        if event.anchor not in self._anchors:
            line = event.start_mark.line + 1
            message = f"not valid YAML: nothing before is marked &{event.anchor}"
            raise ConfigError([*self.mistakes, Mistake(self.name, line, "", message)])
        data, place, n_values = self._anchors[event.anchor]
        self._count(n_values, event)
        return data, place

    def _count(self, n: int, event: Any) -> None:
        self._n_values += n
        if self._n_values > MAX_VALUES:
            line = event.start_mark.line + 1
            message = f"more than {MAX_VALUES:,} values once aliases are expanded"
            raise ConfigError([Mistake(self.name, line, format_key(tuple(self._path[:1])), message)])

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        text = event.value.translate(self._shown) if self._shown else event.value
        try:
            if tag is None:
                return plain(text) if event.implicit[0] else text
            return text if tag == "!" else tagged(tag, text)
        except KeyError:
            self._note(event.start_mark.line + 1, _no_tag(tag))
        except ValueError as error:
            self._note(event.start_mark.line + 1, f"cannot be read as a value: {error}")
        return None

    def _note(self, line: int, message: str) -> None:
        self.mistakes.append(Mistake(self.name, line, format_key(tuple(self._path)), message))


def _no_tag(tag: str) -> str:
    return f"the tag {tag} is not allowed; only plain values are"
