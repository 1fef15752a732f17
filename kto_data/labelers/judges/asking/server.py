"""One question to a server, until there is an answer, a fault, or no sense in going on."""

import asyncio
import json
import random
import time
from collections import Counter, OrderedDict
from dataclasses import replace
from typing import Any, NoReturn

import xxhash

from kto_data.labelers.judges.asking.asker import QuestionFault, StopAskingError
from kto_data.labelers.judges.asking.breaker import Breaker, EndpointDownError
from kto_data.labelers.judges.asking.concurrency import Concurrency, Place
from kto_data.labelers.judges.asking.http2 import Http2Transport
from kto_data.labelers.judges.asking.rate_limits import pause_s, retry_after_s
from kto_data.labelers.judges.asking.transport import NoReplyError, Reply, TimedOutError, Transport
from kto_data.labelers.judges.backends.backend import HttpBackend, Request
from kto_data.labelers.judges.file_model import Limits
from kto_data.labelers.judges.question import Answer, BadAnswerError, Question

_FIRST_BACKOFF_S, _MOST_BACKOFF_S = 0.5, 30.0
_REMEMBERED = 4096
_MOST_SAID = 1 << 16
_ONLY_REFUSALS = 20
"""Requests that the server called wrong, with none that it answered, after which the run stops."""

_HOPELESS = {
    401: "does not accept the key",
    402: "wants to be paid first",
    403: "does not allow this",
    404: "knows no such model or address",
}


class _TryAgainError(Exception):
    """This try has no answer, the next may have."""


class _PutOffError(Exception):
    """The server wants to be asked later."""

    def __init__(self, wait_s: float | None) -> None:
        super().__init__("refused for now (429)")
        self.wait_s = wait_s


class ServerAsker:
    """Asks one server; used within one event loop.

    Args:
        backend: How it is spoken to.
        model: The model that is asked.
        limits: How requests are sent.

    Attributes:
        events: How often what happened: `sent`, `put off (429)`, `timed out`, ...
    """

    def __init__(self, backend: HttpBackend, model: str, limits: Limits) -> None:
        self._backend, self._model, self._limits = backend, model, limits
        self._headers = backend.send_headers()
        self._secrets = backend.secrets()
        self._transport = Http2Transport(limits.timeout_s) if limits.http2 else Transport(limits.timeout_s)
        self._breaker = Breaker(limits.patience_s)
        self._duplicates = _Duplicates()
        self.concurrency = Concurrency(limits.start, limits.concurrency)
        self.events: Counter[str] = Counter()
        self._jitter = random.Random()  # noqa: S311 - spreads retries; no result depends on it

    async def ask(self, question: Question) -> Answer:
        """Return the answer.

        Raises:
            QuestionFault: There is none within the deadline or the tries that are allowed.
            StopAskingError: The server is down, or refuses everybody.
        """
        request = self._backend.request(self._model, question)
        body = json.dumps(request.body, ensure_ascii=False).encode("utf-8", "replace")
        give_up = time.monotonic() + self._limits.deadline_s
        tried, put_off, last = 0, 0, "nothing was sent"
        while tried < self._limits.attempts:
            left = give_up - time.monotonic()
            if left <= 0:
                raise QuestionFault(
                    f"no answer in {self._limits.deadline_s:g} s; the last: {last}", may_pass=True
                )
            try:
                async with asyncio.timeout(left):
                    return await self._try(request, body, question, again=tried + put_off > 0)
            except TimeoutError:
                continue  # the deadline is over
            except EndpointDownError as error:
                raise StopAskingError(f"{self._backend.base_url}: {self._safe(str(error))}") from None
            except _PutOffError as error:
                last, wait_s = str(error), error.wait_s
                if wait_s is None:
                    wait_s = self._backoff(put_off)
                put_off += 1
            except _TryAgainError as error:
                last, wait_s = str(error), self._backoff(tried)
                tried += 1
                if tried == self._limits.attempts:
                    break
            await asyncio.sleep(max(0.0, min(wait_s, give_up - time.monotonic())))
        raise QuestionFault(self._safe(f"no answer in {tried} tries; the last: {last}"), may_pass=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _backoff(self, tried: int) -> float:
        return min(_MOST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0**tried) * self._jitter.uniform(0.5, 1.0)

    async def _try(self, request: Request, body: bytes, question: Question, *, again: bool) -> Answer:
        place = await self.concurrency.enter(again=again)
        try:
            await self._breaker.allowed()
            try:
                started = time.monotonic()
                self.events["sent"] += 1
                reply = await self._transport.post(self._backend.base_url + request.path, self._headers, body)
            except NoReplyError as error:
                if isinstance(error, TimedOutError):
                    self.concurrency.timed_out(place)
                self._failed(
                    "timed out" if isinstance(error, TimedOutError) else "connection failed", str(error)
                )
            answer = self._answer(reply, question, place)
            self._breaker.answered()
            self.concurrency.answered()
            self.events["answered"] += 1
            latency_ms = round((time.monotonic() - started) * 1000.0, 1)
            return replace(answer, latency_ms=latency_ms)
        finally:
            self._breaker.settle()
            self.concurrency.leave()

    def _answer(self, reply: Reply, question: Question, place: Place) -> Answer:
        """Return the answer in a reply, or raise what its absence means."""
        pause = pause_s(reply.headers)
        if pause:
            self.concurrency.pause(pause)
        if reply.status == 200:
            return self._read(reply, question)
        said = self._said(reply)
        if reply.status == 429:
            self._put_off(reply, said, place)
        if reply.status in _HOPELESS or 300 <= reply.status < 400:
            what = _HOPELESS.get(reply.status, "sends elsewhere, and keys are not sent on")
            raise StopAskingError(f"{self._backend.base_url} {what} ({reply.status}): {said}")
        if reply.status < 500 and reply.status not in (408, 409, 425):
            self.events["called wrong"] += 1
            if self.events["called wrong"] >= _ONLY_REFUSALS and not self.events["answered"]:
                raise StopAskingError(
                    f"{self._backend.base_url} refuses every request ({reply.status}): {said}"
                )
            raise QuestionFault(f"the server refuses the request ({reply.status}): {said}")
        wait = retry_after_s(reply.headers)
        if wait is not None and reply.status == 503:
            self.concurrency.pause(wait)
        return self._failed(f"server error ({reply.status})", f"server error {reply.status}: {said}")

    def _put_off(self, reply: Reply, said: str, place: Place) -> NoReturn:
        if "insufficient_quota" in said or "billing" in said:
            raise StopAskingError(f"{self._backend.base_url} wants to be paid first (429): {said}")
        self.events["put off (429)"] += 1
        self.concurrency.refused(place)
        wait = retry_after_s(reply.headers)
        if wait is not None:
            self.concurrency.pause(wait)
        raise _PutOffError(wait)

    def _read(self, reply: Reply, question: Question) -> Answer:
        try:
            body: Any = json.loads(reply.body)
        except (ValueError, RecursionError):
            self._failed("no JSON", f"the reply is not JSON: {self._said(reply)}")
        try:
            answer = self._backend.read(body, question)
        except BadAnswerError as error:
            self._failed("wrong reply", f"the reply {self._safe(str(error))[:300]}")
        if self._duplicates.seen(body, reply.body):
            reply.drop()  # at once, before anybody else reads on it
            self._failed("repeated reply", "the server sent the reply to another request again")
        return replace(
            answer, text=self._safe(answer.text)
        )  # a server may echo what it was sent, and answers are kept

    def _failed(self, event: str, reason: str) -> NoReturn:
        self.events[event] += 1
        self._breaker.failed(reason)
        raise _TryAgainError(reason)

    def _said(self, reply: Reply) -> str:
        """Return the beginning of a reply for people, without secrets and line breaks."""
        try:
            error = json.loads(reply.body)["error"]
            code = error.get("code") or error.get("type") or ""
            text = f"{error['message']} [{code}]" if code else str(error["message"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text = reply.body[:_MOST_SAID].decode("utf-8", "replace")
        return self._safe(" ".join(text.split()))[:200] or "(nothing)"

    def _safe(self, text: str) -> str:
        for value in self._secrets:
            text = text.replace(value, "***")
        return text


class _Duplicates:
    """Finds a reply that came before, byte for byte, on servers that give every reply an id of its own."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def seen(self, body: Any, raw: bytes) -> bool:
        name = body.get("id") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name:
            return False
        if len(self._ids) < 2:
            self._ids.add(name)
        digest = xxhash.xxh3_128_digest(raw)
        if digest in self._seen:
            return len(self._ids) == 2
        self._seen[digest] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False
