"""What `kto annotate push` and `pull` do, and the pipeline's annotators step with them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kto_data.errors import InputError
from kto_data.labelers.humans.adjudication import make_review, review_kind, review_title
from kto_data.labelers.humans.answers import agreed, disputed
from kto_data.labelers.humans.batches import make_batch, n_outstanding, open_batch, request_of
from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.files import Format, export_items, import_answers
from kto_data.labelers.humans.ledger import DELETED, MAIN, SENT, Ledger
from kto_data.labelers.humans.options import BatchOptions
from kto_data.labelers.humans.plan import plan
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import ensure_project, forget_project, send, send_again
from kto_data.labelers.humans.votes import tell, write_gold
from kto_data.pipeline.annotation import source_of, votes_folder
from kto_data.runs.progress import Progress
from kto_data.votes.log import VoteLog

GOLD_FILE = "gold.parquet"
"""In the ledger's folder: the reviewers' answers."""


@dataclass(frozen=True, slots=True)
class PushWish:
    """How a batch is pushed.

    Attributes:
        project: The project's title.
        seed: Decides the draw.
        more: Make another batch although one of the same wish is not done.
        restore: Send tasks again that were deleted on the server.
        new_project: The project is gone: make it anew.
    """

    project: str
    seed: int = 0
    more: bool = False
    restore: bool = False
    new_project: bool = False


def push_batch(
    target: Path,
    ledger: Ledger,
    studio: Studio,
    options: BatchOptions,
    wish: PushWish,
    *,
    gold: Sequence[Path] = (),
) -> dict[str, Any]:
    """Send a batch; what an interrupted push left over is sent first, and a batch that is not done is not doubled.

    Returns:
        JSON values: the batch, what was sent, notes.
    """
    notes = []
    if wish.new_project:
        notes.append(f"{forget_project(ledger):,} unanswered items go to a new project")
    project = ensure_project(
        ledger, studio, wish.project, overlap=options.overlap, show_suggestions=options.show_suggestions
    )
    if wish.restore:
        notes.append(f"{send_again(ledger):,} deleted tasks are sent again")
    request = request_of(options, wish.seed)
    batch = open_batch(ledger, request)
    n_left = ledger.count(
        "SELECT count(*) FROM items WHERE kind = ? AND state NOT IN (?, ?)", [MAIN, SENT, DELETED]
    )
    if batch is not None and not wish.more:
        notes.append(
            f"batch {batch.batch} of the same options is not done yet, so no other was drawn; --more draws another"
        )
    elif n_left and not wish.more:
        notes.append(
            f"{n_left:,} items of an earlier push were left over and are sent now; the same command again draws a batch"
        )
    else:
        batch = make_batch(
            ledger,
            source_of(target, gold=[*gold, *_reviewed(ledger)]),
            options,
            n=options.budget,
            seed=wish.seed,
            request=request,
        )
        if batch is None:
            raise InputError(f"{target}: annotators were asked about every sample already")
    pushed = send(ledger, studio, project)
    name = batch.batch if batch else None
    return {
        "batch": name,
        **asdict(pushed),
        "n_items": ledger.count("SELECT count(*) FROM items WHERE batch = ?", [name]),
        "n_gold": ledger.count("SELECT count(*) FROM items WHERE batch = ? AND role = 'gold'", [name]),
        "n_outstanding": n_outstanding(ledger, project.overlap),
        "url": f"{studio.url}/projects/{project.id}",
        "notes": notes,
    }


def push_reviews(
    ledger: Ledger, studio: Studio, reviewer: str, *, show_suggestions: bool = False
) -> dict[str, Any]:
    """Send what annotators disagree on to a reviewer, in a project of the reviewer's own.

    Returns:
        JSON values: the batch, what was sent, notes.
    """
    main = ledger.project(MAIN)
    if main is None:
        raise InputError("nothing was sent to annotators yet, so there is nothing to review")
    kind = review_kind(reviewer)
    title = review_title(main["title"], reviewer)
    project = ensure_project(ledger, studio, title, overlap=1, show_suggestions=show_suggestions, kind=kind)
    batch = make_review(ledger, disputed(ledger), reviewer)
    pushed = send(ledger, studio, project, kind=kind)
    notes = [] if batch else ["annotators disagree on nothing that is not under review already"]
    if reviewer.lower() not in {user.email for user in studio.users().values()}:
        notes.append(
            f"nobody on the server has the address {reviewer}; only answers of that account become gold"
        )
    return {
        "batch": batch.batch if batch else None,
        **asdict(pushed),
        "n_items": ledger.count("SELECT count(*) FROM items WHERE kind = ?", [kind]),
        "n_gold": 0,
        "n_outstanding": n_outstanding(ledger, 1, kind=kind),
        "url": f"{studio.url}/projects/{project.id}",
        "notes": notes,
    }


def plan_labels(
    target: Path,
    ledger: Ledger | None,
    *,
    cost: float,
    overlap: int,
    steps: Sequence[int],
    gold: Sequence[Path] = (),
) -> dict[str, Any]:
    """Return what the next labels would buy; see `plan`."""
    source = source_of(target, gold=[*gold, *(_reviewed(ledger) if ledger else [])])
    decided = agreed(ledger) if ledger else {}
    return plan(
        source.candidates,
        source.machine,
        decided | dict(source.gold),
        cost=cost,
        overlap=overlap,
        steps=steps,
    )


def export_batch(
    target: Path,
    ledger: Ledger,
    options: BatchOptions,
    seed: int,
    path: Path,
    kind: Format,
    *,
    gold: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write a batch as a file to fill in; the one that is not done is written again before another is drawn."""
    request = request_of(options, seed)
    batch = open_batch(ledger, request) or make_batch(
        ledger, source_of(target, gold=gold), options, n=options.budget, seed=seed, request=request
    )
    if batch is None:
        raise InputError(f"{target}: annotators were asked about every sample already")
    return {"batch": batch.batch, "n_items": export_items(ledger, path, kind, batch.batch), "file": str(path)}


def import_file(ledger: Ledger, path: Path, votes: Path, *, annotator: str | None = None) -> dict[str, Any]:
    """Take the answers of a filled-in file over into the vote log."""
    counts = import_answers(ledger, path, annotator=annotator)
    told = tell(ledger, VoteLog(votes))
    return {**counts, "n_votes": told.n_votes, "votes": str(votes)}


def pull_votes(
    ledger: Ledger, studio: Studio, votes: Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Pull, and add what is new to the vote log and to the reviewers' gold.

    Returns:
        JSON values: counts and notes.
    """
    project = ledger.project(MAIN)
    pulled = pull(ledger, studio, progress=progress)
    told = tell(ledger, VoteLog(votes))
    n_gold = write_gold(ledger, ledger.folder / GOLD_FILE)
    notes = []
    if pulled.n_invalid:
        notes.append(f"{pulled.n_invalid:,} annotations hold no verdict; they do not count")
    if pulled.n_foreign:
        notes.append(
            f"{pulled.n_foreign:,} annotations stand on tasks that kto-data did not send; they are left alone"
        )
    if pulled.n_deleted_tasks:
        notes.append(
            f"{pulled.n_deleted_tasks:,} tasks were deleted on the server; the votes that they brought stay, and kto "
            "annotate push --restore sends them again"
        )
    return {
        **asdict(pulled),
        "n_votes": told.n_votes,
        "n_outstanding": n_outstanding(ledger, int(project["overlap"])) if project else 0,
        "n_gold": n_gold,
        "votes": str(votes),
        "notes": notes,
    }


def not_counted(target: Path, ledger: Ledger) -> list[str]:
    """Return a note where the run that the votes are about does not count them."""
    project = ledger.project(MAIN)
    if project is None or not (target / "votes").is_dir() or any(target.glob("*_humans-*")):
        return []
    n_items = ledger.count("SELECT count(*) FROM items WHERE kind = ?", [MAIN])
    return [
        f"kto run does not count these votes while its pipeline has no label.humans: put `humans: {{label_studio: {{project: "
        f"{project['title']}}}, overlap: {project['overlap']}, budget: {n_items}}}` under label, and it goes on with what was sent and "
        f"answered; or decide now: kto aggregate {target / 'votes'} -o labels.parquet"
    ]


def votes_of(target: Path, ledger: Ledger, state: Path | None) -> Path:
    """Return where the votes go: to a run's own log, else beside the ledger."""
    return votes_folder(target) if target.is_dir() and state is None else ledger.folder / "votes"


def _reviewed(ledger: Ledger) -> list[Path]:
    path = ledger.folder / GOLD_FILE
    return [path] if path.is_file() else []
