"""What is known of rows, to judge rules by: a column of the data, a gold file, or people's votes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError, did_you_mean
from kto_data.labelers.rules.fast.scopes import column_list
from kto_data.pipeline.finished import open_run
from kto_data.runs.folder import MANIFEST
from kto_data.schema import GOLD
from kto_data.votes.gold import label_of, merge_gold, read_gold, selection
from kto_data.votes.vote_files import VoteFiles, find_vote_files

_FILES = (".parquet", ".jsonl", ".json", ".csv")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Known:
    """Known labels.

    Attributes:
        gold: A `gold` table.
        said_by: Where they are from, in words.
        notes: What the user should know of them.
    """

    gold: pa.Table
    said_by: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spelling:
    """The values of a gold column that are labels besides true, false, desirable, undesirable, 1, 0 and -1."""

    desirable: tuple[str, ...] = ()
    undesirable: tuple[str, ...] = ()

    def label_of(self, value: Any) -> bool | None:
        """Return what a value says, None if it is no label."""
        if str(value) in self.desirable or str(value) in self.undesirable:
            return str(value) in self.desirable
        return label_of(value)


def from_gold(gold: str, rows: Path, spelling: Spelling) -> Known:
    """Return what a gold file, or a column of the rows such as `meta.label`, knows.

    Raises:
        InputError: There is no such file or column, or it holds no labels.
    """
    path = Path(gold)
    if path.is_file():
        return Known(read_gold([path]), str(path))
    if path.suffix in _FILES:
        raise InputError(f"{gold}: no such gold file")
    return _from_column(gold, rows, spelling)


def _from_column(name: str, rows: Path, spelling: Spelling) -> Known:
    column = name if name.startswith("meta.") else f"meta.{name}"
    meta = pq.read_schema(rows).field("meta").type
    known = [f"meta.{field.name}" for field in meta]
    if ".".join(column.split(".")[:2]) not in known:
        raise InputError(
            f"--gold {name}: neither a file nor a column of the data{did_you_mean(column, known)}"
        )
    said: dict[str, set[bool]] = {}
    unknown: Counter[str] = Counter()
    with pq.ParquetFile(rows) as parquet:
        for batch in parquet.iter_batches(4096, columns=["sample_id", "meta"], use_threads=False):
            values = column_list(batch, column)
            for sample, value in zip(batch["sample_id"].to_pylist(), values, strict=True):
                label = None if value is None else spelling.label_of(value)
                if label is not None:
                    said.setdefault(sample, set()).add(label)
                elif value is not None:
                    unknown[str(value)[:60]] += 1
    if not said:
        raise InputError(f"--gold {name}: {_no_labels(unknown)}")
    clear = {sample: labels.pop() for sample, labels in said.items() if len(labels) == 1}
    notes = []
    if unknown:
        notes.append(
            f"gold: {sum(unknown.values()):,} rows have a value that is no label ({_most(unknown)}): left out"
        )
    if len(clear) < len(said):
        notes.append(f"gold: {len(said) - len(clear):,} samples have both labels: left out")
    records = [{"sample_id": sample, "label": clear[sample], "source": column} for sample in sorted(clear)]
    return Known(pa.Table.from_pylist(records, schema=GOLD), column, tuple(notes))


def _no_labels(unknown: Counter[str]) -> str:
    if not unknown:
        return "the column is empty"
    return (
        f"its values are no labels ({_most(unknown)}); say what they mean with "
        "--desirable VALUE and --undesirable VALUE"
    )


def _most(unknown: Counter[str]) -> str:
    return ", ".join(f"{value!r}: {n:,}" for value, n in unknown.most_common(_SHOWN))


def from_votes(path: Path) -> Known:
    """Return what people said in a run, or in vote files: the majority, a reviewer's word before theirs.

    Raises:
        InputError: There are no people's votes.
    """
    if (path / MANIFEST).is_file():
        run = open_run(path)
        files = find_vote_files(run.blocks("votes")) if run.blocks("votes") else None
        gold = run.gold()
    else:
        files, gold = find_vote_files([path]), None
    people = _by_people(files) if files else []
    if gold is None and not people:
        raise InputError(f"{path}: no people's votes in it, nor gold")
    known = [] if gold is None else gold.to_pylist()
    reviewed = {record["sample_id"] for record in known}
    known += [record for record in people if record["sample_id"] not in reviewed]
    return Known(merge_gold(pa.Table.from_pylist(known, schema=GOLD)), f"people's votes in {path}")


def _by_people(files: VoteFiles) -> list[dict[str, Any]]:
    """Return the majority of people's votes on each sample, with the probability of its having been drawn."""
    names = [lab.name for lab in files.labelers if lab.kind == "annotator" or lab.name.startswith("human:")]
    if not names:
        return []
    votes = files.load()
    people = {m for m, labeler in enumerate(votes.labelers) if labeler.name in names}
    balance: Counter[int] = Counter()
    for sample, labeler, up, down in zip(
        votes.sample_V, votes.labeler_V, votes.up_V, votes.down_V, strict=True
    ):
        if int(labeler) in people:
            balance[int(sample)] += int(up > down) - int(down > up)
    drawn = _drawn(files.vote_blocks, names)
    return [
        {
            "sample_id": votes.sample_ids[sample],
            "label": sign > 0,
            "source": "annotators",
            "p_selected": drawn.get(votes.sample_ids[sample]),
        }
        for sample, sign in sorted(balance.items())
        if sign
    ]


def _drawn(blocks: Sequence[Path], names: Sequence[str]) -> dict[str, float]:
    found = selection(blocks, names)
    return (
        dict(zip(*(found[name].to_pylist() for name in ("sample_id", "p_selected")), strict=True))
        if found
        else {}
    )
