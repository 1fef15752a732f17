"""Completions of a model for prompts, as input rows for a pipeline: what `kto generate` does."""

import asyncio
import json
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.judges.asking.answers import Answers, NotAskedError
from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.local import LocalAsker
from kto_data.labelers.judges.asking.server import QuestionFault, ServerAsker, StopAskingError
from kto_data.labelers.judges.backends.backend import BACKENDS, Backend, HttpBackend, LocalBackend
from kto_data.labelers.judges.cache import AnswerCache, Stored
from kto_data.labelers.judges.file_model import Budget, Limits
from kto_data.labelers.judges.question import Answer, Question
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.rules.row import Row
from kto_data.pipeline.judge_files import read_files

_UNDER_WAY = 1024


@dataclass
class GenerateCounts:
    """What came of it.

    Attributes:
        n_prompts: Different prompts.
        n_completions: Lines written.
        n_stored: Completions that an earlier run had paid for.
        n_new: Those asked for now.
        n_empty: Answers without any text, left out.
        n_faults: Completions that could not be had; the next run asks again.
        n_unsent: Those that the budget did not reach.
        tokens_in: Tokens of the new requests.
        tokens_out: Tokens of the new completions.
        first_fault: Why the first one could not be had.
    """

    n_prompts: int = 0
    n_completions: int = 0
    n_stored: int = 0
    n_new: int = 0
    n_empty: int = 0
    n_faults: int = 0
    n_unsent: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    first_fault: str | None = None


@dataclass(frozen=True)
class Generator:
    """A model that completes prompts.

    Attributes:
        backend_name: `openai`, `anthropic` or `transformers`, or one that a package registers.
        model: A name that the server knows, a folder, or a hub id.
        options: The backend's options, such as `base_url`.
        parameters: How it answers: temperature, max_tokens, ...
        k: Completions of each prompt.
        budget: What may be spent.
        limits: How requests are sent.
    """

    backend_name: str
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    k: int = 1
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)

    def backend(self) -> Backend:
        """Return the backend.

        Raises:
            InputError: There is no such backend or model, or it gives no texts.
        """
        if self.backend_name not in BACKENDS:
            raise InputError(f"unknown backend {self.backend_name!r}; known: {', '.join(BACKENDS)}")
        kind = BACKENDS.get(self.backend_name)
        if not kind.gives_text:
            raise InputError(f"the backend {self.backend_name} writes no texts")
        try:
            return kind.model_validate(dict(self.options)).located(Path(), self.model)
        except ValueError as error:  # pydantic's, with what is wrong in each line
            raise InputError(f"the backend {self.backend_name}: {error}") from None


def generate_files(
    files: Sequence[str],
    generator: Generator,
    output: Path,
    cache: Path,
    *,
    say: Callable[[str], None] | None = None,
) -> GenerateCounts:
    """Write k completions of every prompt as JSON lines, in the order of the prompts.

    Each line has `id`, `prompt` (messages), `completion` (messages), `model` and `finish_reason`, as `read:` takes them.

    Args:
        files: Paths or globs; of their rows only the prompts count, each once.
        generator: Who completes them.
        output: The file; appears whole or not at all.
        cache: Where answers are kept, so that none is paid for twice.
        say: Told of the progress.

    Raises:
        InputError: A file cannot be read.
        UnavailableError: The server is down or refuses everything; stored answers are kept.
    """
    counts = GenerateCounts()
    partial = output.with_name(f".{output.name}.partial")
    with AnswerCache(cache) as answers, read_files(files, output.parent) as read:
        prompts = _prompts(flagged_rows(read.rows(about="event")), counts)
        with partial.open("w", encoding="utf-8", errors="replace") as lines, asyncio.Runner() as runner:
            written = _completions(generator, prompts, answers, counts)
            try:
                while chunk := runner.run(_take(written)):
                    lines.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in chunk)
                    if say is not None:
                        say(f"{counts.n_completions:,} completions of {counts.n_prompts:,} prompts")
            except StopAskingError as error:
                told = f"{error}\nwhat was answered is kept in {cache}; run the same command again to go on"
                raise UnavailableError(told) from None
            finally:
                runner.run(written.aclose())
    os.replace(partial, output)
    return counts


def _prompts(rows: Iterator[tuple[Row, bool]], counts: GenerateCounts) -> Iterator[Row]:
    """Yield one row of each prompt."""
    seen: set[int] = set()
    for row, _ in rows:
        key = hash(json.dumps([dict(one) for one in row.prompt], sort_keys=True, default=str))
        if key not in seen:
            seen.add(key)
            counts.n_prompts += 1
            yield row


async def _completions(
    generator: Generator, rows: Iterator[Row], cache: AnswerCache, counts: GenerateCounts
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield lines in order, with a window of questions under way."""
    backend = generator.backend()
    asker: ServerAsker | LocalAsker
    if isinstance(backend, HttpBackend):
        asker = ServerAsker(backend, generator.model, generator.limits)
    else:
        assert isinstance(backend, LocalBackend)
        asker = LocalAsker(backend, generator.model)
    answers = Answers(backend, generator.model, cache, asker, Spending(generator.budget), _no_price)
    window: deque[tuple[Row, int, asyncio.Task[Stored]]] = deque()
    try:
        for row in rows:
            messages = [{"role": str(one["role"]), "content": str(one["content"])} for one in row.prompt]
            for number in range(generator.k):
                question = Question(messages, generator.parameters, number=number)
                window.append((row, number, asyncio.create_task(answers.answer(question))))
                await asyncio.sleep(0)
            while len(window) >= _UNDER_WAY:
                async for line in _line(generator, *window.popleft(), counts):
                    yield line
        while window:
            async for line in _line(generator, *window.popleft(), counts):
                yield line
    finally:
        for _, _, task in window:
            task.cancel()
        await asyncio.gather(*(task for _, _, task in window), return_exceptions=True)
        await asker.close()
        got = answers.counts
        counts.n_stored, counts.n_new = got.n_stored, got.n_new
        counts.tokens_in, counts.tokens_out = got.tokens_in, got.tokens_out


async def _line(
    generator: Generator, row: Row, number: int, task: "asyncio.Task[Stored]", counts: GenerateCounts
) -> AsyncGenerator[dict[str, Any], None]:
    try:
        answer = (await task).answer
    except QuestionFault as error:
        counts.n_faults += 1
        counts.first_fault = counts.first_fault or str(error)
        return
    except NotAskedError:
        counts.n_unsent += 1
        return
    if not answer.text.strip():
        counts.n_empty += 1
        return
    counts.n_completions += 1
    yield {
        "id": f"{row.row_id}/{number}",
        "prompt": [{key: value for key, value in one.items() if value is not None} for one in row.prompt],
        "completion": [{"role": "assistant", "content": answer.text}],
        "model": answer.model or generator.model,
        "finish_reason": answer.finish_reason,
    }


async def _take(lines: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    chunk: list[dict[str, Any]] = []
    async for line in lines:
        chunk.append(line)
        if len(chunk) >= 64:
            break
    return chunk


def _no_price(answer: Answer) -> float | None:
    return None
