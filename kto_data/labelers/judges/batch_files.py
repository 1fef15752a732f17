"""Provider batch files: questions as lines to upload, and answers as lines to read, at half the price.

`kto judge submit` writes the lines in the provider's format, and sends them (`batch_servers`) or leaves that to the user;
`kto judge collect` puts what comes back into the cache. Each line carries the question's key in the cache as its `custom_id`,
so answers find their questions in any order, and twice does no harm.

OpenAI: https://platform.openai.com/docs/guides/batch; Anthropic: https://docs.anthropic.com/en/docs/build-with-claude/batch-processing
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from kto_data.errors import InputError
from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.identity import Keys
from kto_data.labelers.judges.backends.anthropic import Anthropic
from kto_data.labelers.judges.backends.backend import HttpBackend
from kto_data.labelers.judges.backends.openai import OpenAI
from kto_data.labelers.judges.cache import AnswerCache, Stored
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.question import BadAnswerError, Question
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.judges.tokens import estimate_tokens, most_tokens_out


@dataclass
class BatchCounts:
    """What a batch file holds or held.

    Attributes:
        n_lines: Lines written or read.
        n_stored: Of what was asked, questions whose answer was stored already; they are not written.
        n_unsent: Questions that the budget did not reach.
        n_under_way: Questions that wait in a batch that was sent before; they are not written.
        n_open: Batches whose answers are not there yet.
        batches: The provider's names of the batches that were sent or collected.
        n_new: Answers that were put into the cache.
        n_failed: Lines without an answer; asking again is safe.
        n_unknown: Lines that are about no question of this judge on these rows.
        first_failure: What the first line without an answer said.
        cost_usd: What the new answers cost, at the batch price.
    """

    n_lines: int = 0
    n_stored: int = 0
    n_unsent: int = 0
    n_under_way: int = 0
    n_open: int = 0
    batches: list[str] = field(default_factory=list)
    n_new: int = 0
    n_failed: int = 0
    n_unknown: int = 0
    first_failure: str | None = None
    cost_usd: float = 0.0


def batch_lines(
    judge: Judge, rows: Iterator[pa.RecordBatch], cache: AnswerCache, counts: BatchCounts
) -> Iterator[dict[str, Any]]:
    """Yield the lines of a batch file: one for each question without a stored answer, each once, within the budget.

    Raises:
        InputError: The judge's backend has no batch files.
    """
    backend = batch_backend(judge)
    keys = Keys(judge.backend, judge.options.model)
    spending = Spending(judge.options.budget)
    written: set[str] = set()
    for question in _questions(judge, rows):
        key = keys.of(question).hex()
        if key in written:
            continue
        stored = cache.get(bytes.fromhex(key))
        if stored is not None:
            counts.n_stored += 1
            tokens = (stored.answer.tokens_in or 0) + (stored.answer.tokens_out or 0)
            spending.spend(stored.cost_usd, tokens)
            continue
        if spending.reserve(*_most(judge, question)) is not None:
            counts.n_unsent += 1
            continue
        if bytes.fromhex(key) in cache.under_way:
            counts.n_under_way += 1
            continue
        written.add(key)
        counts.n_lines += 1
        request = backend.request(judge.options.model, question)
        if isinstance(backend, Anthropic):
            yield {"custom_id": key, "params": dict(request.body)}
        else:
            yield {
                "custom_id": key,
                "method": "POST",
                "url": f"/v1{request.path}",
                "body": dict(request.body),
            }


def collect_lines(
    judge: Judge,
    rows: Iterator[pa.RecordBatch],
    lines: Iterator[tuple[str, str]],
    cache: AnswerCache,
    counts: BatchCounts,
    *,
    sent: set[bytes] | None = None,
) -> None:
    """Put the answers of a provider's result file into the cache.

    Args:
        judge: The judge that asked.
        rows: The rows that it asked about.
        lines: The result file's lines, each with its place for messages.
        cache: Where answers are kept.
        counts: Counts what was found.
        sent: Questions that are known to be the judge's, whether or not these rows still ask them.

    Raises:
        InputError: The judge's backend has no batch files, or a line is no JSON object with a `custom_id`.
    """
    backend = batch_backend(judge)
    keys = Keys(judge.backend, judge.options.model)
    asked = set(sent or ())
    question = Question(())
    for question in _questions(judge, rows):
        asked.add(keys.of(question))
    for place, line in lines:
        counts.n_lines += 1
        result = _object(place, line)
        key = _key(result)
        if key not in asked:
            counts.n_unknown += 1
            continue
        if cache.get(key) is not None:
            counts.n_stored += 1
            continue
        try:
            answer = backend.read(_body(result), question)  # of one judge, all are read alike
        except BadAnswerError as error:
            counts.n_failed += 1
            counts.first_failure = counts.first_failure or f"{place}: {error}"
            continue
        cost = judge.cost_usd(answer)
        discount = judge.options.prices.batch_discount if judge.options.prices else 0.0
        paid = None if cost is None else cost * (1.0 - discount)
        cache.put(key, Stored(answer, paid, time.time()))
        counts.n_new += 1
        counts.cost_usd += paid or 0.0
    cache.commit()


def batch_backend(judge: Judge) -> HttpBackend:
    """Return the judge's backend.

    Raises:
        InputError: It has no batch files.
    """
    if not isinstance(judge.backend, OpenAI | Anthropic):
        raise InputError(f"{judge.file}: batch files are for openai and anthropic, not {judge.backend_name}")
    return judge.backend


def _questions(judge: Judge, rows: Iterator[pa.RecordBatch]) -> Iterator[Question]:
    for row, unresolved in flagged_rows(rows):
        try:
            found = judge.asked(row, unresolved=unresolved)
        except Exception:  # noqa: BLE001, S112 - `kto judge run` counts it as a fault of this row
            continue
        yield from found


def _most(judge: Judge, question: Question) -> tuple[float, int]:
    tokens_in, tokens_out = estimate_tokens(question), most_tokens_out(question)
    prices = judge.options.prices
    cost = prices.cost_usd(tokens_in, tokens_out) * (1.0 - prices.batch_discount) if prices else 0.0
    return cost, tokens_in + tokens_out


def _object(place: str, line: str) -> Mapping[str, Any]:
    try:
        result = json.loads(line)
    except (ValueError, RecursionError):
        result = None
    if not isinstance(result, dict) or "custom_id" not in result:
        raise InputError(
            f"{place}: should be a JSON object with a custom_id, as the provider's result file has them"
        )
    return result


def _key(result: Mapping[str, Any]) -> bytes:
    try:
        return bytes.fromhex(str(result["custom_id"]))
    except ValueError:  # somebody else's
        return b""


def _body(result: Mapping[str, Any]) -> Any:
    """Return the answer's body in a line of OpenAI's or Anthropic's result file.

    Raises:
        BadAnswerError: The provider says that this request failed.
    """
    response, outcome = result.get("response"), result.get("result")
    if isinstance(response, Mapping) and response.get("status_code") == 200:
        return response.get("body")
    if isinstance(outcome, Mapping) and outcome.get("type") == "succeeded":
        return outcome.get("message")
    told = result.get("error") or response or outcome
    raise BadAnswerError(f"failed: {json.dumps(told, ensure_ascii=False)}"[:300])
