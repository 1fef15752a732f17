"""Fetches what annotators did since the last pull: new, changed and withdrawn annotations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kto_data.labelers.humans.client import Filter, Studio
from kto_data.labelers.humans.ledger import DELETED, SENT, Ledger
from kto_data.labelers.humans.push import project_of
from kto_data.labelers.humans.verdict import as_time, microseconds, read_annotation
from kto_data.runs.progress import Progress, Silent

REREAD_S = 5
"""A change is dated when it is made and seen when it is committed, so what is younger is read again."""

_FIELDS = (
    "id", "result", "completed_by", "updated_by", "was_cancelled", "lead_time", "created_at", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull found; counts are of annotations unless they say otherwise.

    Attributes:
        n_new: Not seen before.
        n_changed: Seen before, and changed since.
        n_withdrawn: Deleted on the server.
        n_invalid: Those of the new and changed ones that hold no decision.
        n_foreign: On tasks that are none of ours.
        n_deleted_tasks: Tasks of ours that were deleted on the server since the last pull.
        n_tasks: Tasks that were fetched.
    """

    n_new: int = 0
    n_changed: int = 0
    n_withdrawn: int = 0
    n_invalid: int = 0
    n_foreign: int = 0
    n_deleted_tasks: int = 0
    n_tasks: int = 0

    def __add__(self, other: "Pulled") -> "Pulled":
        return Pulled(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def pull(ledger: Ledger, studio: Studio, *, progress: Progress | None = None) -> Pulled:
    """Bring the ledger up to date with the server.

    A page is noted as a whole, and the moment up to which everything is known moves on at the end, so
    a pull that is interrupted is repeated without harm.

    Raises:
        UnavailableError: The server failed.
        GoneError: A project was deleted; what was pulled stays.
    """
    users: dict[int, str] = {}
    total = Pulled()
    for project in ledger.projects():
        total += _pull_project(ledger, studio, project, users, progress or Silent())
    return total


def _pull_project(
    ledger: Ledger, studio: Studio, known: Any, users: dict[int, str], progress: Progress
) -> Pulled:
    kind, number = known["kind"], known["id"]
    project = project_of(ledger, studio, known)
    next_cursor = _next_cursor(
        studio, number
    )  # asked first: what changes while we read is read again next time
    filters: list[Filter] = []
    if known["cursor"] is not None:
        filters = [("tasks:updated_at", "greater_or_equal", "Datetime", as_time(known["cursor"]))]
    total = Pulled()
    for page in studio.tasks(number, include=("id", "updated_at"), annotations=_FIELDS, filters=filters):
        total += _note_page(ledger, studio, kind, page, users)
        progress.advanced(len(page))
    n_sent = ledger.count("SELECT count(*) FROM items WHERE kind = ? AND state = ?", [kind, SENT])
    if project.n_tasks < n_sent:
        total += Pulled(n_deleted_tasks=_note_deleted(ledger, studio, kind, number))
    if next_cursor is not None:
        ledger.db.execute("UPDATE projects SET cursor = ? WHERE kind = ?", [next_cursor, kind])
    return total


def _next_cursor(studio: Studio, number: int) -> int | None:
    """Return from which moment on the next pull has to read; None in a project without tasks."""
    newest = studio.newest_change(number)
    if newest is None:
        return None
    at = microseconds(newest)
    settled = studio.connection.answered_at * 1_000_000 - at > REREAD_S * 1_000_000
    return at + 1 if settled else at - REREAD_S * 1_000_000


def _note_page(
    ledger: Ledger, studio: Studio, kind: str, tasks: Sequence[Mapping[str, Any]], users: dict[int, str]
) -> Pulled:
    ours = _external_ids(ledger, kind, [task["id"] for task in tasks])
    if any(task["id"] not in ours and task["annotations"] for task in tasks):
        ours |= _second_copies(ledger, studio, kind, [task["id"] for task in tasks if task["id"] not in ours])
    total = Pulled(n_tasks=len(tasks))
    with ledger.transaction():
        for task in tasks:
            if task["id"] in ours:
                total += _note_task(ledger, studio, kind, ours[task["id"]], task, users)
            else:
                total += Pulled(n_foreign=len(task["annotations"]))
    return total


def _external_ids(ledger: Ledger, kind: str, tasks: Sequence[int]) -> dict[int, str]:
    marks = ", ".join("?" * len(tasks))
    query = f"SELECT task, external_id FROM items WHERE kind = ? AND task IN ({marks})"  # noqa: S608 - question marks
    return {row[0]: row[1] for row in ledger.rows(query, [kind, *tasks])}


def _second_copies(ledger: Ledger, studio: Studio, kind: str, tasks: Sequence[int]) -> dict[int, str]:
    """Return the ids of tasks that the ledger does not know by number but by our id: second copies of items."""
    project = ledger.project(kind)
    assert project is not None
    found: dict[int, str] = {}
    wanted: Filter = ("tasks:id", "in_list", "List", list(tasks))
    for page in studio.tasks(project["id"], include=("id", "data"), filters=[wanted]):
        found |= {task["id"]: str(task["data"].get("external_id")) for task in page}
    known = {row[0] for row in ledger.rows("SELECT external_id FROM items WHERE kind = ?", [kind])}
    return {task: one for task, one in found.items() if one in known}


def _note_task(
    ledger: Ledger,
    studio: Studio,
    kind: str,
    external_id: str,
    task: Mapping[str, Any],
    users: dict[int, str],
) -> Pulled:
    """Note a task's annotations; those of before that are no longer there were withdrawn."""
    query = "SELECT id, updated_at, withdrawn_at FROM annotations WHERE kind = ? AND external_id = ?"
    before = {row["id"]: row for row in ledger.rows(query, [kind, external_id])}
    n_new = n_changed = n_invalid = 0
    live = {annotation["id"]: annotation for annotation in task["annotations"]}
    for number, annotation in live.items():
        seen = before.get(number)
        if (
            seen is not None
            and seen["withdrawn_at"] is None
            and seen["updated_at"] == microseconds(annotation["updated_at"])
        ):
            continue
        n_new, n_changed = n_new + (seen is None), n_changed + (seen is not None)
        n_invalid += _note_annotation(ledger, studio, kind, external_id, annotation, users)
    gone = [number for number, row in before.items() if number not in live and row["withdrawn_at"] is None]
    gone = [number for number in gone if not _elsewhere(ledger, kind, number, external_id, task)]
    ledger.db.executemany(
        "UPDATE annotations SET withdrawn_at = ? WHERE kind = ? AND id = ?",
        [(microseconds(task["updated_at"]), kind, number) for number in gone],
    )
    return Pulled(n_new, n_changed, len(gone), n_invalid)


def _elsewhere(ledger: Ledger, kind: str, number: int, external_id: str, task: Mapping[str, Any]) -> bool:
    """Return whether an annotation may stand at a second copy of its item, which only that copy can tell."""
    query = "SELECT task FROM items WHERE kind = ? AND external_id = ?"
    return any(row[0] != task["id"] for row in ledger.rows(query, [kind, external_id]))


def _note_annotation(
    ledger: Ledger,
    studio: Studio,
    kind: str,
    external_id: str,
    annotation: Mapping[str, Any],
    users: dict[int, str],
) -> bool:
    said = read_annotation(annotation)
    by, edited_by = _number(annotation.get("completed_by")), _number(annotation.get("updated_by"))
    lead_time = annotation.get("lead_time")
    ledger.db.execute(
        "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        [
            kind,
            annotation["id"],
            external_id,
            _name(studio, users, by),
            said.verdict,
            ", ".join(said.reasons),
            said.comment,
            said.problem,
            float(lead_time) if lead_time is not None else None,
            microseconds(annotation["created_at"]),
            microseconds(annotation["updated_at"]),
            _name(studio, users, edited_by) if edited_by not in (None, by) else None,
        ],
    )
    return said.verdict is None


def _number(user: Any) -> int | None:
    """Return a user's number; some answers hold it, others the whole user."""
    if isinstance(user, Mapping):
        user = user.get("id")
    return None if user is None else int(user)


def _name(studio: Studio, users: dict[int, str], number: int | None) -> str:
    """Return the annotator's e-mail address: unique on a server and as stable as the account."""
    if number is None:
        return "unknown"
    if number not in users:
        users.update({user.id: user.email for user in studio.users().values()})
    return users.get(number, f"user-{number}")


def _note_deleted(ledger: Ledger, studio: Studio, kind: str, number: int) -> int:
    """Note which of our tasks are no longer there; the votes they brought stay."""
    there: set[int] = set()
    for page in studio.tasks(number, include=("id",)):
        there.update(task["id"] for task in page)
    rows: Iterator[Any] = iter(
        ledger.rows("SELECT external_id, task FROM items WHERE kind = ? AND state = ?", [kind, SENT])
    )
    gone = [row["external_id"] for row in rows if row["task"] not in there]
    ledger.mark(gone, DELETED)
    return len(gone)
