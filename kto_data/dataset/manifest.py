"""The manifest of a dataset folder: what it holds, and what it came from."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    """The order of the rows."""

    kind: str
    seed: int


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
