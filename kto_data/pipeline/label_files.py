"""Rules on any readable files, without a pipeline: what `kto label` does."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.labelers.rules.engine import missing_columns
from kto_data.labelers.rules.fast.workers import (
    ArrowSource,
    RowsSource,
    Source,
    label_source,
    prepare_process,
    rules_read,
)
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.readers import InputFile, ReadEntry, expand, read_records
from kto_data.readers.arrow_rows import ArrowRows
from kto_data.runs.files import write_json
from kto_data.schema import FAULTS, QUARANTINED, rows_schema, rule_votes_schema
from kto_data.tables import write_parquet
from kto_data.votes.block_summary import summarise_block
from kto_data.votes.labelers import LabelerSummary, from_table

_LABELERS, _FAILED = "labelers.json", ("faults.parquet", "quarantined.parquet")
_BESIDE = (_LABELERS, *_FAILED)
"""What is written beside the votes."""


@dataclass(frozen=True, slots=True)
class LabelledFiles:
    """What came of it.

    Attributes:
        n_rows: Rows that the rules saw.
        n_quarantined: Records that could not be read.
        rules: What each rule did.
        notes: What the user should know, such as a column that a rule reads and no row has.
        files: What was written.
    """

    n_rows: int
    n_quarantined: int
    rules: Sequence[LabelerSummary]
    notes: Sequence[str]
    files: Sequence[Path]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "n_rows": self.n_rows,
            "n_quarantined": self.n_quarantined,
            "rules": [asdict(rule) for rule in self.rules],
            "notes": list(self.notes),
            "files": [str(path) for path in self.files],
        }


def label_files(
    files: ReadEntry,
    rules: Sequence[str],
    output: Path,
    *,
    workers: int | None = None,
    alone: bool = False,
) -> LabelledFiles:
    """Write the votes of rules on files, as one wide block, and beside it who voted and what failed.

    Args:
        files: The files, and how to read them.
        rules: Rule files or packs.
        output: The block; `labelers.json` goes beside it, and `faults.parquet` and `quarantined.parquet`
            where there is anything in them.
        workers: The most processes that may work; by default as many as there are processors.
        alone: Whether this process does nothing else, before or after.

    Raises:
        InputError: An input cannot be read, a rule file has mistakes, or the output cannot be put there.
    """
    loaded = load_rules(rules, base=Path())
    if alone:
        prepare_process(loaded)
    inputs = expand([files], Path(), key="")
    _check_output(output, {file.path.resolve() for file in inputs})
    workers = workers or os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix=".kto-label-", dir=output.parent) as name:
        scratch = Path(name)
        done = _label_as_it_is(loaded, inputs, workers, scratch)
        if done is None:
            done = _label_rows(loaded, files, workers, scratch)
        written = _keep(scratch, output, loaded)
    return LabelledFiles(done.n_rows, done.n_quarantined, done.summaries, done.notes, written)


@dataclass(frozen=True, slots=True)
class _Done:
    n_rows: int
    n_quarantined: int
    summaries: Sequence[LabelerSummary]
    notes: Sequence[str]


def _label_as_it_is(rules: RuleSet, inputs: Sequence[InputFile], workers: int, scratch: Path) -> _Done | None:
    """Label Parquet files of the usual shape without making a table of rows first; None if they are not."""
    reads = rules_read(rules)
    files = [ArrowRows.of(file, reads) for file in inputs] if reads is not None else [None]
    usual = tuple(file for file in files if file is not None)
    if len(usual) < len(files):
        return None
    try:
        counts = vote(rules, ArrowSource(usual), workers, scratch)
    except (pa.ArrowException, OSError):
        return None  # a damaged file: the readers say what of it is lost
    if not counts.n_rows:
        return None  # the readers say why
    meta = {name: kind for file in usual for name, kind in file.all_meta().items()}
    schema = rows_schema(pa.struct(list(meta.items())))
    summaries = summarise_block(
        from_table(rules.labelers()),
        scratch / "votes.parquet",
        n_rows=counts.n_rows,
        n_faults=counts.n_faults,
    )
    return _Done(counts.n_rows, counts.n_quarantined, summaries, missing_columns(rules, schema))


def _label_rows(rules: RuleSet, files: ReadEntry, workers: int, scratch: Path) -> _Done:
    """Read the files into a table of rows, and label that."""
    rows = scratch / "rows.parquet"
    read = read_records(
        [files],
        base=Path(),
        rows_path=rows,
        quarantined_path=scratch / "quarantined.parquet",
        quarantined_is_kept=False,
        advance=lambda n_rows: None,
    )
    counts = vote(rules, RowsSource(rows), workers, scratch)
    labelers, block = from_table(rules.labelers()), scratch / "votes.parquet"
    if any(labeler.cap for labeler in labelers):
        from kto_data.votes.summary import summarise
        from kto_data.votes.table import load_votes

        blocks = {"rule_blocks": [block], "vote_blocks": []}
        summaries = summarise(
            load_votes(labelers, samples=rows, rows=rows, **blocks),
            n_rows=read.n_rows,
            fault_blocks=[scratch / "faults.parquet"],
            **blocks,
        )
    else:
        summaries = summarise_block(labelers, block, n_rows=read.n_rows, n_faults=counts.n_faults)
    notes = missing_columns(rules, pq.read_schema(rows))
    return _Done(read.n_rows, read.n_quarantined, summaries, notes)


def _check_output(output: Path, inputs: set[Path]) -> None:
    """Make sure that writing the output and what goes beside it replaces no input.

    Raises:
        InputError: It would, or there is no such place.
    """
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a file in it, such as {output / 'votes.parquet'}")
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}; make it first")
    if output.name in _BESIDE:
        raise InputError(
            f"{output}: a file of this name is written beside the votes; name the output otherwise"
        )
    for path in (output, *(output.with_name(name) for name in _BESIDE)):
        if path.resolve() in inputs:
            raise InputError(
                f"{path}: is an input, and the output would replace it; put the output elsewhere"
            )


@dataclass(slots=True)
class VoteCounts:
    """What rules did, counted: rows and unreadable records, and the faults of each rule."""

    n_rows: int = 0
    n_quarantined: int = 0
    n_faults: Counter[str] = field(default_factory=Counter)


def vote(rules: RuleSet, source: Source, workers: int, scratch: Path) -> VoteCounts:
    """Write the votes and faults of a source, and its unreadable records if it has any."""
    counts = VoteCounts()
    with (
        pq.ParquetWriter(scratch / "faults.parquet", FAULTS, compression="zstd") as faults,
        ExitStack() as closing,
    ):
        unreadable: list[pq.ParquetWriter] = []

        def voted() -> Iterator[pa.RecordBatch]:
            for part in label_source(rules, source, workers=workers, scratch=scratch):
                if part.faults.num_rows:
                    faults.write_table(part.faults)
                    counts.n_faults.update(part.faults["labeler"].to_pylist())
                if part.quarantined:
                    if not unreadable:
                        path = scratch / "quarantined.parquet"
                        unreadable.append(
                            closing.enter_context(pq.ParquetWriter(path, QUARANTINED, compression="zstd"))
                        )
                    unreadable[0].write_table(pa.Table.from_pylist(part.quarantined, schema=QUARANTINED))
                counts.n_quarantined += len(part.quarantined)
                counts.n_rows += part.votes.num_rows
                yield from part.votes.to_batches()

        write_parquet(scratch / "votes.parquet", rule_votes_schema(rules.ids), voted())
    return counts


def _keep(scratch: Path, output: Path, rules: RuleSet) -> list[Path]:
    """Move what was made to its place; the votes last, so that they are never there alone."""
    labelers = output.with_name(_LABELERS)
    write_json(labelers, rules.labelers().to_pylist())
    written = [labelers]
    for name in _FAILED:
        if (scratch / name).exists() and pq.read_metadata(scratch / name).num_rows:
            os.replace(scratch / name, output.with_name(name))
            written.append(output.with_name(name))
        else:
            output.with_name(name).unlink(missing_ok=True)  # an earlier labelling's, no longer true
    os.replace(scratch / "votes.parquet", output)
    return [output, *written]
