"""Gold: samples whose label is known to be right, from a file."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.schema import GOLD
from kto_data.votes.standing import literal

_LABELS: dict[object, bool] = {
    True: True,
    False: False,
    -1: False,
    "true": True,
    "desirable": True,
    "1": True,
    "+1": True,
    "false": False,
    "undesirable": False,
    "0": False,
    "-1": False,
}
_N_SHOWN = 20


def read_gold(paths: Sequence[Path], *, id_column: str = "sample_id") -> pa.Table:
    """Return the gold of files as one `gold` table, sorted by sample, each sample once.

    A file is Parquet, JSON lines or CSV with the columns `sample_id` and `label` (true or false,
    desirable or undesirable, 1 or 0 or -1), and perhaps `source` and `p_selected`.

    Args:
        paths: The files.
        id_column: The column that says what is meant; its values become the `sample_id`s.

    Raises:
        InputError: A file cannot be read, a line is wrong, or a sample has both labels.
    """
    records = [record for path in paths for record in _checked(path, id_column)]
    return merge_gold(pa.Table.from_pylist(records, schema=GOLD))


def merge_gold(table: pa.Table) -> pa.Table:
    """Return a `gold` table sorted, each sample once.

    Raises:
        InputError: Some samples have both labels; all of them are listed, with who says what.
    """
    said: dict[str, dict[bool, dict[str, Any]]] = {}
    for record in table.to_pylist():
        said.setdefault(record["sample_id"], {}).setdefault(record["label"], record)
    contradictory = sorted(sample for sample, labels in said.items() if len(labels) == 2)
    if contradictory:
        raise InputError(_contradictions(contradictory, said))
    merged = [next(iter(said[sample].values())) for sample in sorted(said)]
    return pa.Table.from_pylist(merged, schema=GOLD)


def _contradictions(samples: Sequence[str], said: dict[str, dict[bool, dict[str, Any]]]) -> str:
    lines = [
        f"{len(samples):,} gold {'sample has' if len(samples) == 1 else 'samples have'} both labels; "
        "decide which is right, or leave them out:"
    ]
    lines += [
        f"  {sample}: desirable ({said[sample][True]['source']}), undesirable ({said[sample][False]['source']})"
        for sample in samples[:_N_SHOWN]
    ]
    if len(samples) > _N_SHOWN:
        lines.append(f"  and {len(samples) - _N_SHOWN:,} more: {', '.join(samples[_N_SHOWN:])}")
    return "\n".join(lines)


def _checked(path: Path, id_column: str) -> Iterator[dict[str, Any]]:
    for place, record in _records(path):
        if (
            not isinstance(record, dict)
            or record.get(id_column) in (None, "")
            or record.get("label") in (None, "")
        ):
            raise InputError(f"{place}: gold needs the keys {id_column!r} and 'label', both with a value")
        given = record["label"]
        label = label_of(given)
        if label is None:
            raise InputError(
                f"{place}: label must be true or false (desirable or undesirable), not {given!r}"
            )
        yield {
            "sample_id": str(record[id_column]),
            "label": label,
            "source": str(record.get("source") or path.name),
            "p_selected": _probability(record.get("p_selected"), place),
        }


def _probability(given: object, place: str) -> float | None:
    if given is None or given == "":
        return None
    try:
        p = float(given)  # type: ignore[arg-type]  # whatever has no float value is the mistake reported below
    except (TypeError, ValueError):
        p = float("nan")
    if not 0 < p <= 1:
        raise InputError(
            f"{place}: p_selected is the probability of having been chosen, above 0 and at most 1, not {given!r}"
        )
    return p


def label_of(value: object) -> bool | None:
    """Return what a label is as it is written in files, None if it is none.

    >>> label_of("Desirable"), label_of(-1), label_of("maybe")
    (True, False, None)
    """
    try:
        return _LABELS.get(value.strip().lower() if isinstance(value, str) else value)
    except TypeError:  # a list or a mapping
        return None


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each record with its place."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            if path.suffix == ".csv":
                yield from (
                    (f"{path}:{n}", record) for n, record in enumerate(csv.DictReader(lines), start=2)
                )
            else:
                yield from _json_lines(path, lines)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; gold is Parquet, JSON lines or CSV") from None


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield f"{path}:{number}", json.loads(line)
            except ValueError:
                raise InputError(f"{path}:{number}: not a line of JSON") from None


def _parquet(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from None
    yield from ((f"{path}: record {n}", record) for n, record in enumerate(table.to_pylist(), start=1))


def known_among(gold: pa.Table, sample_ids: pa.Array) -> tuple[pa.Table, int]:
    """Return the gold on these samples, and how much of it is on others."""
    mine = gold.filter(pc.is_in(gold["sample_id"], value_set=sample_ids))
    return mine, gold.num_rows - mine.num_rows


def selection(blocks: Sequence[Path], labelers: Sequence[str]) -> pa.Table | None:
    """Return `sample_id, p_selected` of samples drawn for these labelers; None where no block says."""
    blocks = [block for block in blocks if "p_selected" in pq.read_schema(block).names]
    if not blocks:
        return None
    files = ", ".join(literal(block) for block in blocks)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE asked AS SELECT unnest(?::VARCHAR[]) AS labeler", [list(labelers)])
        return con.sql(
            f"SELECT sample_id, max(p_selected) AS p_selected FROM read_parquet([{files}]) SEMI JOIN asked "  # noqa: S608 - quoted
            "USING (labeler) WHERE p_selected > 0 AND p_selected <= 1 GROUP BY sample_id"
        ).to_arrow_table()
