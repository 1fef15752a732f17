"""The log itself: answers of three models to the same prompts, with thumbs, copies and unreadable lines."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from kto_data.demo import people
from kto_data.demo.conversations import Message, Prompt, draw_prompts
from kto_data.demo.models import MODELS, Model, draw_fault
from kto_data.demo.task import Answer
from kto_data.demo.unreadable import SPOILERS, Record

_START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_N_ROWS_A_PROMPT = 4.6
_SHARE_COPIES = 0.03
_SHARE_UNREADABLE = 0.0025
_P_FINISH_REASON_LOST = 0.04
_P_FINISH_REASON_WRONG = 0.01  # a whole answer that happened to end at the limit
_P_COPY_CONTRADICTS = 0.5  # where the first one has a thumb


@dataclass(frozen=True, slots=True)
class DemoLog:
    """Where the log and its truth are, and what is in them.

    Attributes:
        log: the log, JSON lines in time order.
        truth: one JSON line for each readable row of the log: id, desirable, fault.
        n_rows: readable rows, copies included.
        n_prompts: distinct prompts.
        n_desirable: rows whose answer is good.
        n_thumbs: rows with a thumb.
        n_copies: rows made as exact copies of another row. Answers of one word or of one JSON object can be equal
            without being made so, too.
        n_unreadable: further lines of the log that are no rows.
    """

    log: Path
    truth: Path
    n_rows: int
    n_prompts: int
    n_desirable: int
    n_thumbs: int
    n_copies: int
    n_unreadable: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A row before it has its place in the log, with its truth."""

    messages: tuple[Message, ...]
    model: str
    finish_reason: str | None
    fault: str | None
    user: str = ""
    thumb: people.Thumb | None = None
    next_turn: str | None = None
    spoil: Callable[[Record], bytes] | None = None


def write_demo_log(folder: Path, *, rows: int = 2400, seed: int = 7) -> DemoLog:
    """Write ``log.jsonl`` and ``truth.jsonl`` into a folder; the same arguments give the same bytes.

    Args:
        folder: made if it is not there; files of these names are replaced.
        rows: readable rows, 20 or more.
        seed: any integer from 0.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write_demo_log(Path(folder), rows=400, seed=1)
    ...     n_lines = len(made.log.read_bytes().splitlines())
    >>> made.n_rows, made.n_copies, made.n_unreadable, n_lines
    (400, 12, 1, 401)
    """
    if rows < 20:
        raise ValueError(f"a demo log has at least 20 rows, got rows={rows}")
    rng = Random(seed)  # noqa: S311 - made-up texts, no secrets
    n_copies = round(rows * _SHARE_COPIES)
    prompts = draw_prompts(rng, round(rows / _N_ROWS_A_PROMPT))
    users = people.make_users(rng)
    first = [_react(rng, row, users) for row in _draw_answers(rng, prompts, rows - n_copies)]
    made = [*first, *_copy_some(rng, first, users, n_copies)]
    n_unreadable = int(rows * _SHARE_UNREADABLE)
    spoilt = [replace(rng.choice(first), spoil=SPOILERS[i % len(SPOILERS)]) for i in range(n_unreadable)]
    log_lines, truth_lines = _to_lines(rng, [*made, *spoilt])
    folder.mkdir(parents=True, exist_ok=True)
    return DemoLog(
        log=_write(folder / "log.jsonl", log_lines),
        truth=_write(folder / "truth.jsonl", truth_lines),
        n_rows=len(made),
        n_prompts=len(prompts),
        n_desirable=sum(row.fault is None for row in made),
        n_thumbs=sum(row.thumb is not None for row in made),
        n_copies=n_copies,
        n_unreadable=n_unreadable,
    )


def _draw_answers(rng: Random, prompts: Sequence[Prompt], n_rows: int) -> list[_Row]:
    """Answers to every prompt, each by the three models in turn; at least two, so that they can be compared."""
    asked = [i for i in range(len(prompts)) for _ in range(2)]
    asked += [rng.randrange(len(prompts)) for _ in range(n_rows - len(asked))]
    turns = [rng.sample(MODELS, len(MODELS)) for _ in prompts]
    seen: list[set[str]] = [set() for _ in prompts]
    n_given = [0] * len(prompts)
    rows: list[_Row] = []
    for i in asked:
        model = turns[i][n_given[i] % len(MODELS)]
        rows.append(_complete(rng, prompts[i], model, seen[i]))
        n_given[i] += 1
    return rows


def _complete(rng: Random, prompt: Prompt, model: Model, seen: set[str]) -> _Row:
    """A model's answer to a prompt, in a wording not yet ``seen`` if a few draws find one."""
    fault = draw_fault(rng, model, prompt.task.faults)
    write = prompt.task.good if fault is None else prompt.task.faults[fault]
    answer = write(rng)
    for _ in range(10):
        if answer.text not in seen:
            break
        answer = write(rng)
    seen.add(answer.text)
    messages = (*prompt.messages, {"role": "assistant", "content": answer.text})
    return _Row(messages, model.name, _report_finish(rng, answer), fault)


def _report_finish(rng: Random, answer: Answer) -> str | None:
    """The finish reason as logged: it is lost at times, and at times wrong, so it proves nothing alone."""
    draw = rng.random()
    if draw < _P_FINISH_REASON_LOST:
        return None
    return "length" if draw < _P_FINISH_REASON_LOST + _P_FINISH_REASON_WRONG else answer.finish_reason


def _react(rng: Random, row: _Row, users: Sequence[people.User]) -> _Row:
    """The row with its user and what the user did."""
    user, desirable = rng.choice(users), row.fault is None
    thumb = people.give_thumb(rng, user, desirable=desirable) if rng.random() < people.P_THUMB else None
    next_turn = people.say_next(rng, desirable=desirable) if rng.random() < people.P_NEXT_TURN else None
    return replace(row, user=user.id, thumb=thumb, next_turn=next_turn)


def _copy_some(rng: Random, rows: Sequence[_Row], users: Sequence[people.User], n_copies: int) -> list[_Row]:
    """Exact copies of some rows, seen by other users, some of whom think the opposite."""
    copies = []
    for row in rng.sample(rows, n_copies):
        copy = _react(rng, row, users)
        if row.thumb is not None and rng.random() < _P_COPY_CONTRADICTS:
            copy = replace(copy, thumb=people.opposite(row.thumb))
        copies.append(copy)
    return copies


def _to_lines(rng: Random, rows: Sequence[_Row]) -> tuple[list[bytes], list[bytes]]:
    """The lines of the log and of the truth. Ids and times come after the shuffling, so they tell nothing."""
    order = rng.sample(rows, len(rows))
    now = _START
    log_lines, truth_lines = [], []
    for number, row in enumerate(order, start=1):
        now += timedelta(seconds=rng.randrange(20, 900))
        record = _to_record(row, f"c-{number:06d}", now)
        if row.spoil is not None:
            log_lines.append(row.spoil(record))
            continue
        log_lines.append(_dump(record))
        truth_lines.append(_dump({"id": record["id"], "desirable": row.fault is None, "fault": row.fault}))
    return log_lines, truth_lines


def _to_record(row: _Row, row_id: str, created_at: datetime) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": row_id,
        "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "model": row.model,
        "messages": list(row.messages),
    }
    if row.finish_reason is not None:
        record["finish_reason"] = row.finish_reason
    record |= {"thumb": row.thumb, "user": row.user}
    if row.next_turn is not None:
        record["next_turn"] = row.next_turn
    return record


def _dump(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def _write(path: Path, lines: Sequence[bytes]) -> Path:
    """Write to a temporary name and rename: the path never holds half a file."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(b"".join(line + b"\n" for line in lines))
    os.replace(temporary, path)
    return path
