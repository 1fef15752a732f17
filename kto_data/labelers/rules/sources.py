"""What the checks of a rule file may use from outside it: files beside it, and functions of plugins."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError


@dataclass(slots=True)
class Sources:
    """The files and plugins that the checks of one rule file may use.

    Attributes:
        file: The rule file.
        functions: The functions of the file's `plugins`, by entry point name, each as `module:function`.
        files: The files that were read: whoever hashes these, hashes the rules.
    """

    file: YamlFile
    functions: dict[str, str] = field(default_factory=dict)
    files: dict[Path, None] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that paths in the rule file are relative to."""
        return self.file.folder

    def read_text(self, name: Any, path: KeyPath) -> str:
        """Return a UTF-8 text file that the rule file names at a key path.

        Raises:
            ConfigError: It is missing or not text, told at that key.
        """
        if not isinstance(name, str) or not name:
            raise self.mistake(path, f"should be the path of a file, not {name!r}")
        place = self.folder / name
        try:
            text = place.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise self.mistake(path, f"no such file: {name}") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise self.mistake(path, f"cannot read {name}: {reason}") from None
        self.files[place] = None
        return text

    def mistake(self, path: KeyPath, message: str) -> ConfigError:
        """Return a mistake at a key path of the rule file, to be raised."""
        return ConfigError([self.file.mistake(path, message)])
