"""The same without a server: a batch as a file to fill in, and the filled-in file as votes."""

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from kto_data.errors import InputError, did_you_mean
from kto_data.labelers.humans.ledger import MAIN, SENT, WAITING, Ledger
from kto_data.labelers.humans.verdict import SKIP, VOTE_OF
from kto_data.runs.files import write_text

Format = Literal["csv", "jsonl"]

COLUMNS = ("external_id", "messages", "completion", "annotator", "verdict", "reasons", "comment")
"""The first three are ours and stay as they are; annotators fill in the others."""

_SHORT = {"d": "desirable", "u": "undesirable", "s": SKIP, "": None}
# a spreadsheet takes a cell that begins like this for a formula, and runs it
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_items(ledger: Ledger, path: Path, kind: Format, batch: str) -> int:
    """Write the items of a batch, and return their number.

    In a CSV file a cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    everything = [*ledger.to_send(MAIN, WAITING), *ledger.to_send(MAIN, SENT)]
    items = [item for item in everything if item.batch == batch]
    if kind == "jsonl":
        records = [
            {
                **dict.fromkeys(COLUMNS, ""),
                "messages": item.data["messages"],
                "completion": item.data["completion"],
            }
            | {"external_id": item.external_id}
            for item in items
        ]
        write_text(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
        return len(records)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for item in items:
            talk = "\n\n".join(f"{one['role']}: {one['content']}" for one in item.data["messages"])
            writer.writerow(
                [item.external_id, _harmless(talk), _harmless(item.data["completion"]), "", "", "", ""]
            )
    partial.replace(path)
    return len(items)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def import_answers(ledger: Ledger, path: Path, *, annotator: str | None = None) -> dict[str, int]:
    """Take over the answers of a filled-in file; the same file again changes nothing, a corrected one supersedes.

    Args:
        ledger: The ledger that the file was exported from.
        path: CSV or JSON lines, with external_id and verdict (desirable, undesirable or skip; d, u, s will do).
        annotator: Whose answers they are where the file's column `annotator` is empty.

    Returns:
        Counts: answers, new or changed ones, lines left empty.

    Raises:
        InputError: With every line that is wrong; nothing is taken over then.
    """
    known = {row[0] for row in ledger.rows("SELECT external_id FROM items")}
    mistakes: list[str] = []
    answers: dict[tuple[str, str], tuple[str, str, str]] = {}
    n_empty = 0
    for place, record in _records(path):
        verdict = _verdict(record.get("verdict"))
        who = str(record.get("annotator") or annotator or "").strip().lower()
        one = str(record.get("external_id") or "")
        if verdict is None:
            n_empty += 1
        elif one not in known:
            mistakes.append(f"{place}: external_id: {one[:60]!r} is no item of this ledger")
        elif verdict not in VOTE_OF:
            mistakes.append(f"{place}: verdict: {verdict[:40]!r} is none{did_you_mean(verdict, VOTE_OF)}")
        elif not who:
            mistakes.append(f"{place}: annotator: nobody is named; fill in the column, or give --annotator")
        else:
            answers[one, who] = (
                verdict,
                _reasons(record.get("reasons")),
                str(record.get("comment") or "").strip(),
            )
    if mistakes:
        raise InputError("\n".join(mistakes))
    return {"n_answers": len(answers), "n_new": _note(ledger, answers), "n_empty": n_empty}


def _note(ledger: Ledger, answers: dict[tuple[str, str], tuple[str, str, str]]) -> int:
    now = time.time_ns() // 1000
    query = "SELECT id, verdict, reasons, comment FROM annotations WHERE kind = 'file' AND external_id = ? AND annotator = ?"
    n_new = 0
    with ledger.transaction() as db:
        number = int(
            db.execute("SELECT coalesce(max(id), 0) FROM annotations WHERE kind = 'file'").fetchone()[0]
        )
        for (one, who), said in answers.items():
            before = ledger.rows(query, [one, who])
            if before and tuple(before[0])[1:] == said:
                continue
            n_new += 1
            number += not before
            at = before[0]["id"] if before else number
            db.execute(
                "INSERT OR REPLACE INTO annotations VALUES ('file', ?, ?, ?, ?, ?, ?, '', NULL, ?, ?, NULL, NULL)",
                [at, one, who, *said, now, now],
            )
    return n_new


def _verdict(given: Any) -> str | None:
    text = str(given or "").strip().lower()
    return _SHORT.get(text, text)


def _reasons(given: Any) -> str:
    parts = given if isinstance(given, list) else str(given or "").split(",")
    return ", ".join(str(part).strip() for part in parts if str(part).strip())


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        # a spreadsheet puts a byte order mark in front
        with path.open(encoding="utf-8-sig", newline="") as lines:
            if path.suffix == ".csv":
                csv.field_size_limit(1 << 30)
                table = csv.DictReader(lines)
                if not {"external_id", "verdict"} <= set(table.fieldnames or ()):
                    raise InputError(
                        f"{path}:1: the columns external_id and verdict are needed; kto annotate export makes them"
                    )
                for record in table:
                    yield f"{path}:{table.line_num}", record
                return
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        raise InputError(f"{path}:{number}: not an object of external_id, verdict and more")
                    yield f"{path}:{number}", record
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as CSV UTF-8 or JSON lines") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not JSON lines ({error})") from None
