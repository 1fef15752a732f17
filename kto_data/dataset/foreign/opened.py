"""Opens a KTO dataset of any known format: a file, a folder, a dataset folder or run of ours, or an id of the hub."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.balance.selection import SELECTION
from kto_data.dataset.foreign.layouts import Output, parse
from kto_data.dataset.manifest import DatasetManifest
from kto_data.dataset.read import read_manifest
from kto_data.errors import InputError
from kto_data.readers.byte_file import BrokenStreamError
from kto_data.readers.columns import as_name, as_time
from kto_data.readers.containers import CONTAINERS, FileProblemError
from kto_data.readers.record import Defect, Unreadable
from kto_data.readers.sniff import open_file
from kto_data.readers.tables import TableWriter
from kto_data.schema import content_id, rows_schema

UNPAIR_BLOCK = 1000
"""TRL turns pairs into rows in blocks of so many: all chosen, then all rejected (`datasets.map`'s default batch)."""

_SUFFIXES = (".parquet", ".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".jsonl.gz", ".json.gz", ".csv.gz")
_NOT_DATA = {
    "manifest.json",
    "balance.json",
    "dataset_info.json",
    "croissant.json",
    "state.json",
    "report.json",
    "kto.json",
}
_TEST_WORDS = ("test", "eval", "valid", "dev", "heldout", "held_out")
_EXAMPLES = 5


@dataclass(slots=True)
class Problem:
    """Records that cannot be used, for one reason."""

    count: int = 0
    detail: str = ""
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Opened:
    """A dataset as tables.

    Attributes:
        name: As the user named it.
        rows: Parquet with `rows_schema`; row_ids are `file:record`.
        selection: Parquet with `SELECTION`, in the order that a trainer reads the rows.
        layouts: Records by layout.
        label_types: Outputs by the type of their label: bool, int, float, str.
        n_records: Records read.
        n_plain: Rows whose prompt and completion are texts, to which no trainer applies a chat template.
        problems: Records that are no row, by reason.
        manifest: Of a dataset folder of ours.
    """

    name: str
    rows: Path
    selection: Path
    layouts: Counter[str] = field(default_factory=Counter)
    label_types: Counter[str] = field(default_factory=Counter)
    n_records: int = 0
    n_rows: Counter[str] = field(default_factory=Counter)
    n_plain: int = 0
    problems: dict[str, Problem] = field(default_factory=dict)
    manifest: DatasetManifest | None = None

    def problem(self, reason: str, detail: str, place: str) -> None:
        """Count a record that cannot be used."""
        one = self.problems.setdefault(reason, Problem(detail=detail))
        one.count += 1
        if len(one.examples) < _EXAMPLES:
            one.examples.append(place)


def open_dataset(named: str, scratch: Path) -> Opened:
    """Read a dataset into two tables in `scratch`.

    Args:
        named: A file, a folder of files, a dataset folder or run folder of ours, or an id such as `owner/name`.
        scratch: An existing folder for the tables.

    Raises:
        InputError: There is no such thing, or nothing in it can be read.
        UnavailableError: It is an id of the hub, and the hub or `datasets` cannot be had.
    """
    path = Path(named)
    if not path.exists():
        from kto_data.dataset.foreign.hub import fetch

        path = fetch(named, scratch)
    if (path / "dataset" / "manifest.json").is_file():
        path = path / "dataset"
    opened = Opened(named, scratch / "rows.parquet", scratch / "selection.parquet")
    if (path / "manifest.json").is_file() and any(path.glob("*-00000.parquet")):
        opened.manifest = read_manifest(path)
        files = [(path / shard.path, str(shard.split)) for shard in opened.manifest.shards]
    else:
        files = _files(path)
    with (
        TableWriter(opened.rows, rows_schema()) as rows,
        TableWriter(opened.selection, SELECTION) as selection,
    ):
        for file, split in files:
            for row, chosen in _rows_of(file, split, opened):
                n_bytes = sum(len(message["content"]) for message in (*row["prompt"], *row["completion"]))
                rows.add(row, n_bytes + 200)
                selection.add(chosen, 200)
    if not opened.n_rows:
        listed = "; ".join(f"{reason} ({one.detail})" for reason, one in opened.problems.items())
        raise InputError(f"{named}: no row of a KTO dataset can be read{': ' + listed if listed else ''}")
    return opened


def _files(path: Path) -> list[tuple[Path, str]]:
    if path.is_file():
        return [(path, "train")]
    found = sorted(
        file
        for file in path.rglob("*")
        if file.name.endswith(_SUFFIXES)
        and file.name not in _NOT_DATA
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        raise InputError(f"{path}: holds no {', '.join(_SUFFIXES[:5])} file")
    sides = [(file, _side(str(file.relative_to(path)).casefold())) for file in found]
    alone = {side for _, side in sides} == {"test"}
    return [(file, "train" if alone else side) for file, side in sides]


def _side(name: str) -> str:
    return "test" if any(word in name for word in _TEST_WORDS) and "train" not in name else "train"


def _records(file: Path, opened: Opened) -> Iterator[Any]:
    try:
        found = open_file(file)
        if found is None:
            return
        byte_file, container = found
        yield from CONTAINERS.get(container)().records(byte_file)
    except (FileProblemError, BrokenStreamError) as problem:
        if not opened.n_records:
            raise InputError(f"{file}: {problem}") from None
        opened.problem("broken_file", str(problem), str(file))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None


def _rows_of(file: Path, split: str, opened: Opened) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the rows of a file as `rows` and `SELECTION` entries, pairs in the order that TRL trains them in."""
    waiting: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for record in _records(file, opened):
        opened.n_records += 1
        place = f"{file.name}:{record.number}"
        if isinstance(record, Unreadable):
            opened.problem(record.reason, record.detail, place)
            continue
        try:
            layout, outputs = parse(record.value)
        except Defect as defect:
            opened.problem(defect.reason, defect.detail, place)
            continue
        opened.layouts[layout] += 1
        side = str(record.value.get("split") or split) if layout == "halos" else split
        made = [
            _row(output, record.value, place, "test" if side != "train" else side, opened)
            for output in outputs
        ]
        first, *others = (one for one in made if one is not None) if any(made) else (None,)
        if first is None:
            continue
        yield _placed(first, opened)
        waiting += [other for other in others if other is not None]
        if len(waiting) >= UNPAIR_BLOCK:
            yield from (_placed(one, opened) for one in waiting)
            waiting = []
    yield from (_placed(one, opened) for one in waiting)


def _placed(
    one: tuple[dict[str, Any], dict[str, Any]], opened: Opened
) -> tuple[dict[str, Any], dict[str, Any]]:
    row, chosen = one
    chosen["position"] = opened.n_rows[chosen["split"]]
    opened.n_rows[chosen["split"]] += 1
    return row, chosen


def _row(
    output: Output, record: dict[str, Any], place: str, split: str, opened: Opened
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    kind = "missing" if output.label is None else type(output.label).__name__
    opened.label_types[kind] += 1
    if output.label not in (0, 1):  # True and False are 1 and 0
        what = "is missing" if output.label is None else f"is {str(output.label)[:40]!r}"
        opened.problem("bad_label", f"a label {what}; labels are true or false", place)
        return None
    opened.n_plain += output.plain
    names = {name: as_name(record.get(name)) for name in ("conversation_id", "model", "finish_reason")}
    row_id = f"{place}#{output.side}" if output.side else place
    row = {
        "row_id": row_id,
        "sample_id": content_id(output.prompt, output.completion),
        "prompt_id": content_id(output.prompt),
        "prompt": output.prompt,
        "completion": output.completion,
        "next_turn": None,
        "source": as_name(record.get("source")) or place.rpartition(":")[0],
        "created_at": as_time(record.get("created_at")),
        "meta": None,
        **names,
    }
    weight, p = record.get("weight"), record.get("p_desirable")
    chosen = {
        "row_id": row_id,
        "split": split,
        "label": bool(output.label),
        "weight": 1.0 if weight is None else _number(weight),
        "p_desirable": None if p is None else _number(p),
        "decided_by": as_name(record.get("decided_by")) or "given",
        "position": 0,
    }
    return row, chosen


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
