"""What we ask of a Label Studio server: projects, users, tasks.

The SDK's listing ends without a word at a 404, reads ten times slower than need be, and ignores `only_annotated`: tasks are
listed here, by keyset, and a 404 is an error.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kto_data.labelers.humans.connection import Connection, UnclearError

PAGE = 1000
"""Tasks in a page: 100 take twice as long, more gain nothing."""
IDS_PER_LOOKUP = 500
"""Ids in one look-up; they travel in the address, which must stay below 64 kB."""

Filter = tuple[str, str, str, Any]
"""A column such as `tasks:id`, an operator, a type, and a value."""
NO_TASK: Filter = ("tasks:id", "greater", "Number", 2**31 - 1)
"""Holds of none."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project on the server.

    Attributes:
        id: Its number there.
        title: Its title; 3 to 50 characters.
        label_config: The page that annotators see, as XML.
        overlap: How many annotators the queue gives each task to.
        n_tasks: Its tasks.
        shows_predictions: Annotators start with the machine's answer filled in.
        n_predictions: Machine's answers that somebody sent; we never do.
    """

    id: int
    title: str
    label_config: str
    overlap: int
    n_tasks: int
    shows_predictions: bool
    n_predictions: int


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in; `email` is unique on a server."""

    id: int
    email: str
    username: str


class Studio:
    """A Label Studio server, asked through a connection that is closed with it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.url = connection.url
        self._sdk = connection.sdk

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- people and settings ----------------------------------------------------------------------

    def whoami(self) -> User:
        """Return whose token it is."""
        return _user(self.connection.read(self._sdk.users.whoami))

    def users(self) -> dict[int, User]:
        """Return everybody on the server, by number."""
        return {user.id: user for user in map(_user, self.connection.read(self._sdk.users.list))}

    # -- projects ---------------------------------------------------------------------------------

    def find_projects(self, title: str) -> list[Project]:
        """Return the projects that have exactly this title, the oldest first."""
        found: list[Project] = []
        page = 1
        while True:
            answer = self.connection.get(
                "/api/projects/", {"title": title, "page": page, "page_size": 100, "ordering": "id"}
            )
            found += [_project(one) for one in answer["results"] if one["title"] == title]
            if not answer.get("next"):
                return sorted(found, key=lambda project: project.id)
            page += 1

    def project(self, number: int) -> Project:
        """Return a project.

        Raises:
            GoneError: There is none with this number.
        """
        return _project(self.connection.get(f"/api/projects/{number}/"))

    def create_project(self, title: str, *, description: str, label_config: str, overlap: int) -> Project:
        """Make a project whose annotators see no predictions and no work of one another."""
        made = self.connection.call(
            lambda: self._sdk.projects.create(
                title=title,
                description=description,
                label_config=label_config,
                maximum_annotations=overlap,
                show_collab_predictions=False,
                sampling="Uniform sampling",
                show_skip_button=True,
                enable_empty_annotation=False,
            )
        )
        return self.project(int(made.id))

    def update_project(self, number: int, **changes: Any) -> None:
        """Change settings of a project."""
        self.connection.call(lambda: self._sdk.projects.update(number, **changes))

    # -- tasks ------------------------------------------------------------------------------------

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add tasks and return their numbers, in order; all of them are added or none.

        Raises:
            UnclearError: The reply was lost; they may be there.
        """
        done = self.connection.call(
            lambda: self._sdk.projects.import_tasks(
                project,
                request=list(tasks),
                return_task_ids=True,
                commit_to_project=True,
                request_options={"timeout_in_seconds": max(300, int(self.connection.timeout_s))},
            )
        )
        numbers: list[int] = list(done.task_ids or [])
        if len(numbers) != len(tasks):
            raise UnclearError(f"{self.url}: {len(numbers)} of {len(tasks)} imported tasks were confirmed")
        return numbers

    def tasks(
        self,
        project: int,
        *,
        include: Sequence[str],
        annotations: Sequence[str] = (),
        filters: Sequence[Filter] = (),
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the tasks of a project in pages, by rising number.

        A page asks for numbers above the last one seen, so nothing is missed or doubled when tasks
        come or go meanwhile.

        Args:
            project: Its number.
            include: The fields wanted of a task.
            annotations: The fields wanted of its annotations; without any they are left out.
            filters: Conditions that all have to hold.
        """
        wanted = [*include]
        if annotations:
            # by dotted names for a server that follows `expand`, by plain ones for one that does not
            wanted += ["annotations", *annotations, *(f"annotations.{field}" for field in annotations)]
        last = 0
        while True:
            conditions = [*filters, ("tasks:id", "greater", "Number", last)]
            query = {
                "project": project,
                "page": 1,
                "page_size": PAGE,
                "fields": "all" if annotations else "task_only",
                "include": ",".join(wanted),
                # a third of the server's time: else it makes its serializer of annotations anew for each task
                "expand": "annotations" if annotations else "",
                "resolve_uri": "false",
                "query": json.dumps(
                    {
                        "ordering": ["tasks:id"],
                        "filters": {
                            "conjunction": "and",
                            "items": [
                                {"filter": f"filter:{column}", "operator": how, "type": kind, "value": value}
                                for column, how, kind, value in conditions
                            ],
                        },
                    }
                ),
            }
            page: list[dict[str, Any]] = self.connection.get("/api/tasks/", query)["tasks"]
            if page:
                yield page
                last = max(task["id"] for task in page)
            if len(page) < PAGE:
                return

    def newest_change(self, project: int) -> str | None:
        """Return when the task that was changed last was changed; None in a project without tasks."""
        query = {
            "project": project,
            "page": 1,
            "page_size": 1,
            "fields": "task_only",
            "include": "id,updated_at",
            "query": json.dumps({"ordering": ["-tasks:updated_at"]}),
        }
        newest = self.connection.get("/api/tasks/", query)["tasks"]
        return str(newest[0]["updated_at"]) if newest else None

    def look_up(self, project: int, external_ids: Sequence[str]) -> dict[str, list[int]]:
        """Return the numbers of the tasks that have our ids; one that was sent twice has two."""
        found: dict[str, list[int]] = {}
        for start in range(0, len(external_ids), IDS_PER_LOOKUP):
            chunk = list(external_ids[start : start + IDS_PER_LOOKUP])
            wanted: Filter = ("tasks:data.external_id", "in_list", "List", chunk)
            for page in self.tasks(project, include=("id", "data"), filters=[wanted]):
                for task in page:
                    found.setdefault(task["data"]["external_id"], []).append(task["id"])
        return found

    def delete_tasks(self, project: int, numbers: Sequence[int]) -> None:
        """Delete tasks."""
        for number in numbers:
            self.connection.call(partial(self._sdk.tasks.delete, str(number)))


def _user(user: Any) -> User:
    return User(int(user.id), str(user.email or user.username).lower(), str(user.username))


def _project(answer: Mapping[str, Any]) -> Project:
    return Project(
        id=int(answer["id"]),
        title=answer["title"],
        label_config=answer["label_config"],
        overlap=int(answer["maximum_annotations"]),
        n_tasks=int(answer["task_number"] or 0),
        shows_predictions=bool(answer["show_collab_predictions"]),
        n_predictions=int(answer["total_predictions_number"] or 0),
    )
