"""Sends items to the server, each exactly once, whatever happened before.

An import is all or nothing, but its reply can be lost. So items are marked before they are sent and when they are
confirmed; those in between are looked up by our own id before anything is sent again.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kto_data.errors import InputError
from kto_data.labelers.humans.client import Project, Studio
from kto_data.labelers.humans.connection import GoneError, UnclearError
from kto_data.labelers.humans.labeling_config import labeling_config
from kto_data.labelers.humans.ledger import DELETED, LABEL, MAIN, REVIEW, SENDING, SENT, WAITING, Item, Ledger
from kto_data.runs.progress import Progress, Silent

TASKS_PER_IMPORT = 500
"""More gain nothing: 500 and 1000 go at the same rate."""
BYTES_PER_IMPORT = 8_000_000
"""So that one import takes about a second, also with texts of a megabyte."""
SETTLED_S = 10.0
"""An import whose client was killed can still be at work on the server; after so long it is not."""

_DESCRIPTION = (
    "Press d when the model should answer like this and u when it should not, s to skip. "
    "Start with the button Label All Tasks. Made by kto annotate push."
)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did.

    Attributes:
        n_sent: Items that it sent.
        n_found: Items in doubt that were on the server already.
        n_doubles: Second copies that it removed.
    """

    n_sent: int
    n_found: int
    n_doubles: int


def ensure_project(
    ledger: Ledger,
    studio: Studio,
    title: str,
    *,
    overlap: int,
    show_suggestions: bool = False,
    kind: str = MAIN,
) -> Project:
    """Return the project that items of a kind go to; it is made on first use, or found by its title.

    Raises:
        InputError: It has another overlap, the title is taken by a project of others, or too short or long.
        UnavailableError: It was deleted on the server.
    """
    known = ledger.project(kind)
    if known is not None:
        project = project_of(ledger, studio, known)
        if known["title"] != title:
            raise InputError(
                f"items were sent to the project {known['title']!r} before; go on there (--project), or use another "
                "--state for a second project"
            )
    else:
        project = _find_or_make(ledger, studio, title, overlap, show_suggestions, kind)
        ledger.set_project(kind, url=studio.url, number=project.id, title=title, overlap=project.overlap)
    if project.overlap != overlap:
        raise InputError(
            f"the project {title!r} gives each task to {project.overlap} annotators, and a project has one overlap "
            f"for all its tasks; leave --overlap at {project.overlap}, or use another --project and --state"
        )
    if show_suggestions != ('value="$suggestion"' in project.label_config):
        raise InputError(
            f"the page of {title!r} was made {'without' if show_suggestions else 'with'} a place for suggestions; go on as "
            "before, or use another --project and --state"
        )
    return project


def project_of(ledger: Ledger, studio: Studio, known: Any) -> Project:
    """Return a project that was there before, and note where its server is now.

    Raises:
        GoneError: It was deleted, or this is another server.
    """
    try:
        project = studio.project(known["id"])
    except GoneError:
        project = None
    # another server may have a project of this number; the same one at another address still knows the title
    if project is None or (studio.url != known["url"] and project.title != known["title"]):
        raise GoneError(
            f"the project {known['title']!r} (number {known['id']}) is not on {studio.url}: somebody deleted it, or it is "
            f"on another server ({known['url']} when it was used last). Votes that were pulled are kept; kto annotate push "
            "--new-project makes it anew and sends what is unanswered again"
        )
    ledger.db.execute("UPDATE projects SET url = ? WHERE kind = ?", [studio.url, known["kind"]])
    return project


def _find_or_make(
    ledger: Ledger, studio: Studio, title: str, overlap: int, show_suggestions: bool, kind: str
) -> Project:
    if not 3 <= len(title) <= 50:
        raise InputError(f"a project's title has 3 to 50 characters, and {title!r} has {len(title)}")
    config = labeling_config(show_suggestions=show_suggestions)
    found = studio.find_projects(title)
    if not found:
        return studio.create_project(title, description=_DESCRIPTION, label_config=config, overlap=overlap)
    project = found[0]
    if 'name="verdict"' not in project.label_config:
        raise InputError(f"{studio.url} has another project named {title!r}; choose a different --project")
    _adopt(ledger, studio, project, kind)
    return project


def _adopt(ledger: Ledger, studio: Studio, project: Project, kind: str) -> None:
    """Take over what a project holds of ours: an earlier push whose ledger was lost."""
    role = LABEL if kind == MAIN else REVIEW
    for page in studio.tasks(project.id, include=("id", "data")):
        theirs = [task for task in page if "-" in str(task["data"].get("external_id", ""))]
        items = []
        for task in theirs:
            batch, _, sample_id = task["data"]["external_id"].rpartition("-")
            item = Item(task["data"]["external_id"], batch, sample_id, "", None, "found", role, task["data"])
            items.append((item, int(task["id"])))
        ledger.adopt(items, kind)


def send(
    ledger: Ledger, studio: Studio, project: Project, *, kind: str = MAIN, progress: Progress | None = None
) -> Pushed:
    """Make the server hold every item of the ledger, each once.

    Raises:
        UnavailableError: The server failed; what is confirmed is noted, and the next call goes on there.
        GoneError: The project was deleted.
    """
    progress = progress or Silent()
    n_found, n_doubles = _settle(ledger, studio, project, kind)
    n_sent = 0
    while chunk := _next_chunk(ledger, kind):
        ids = [item.external_id for item in chunk]
        ledger.mark(ids, SENDING, at=time.time())
        try:
            tasks = studio.import_tasks(project.id, [{"data": item.data} for item in chunk])
        except UnclearError as error:
            left = ledger.count("SELECT count(*) FROM items WHERE kind = ? AND state <> ?", [kind, SENT])
            raise UnclearError(
                f"{error}. Whether the last {len(chunk)} items arrived is unknown, and {left - len(chunk)} wait; run the "
                "same command again: it looks up what arrived and sends only the rest"
            ) from None
        except (GoneError, InputError):
            ledger.mark(ids, WAITING)  # refused, so certainly not there
            raise
        ledger.mark(ids, SENT, tasks=tasks)
        n_sent += len(ids)
        progress.advanced(len(ids))
    return Pushed(n_sent, n_found, n_doubles)


def _settle(ledger: Ledger, studio: Studio, project: Project, kind: str) -> tuple[int, int]:
    """Find out what became of items in doubt; return how many had arrived, and how many had twice."""
    doubtful = ledger.to_send(kind, SENDING)
    if not doubtful:
        return 0, 0
    ids = [item.external_id for item in doubtful]
    found = studio.look_up(project.id, ids)
    age = time.time() - float(
        ledger.rows("SELECT max(sent_at) FROM items WHERE state = ?", [SENDING])[0][0] or 0.0
    )
    if len(found) < len(ids) and 0 <= age < SETTLED_S:
        time.sleep(SETTLED_S - age)
        found = studio.look_up(project.id, ids)
    doubles = [number for numbers in found.values() for number in sorted(numbers)[1:]]
    studio.delete_tasks(project.id, doubles)
    arrived = [one for one in ids if one in found]
    ledger.mark(arrived, SENT, tasks=[min(found[one]) for one in arrived])
    ledger.mark([one for one in ids if one not in found], WAITING)
    return len(arrived), len(doubles)


def _next_chunk(ledger: Ledger, kind: str) -> list[Item]:
    return list(_within_bytes(ledger.to_send(kind, WAITING, TASKS_PER_IMPORT)))


def _within_bytes(items: list[Item]) -> Iterator[Item]:
    n_bytes = 0
    for number, item in enumerate(items):
        n_bytes += len(json.dumps(item.data))
        if number and n_bytes > BYTES_PER_IMPORT:
            return
        yield item


def send_again(ledger: Ledger, *, kind: str = MAIN) -> int:
    """Mark items whose task was deleted on the server as waiting; return how many."""
    ids = [
        row[0]
        for row in ledger.rows("SELECT external_id FROM items WHERE kind = ? AND state = ?", [kind, DELETED])
    ]
    ledger.mark(ids, WAITING)
    return len(ids)


def forget_project(ledger: Ledger, *, kind: str = MAIN) -> int:
    """Forget a project that is gone: what is not fully answered waits again; return how many items."""
    rows = ledger.rows(
        "SELECT external_id FROM items i JOIN batches b USING (batch) WHERE i.kind = ? AND (SELECT count(*) FROM annotations a "
        "WHERE a.external_id = i.external_id AND withdrawn_at IS NULL AND verdict IS NOT NULL) < b.overlap",
        [kind],
    )
    with ledger.transaction() as db:
        db.execute("UPDATE items SET state = ?, task = NULL WHERE kind = ?", [DELETED, kind])
        db.executemany(
            "UPDATE items SET state = ? WHERE external_id = ?", [(WAITING, row[0]) for row in rows]
        )
        # another project numbers its annotations anew
        db.execute(
            "UPDATE annotations SET kind = kind || ' (deleted ' || ? || ')' WHERE kind = ?",
            [time.time_ns(), kind],
        )
        db.execute("DELETE FROM projects WHERE kind = ?", [kind])
    return len(rows)
