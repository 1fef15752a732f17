"""Rounds of training: the trained model answers training prompts, the same labelers label them, and it trains on.

A round's dataset holds the rows of the round before and the labelled answers, so nothing that was known is forgotten
and both classes stay. It is made by the same steps as the first, named `r2_...`; the held-out rows, the control and
the reference that all rounds are compared with are the first round's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pyarrow.parquet as pq
from kto_trainer.options import SftOptions

from kto_data.pipeline.context import Context
from kto_data.pipeline.evaluation.gate import figures_of
from kto_data.pipeline.steps.answers import answer, read_with_answers, source_of
from kto_data.pipeline.steps.evaluate import evaluation_of
from kto_data.pipeline.steps.train import reference_of
from kto_data.report.facts.run import Facts
from kto_data.report.facts.training import TrainingRound

SHARED = ("demo_log", "held_out", "control")
"""Steps of the first round that all rounds use."""


def next_round(before: Context) -> Context:
    """Return the round after one that is done, with the answers of its model among its rows."""
    assert before.pipeline.train is not None
    train = before.pipeline.train.model_copy(
        update={"model": str(before.path("train", "train/checkpoint")), "sft": SftOptions(epochs=0)}
    )
    context = Context(
        replace(before.pipeline, train=train),
        before.run,
        before.log,
        done={name: before.done[name] for name in SHARED if name in before.done},
        wait=before.wait,
        round=before.round + 1,
        reference=reference_of(before),
    )
    answer(context, before)
    read_with_answers(context, before)
    return context


def add_round_facts(facts: Facts, contexts: Sequence[Context]) -> None:
    """Add each round's counts and figures, for side by side, to the facts of the last; its training stands for all."""
    first = contexts[0].pipeline.train
    assert first is not None
    facts["training"]["model"] = first.model
    facts["training"]["seconds"] = sum(context.done["train"].seconds for context in contexts)
    facts["training_rounds"] = [_round_facts(context) for context in contexts]


def _round_facts(context: Context) -> TrainingRound:
    found = evaluation_of(context)
    facts = {
        "round": context.round,
        "n_train": context.done["balance"].counts["n_train"],
        **_answers(context),
        "figures": figures_of(found[1]) if found else {},
    }
    return cast("TrainingRound", facts)


def _answers(context: Context) -> dict[str, int]:
    """Return how many answers the round added, and how they were labelled."""
    if "answers" not in context.done:
        return {"n_answers": 0, "n_desirable": 0, "n_undesirable": 0}
    labels = pq.read_table(context.path("aggregate", "labels.parquet"), columns=["sample_id", "label"])
    label_of = dict(zip(labels["sample_id"].to_pylist(), labels["label"].to_pylist(), strict=True))
    source = source_of(context.round)
    n_answers, counts = 0, {True: 0, False: 0, None: 0}
    for batch in pq.ParquetFile(context.rows).iter_batches(columns=["sample_id", "source"]):
        for sample, row_source in zip(
            batch["sample_id"].to_pylist(), batch["source"].to_pylist(), strict=True
        ):
            if row_source == source:
                n_answers += 1
                counts[label_of.get(sample)] += 1
    return {"n_answers": n_answers, "n_desirable": counts[True], "n_undesirable": counts[False]}
