"""The Label Studio server, as far as we use it: the one file that speaks HTTP.

Built on label-studio-sdk for authentication (legacy tokens, and personal access tokens that are refreshed),
projects, users, imports and single tasks. Where the SDK would lose or double work it is not used, or tamed:

* it sends a POST up to three times when the reply is lost, and an import that was committed is then doubled:
  `max_retries=0`; whoever imports looks up by our own id what became of it (`push`);
* its listing ends without a word at a 404, reads ten times slower than need be, and ignores `only_annotated`:
  tasks are listed here, by keyset, and a 404 is an error;
* it sends requests for 127.0.0.1 through HTTP_PROXY: loopback never goes to a proxy here.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kto_data.errors import InputError, UnavailableError

DEFAULT_TIMEOUT_S = 60.0
PAGE = 1000
"""Tasks in a page: 100 take twice as long, more gain nothing."""
IDS_PER_LOOKUP = 500
"""Ids in one look-up; they travel in the address, which must stay below 64 kB."""

_TRIES = 3
_PAUSE_S = 0.5
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

T = TypeVar("T")
Filter = tuple[str, str, str, Any]
"""A column such as `tasks:id`, an operator, a type, and a value."""


class UnclearError(UnavailableError):
    """The connection was lost while a request was under way: it may have taken effect or not."""


class GoneError(UnavailableError):
    """The project or task is not on the server (any more)."""


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
    """

    id: int
    title: str
    label_config: str
    overlap: int
    n_tasks: int
    shows_predictions: bool


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in; `email` is unique on a server."""

    id: int
    email: str
    username: str


class Studio:
    """A Label Studio server and somebody's token for it.

    Args:
        url: Such as `http://127.0.0.1:8080`.
        token: A personal access token or a legacy token.
        timeout_s: How long a request may take.

    Raises:
        UnavailableError: The SDK is not installed.
        InputError: The address or the token cannot be one.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        try:
            import httpx
            from label_studio_sdk import LabelStudio
            from label_studio_sdk.core.api_error import ApiError
        except ImportError as error:
            raise UnavailableError(
                f"talking to Label Studio needs the extra: pip install 'kto-data[label-studio]' ({error}); "
                "without a server use `kto annotate export` and `kto annotate import`"
            ) from None
        host = urlsplit(url).hostname
        if urlsplit(url).scheme not in ("http", "https") or not host:
            raise InputError(f"{url!r} is no address of a server; write it like http://127.0.0.1:8080")
        if not token or not token.isascii() or any(character.isspace() for character in token):
            raise InputError(
                "the token for Label Studio is empty or holds characters that no token has; set "
                "LABEL_STUDIO_API_KEY to the one under Account & Settings"
            )
        self.url = url.rstrip("/")
        self.answered_at = 0.0
        """The server's clock at its last answer to `get`, in seconds since 1970."""
        self._timeout_s = timeout_s
        self._http = httpx.Client(trust_env=host not in _LOOPBACK, timeout=timeout_s, follow_redirects=False)
        self._api_error: type[Exception] = ApiError
        self._http_error = httpx.HTTPError
        self._connect_errors = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        self._timeout_error = httpx.TimeoutException
        self._sdk = self._calling(
            lambda: LabelStudio(
                base_url=self.url, api_key=token, httpx_client=self._http, max_retries=0, timeout=timeout_s
            )
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- people and settings ----------------------------------------------------------------------

    def whoami(self) -> User:
        """Return whose token it is."""
        return _user(self._read(self._sdk.users.whoami))

    def users(self) -> dict[int, User]:
        """Return everybody on the server, by number."""
        return {user.id: user for user in map(_user, self._read(self._sdk.users.list))}

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON that an address of the API answers with."""
        return self._read(lambda: self._get(path, query or {}))

    def status_of(self, path: str) -> int:
        """Return how the server answers a request for a page by somebody who is not logged in."""
        return int(self._calling(lambda: self._http.get(self.url + path)).status_code)

    # -- projects ---------------------------------------------------------------------------------

    def find_projects(self, title: str) -> list[Project]:
        """Return the projects that have exactly this title, the oldest first."""
        found: list[Project] = []
        page = 1
        while True:
            answer = self.get(
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
        return _project(self.get(f"/api/projects/{number}/"))

    def create_project(self, title: str, *, description: str, label_config: str, overlap: int) -> Project:
        """Make a project whose annotators see no predictions and no work of one another."""
        made = self._calling(
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
        self._calling(lambda: self._sdk.projects.update(number, **changes))

    # -- tasks ------------------------------------------------------------------------------------

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add tasks and return their numbers, in order; all of them are added or none.

        Raises:
            UnclearError: The reply was lost; they may be there.
        """
        done = self._calling(
            lambda: self._sdk.projects.import_tasks(
                project,
                request=list(tasks),
                return_task_ids=True,
                commit_to_project=True,
                request_options={"timeout_in_seconds": max(300, int(self._timeout_s))},
            )
        )
        numbers: list[int] = list(done.task_ids or [])
        if len(numbers) != len(tasks):
            raise UnclearError(f"{self.url}: {len(numbers)} of {len(tasks)} imported tasks were confirmed")
        return numbers

    def tasks(
        self, project: int, *, include: Sequence[str], filters: Sequence[Filter] = (), texts: bool = False
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the tasks of a project in pages, by rising number.

        A page asks for numbers above the last one seen, so nothing is missed or doubled when tasks
        come or go meanwhile.

        Args:
            project: Its number.
            include: The fields wanted, those inside annotations too.
            filters: Conditions that all have to hold.
            texts: Only fields of the task itself are wanted, no annotations.
        """
        last = 0
        while True:
            conditions = [*filters, ("tasks:id", "greater", "Number", last)]
            query = {
                "project": project,
                "page": 1,
                "page_size": PAGE,
                "fields": "task_only" if texts else "all",
                "include": ",".join(include),
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
            page: list[dict[str, Any]] = self.get("/api/tasks/", query)["tasks"]
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
        newest = self.get("/api/tasks/", query)["tasks"]
        return str(newest[0]["updated_at"]) if newest else None

    def look_up(self, project: int, external_ids: Sequence[str]) -> dict[str, list[int]]:
        """Return the numbers of the tasks that have our ids; one that was sent twice has two."""
        found: dict[str, list[int]] = {}
        for start in range(0, len(external_ids), IDS_PER_LOOKUP):
            chunk = list(external_ids[start : start + IDS_PER_LOOKUP])
            wanted: Filter = ("tasks:data.external_id", "in_list", "List", chunk)
            for page in self.tasks(project, include=("id", "data"), filters=[wanted], texts=True):
                for task in page:
                    found.setdefault(task["data"]["external_id"], []).append(task["id"])
        return found

    def delete_tasks(self, project: int, numbers: Sequence[int]) -> None:
        """Delete tasks."""
        for number in numbers:
            self._calling(partial(self._sdk.tasks.delete, str(number)))

    # -- how requests fail ------------------------------------------------------------------------

    def _get(self, path: str, query: Mapping[str, Any]) -> Any:
        # the SDK's own headers: they hold the token, refreshed when it is a personal access token
        headers = self._sdk._client_wrapper.get_headers()
        reply = self._http.get(self.url + path, params=dict(query), headers=headers)
        if reply.status_code != 200:
            raise self._problem(reply.status_code, reply.text)
        if (date := reply.headers.get("date")) is not None:
            self.answered_at = parsedate_to_datetime(date).timestamp()
        if reply.content.lstrip()[:1] not in (b"{", b"["):
            raise UnavailableError(
                f"{self.url} answers, but not as a Label Studio server does; is the address right?"
            )
        return reply.json()

    def _read(self, ask: Callable[[], T]) -> T:
        """Ask again when a reply is lost or cut off: reading changes nothing on the server."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self._calling(ask)
            except UnclearError as error:
                if attempt == _TRIES:
                    raise UnavailableError(f"{error}; {_TRIES} attempts failed") from None
                time.sleep(_PAUSE_S * attempt)
        raise AssertionError("unreachable")

    def _calling(self, call: Callable[[], T]) -> T:
        """Call, and turn what can go wrong into our errors, which say what to do."""
        try:
            return call()
        except self._api_error as error:
            status, body = getattr(error, "status_code", None), getattr(error, "body", None)
            raise self._problem(status, body) from None
        except self._connect_errors as error:
            raise UnavailableError(
                f"no Label Studio server answers at {self.url} ({error}); start it (kto annotate serve starts a "
                "local one) or mend the address, and run this again: nothing is lost"
            ) from None
        except self._timeout_error:
            raise UnclearError(
                f"{self.url} did not answer within {self._timeout_s:g} s (--timeout)"
            ) from None
        except (self._http_error, json.JSONDecodeError) as error:
            raise UnclearError(f"{self.url}: the reply was cut off ({error})") from None

    def _problem(self, status: int | None, body: Any) -> Exception:
        if status in (401, 403):
            return UnavailableError(
                f"{self.url} refuses the token ({status}: {_detail(body)}); take it from Account & Settings there and "
                "set LABEL_STUDIO_API_KEY. A legacy token works only where the organisation allows it; a personal "
                "access token always does"
            )
        if status == 404:
            return GoneError(f"{self.url}: not there (404: {_detail(body)})")
        if status == 400:
            return InputError(f"{self.url} refuses the request (400): {_detail(body)}")
        if status is not None and (status >= 500 or status in (408, 429)):
            return UnclearError(f"{self.url} failed ({status}: {_detail(body)})")
        return UnavailableError(
            f"{self.url} answers, but not as a Label Studio server does ({status}); is the address right?"
        )


def _detail(body: Any) -> str:
    """Return what an error's body says, short and on one line."""
    if isinstance(body, Mapping):
        body = body.get("validation_errors") or body.get("detail") or body
    text = " ".join(str(body).split())
    return "a page of HTML" if text.startswith("<") else text[:300]


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
    )
