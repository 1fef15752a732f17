"""The manifest of a dataset folder: what it holds, and what it came from."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kto_data.balance.order import OrderKind
from kto_data.balance.order_facts import OrderFacts, in_words
from kto_data.schema import SCHEMA_VERSION

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")


class _Part(BaseModel):
    """Read back from a file that people can edit, so it is checked; further keys are left alone."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Shard(_Part):
    """One Parquet file."""

    path: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")
    """Its name in the folder; never a path that leads elsewhere."""
    split: Split
    rows: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the file's bytes."""


class SplitCounts(_Part):
    """The rows of a split."""

    rows: int = Field(ge=0)
    desirable: int = Field(ge=0)
    undesirable: int = Field(ge=0)


class ManifestWeights(_Part):
    """The class weights to train with."""

    desirable_weight: float = Field(ge=0)
    undesirable_weight: float = Field(ge=0)
    reason: str


class Order(_Part):
    """The order of the rows, and what it is like in batches."""

    kind: str
    seed: int
    batch_rows: int | None = None
    """The batch that the order was made for; other facts are counted with it."""
    facts: dict[Split, dict[str, Any]] = {}
    """For each split the values of `balance.order_facts.OrderFacts`."""
    reason: str = ""
    """In words what holds for any `batch_rows` consecutive train rows, and what could not be had."""

    @classmethod
    def of(cls, kind: OrderKind, seed: int, facts: Mapping[str, OrderFacts]) -> "Order":
        """Return the order that such rows are in."""
        train = facts["train"]
        counted = {side: asdict(one) for side, one in facts.items()}
        return cls.model_validate(
            {
                "kind": kind,
                "seed": seed,
                "batch_rows": train.batch_rows,
                "facts": counted,
                "reason": in_words(train),
            }
        )


class DatasetManifest(_Part):
    """`manifest.json`. It is written last, so a folder without one is unfinished."""

    schema_version: int = SCHEMA_VERSION
    name: str
    shards: tuple[Shard, ...]
    """In the order of their rows."""
    counts: dict[Split, SplitCounts]
    """Both splits, an empty one with zeros."""
    weights: ManifestWeights
    order: Order
    seed: int
    lineage: dict[str, Any]
    """What the dataset follows from: hashes of inputs, steps and labelers, as the pipeline knows them."""
