"""What can go wrong with a server, before it does: settings that bias people, and that lose or expose work."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kto_data.errors import KtoDataError
from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.labeling_config import labeling_config
from kto_data.labelers.humans.ledger import MAIN, Ledger
from kto_data.labelers.humans.local_server import VERSION


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: `ok`, `note` (worth knowing) or `problem` (mend it).
        what: What was found, and what to do about it.
    """

    level: Literal["ok", "note", "problem"]
    what: str


def examine(studio: Studio, ledger: Ledger | None = None) -> list[Finding]:
    """Look at a server and, where something was sent, at our project on it."""
    findings: list[Finding] = []
    for look in (_reached, _version, _sign_up, _database):
        findings += _safely(look(studio))
    if ledger is not None and ledger.project(MAIN) is not None:
        findings += _safely(_project(studio, ledger))
    return findings


def _safely(found: Iterator[Finding]) -> list[Finding]:
    try:
        return list(found)
    except KtoDataError as error:
        return [Finding("problem", str(error))]


def _reached(studio: Studio) -> Iterator[Finding]:
    user = studio.whoami()
    yield Finding("ok", f"{studio.url} answers, and the token is that of {user.email}")
    yield Finding(
        "note",
        "the community edition has no roles: every annotator can edit and delete everybody's work. Answers that somebody "
        "else edited are counted in kto annotate report, deleted tasks in kto annotate status",
    )


def _version(studio: Studio) -> Iterator[Finding]:
    found = str(studio.connection.get("/api/version").get("release") or "unknown")
    if found == VERSION:
        yield Finding("ok", f"version {found}")
    else:
        yield Finding("note", f"version {found}; kto-data is tested against {VERSION}")


def _sign_up(studio: Studio) -> Iterator[Finding]:
    reply = studio.connection.status_of("/user/signup/")
    if reply == 200:
        yield Finding(
            "note",
            "anybody who reaches the server can sign up; start it with LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK=true",
        )
    else:
        yield Finding("ok", "nobody signs up without an invitation")


def _database(studio: Studio) -> Iterator[Finding]:
    # the API does not tell which database it has; what is known of both is worth a line
    yield Finding(
        "note",
        "with many annotators at once let the server use PostgreSQL: SQLite writes one answer at a time",
    )


def _project(studio: Studio, ledger: Ledger) -> Iterator[Finding]:
    known: Any = ledger.project(MAIN)
    project = studio.project(known["id"])
    if project.shows_predictions:
        yield Finding(
            "problem",
            f"project {project.title!r} fills in the machine's answer before the annotator has one (show_collab_predictions); "
            "switch off Annotation > Use predictions to prelabel tasks",
        )
    else:
        yield Finding("ok", f"project {project.title!r} shows nobody's answer beforehand")
    ours = {_words(labeling_config(show_suggestions=one)) for one in (False, True)}
    if _words(project.label_config) not in ours:
        yield Finding(
            "note",
            f"the labeling page of {project.title!r} was changed; a pull needs its choice `verdict` with desirable and undesirable",
        )
    if 'name="verdict"' not in project.label_config:
        yield Finding(
            "problem",
            f"the labeling page of {project.title!r} has no choice `verdict` any more, so no answer counts",
        )
    if project.overlap != known["overlap"]:
        yield Finding(
            "problem",
            f"project {project.title!r} gives a task to {project.overlap} annotators, and {known['overlap']} were asked for",
        )
    n_ours = ledger.count("SELECT count(*) FROM items WHERE kind = ? AND state = 'sent'", [MAIN])
    if project.n_tasks > n_ours:
        yield Finding(
            "note",
            f"project {project.title!r} has {project.n_tasks - n_ours:,} tasks that kto-data did not send",
        )
    elif project.n_tasks < n_ours:
        yield Finding(
            "problem",
            f"{n_ours - project.n_tasks:,} tasks were deleted on the server; kto annotate pull finds out which, and kto "
            "annotate push --restore sends them again",
        )


def _words(text: str) -> str:
    return " ".join(text.split())
