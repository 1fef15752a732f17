"""Stops a run whose server is plainly down, and keeps what waits from knocking in the meantime."""

import asyncio
import time

_SUSPECT = 8
"""Failures in a row, without an answer between, from which on only one request at a time tries."""
_FIRST_WAIT_S, _MOST_WAIT_S = 0.5, 5.0


class EndpointDownError(Exception):
    """The server has not answered anything for too long; the text says what it did instead."""


class Breaker:
    """Watches one server.

    Args:
        patience_s: How long it may answer nothing, while it is asked.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._failures = 0
        self._since: float | None = None
        self._last = ""
        self._trying = False
        self._wait_s = _FIRST_WAIT_S
        self._settled = asyncio.Event()
        self.down: EndpointDownError | None = None

    async def allowed(self) -> None:
        """Wait until a request may be sent.

        Raises:
            EndpointDownError: The server is down.
        """
        while self.down is None and self._failures >= _SUSPECT:
            if not self._trying:
                self._trying = True
                await asyncio.sleep(self._wait_s)
                self._wait_s = min(self._wait_s * 2.0, _MOST_WAIT_S)
                break
            self._settled.clear()
            await self._settled.wait()
        if self.down is not None:
            raise self.down

    def answered(self) -> None:
        """Note an answer."""
        self._failures, self._since, self._wait_s = 0, None, _FIRST_WAIT_S
        self._settle()

    def failed(self, reason: str) -> None:
        """Note that there was no answer, and why."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        self._failures += 1
        self._last = reason
        if self._failures >= _SUSPECT and now - self._since >= self._patience_s:
            self.down = EndpointDownError(
                f"no answer to {self._failures:,} requests in {now - self._since:.0f} s; the last: {reason}"
            )
        self._settle()

    def settle(self) -> None:
        """Note that a request ended without telling anything about the server, such as by being put off."""
        self._settle()

    def _settle(self) -> None:
        self._trying = False
        self._settled.set()
