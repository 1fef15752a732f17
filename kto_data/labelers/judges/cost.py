"""What asking a judge about rows would come to, before anything is sent."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from kto_data.labelers.judges.asking.budget import Spending
from kto_data.labelers.judges.asking.identity import Keys
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.question import Answer
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.judges.tokens import estimate_tokens, most_tokens_out

_TYPICAL_TOKENS_OUT = 120
"""Tokens of a reason and a verdict, until stored answers tell better."""


@dataclass(slots=True)
class Estimate:
    """What a judge would come to on some rows.

    Attributes:
        n_rows: Rows that it was shown.
        n_asked: ... of which it is asked about.
        n_stored: Questions whose answer is stored.
        n_requests: Questions that would be sent.
        tokens_in: Tokens of those requests, estimated.
        tokens_out: Tokens of their answers: what stored answers had on average, else 120, at most `max_tokens`.
        cost_usd: What they would cost; None without `prices`.
        stored_usd: What the stored answers have cost.
        stored_tokens: What they had.
        batch_usd: What they would cost as batch files.
    """

    n_rows: int = 0
    n_asked: int = 0
    n_stored: int = 0
    n_requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None
    stored_usd: float = 0.0
    stored_tokens: int = 0
    batch_usd: float | None = None

    def spending(self, judge: Judge) -> Spending:
        """Return the judge's budget with what stored answers have already used of it."""
        return Spending(judge.options.budget, self.stored_usd, self.n_stored, self.stored_tokens)


def estimate(judge: Judge, rows: Iterator[pa.RecordBatch], cache: AnswerCache) -> Estimate:
    """Return what asking about rows would come to; a template that fails on a row asks nothing there."""
    found = Estimate()
    if not judge.backend.asks:
        found.n_rows = sum(batch.num_rows for batch in rows)
        return found
    keys = Keys(judge.backend, judge.options.model)
    stored_in, stored_out, most_out = 0, 0, 1
    for row, unresolved in flagged_rows(rows):
        found.n_rows += 1
        try:
            questions = judge.asked(row, unresolved=unresolved)
        except Exception:  # noqa: BLE001, S112 - it will be a fault of this row, and costs nothing
            continue
        found.n_asked += bool(questions)
        for question in questions:
            stored = cache.get(keys.of(question))
            if stored is None:
                found.n_requests += 1
                found.tokens_in += estimate_tokens(question)
                most_out = most_tokens_out(question)
                continue
            found.n_stored += 1
            found.stored_usd += stored.cost_usd or 0.0
            stored_in += stored.answer.tokens_in or 0
            stored_out += stored.answer.tokens_out or 0
    found.stored_tokens = stored_in + stored_out
    typical = stored_out / found.n_stored if stored_out else _TYPICAL_TOKENS_OUT
    found.tokens_out = round(found.n_requests * min(typical, most_out))
    found.cost_usd = judge.cost_usd(Answer(tokens_in=found.tokens_in, tokens_out=found.tokens_out))
    prices = judge.options.prices
    if prices and found.cost_usd is not None:
        found.batch_usd = found.cost_usd * (1.0 - prices.batch_discount)
    return found
