"""Completions of a model for prompts, as input rows for a pipeline: what `kto generate` does."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.judges.asking.answers import Answers, NotAskedError
from kto_data.labelers.judges.asking.asker import QuestionFault, StopAskingError
from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.in_order import in_order
from kto_data.labelers.judges.asking.open_asker import open_asker
from kto_data.labelers.judges.backends.backend import BACKENDS, Backend
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.file_model import Budget, Limits
from kto_data.labelers.judges.question import Answer, Question
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.rules.row import Row
from kto_data.pipeline.judge_files import read_files
from kto_data.readers import ReadEntry

_UNDER_WAY = 1024
"""Completions that are begun before the first of them is written."""


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
    files: ReadEntry,
    generator: Generator,
    output: Path,
    cache: Path,
    *,
    say: Callable[[str], None] | None = None,
) -> GenerateCounts:
    """Write k completions of every prompt as JSON lines, in the order of the prompts.

    Each line has `id`, `prompt` (messages), `completion` (messages), `model` and `finish_reason`, as `read:` takes them.

    Args:
        files: What to read; of its rows only the prompts count, each once.
        generator: Who completes them.
        output: The file; appears whole or not at all.
        cache: Where answers are kept, so that none is paid for twice.
        say: Told of the progress.

    Raises:
        InputError: A file cannot be read.
        UnavailableError: The server is down or refuses everything; stored answers are kept.
    """
    counts = GenerateCounts()
    with AnswerCache(cache) as answers, read_files(files, output.parent) as read:
        scratch = read.path.with_name("completions.jsonl")
        rows = _prompts(flagged_rows(read.rows(about="event")), counts)

        def tick() -> None:
            if say is not None:
                say(f"{counts.n_completions:,} completions of {counts.n_prompts:,} prompts")

        with scratch.open("w", encoding="utf-8", errors="replace") as lines:
            try:
                for line in _completions(generator, rows, answers, counts, tick):
                    lines.write(json.dumps(line, ensure_ascii=False) + "\n")
            except StopAskingError as error:
                told = f"{error}\n{counts.n_new:,} new answers are kept in {cache}; run the same command again to go on"
                raise UnavailableError(told) from None
        os.replace(scratch, output)
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


def _completions(
    generator: Generator,
    rows: Iterator[Row],
    cache: AnswerCache,
    counts: GenerateCounts,
    tick: Callable[[], None],
) -> Iterator[dict[str, Any]]:
    """Yield lines in the order of the prompts.

    Raises:
        StopAskingError: The server is down or refuses everything, or the model cannot be loaded.
    """
    backend = generator.backend()
    asker = open_asker(backend, generator.model, generator.limits)
    answers = Answers(backend, generator.model, cache, asker, Spending(generator.budget), _no_price)
    work = (
        _completion(generator, row, number, answers, counts) for row in rows for number in range(generator.k)
    )
    try:
        for line in in_order(work, most=_UNDER_WAY, close=asker.close, tick=tick):
            if line is not None:
                counts.n_completions += 1
                yield line
    finally:
        got = answers.counts
        counts.n_stored, counts.n_new = got.n_stored, got.n_new
        counts.tokens_in, counts.tokens_out = got.tokens_in, got.tokens_out


async def _completion(
    generator: Generator, row: Row, number: int, answers: Answers, counts: GenerateCounts
) -> dict[str, Any] | None:
    """Return the line of one completion; None where there is none, counted why."""
    messages = [{"role": str(one["role"]), "content": str(one["content"])} for one in row.prompt]
    try:
        answer = (await answers.answer(Question(messages, generator.parameters, number=number))).answer
    except QuestionFault as error:
        counts.n_faults += 1
        counts.first_fault = counts.first_fault or str(error)
        return None
    except NotAskedError:
        counts.n_unsent += 1
        return None
    if not answer.text.strip():
        counts.n_empty += 1
        return None
    return {
        "id": f"{row.row_id}/{number}",
        "prompt": [{key: value for key, value in one.items() if value is not None} for one in row.prompt],
        "completion": [{"role": "assistant", "content": answer.text}],
        "model": answer.model or generator.model,
        "finish_reason": answer.finish_reason,
    }


def _no_price(answer: Answer) -> float | None:
    return None
