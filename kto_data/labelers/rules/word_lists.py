"""Lists of words: written in the rule file, or in a text file beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError, did_you_mean


class WordLists:
    """The lists of one rule file; each file is read once.

    Attributes:
        files: The text files that were read.
    """

    def __init__(self, file: YamlFile, lists: Mapping[str, Any]) -> None:
        self._file = file
        self._lists = lists
        self._read: dict[Path, tuple[str, ...]] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The text files that were read, in the order of their first use."""
        return tuple(self._read)

    def named(self, name: Any, path: KeyPath) -> tuple[str, ...]:
        """Return the list of that name; `path` is where it is asked for."""
        if name not in self._lists:
            hint = did_you_mean(str(name), self._lists) or "; the file has no `lists`"
            raise ConfigError([self._file.mistake(path, f"unknown list {name!r}{hint}")])
        return self.given(self._lists[name], ("lists", name))

    def given(self, source: Any, path: KeyPath) -> tuple[str, ...]:
        """Return the words of a list as it stands in the file at `path`: written out, or `{file: PATH}`."""
        if isinstance(source, Mapping) and set(source) == {"file"}:
            return self.from_file(source["file"], (*path, "file"))
        if not isinstance(source, list) or not source:
            raise ConfigError([self._file.mistake(path, "should be a list of texts, or {file: PATH}")])
        wrong = [index for index, word in enumerate(source) if not isinstance(word, str) or not word]
        if wrong:
            raise ConfigError(
                self._file.mistake((*path, index), f"should be a text, not {source[index]!r}; quote it")
                for index in wrong
            )
        return tuple(source)

    def from_file(self, name: Any, path: KeyPath) -> tuple[str, ...]:
        """Return the words of a UTF-8 text file: one a line, empty lines and lines that begin with # left out."""
        if not isinstance(name, str):
            raise ConfigError([self._file.mistake(path, f"should be the path of a text file, not {name!r}")])
        place = self._file.folder / name
        if place not in self._read:
            try:
                lines = place.read_text(encoding="utf-8-sig").split("\n")
            except FileNotFoundError:
                raise ConfigError([self._file.mistake(path, f"no such file: {name}")]) from None
            except (OSError, UnicodeDecodeError) as error:
                reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
                raise ConfigError([self._file.mistake(path, f"cannot read {name}: {reason}")]) from None
            words = (line.strip() for line in lines)
            self._read[place] = tuple(word for word in words if word and not word.startswith("#"))
        if not self._read[place]:
            raise ConfigError([self._file.mistake(path, f"the list file {name} has no words")])
        return self._read[place]
