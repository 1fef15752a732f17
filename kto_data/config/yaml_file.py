"""A YAML file as plain data, with the line of every key.

Loading is safe: only YAML 1.2's plain types exist, so a file cannot make objects; a key given
twice is an error; and a file that grows by aliases (an "anchor bomb") is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kto_data.errors import ConfigError, InputError, Mistake

KeyPath = tuple[str | int, ...]

MAX_VALUES = 1_000_000
"""Values a file may come to once aliases are expanded; far above any real rule file."""

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp")}
_CONTAINER_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq")}


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A loaded file.

    Attributes:
        name: The file as the user named it.
        folder: The folder that paths inside the file are relative to.
        data: Its content: dicts with string keys, lists, and scalars.
        lines: The line of each key path, from 1.
    """

    name: str
    folder: Path
    data: Any
    lines: dict[KeyPath, int] = field(repr=False)

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key path, or of its nearest ancestor that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

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
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(part) for part in (error.problem, error.context) if part)
        if "\\t" in problem:
            problem = "a tab is used for indentation; YAML allows only spaces"
        raise ConfigError(
            [Mistake(name, mark.line + 1 if mark else 0, "", f"not valid YAML: {problem}")]
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            [Mistake(name, 0, "", f"not valid YAML: {str(error) or type(error).__name__}")]
        ) from None
    if node is None:
        raise ConfigError([Mistake(name, 1, "", "the file is empty")])
    builder = _Builder(name, yaml)
    data = builder.build(node, ())
    if builder.mistakes:
        raise ConfigError(builder.mistakes)
    return YamlFile(name, folder, data, builder.lines)


class _Builder:
    """Turns YAML nodes into plain data, noting lines and mistakes."""

    def __init__(self, name: str, yaml: YAML) -> None:
        self.name = name
        self.lines: dict[KeyPath, int] = {}
        self.mistakes: list[Mistake] = []
        self._constructor = yaml.constructor
        self._n_values = 0

    def build(self, node: Node, path: KeyPath) -> Any:
        self._n_values += 1
        if self._n_values > MAX_VALUES:
            line = node.start_mark.line + 1
            message = f"more than {MAX_VALUES:,} values once aliases are expanded"
            raise ConfigError([Mistake(self.name, line, format_key(path[:1]), message)])
        self.lines.setdefault(path, node.start_mark.line + 1)
        if not isinstance(node, ScalarNode) and str(node.tag) not in _CONTAINER_TAGS:
            message = f"the tag {node.tag} is not allowed; only plain values are"
            self._note(node.start_mark.line + 1, path, message)
        if isinstance(node, MappingNode):
            return {key: self.build(value, (*path, key)) for key, value in self._pairs(node, path)}
        if isinstance(node, SequenceNode):
            return [self.build(value, (*path, index)) for index, value in enumerate(node.value)]
        return self._scalar(node, path)

    def _pairs(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[str, Node]]:
        seen: set[str] = set()
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._note(line, path, "a key must be a plain word or a quoted text")
                continue
            key = str(key_node.value)
            if key in seen:
                self._note(line, (*path, key), "the key is given twice")
                continue
            seen.add(key)
            self.lines[(*path, key)] = line
            yield key, value

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        if str(node.tag) not in _PLAIN_TAGS:
            self._note(
                node.start_mark.line + 1, path, f"the tag {node.tag} is not allowed; only plain values are"
            )
            return None
        try:
            return self._constructor.construct_object(node)
        except (YAMLError, ValueError) as error:
            self._note(node.start_mark.line + 1, path, f"cannot be read as a value: {error}")
            return None

    def _note(self, line: int, path: KeyPath, message: str) -> None:
        self.mistakes.append(Mistake(self.name, line, format_key(path), message))
