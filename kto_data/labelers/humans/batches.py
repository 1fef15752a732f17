"""Makes batches: draws samples, mixes gold in, and notes everything in the ledger before anything is sent.

Shapes: N candidates.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kto_data.labelers.humans.ledger import GOLD, LABEL, MAIN, Batch, Item, Ledger
from kto_data.labelers.humans.options import BatchOptions
from kto_data.labelers.humans.sampling.draw import draw
from kto_data.labelers.humans.sampling.strategy import Candidates
from kto_data.labelers.humans.task_text import task_data
from kto_data.runs.files import hash_value
from kto_data.votes.table import VoteTable

Texts = Callable[
    [Sequence[str]], Mapping[str, tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]]
]
"""Returns prompt and completion of samples."""


_ANSWERS_BY_ITEM = """
SELECT i.external_id, count(DISTINCT a.annotator) AS n FROM items i LEFT JOIN annotations a
  ON a.external_id = i.external_id AND a.withdrawn_at IS NULL AND a.verdict IS NOT NULL
WHERE i.kind = ? AND i.state <> 'deleted' AND (? IS NULL OR i.batch = ?)
  AND i.batch NOT IN (SELECT value FROM json_each(?))
GROUP BY i.external_id
"""
"""Items of a project, perhaps of one batch, without those of some batches; and how many have answered each."""


@dataclass(frozen=True, slots=True)
class Source:
    """What batches are drawn from: a run or a dataset.

    Attributes:
        candidates: Its samples.
        texts: Returns their texts.
        gold: Samples whose label is known, with it.
        suggestions: Returns what rules and judges say of samples, in words.
        machine: The votes of all but annotators; None for a dataset, which does not hold them.
    """

    candidates: Candidates
    texts: Texts
    gold: Mapping[str, bool]
    suggestions: Callable[[Sequence[str]], Mapping[str, str]]
    machine: VoteTable | None = None


def open_batch(ledger: Ledger, request: str) -> Batch | None:
    """Return the newest batch of this request that annotators are not done with; None when they are, or without one."""
    for batch in reversed(ledger.batches()):
        if batch.request == request and n_outstanding(ledger, batch.overlap, batch=batch.batch):
            return batch
    return None


def request_of(options: BatchOptions, seed: int) -> str:
    """Return what stands for a wish for a batch; the same wish twice is one batch while it is worked on."""
    return hash_value([options.model_dump(mode="json", include=set(BatchOptions.model_fields)), seed])


def make_batch(
    ledger: Ledger, source: Source, options: BatchOptions, *, n: int, seed: int, request: str
) -> Batch | None:
    """Draw n items that annotators were not asked about before and note them; None where nothing is left.

    Args:
        ledger: Where they are noted.
        source: Where they are drawn from.
        options: The strategy, the share of gold, whether suggestions are shown.
        n: How many.
        seed: With the batch's number it decides the draw.
        request: See `request_of`.
    """
    number = len(ledger.batches()) + 1
    generator = np.random.default_rng([seed, number])
    asked = ledger.asked_samples()
    gold = _gold_items(source.gold, asked, round(n * options.gold_share), generator)
    everybody = source.candidates
    free = np.array([one not in asked and one not in source.gold for one in everybody.sample_ids], dtype=bool)
    candidates = everybody.at(free)
    drawn = draw(options.chosen_strategy(), candidates, n - len(gold), generator)
    chosen = [candidates.sample_ids[int(at)] for at in drawn.at]
    if not chosen and not gold:
        return None
    batch = f"{number:03d}{hash_value([request, seed, sorted(chosen), sorted(gold)])[:8]}"
    kinds: list[tuple[str, str, float | None, str, str]] = [
        (sample, everybody.strata[candidates.stratum_N[at]], float(p), by, LABEL)
        for sample, at, p, by in zip(chosen, drawn.at, drawn.p_selected, drawn.chosen_by, strict=True)
    ]
    kinds += [(sample, "gold", None, "gold", GOLD) for sample in gold]
    samples = [*chosen, *gold]
    texts = source.texts(samples)
    said = source.suggestions(samples) if options.show_suggestions else {}
    items = []
    for at in generator.permutation(len(kinds)):
        sample, stratum, p_selected, by, role = kinds[int(at)]
        external_id = f"{batch}-{sample}"
        suggestion = said.get(sample, "Nobody said anything.") if options.show_suggestions else None
        data = task_data(external_id, *texts[sample], suggestion)
        truth = source.gold[sample] if role == GOLD else None
        items.append(Item(external_id, batch, sample, stratum, p_selected, by, role, data, truth))
    made = Batch(batch, number, MAIN, request, options.strategy_name, options.overlap, time.time_ns() // 1000)
    ledger.add_batch(made, items)
    return made


def _gold_items(
    gold: Mapping[str, bool], asked: set[str], n: int, generator: np.random.Generator
) -> list[str]:
    fresh = sorted(sample for sample in gold if sample not in asked)
    return [fresh[int(at)] for at in generator.permutation(len(fresh))[:n]]


def n_outstanding(
    ledger: Ledger,
    per_item: int,
    *,
    batch: str | None = None,
    kind: str = MAIN,
    but: Sequence[str] = (),
) -> int:
    """Return how many answers are missing until every item has so many; one who skips has answered.

    Args:
        ledger: The ledger.
        per_item: Answers wanted of each item.
        batch: Only of this batch.
        kind: Of which project.
        but: Batches that are left out.
    """
    return ledger.count(
        f"SELECT sum(max(0, ? - n)) FROM ({_ANSWERS_BY_ITEM})",  # noqa: S608 - ours
        [per_item, kind, batch, batch, json.dumps(list(but))],
    )


def answered(ledger: Ledger, per_item: int, *, but: Sequence[str] = ()) -> tuple[int, int]:
    """Return how many items have so many answers, and how many items there are; batches in `but` left out."""
    [(n_done, n_items)] = ledger.rows(
        f"SELECT count(*) FILTER (WHERE n >= ?), count(*) FROM ({_ANSWERS_BY_ITEM})",  # noqa: S608 - ours
        [per_item, MAIN, None, None, json.dumps(list(but))],
    )
    return int(n_done or 0), int(n_items)
