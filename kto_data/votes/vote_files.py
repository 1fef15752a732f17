"""Vote files that somebody names: wide or long, one or many, whole or damaged, with or without labelers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.schema import LABELERS, SCHEMA_VERSION
from kto_data.votes.labelers import Labeler, from_table, version_of
from kto_data.votes.pool import pool_votes
from kto_data.votes.standing import REQUIRED, literal
from kto_data.votes.table import VoteTable, as_table

_IDS = ("row_id", "sample_id")


@dataclass(frozen=True, slots=True)
class VoteFiles:
    """Checked vote files.

    Attributes:
        rule_blocks: The wide ones.
        vote_blocks: The long ones.
        labelers: Who voted: what the `labelers` files beside them say, and a plain labeler for everybody else.
        damaged: Files that could not be read, each as `name: why`.
        stale: Columns of wide files whose labelers have a newer version in a file named later.
    """

    rule_blocks: Sequence[Path]
    vote_blocks: Sequence[Path]
    labelers: Sequence[Labeler]
    damaged: tuple[str, ...] = ()
    stale: Mapping[Path, frozenset[str]] = field(default_factory=dict)

    def load(self, *, samples: Path | None = None, rows: Path | None = None) -> VoteTable:
        """Return the votes; see `load_votes`.

        Raises:
            InputError: A labeler's cap counts by a column of rows, and no rows are given.
        """
        capped = [labeler.name for labeler in self.labelers if labeler.cap]
        labelers = self.labelers
        if capped and rows is None:
            labelers = [replace(labeler, cap=None) for labeler in labelers]
        pooled = pool_votes(
            labelers,
            samples=samples,
            rule_blocks=self.rule_blocks,
            vote_blocks=self.vote_blocks,
            rows=rows,
            stale=self.stale,
        )
        votes = as_table(labelers, pooled)
        damaged = self.damaged
        if capped and rows is None:
            damaged += (
                f"the caps of {', '.join(capped)}: they count by a column of rows, which are not given",
            )
        return replace(votes, set_aside=replace(votes.set_aside, damaged=damaged))


def find_vote_files(paths: Sequence[Path]) -> VoteFiles:
    """Return the vote files of some paths: files, or folders such as a run's vote log.

    A wide file (one whole-number column a labeler) and a long one (sample_id, labeler, vote) are told apart by
    their columns. Labelers are described by `labelers.json` or `labelers-*.parquet` beside a file; of
    two versions of one labeler the file named later has the current one, in a long file the newest
    vote. Files that cannot be read (cut off, not Parquet) are set aside.

    Raises:
        InputError: Nothing readable is left, or a file holds no votes.
    """
    wide: list[Path] = []
    long: list[Path] = []
    damaged: list[str] = []
    for path in _expand(paths):
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            damaged.append(f"{path}: cut off, or not Parquet ({reason})")
            continue
        _check_schema_version(path, schema)
        if all(name in schema.names for name in REQUIRED):
            long.append(path)
        elif "sample_id" in schema.names and any(_is_vote(column) for column in schema):
            wide.append(path)
        else:
            raise InputError(
                f"{path}: no table of votes: neither long ({', '.join(REQUIRED)}) nor wide (sample_id and a column of "
                f"1, -1, 0 for each labeler); it has {', '.join(schema.names)}"
            )
    if not wide and not long:
        raise InputError("\n".join(["no readable vote file", *damaged]))
    labelers = _labelers(wide, long)
    return VoteFiles(wide, long, labelers, tuple(damaged), _stale(wide, labelers))


def _is_vote(column: pa.Field) -> bool:
    return column.name not in _IDS and pa.types.is_integer(column.type)


def _check_schema_version(path: Path, schema: pa.Schema) -> None:
    found = (schema.metadata or {}).get(b"kto_data.schema_version")
    if found is not None and found.decode() != str(SCHEMA_VERSION):
        raise InputError(
            f"{path}: has schema version {found.decode()}; this version of kto-data reads {SCHEMA_VERSION}"
        )


def _expand(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are meant, in order, each once; of a folder the blocks of its log."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [
                file
                for file in sorted(path.glob("*.parquet"))
                if not file.name.startswith((".", "labelers", "faults", "quarantined", "gold"))
            ]
            if not inside:
                raise InputError(f"{path}: no vote files (*.parquet) in this folder")
            # a folder is written over time; what was written last is the newest
            found += sorted(inside, key=lambda file: (file.stat().st_mtime_ns, file.name))
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    return list(dict.fromkeys(found))


def _labelers(wide: Sequence[Path], long: Sequence[Path]) -> list[Labeler]:
    described: dict[str, Labeler] = {}
    for path in [*wide, *long]:
        for labeler in _described(path):
            described.pop(labeler.name, None)  # the later file's version, at the later place
            described[labeler.name] = labeler
    labelers: dict[str, Labeler] = {}
    for path in wide:
        for column in pq.read_schema(path):
            if _is_vote(column):
                plain = Labeler(column.name, version_of(column.name), "rule")
                labelers[column.name] = described.get(column.name, plain)
    for name, version in _long_labelers(long):
        known = described.get(name)
        labelers[name] = known or Labeler(name, version or version_of(name), "judge")
    return list(labelers.values())


def _stale(wide: Sequence[Path], labelers: Sequence[Labeler]) -> dict[Path, frozenset[str]]:
    current = {labeler.name: labeler.version for labeler in labelers}
    older = {
        path: frozenset(
            lab.name for lab in _described(path) if current.get(lab.name, lab.version) != lab.version
        )
        & frozenset(pq.read_schema(path).names)
        for path in wide
    }
    return {path: names for path, names in older.items() if names}


def _described(path: Path) -> Iterator[Labeler]:
    """Yield the labelers that a file beside this one describes."""
    block = path.with_name(path.name.replace("rules-", "labelers-").replace("votes-", "labelers-"))
    beside = path.with_name("labelers.json")
    if block != path and block.is_file():
        yield from from_table(pq.read_table(block))
    elif beside.is_file():
        try:
            records = json.loads(beside.read_text(encoding="utf-8"))
            yield from from_table(
                pa.Table.from_pylist([_complete(record) for record in records], schema=LABELERS)
            )
        except (ValueError, TypeError, AttributeError, pa.ArrowException) as error:
            raise InputError(f"{beside}: no list of labelers as `kto label` writes it: {error}") from None


def _complete(record: dict[str, Any]) -> dict[str, Any]:
    """Return a described labeler with defaults for what a person may leave out."""
    definition = record.get("definition")
    defaults = {"version": version_of(record["labeler"]), "kind": "rule", "mode": "vote", "about": "content"}
    given = {key: value for key, value in record.items() if value is not None}
    return {
        **defaults,
        "priority": 0,
        **given,
        "definition": definition if isinstance(definition, str) else json.dumps(definition),
    }


def _long_labelers(blocks: Sequence[Path]) -> list[tuple[str, str | None]]:
    """Return the labelers of long blocks with their newest version: by date, else by the order of the files."""
    newest: dict[str, tuple[int, int, str | None]] = {}
    with duckdb.connect() as con:
        for number, block in enumerate(blocks):
            names = pq.read_schema(block).names
            version = "version" if "version" in names else "NULL"
            dated = "epoch_us(max(created_at))" if "created_at" in names else "NULL"
            found = con.execute(
                f"SELECT labeler, {version}, {dated} FROM read_parquet({literal(block)}) "  # noqa: S608 - quoted
                "WHERE labeler IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
            )
            for name, which, at in found.fetchall():
                rank = (-1 if at is None else at, number, which)
                if name not in newest or rank[:2] >= newest[name][:2]:
                    newest[name] = rank
    return [(name, newest[name][2]) for name in sorted(newest)]
