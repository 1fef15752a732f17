"""How many requests may be under way at once: found by trying, like a network finds its bandwidth.

The limit grows by half a round trip until the server first refuses (429) or does not answer in time; then it falls,
grows back to just below where it was refused, and beyond that ever more rarely. Errors of the server (5xx) say
nothing about load and leave it as it is. V. Jacobson (1988), Congestion avoidance and control, SIGCOMM 88; L. Xu,
K. Harfoush and I. Rhee (2004), Binary increase congestion control, INFOCOM (the way back).
"""

import asyncio
import time
from collections import deque
from typing import NamedTuple

_FAST = 0.5
"""Growth an answer before the first refusal: half as much again each round trip."""
_REFUSED = 0.9
_TIMED_OUT = 0.7
_FIRST_PROBE = 4.0
"""Round trips at the level that was refused before one more is tried; three times as many when it is refused again."""
_MOST_PROBE = 324.0


class Place(NamedTuple):
    """A place among the requests under way.

    Attributes:
        entered: When it was given.
        level: How many were under way then, this one included.
    """

    entered: float
    level: int


class Concurrency:
    """A limit that adapts.

    Args:
        start: The limit in the beginning.
        most: What it never exceeds.
    """

    def __init__(self, start: int, most: int) -> None:
        self.limit = float(min(start, most))
        self.in_flight = 0
        self.paused_until = 0.0
        self._most = float(most)
        self._refused_at: float | None = None
        self._probe = _FIRST_PROBE
        self._confirmed = True
        self._cut_at = 0.0
        self._waiting: deque[asyncio.Future[Place]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, *, again: bool = False) -> Place:
        """Wait for a place; who was here before goes first."""
        now = time.monotonic()
        if not self._waiting and self._is_free(now):
            self.in_flight += 1
            return Place(now, self.in_flight)
        place: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        if again:
            self._waiting.appendleft(place)
        else:
            self._waiting.append(place)
        self._wake()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # the place was given in the same turn
            raise

    def leave(self) -> None:
        """Give a place back."""
        self.in_flight -= 1
        self._wake()

    def _is_free(self, now: float) -> bool:
        return self.in_flight < int(self.limit) and now >= self.paused_until

    def pause(self, seconds: float) -> None:
        """Send nothing for so long; a longer pause that is already on stays."""
        self.paused_until = max(self.paused_until, time.monotonic() + seconds)

    def answered(self) -> None:
        """Grow a little, if the limit is what held requests back."""
        if self.in_flight + 1 < int(self.limit):
            return
        if self._refused_at is None:
            step = _FAST
        elif self.limit + 1.0 < self._refused_at and not self._confirmed:
            step = 1.0 / self.limit
        elif self.limit + 1.0 < self._refused_at:
            # half of what is left each round trip, as BIC does: quickly back, and slowly near to where it was refused
            step = max(1.0, (self._refused_at - self.limit) / 2.0) / self.limit
        else:
            step = 1.0 / (
                self.limit * min(self._probe, 16.0 * self.limit)
            )  # a small limit is soon tried again
        self.limit = min(self._most, self.limit + step)
        self._wake()

    def refused(self, place: Place) -> None:
        """Fall after a 429; requests that were sent before the last fall do not count again."""
        self._cut(place, _REFUSED)

    def timed_out(self, place: Place) -> None:
        """Fall after a request that was not answered in time."""
        self._cut(place, _TIMED_OUT)

    def _cut(self, place: Place, factor: float) -> None:
        if place.entered < self._cut_at:
            return
        level = float(place.level)
        if self._refused_at is None:
            self._refused_at = level
        elif level > self._refused_at - 0.5:  # where it was refused before: that is the server's limit
            self._refused_at, self._probe = level, min(_MOST_PROBE, self._probe * 3.0)
            self._confirmed = True
        else:  # below it: chance, or the server takes less than it did
            self._refused_at, self._probe = (self._refused_at + level) / 2.0, 1.0
            self._confirmed = False
        self.limit = max(1.0, min(level * factor, level - 1.0))
        self._cut_at = time.monotonic()

    def _wake(self) -> None:
        """Give free places to those who wait; during a pause, once it is over."""
        now = time.monotonic()
        while self._waiting and self._is_free(now):
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(Place(now, self.in_flight))
        if self._waiting and now < self.paused_until and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.paused_until - now, self._pause_is_over)

    def _pause_is_over(self) -> None:
        self._timer = None
        self._wake()
