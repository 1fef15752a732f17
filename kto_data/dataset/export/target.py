"""What an export target is: how a trainer wants its rows, and the settings file it needs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from kto_data.registry import Registry


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file says.

    Attributes:
        name: Of the dataset; letters, digits, dots, dashes and underscores.
        model: Of the hub, or a folder; a placeholder where the user has named none.
        desirable_weight: lambda_D.
        undesirable_weight: lambda_U.
        batch_rows: Rows of a batch per device, as the order was made for.
        max_length: In tokens.
        has_test: Whether there is a test split.
    """

    name: str
    model: str
    desirable_weight: float
    undesirable_weight: float
    batch_rows: int
    max_length: int
    has_test: bool


class Target(ABC):
    """A trainer that a dataset can be written for."""

    container: ClassVar[Literal["parquet", "jsonl", "json"]]
    """The kind of file: one of each split."""

    rows_in: ClassVar[str] = "."
    """The folder of the rows, in the exported one."""

    command: ClassVar[str]
    """How to start the training in the exported folder."""

    @abstractmethod
    def record(self, row: Mapping[str, Any], split: str) -> dict[str, Any]:
        """Return a row as the trainer reads it.

        Args:
            row: With `prompt`, `completion` (message lists without null fields), `label`, `p_desirable`, `sample_id`.
            split: `train` or `test`.

        Raises:
            ValueError: The trainer cannot express such a conversation; the message says why.
        """

    @abstractmethod
    def settings(self, settings: Settings) -> dict[str, str]:
        """Return the settings files: their names and texts."""


TARGETS: Registry[type[Target]] = Registry(
    "export target", package="kto_data.dataset.export", group="kto_data.export"
)
"""The trainers by the names that `kto export --to` calls them."""


def yaml_lines(comment: str, values: Mapping[str, Any]) -> str:
    """Return a flat YAML file with a comment on top; texts are quoted as JSON, which YAML reads.

    >>> print(yaml_lines("why", {"beta": 0.1, "model": "a b", "bf16": True}), end="")
    # why
    beta: 0.1
    model: "a b"
    bf16: true
    """
    import json

    lines = [f"# {line}" for line in comment.splitlines()]
    lines += [f"{key}: {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
