"""What can go wrong with a server, before it does: settings that bias people, and that lose or expose work.

Nothing is written to the server, so what only a written task or answer could show is said instead of tested.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import Any, Literal
from urllib.parse import urlsplit

from kto_data.errors import KtoDataError
from kto_data.labelers.humans.client import NO_TASK, Studio
from kto_data.labelers.humans.connection import LOOPBACK, GoneError
from kto_data.labelers.humans.labeling_config import labeling_config
from kto_data.labelers.humans.ledger import Ledger
from kto_data.labelers.humans.local_server import VERSION

SDK_VERSION = "2.1.2"
"""The SDK that all this is tested against."""
NO_PROJECT = 2**31 - 1
"""A number that no project has."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


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
    for look in (_reached, _token, _version, _client, _listing, _sign_up, _cannot_see):
        findings += _safely(look(studio))
    if ledger is None:
        return findings
    for known in ledger.projects():
        for look_at in (_page, _counts, _queue):
            findings += _safely(look_at(studio, ledger, known))
    return findings


def _safely(found: Iterator[Finding]) -> list[Finding]:
    try:
        return list(found)
    except KtoDataError as error:
        return [Finding("problem", str(error))]


def _reached(studio: Studio) -> Iterator[Finding]:
    user = studio.whoami()
    yield Finding("ok", f"{studio.url} answers, and the token is that of {user.email}")
    n = len(studio.users())
    yield Finding(
        "note",
        f"the community edition has no roles: each of its {n:,} user{'s' if n > 1 else ''} can edit and delete everybody's "
        "work and whole projects. Answers that somebody else edited are counted in kto annotate report, deleted tasks in "
        "kto annotate status, and votes that were pulled stay",
    )


def _token(studio: Studio) -> Iterator[Finding]:
    if studio.connection.has_personal_token:
        yield Finding("ok", "it is a personal access token, which is refreshed by itself")
        return
    allowed = studio.connection.get("/api/jwt/settings").get("legacy_api_tokens_enabled")
    if allowed:
        yield Finding("ok", "it is a legacy token, and the organization allows them")
    else:
        yield Finding(
            "note",
            "it is a legacy token, and the organization does not allow them for long; make a personal access token",
        )


def _version(studio: Studio) -> Iterator[Finding]:
    found = str(studio.connection.get("/api/version").get("release") or "unknown")
    if found == VERSION:
        yield Finding("ok", f"version {found}")
    else:
        yield Finding("note", f"version {found}; kto-data is tested against {VERSION}")
    sdk = installed_version("label-studio-sdk")
    if sdk == SDK_VERSION:
        yield Finding("ok", f"label-studio-sdk {sdk}")
    else:
        yield Finding("note", f"label-studio-sdk {sdk}; kto-data is tested against {SDK_VERSION}")


def _client(studio: Studio) -> Iterator[Finding]:
    if studio.connection.resends:
        yield Finding(
            "problem",
            "the SDK sends requests again on its own, so an import whose reply is lost is doubled; pip install "
            f"label-studio-sdk=={SDK_VERSION}",
        )
    else:
        yield Finding("ok", "no request that changes something is sent twice by itself")
    proxies = sorted(name for name in os.environ if name.lower() in _PROXIES and os.environ[name])
    if proxies and urlsplit(studio.url).hostname in LOOPBACK:
        yield Finding("ok", f"{', '.join(proxies)} is set, and is not used for this machine")
    elif proxies:
        yield Finding(
            "note",
            f"requests go through the proxy of {', '.join(proxies)}, where NO_PROXY does not say otherwise",
        )


def _listing(studio: Studio) -> Iterator[Finding]:
    """Look whether a project that is gone is told from one without tasks, and whether filters are heeded."""
    try:
        next(studio.tasks(NO_PROJECT, include=("id",)), None)
    except GoneError:
        yield Finding("ok", "a project that is gone is told from one without tasks")
    else:
        yield Finding(
            "problem",
            "a project that is gone looks like one without tasks, so a pull would not notice that it was deleted",
        )


def _cannot_see(_: Studio) -> Iterator[Finding]:
    yield Finding(
        "note",
        "not tested, as it takes writing: the server keeps any label of any answer unchecked, so kto annotate pull checks each "
        "and counts those without one verdict; an import whose reply is lost may have arrived, so kto annotate push looks up "
        "what did",
    )
    # the API does not tell which database it has; what is known of both is worth a line
    yield Finding(
        "note",
        "not visible: which database it has. With many annotators at once let it be PostgreSQL: SQLite writes one answer at a time",
    )


def _sign_up(studio: Studio) -> Iterator[Finding]:
    if not studio.connection.refuses_sign_up():
        yield Finding(
            "note",
            "anybody who reaches the server can sign up; start it with LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK=true",
        )
    else:
        yield Finding("ok", "nobody signs up without an invitation")


def _page(studio: Studio, _: Ledger, known: Any) -> Iterator[Finding]:
    """Look at what annotators see."""
    project = studio.project(known["id"])
    if project.shows_predictions:
        yield Finding(
            "problem",
            f"project {project.title!r} fills in the machine's answer before the annotator has one (show_collab_predictions); "
            "switch off Annotation > Use predictions to prelabel tasks",
        )
    else:
        yield Finding("ok", f"project {project.title!r} shows nobody's answer beforehand")
    if project.n_predictions:
        yield Finding(
            "problem",
            f"project {project.title!r} has {project.n_predictions:,} predictions, which kto-data never sends: who opens a task "
            "by its address starts with the machine's answer filled in; delete them in the Data Manager",
        )
    ours = {_words(labeling_config(show_suggestions=one)) for one in (False, True)}
    if 'name="verdict"' not in project.label_config:
        yield Finding(
            "problem",
            f"the labeling page of {project.title!r} has no choice `verdict` any more, so no answer counts",
        )
    elif _words(project.label_config) not in ours:
        yield Finding(
            "note",
            f"the labeling page of {project.title!r} was changed; a pull needs its choice `verdict` with desirable and undesirable",
        )
    if project.overlap != known["overlap"]:
        yield Finding(
            "problem",
            f"project {project.title!r} gives a task to {project.overlap} annotators, and {known['overlap']} were asked for",
        )


def _counts(studio: Studio, ledger: Ledger, known: Any) -> Iterator[Finding]:
    """Look whether the tasks there are those that were sent, and whether filters are heeded."""
    project = studio.project(known["id"])
    beyond = next(studio.tasks(project.id, include=("id",), filters=[NO_TASK]), [])
    if beyond:
        yield Finding(
            "problem",
            f"the server does not heed filters of tasks, so pulls are not incremental (version {VERSION} does)",
        )
    n_ours = ledger.count("SELECT count(*) FROM items WHERE kind = ? AND state = 'sent'", [known["kind"]])
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
    n_invalid = ledger.count(
        "SELECT count(*) FROM annotations WHERE kind = ? AND withdrawn_at IS NULL AND verdict IS NULL",
        [known["kind"]],
    )
    if n_invalid:
        yield Finding(
            "note",
            f"project {project.title!r} has {n_invalid:,} answers without one verdict; they do not count",
        )


def _queue(studio: Studio, _: Ledger, known: Any) -> Iterator[Finding]:
    """Look for tasks that the queue passes over although answers are missing."""
    fields = ("id", "is_labeled", "overlap", "total_annotations", "cancelled_annotations")
    stuck = [
        task["id"]
        for page in studio.tasks(known["id"], include=fields)
        for task in page
        if task["is_labeled"]
        and int(task["total_annotations"] or 0) + int(task["cancelled_annotations"] or 0)
        < int(task["overlap"])
    ]
    if stuck:
        yield Finding(
            "problem",
            f"{len(stuck):,} tasks of {known['title']!r} count as done with answers missing (the first is {stuck[0]}), so nobody "
            "is shown them: somebody changed `overlap` alone; setting `overlap` and `is_labeled: false` of each in one request "
            "queues them again",
        )


def _words(text: str) -> str:
    return " ".join(text.split())
