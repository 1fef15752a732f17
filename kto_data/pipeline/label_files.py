"""Rules on any readable files, without a pipeline: what `kto label` does."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.labelers.rules.engine import label_batch, missing_columns
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.rule import RuleSet
from kto_data.readers import ReadEntry, expand, read_records
from kto_data.runs.files import write_json
from kto_data.schema import FAULTS, rule_votes_schema
from kto_data.votes.labelers import from_table
from kto_data.votes.summary import LabelerSummary, summarise
from kto_data.votes.table import load_votes

_ROWS_PER_BATCH = 1024
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


def label_files(files: Sequence[str], rules: Sequence[str], output: Path) -> LabelledFiles:
    """Write the votes of rules on files, as one wide block, and beside it who voted and what failed.

    Args:
        files: Paths or globs.
        rules: Rule files or packs.
        output: The block; `labelers.json` goes beside it, and `faults.parquet` and `quarantined.parquet`
            where there is anything in them.

    Raises:
        InputError: An input cannot be read, a rule file has mistakes, or the output cannot be put there.
    """
    loaded = load_rules(rules, base=Path())
    entries = [ReadEntry(path=list(files))]
    _check_output(output, {file.path.resolve() for file in expand(entries, Path())})
    with tempfile.TemporaryDirectory(prefix=".kto-label-", dir=output.parent) as name:
        scratch = Path(name)
        counts = read_records(
            entries,
            base=Path(),
            rows_path=scratch / "rows.parquet",
            quarantined_path=scratch / "quarantined.parquet",
            advance=lambda n_rows: None,
        )
        notes = missing_columns(loaded, pq.read_schema(scratch / "rows.parquet"))
        _vote(loaded, scratch)
        blocks = {"rule_blocks": [scratch / "votes.parquet"], "vote_blocks": []}
        summaries = summarise(
            load_votes(
                from_table(loaded.labelers()),
                samples=scratch / "rows.parquet",
                rows=scratch / "rows.parquet",
                **blocks,
            ),
            n_rows=counts.n_rows,
            fault_blocks=[scratch / "faults.parquet"],
            **blocks,
        )
        written = _keep(scratch, output, loaded)
    return LabelledFiles(counts.n_rows, counts.n_quarantined, summaries, notes, written)


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


def _vote(rules: RuleSet, scratch: Path) -> None:
    faults: list[pa.Table] = []

    def voted() -> Iterator[pa.Table]:
        for batch in pq.ParquetFile(scratch / "rows.parquet").iter_batches(_ROWS_PER_BATCH):
            result = label_batch(rules, batch)
            faults.append(result.faults)
            yield result.votes

    with pq.ParquetWriter(
        scratch / "votes.parquet", rule_votes_schema(rules.ids), compression="zstd"
    ) as writer:
        for table in voted():
            writer.write_table(table)
    pq.write_table(
        pa.concat_tables([FAULTS.empty_table(), *faults]), scratch / "faults.parquet", compression="zstd"
    )


def _keep(scratch: Path, output: Path, rules: RuleSet) -> list[Path]:
    """Move what was made to its place; the votes last, so that they are never there alone."""
    labelers = output.with_name(_LABELERS)
    write_json(labelers, rules.labelers().to_pylist())
    written = [labelers]
    for name in _FAILED:
        if pq.read_metadata(scratch / name).num_rows:
            os.replace(scratch / name, output.with_name(name))
            written.append(output.with_name(name))
        else:
            output.with_name(name).unlink(missing_ok=True)  # an earlier labelling's, no longer true
    os.replace(scratch / "votes.parquet", output)
    return [output, *written]
