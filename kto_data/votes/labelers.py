"""Labelers: anything that votes, and how its votes count."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from kto_data.schema import LABELERS


@dataclass(frozen=True, slots=True)
class Labeler:
    """One version of a labeler; the fields are those of the `labelers` table.

    Attributes:
        name: Unique in a run: a rule's id, `thumbs`, `human:<annotator>`.
        version: A hash of the definition; a changed meaning is a new version.
        kind: rule, judge, annotator or feedback.
        mode: `vote`; `veto` fixes the label; `shadow` is counted and never votes.
        about: `content` (one vote a sample) or `event` (every occurrence may vote anew).
        weight: A factor on its evidence; None leaves it to the aggregation method.
        group: Of the labelers of one group only the strongest vote on a sample counts.
        priority: Breaks ties of weight within a group; higher is stronger.
        prior_mean: Assumed precision in [0, 1] while nothing better is known; None if not stated.
        prior_strength: How many observations that assumption is worth.
        cap: Of the rows that share the value of this column at most so many votes count.
        definition: What the labeler does, as JSON values.
    """

    name: str
    version: str
    kind: str
    mode: str = "vote"
    about: str = "content"
    weight: float | None = None
    group: str | None = None
    priority: int = 0
    prior_mean: float | None = None
    prior_strength: float | None = None
    cap: tuple[str, int] | None = None
    definition: Any = None


@dataclass(frozen=True, slots=True)
class LabelerSummary:
    """One labeler's votes. Counts are of rows; shares are of samples.

    Attributes:
        labeler: Its name.
        kind: rule, judge, annotator or feedback.
        mode: vote, veto or shadow.
        n_desirable: Votes for.
        n_undesirable: Votes against.
        n_abstain: Rows on which it said nothing, although it could have.
        n_not_applicable: Rows that it has nothing to say about.
        n_faults: Rows on which it failed.
        coverage: Share of the samples on which it votes.
        overlap: ... and on which another votes too.
        conflict: ... and on which another votes the other way.
    """

    labeler: str
    kind: str
    mode: str
    n_desirable: int
    n_undesirable: int
    n_abstain: int
    n_not_applicable: int
    n_faults: int
    coverage: float
    overlap: float
    conflict: float


def version_of(definition: Any) -> str:
    """Return 16 hex digits that stand for a labeler's definition (JSON values)."""
    text = json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return xxhash.xxh3_64_hexdigest(text.encode("utf-8"))


def to_table(labelers: Iterable[Labeler]) -> pa.Table:
    """Return labelers as a `labelers` table."""
    records = [
        {
            "labeler": labeler.name,
            "version": labeler.version,
            "kind": labeler.kind,
            "mode": labeler.mode,
            "about": labeler.about,
            "weight": labeler.weight,
            "group": labeler.group,
            "cap_per": labeler.cap[0] if labeler.cap else None,
            "cap_max": labeler.cap[1] if labeler.cap else None,
            "priority": labeler.priority,
            "prior_mean": labeler.prior_mean,
            "prior_strength": labeler.prior_strength,
            "definition": json.dumps(labeler.definition, sort_keys=True, ensure_ascii=False),
        }
        for labeler in labelers
    ]
    return pa.Table.from_pylist(records, schema=LABELERS)


def from_files(paths: Sequence[Path]) -> list[Labeler]:
    """Return the labelers of `labelers` files, in file order."""
    return [labeler for path in paths for labeler in from_table(pq.read_table(path))]


def from_table(table: pa.Table) -> list[Labeler]:
    """Return the labelers of a `labelers` table."""
    return [
        Labeler(
            name=record["labeler"],
            version=record["version"],
            kind=record["kind"],
            mode=record["mode"],
            about=record["about"],
            weight=record["weight"],
            group=record["group"],
            priority=record["priority"],
            prior_mean=record["prior_mean"],
            prior_strength=record["prior_strength"],
            cap=(record["cap_per"], record["cap_max"]) if record["cap_per"] else None,
            definition=json.loads(record["definition"]),
        )
        for record in table.to_pylist()
    ]
