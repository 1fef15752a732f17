"""Answers to questions: stored ones for nothing, others within the budget, each stored before anybody uses it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from kto_data.errors import UnavailableError
from kto_data.labelers.judges.asking.asker import Asker
from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.identity import Keys
from kto_data.labelers.judges.backends.backend import Backend
from kto_data.labelers.judges.cache import AnswerCache, Stored
from kto_data.labelers.judges.question import Answer, Question
from kto_data.labelers.judges.tokens import estimate_tokens, most_tokens_out


class NotAskedError(Exception):
    """The question was not sent: the budget is spent, or nothing may be sent. Not a fault; the text says why."""


_ELSEWHERE_S = 0.5
"""How often a question is looked at that another process is asking."""


@dataclass(slots=True)
class AnswerCounts:
    """Where answers came from.

    Attributes:
        n_stored: From the cache.
        n_new: Asked for now.
        cost_usd: What those cost.
        tokens_in: What those read.
        tokens_out: What those wrote.
    """

    n_stored: int = 0
    n_new: int = 0
    cost_usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


class Answers:
    """The answers of one model.

    Args:
        backend: How it is asked.
        model: The model.
        cache: Where answers are kept.
        asker: Who is asked; None when nothing may be sent.
        spending: What may be spent.
        cost: What an answer costs.
    """

    def __init__(
        self,
        backend: Backend,
        model: str,
        cache: AnswerCache,
        asker: Asker | None,
        spending: Spending,
        cost: Callable[[Answer], float | None],
    ) -> None:
        self._keys, self._cache = Keys(backend, model), cache
        self._asker, self.spending, self._cost = asker, spending, cost
        self._under_way: dict[bytes, asyncio.Future[Stored]] = {}
        self._settled = asyncio.Event()
        self._commit: asyncio.Future[None] | None = None
        self._measured, self._excess_in, self._excess_out = False, 1.0, 1.0
        self.spent: str | None = None
        self.counts = AnswerCounts()

    async def answer(self, question: Question) -> Stored:
        """Return the answer; one question that is asked twice at the same time is sent once.

        Raises:
            NotAskedError: It is not stored and may not be sent.
            Exception: What the asker raises.
        """
        key = self._keys.of(question)
        stored = self._cache.get(key)
        if stored is not None:
            self.counts.n_stored += 1
            return stored
        if key in self._under_way:
            return await asyncio.shield(self._under_way[key])
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            stored = await self._ask(key, question)
            future.set_result(stored)
            return stored
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else NotAskedError("interrupted"))
            future.exception()  # told, though nobody else may be waiting
            raise
        finally:
            del self._under_way[key]

    async def _ask(self, key: bytes, question: Question) -> Stored:
        if self._asker is None:
            raise NotAskedError("nothing is sent")
        if key in self._cache.under_way:
            raise NotAskedError("waits in a provider's batch (kto judge collect)")
        while not self._cache.claim(key):
            await asyncio.sleep(_ELSEWHERE_S)
        try:
            stored = self._cache.get(key)  # another process may have been faster
            if stored is not None:
                self.counts.n_stored += 1
                return stored
            return await self._buy(self._asker, key, question)
        finally:
            self._cache.release(key)

    async def _buy(self, asker: Asker, key: bytes, question: Question) -> Stored:
        tokens_in, tokens_out = estimate_tokens(question), most_tokens_out(question)
        held = await self._reserve(tokens_in, tokens_out)
        try:
            answer = await asker.ask(question)
            stored = Stored(answer, self._cost(answer), time.time())
            self._cache.put(key, stored)
            self._count(stored)
            await self._kept()
            self._excess_in = max(self._excess_in, (answer.tokens_in or 0) / tokens_in)
            self._excess_out = max(self._excess_out, (answer.tokens_out or 0) / max(1, tokens_out))
            self._measured = True
        finally:
            self.spending.release(*held)
            self._settled.set()
        return stored

    async def _reserve(self, tokens_in: int, tokens_out: int) -> tuple[float, int]:
        """Hold back what a request may come to, by the estimate and by how far it has been off before.

        Under a limit of money or tokens the first request goes alone: it tells how far the estimate is off.
        """
        while self.spent is None:
            if self._measured or not (self.spending.is_measured and self.spending.holds):
                most_in, most_out = ceil(tokens_in * self._excess_in), ceil(tokens_out * self._excess_out)
                held = (self._cost(Answer(tokens_in=most_in, tokens_out=most_out)) or 0.0, most_in + most_out)
                limit = self.spending.reserve(*held)
                if limit is None:
                    return held
                if not self.spending.holds:
                    self.spent = limit
                    break
            self._settled.clear()
            await self._settled.wait()
        self._settled.set()
        raise NotAskedError(f"budget.{self.spent} is spent")

    async def _kept(self) -> None:
        """Wait until what was put into the cache is kept; answers of one turn of the loop share a commit."""
        if self._commit is None:
            loop = asyncio.get_running_loop()
            self._commit = loop.create_future()
            loop.call_soon(self._commit_now, self._commit)
        await asyncio.shield(self._commit)

    def _commit_now(self, kept: "asyncio.Future[None]") -> None:
        self._commit = None
        try:
            self._cache.commit()
        except UnavailableError as error:
            kept.set_exception(error)
        else:
            kept.set_result(None)

    def _count(self, stored: Stored) -> None:
        answer = stored.answer
        self.counts.n_new += 1
        self.counts.cost_usd += stored.cost_usd or 0.0
        self.counts.tokens_in += answer.tokens_in or 0
        self.counts.tokens_out += answer.tokens_out or 0
        self.spending.spend(stored.cost_usd, (answer.tokens_in or 0) + (answer.tokens_out or 0))
