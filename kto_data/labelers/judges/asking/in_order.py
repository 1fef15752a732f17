"""Much under way at once, its results in order, for somebody who knows nothing of event loops."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

_PART_S = 0.25
"""How long results are gathered before they are handed on: the loop stands still while somebody looks at them."""
_MOST_PART = 1024
_LOOK_S = 0.01
"""How often somebody looks whether the first result is there, and the tick is called."""


def in_order(
    work: Iterable[Coroutine[Any, Any, Result]],
    *,
    most: int,
    close: Callable[[], Awaitable[None]],
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """Yield the results of some work in its order.

    Args:
        work: Taken from its source, and begun, one after the other.
        most: How many may be under way or waiting for one before them.
        close: Awaited at the end, however it comes; what is still under way has been cancelled then.
        tick: Called many times a second while a result keeps those after it waiting.

    Raises:
        Exception: What the work raises, in its place.
    """
    window = _Window(work, most, tick)
    with asyncio.Runner() as runner:
        try:
            while part := runner.run(window.part()):
                yield from part
        finally:
            runner.run(window.end(close))


class _Window(Generic[Result]):
    """The tasks that are under way or done, but not handed on."""

    def __init__(
        self, work: Iterable[Coroutine[Any, Any, Result]], most: int, tick: Callable[[], None]
    ) -> None:
        self._work, self._most, self._tick = iter(work), most, tick
        self._tasks: deque[asyncio.Task[Result]] = deque()

    async def part(self) -> list[Result]:
        """Return the next results; nothing at the end."""
        part: list[Result] = []
        until = time.monotonic() + _PART_S
        while not part or (len(part) < _MOST_PART and time.monotonic() < until):
            await self._fill()
            if not self._tasks:
                break
            first = self._tasks[0]
            if not first.done():
                await asyncio.sleep(_LOOK_S)
                self._tick()
            elif part and first.exception() is not None:
                break  # those before it are handed on first
            else:
                part.append(self._tasks.popleft().result())
        return part

    async def _fill(self) -> None:
        while len(self._tasks) < self._most and (one := next(self._work, None)) is not None:
            self._tasks.append(asyncio.create_task(one))
            await asyncio.sleep(0)  # let it be sent before the next is made

    async def end(self, close: Callable[[], Awaitable[None]]) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await close()
