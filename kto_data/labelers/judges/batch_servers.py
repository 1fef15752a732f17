"""A provider's batches over HTTP: files of questions go up, files of answers come down, at half the price.

OpenAI's (any server with `/files` and `/batches`) and Anthropic's (`/v1/messages/batches`); see `batch_files` for the
lines. Keys are sent to the judge's own server alone, and redirects are not followed.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import aiohttp

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.judges.backends.anthropic import Anthropic
from kto_data.labelers.judges.backends.backend import HttpBackend
from kto_data.labelers.judges.backends.openai import OpenAI

_TIMEOUT_S = 600.0
_TRIES = 3
_PAGE = 100
_MOST_SAID = 1 << 16
_CLOCKS_DIFFER_S = 600.0


class LostReplyError(UnavailableError):
    """The connection was lost while a batch was made: it may have been or not."""


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a batch is.

    Attributes:
        ended: Nothing more will come.
        n_done: Questions that are answered or have failed.
        said: Why the provider refused the batch as a whole; empty if it did not.
        results: Where its results are: addresses below the server's.
    """

    ended: bool
    n_done: int = 0
    said: str = ""
    results: tuple[str, ...] = ()


class BatchServer:
    """A provider's batches; every call waits for its reply.

    Args:
        backend: The judge's server and key.
    """

    most_lines: ClassVar[int]
    most_bytes: ClassVar[int]

    def __init__(self, backend: HttpBackend) -> None:
        self.url = backend.base_url
        self._headers, self._secrets = backend.send_headers(), backend.secrets()

    def create(self, name: str, lines: Path) -> str:
        """Send a file of lines as a batch and return the provider's name for it.

        Raises:
            InputError: The provider refuses it, so it was not made.
            LostReplyError: Whether it was made is unknown.
            UnavailableError: It was not made: the server is not there, or does not accept the key.
        """
        raise NotImplementedError

    def find(self, name: str, n_lines: int, sent_at: float, known: set[str]) -> str | None:
        """Return the provider's name for a batch whose reply was lost; None if it was not made."""
        raise NotImplementedError

    def state(self, batch: str) -> BatchState:
        """Return how far a batch is."""
        raise NotImplementedError

    def download(self, path: str, into: Path) -> None:
        """Write what stands at an address below the server's into a file."""
        into.write_bytes(self._call("GET", path, raw=True))

    def _call(self, method: str, path: str, *, raw: bool = False, **content: Any) -> Any:
        """Return the JSON (or the bytes) of a reply; what only reads is tried again."""
        for attempt in range(1, _TRIES + 1):
            try:
                status, body = asyncio.run(self._send(method, self.url + path, content))
            except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
                raise UnavailableError(f"{self.url}: cannot connect ({type(error).__name__})") from None
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                problem = f"{self.url}: the reply was lost ({type(error).__name__})"
            else:
                if status < 300:
                    return body if raw else self._json(body)
                problem = f"{self.url} answers {status}: {self._said(body)}"
                if status in (401, 402, 403):
                    raise UnavailableError(problem)
                if status < 500 and status not in (408, 409, 429):
                    raise InputError(problem)
                if status == 429:  # refused, so nothing was made
                    raise UnavailableError(problem)
            if method != "GET":
                raise LostReplyError(problem)
            if attempt == _TRIES:
                raise UnavailableError(problem)
        raise AssertionError("unreachable")

    async def _send(self, method: str, url: str, content: Mapping[str, Any]) -> tuple[int, bytes]:
        headers = {name: value for name, value in self._headers.items() if name != "Content-Type"}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        sent = dict(content)
        path: Path | None = sent.pop("file", None)
        with path.open("rb") if path else nullcontext() as file:
            if file is not None and "form" in sent:
                form = aiohttp.FormData(sent.pop("form"))
                form.add_field("file", file, filename="batch.jsonl", content_type="application/jsonl")
                sent["data"] = form
            elif file is not None:
                sent["data"], headers["Content-Type"] = file, "application/json"
            async with (
                aiohttp.ClientSession(trust_env=True, timeout=timeout) as session,
                session.request(method, url, headers=headers, allow_redirects=False, **sent) as reply,
            ):
                return reply.status, await reply.read()

    def _json(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise LostReplyError(f"{self.url}: the reply is not JSON: {self._said(body)}") from None

    def _said(self, body: bytes) -> str:
        text = body[:_MOST_SAID].decode("utf-8", "replace")
        for value in self._secrets:
            text = text.replace(value, "***")
        return " ".join(text.split())[:200] or "(nothing)"


class OpenAIBatches(BatchServer):
    """`/files` and `/batches`. Our name for a batch stands in its metadata, so a lost reply is found again exactly."""

    most_lines, most_bytes = 50_000, 190_000_000

    def create(self, name: str, lines: Path) -> str:
        """Send the file, then make a batch of it."""
        try:
            sent = self._call("POST", "/files", file=lines, form={"purpose": "batch"})
        except LostReplyError as error:  # a file alone asks nothing and costs nothing
            raise UnavailableError(f"{error}; run the same command again") from None
        batch = {
            "input_file_id": sent["id"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"kto_batch": name},
        }
        return str(self._call("POST", "/batches", json=batch)["id"])

    def find(self, name: str, n_lines: int, sent_at: float, known: set[str]) -> str | None:
        """Look for our name among the batches."""
        after = ""
        while True:
            page = self._call("GET", f"/batches?limit={_PAGE}{after}")
            for one in page["data"]:
                if (one.get("metadata") or {}).get("kto_batch") == name:
                    return str(one["id"])
            if not page.get("has_more") or not page["data"]:
                return None
            after = f"&after={page['data'][-1]['id']}"

    def state(self, batch: str) -> BatchState:
        """Return how far it is; expired and cancelled ones have results, too."""
        told = self._call("GET", f"/batches/{batch}")
        counts = told.get("request_counts") or {}
        n_done = int(counts.get("completed") or 0) + int(counts.get("failed") or 0)
        files = [told.get("output_file_id"), told.get("error_file_id")]
        errors = (told.get("errors") or {}).get("data") or []
        return BatchState(
            ended=told["status"] in ("completed", "failed", "expired", "cancelled"),
            n_done=n_done,
            said="; ".join(str(one.get("message")) for one in errors[:3]),
            results=tuple(f"/files/{file}/content" for file in files if file),
        )


class AnthropicBatches(BatchServer):
    """`/v1/messages/batches`. They carry no name, so a lost reply is looked for by its time and number of questions."""

    most_lines, most_bytes = 100_000, 240_000_000

    def create(self, name: str, lines: Path) -> str:
        """Send the lines as one request."""
        body = lines.with_suffix(".request.json")
        with lines.open("rb") as source, body.open("wb") as target:
            target.write(b'{"requests": [')
            for number, line in enumerate(source):
                target.write((b",\n" if number else b"\n") + line.rstrip(b"\n"))
            target.write(b"\n]}")
        return str(self._call("POST", "/v1/messages/batches", file=body)["id"])

    def find(self, name: str, n_lines: int, sent_at: float, known: set[str]) -> str | None:
        """Look for a batch of that size that nobody knows, made about then."""
        for one in self._all():
            at = datetime.fromisoformat(one["created_at"]).timestamp()
            if at < sent_at - _CLOCKS_DIFFER_S:
                return None
            if one["id"] not in known and sum(one["request_counts"].values()) == n_lines:
                return str(one["id"])
        return None

    def _all(self) -> Iterator[Mapping[str, Any]]:
        """Yield all batches, the newest first."""
        after = ""
        while True:
            page = self._call("GET", f"/v1/messages/batches?limit={_PAGE}{after}")
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = f"&after_id={page['data'][-1]['id']}"

    def state(self, batch: str) -> BatchState:
        """Return how far it is."""
        told = self._call("GET", f"/v1/messages/batches/{batch}")
        counts = told["request_counts"]
        ended = told["processing_status"] == "ended"
        n_done = sum(int(n) for what, n in counts.items() if what != "processing")
        results = (self._below(str(told["results_url"])),) if ended and told.get("results_url") else ()
        return BatchState(ended, n_done, results=results)

    def _below(self, url: str) -> str:
        """Return what follows our server's address; the key goes nowhere else."""
        ours, theirs = urlsplit(self.url), urlsplit(url)
        if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc) or not url.startswith(self.url):
            raise UnavailableError(
                f"{self.url} keeps the results elsewhere ({theirs.netloc}); the key is not sent there"
            )
        return url.removeprefix(self.url)


def batch_server(backend: HttpBackend) -> BatchServer:
    """Return a backend's batches."""
    if isinstance(backend, Anthropic):
        return AnthropicBatches(backend)
    assert isinstance(backend, OpenAI)
    return OpenAIBatches(backend)
