"""The entries of a pipeline file's `read:` list."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, field_validator

from kto_data.config.validate import Options
from kto_data.errors import InputError, did_you_mean
from kto_data.readers.layouts import LAYOUTS

Key = Annotated[str, Field(min_length=1)]

AUTO = "auto"


class Columns(Options):
    """What the records call what we need; a path with dots reaches into nested objects."""

    prompt: Key = "prompt"
    """What was asked: a text, or a list of messages."""
    completion: Key = "completion"
    """What was answered: a text, or a list of messages."""
    messages: Key = "messages"
    """The whole conversation, in the format `chat`."""
    conversations: Key = "conversations"
    """The same in the format `sharegpt`."""
    system: Key = "system"
    """The system prompt, put in front of the others."""
    next_turn: Key = "next_turn"
    """What the user said next: evidence, never trained on."""
    id: Key = "id"
    """The record's own id, for row_id; the record's number where there is none."""
    conversation_id: Key = "conversation_id"
    """What the turns of one conversation have in common."""
    model: Key = "model"
    """The model that answered."""
    created_at: Key = "created_at"
    """When: ISO text, or a Unix time in seconds or milliseconds."""
    finish_reason: Key = "finish_reason"
    """Why the model stopped."""


class ReadEntry(Options):
    """Files to read, and how."""

    path: str | list[str]
    """Files or globs (`logs/**/*.jsonl.gz`), relative to the pipeline file; `$NAME` is taken from the environment."""
    format: str = AUTO
    """How a record holds the conversation: `chat`, `prompt_completion`, `sharegpt`, or `auto`, record by record."""
    source: str | None = Field(default=None, min_length=1)
    """The name in front of the row ids; by default the file's name."""
    columns: Columns = Columns()
    """What the records call what we need, where it is not our name."""

    @field_validator("path")
    @classmethod
    def _some_path(cls, path: str | list[str]) -> str | list[str]:
        if not path or not all(path):
            raise ValueError("must name a file or a glob")
        return path

    @field_validator("format")
    @classmethod
    def _known_format(cls, name: str) -> str:
        if name != AUTO and name not in LAYOUTS:
            try:
                LAYOUTS.get(name)
            except KeyError as error:
                raise ValueError(str(error.args[0])) from None
        return name

    @classmethod
    def of_files(cls, files: Sequence[str], columns: str | None = None) -> "ReadEntry":
        """Return the entry for files named on a command line.

        Args:
            files: Paths or globs.
            columns: `prompt=question,completion=answer`: what the records call what we need.

        Raises:
            InputError: One of our names is unknown, or nothing stands behind it.

        >>> ReadEntry.of_files(["a.jsonl"], "completion=output").columns.completion
        'output'
        """
        mapped = {}
        for part in (columns or "").split(","):
            name, _, key = (piece.strip() for piece in part.partition("="))
            if not part.strip():
                continue
            if name not in Columns.model_fields:
                raise InputError(
                    f"--columns {part.strip()}: there is no {name!r}{did_you_mean(name, Columns.model_fields)}"
                )
            if not key:
                raise InputError(f"--columns {part.strip()}: say what the records call it: {name}=KEY")
            mapped[name] = key
        return cls(path=list(files), columns=Columns(**mapped))

    @property
    def paths(self) -> list[str]:
        """The paths as a list."""
        return [self.path] if isinstance(self.path, str) else self.path
