"""Questions to a model on this machine, put together to batches."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from kto_data.errors import KtoDataError
from kto_data.labelers.judges.asking.asker import QuestionFault, StopAskingError
from kto_data.labelers.judges.backends.backend import LocalBackend
from kto_data.labelers.judges.question import Answer, Question

_Waiting = tuple[Question, "asyncio.Future[Answer]"]


class LocalAsker:
    """Asks one model; used within one event loop.

    Args:
        backend: The model's backend.
        model: The model.

    Attributes:
        events: How often what happened.
    """

    def __init__(self, backend: LocalBackend, model: str) -> None:
        self._backend, self._model = backend, model
        self._waiting: list[_Waiting] = []
        self._thread = ThreadPoolExecutor(1)  # one batch at a time, and the loop stays free
        self._work: asyncio.Task[None] | None = None
        self.events: Counter[str] = Counter()

    async def ask(self, question: Question) -> Answer:
        """Return the answer.

        Raises:
            QuestionFault: The model cannot answer this question.
            StopAskingError: The model cannot be loaded.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._answer_all())
        return await future

    async def close(self) -> None:
        """Wait for the batch that is under way."""
        self._thread.shutdown()

    async def _answer_all(self) -> None:
        await asyncio.sleep(0)  # let whoever asks in this turn join the batch
        while self._waiting:
            batch = self._waiting[: self._backend.batch_size]
            del self._waiting[: len(batch)]
            await self._answer_batch(batch)

    async def _answer_batch(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        questions = [question for question, _ in batch]
        self.events["sent"] += len(batch)
        try:
            answers = await loop.run_in_executor(self._thread, self._backend.answer, self._model, questions)
        except KtoDataError as error:
            _fail(batch, StopAskingError(str(error)))
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            if len(batch) > 1:  # one question may be too long for the model; the others are not to blame
                for one in batch:
                    await self._answer_batch([one])
            else:
                _fail(batch, QuestionFault(f"the model fails on this question: {error}"[:300]))
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
            self.events["answered"] += len(batch)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
