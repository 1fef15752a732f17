"""The KTO stage: epochs of batches, each with fresh mismatched pairs, against the starting model."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from kto_trainer.audit import EncodedRows
from kto_trainer.batching import epoch_batches
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.figures import Figures
from kto_trainer.forward import Forward
from kto_trainer.lora import adapters_off
from kto_trainer.objective import Objective
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.pairing import mismatched_pairs
from kto_trainer.ranks import Ranks
from kto_trainer.reference_cache import ReferenceLogps, reference_logps
from kto_trainer.step import Batch, StepResult, accumulate
from kto_trainer.streams import KTO_ORDER, LABELS, PAIRS, stream


class Weights(NamedTuple):
    """The class weights of a run and where they come from."""

    desirable: float
    undesirable: float
    source: str


@dataclass(slots=True)
class Tally:
    """What the KTO stage met on its way."""

    n_pairs: int = 0
    n_fallbacks: int = 0
    n_single_class_batches: int = 0
    n_reference_computed: int = 0
    n_reference_cached: int = 0


class Step(NamedTuple):
    """One step's rows, and whose completion each row's prompt meets in the KL estimate (empty where none is made)."""

    epoch: int
    rows: list[int]
    partners: list[int]


def objective_of(options: TrainOptions, weights: Weights) -> Objective:
    """The loss that the options ask for."""
    return Objective(
        options.loss_type,
        options.beta,
        weights.desirable,
        weights.undesirable,
        options.log_epsilon_p,
        options.log_epsilon_r,
    )


def run_kto(
    forward: Forward,
    encoded: EncodedRows,
    encoder: Encoder,
    options: TrainOptions,
    weights: Weights,
    log: Callable[[dict[str, Any]], None],
    *,
    cache: Path | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008  # frozen
    say: Callable[[str], None] = lambda _: None,
) -> Tally:
    """The KTO stage: changes the model in place; the reference is its state at the start.

    Args:
        forward: The model that learns.
        encoded: The train rows.
        encoder: What made their tokens.
        options: Resolved options.
        weights: The class weights.
        log: Takes one mapping a step.
        cache: Folder of the reference's kept log-probabilities; None keeps none.
        ranks: The processes that train together.
        say: Takes messages for people.
    """
    objective = objective_of(options, weights)
    tally = Tally()
    labels = train_labels(encoded, options)
    steps = plan(encoded, labels, options, tally, needs_pairs=objective.needs_pairs)
    pairs = [kl_sequences(encoded, encoder, step) for step in steps]
    with adapters_off(forward.model):
        logps = reference_logps(
            forward,
            [*encoded.tokens, *(item for batch in pairs for item in batch)],
            objective.by_token,
            cache,
            ranks,
        )
    tally.n_reference_computed, tally.n_reference_cached = logps.n_computed, logps.n_cached
    if cache:
        say(f"reference: {logps.n_computed} sequences computed, {logps.n_cached} taken from {cache}")
    assert options.learning_rate is not None
    optimizer = Optimizer(forward.model, options, learning_rate=options.learning_rate, n_steps=len(steps))
    figures = Figures("kto", len(steps), options, log)
    at = len(encoded.tokens)
    for step, kl in zip(steps, pairs, strict=True):
        started = time.perf_counter()
        batch = make_batch(encoded, labels, step, kl, logps, at)
        at += len(kl)
        result = accumulate(forward, batch, objective, ranks)
        grad_norm, rate = optimizer.step()
        n_tokens = sum(len(item.prompt) + len(item.completion) for item in batch.sequences)
        fixed = {"epoch": step.epoch + 1, "lr": rate, "tokens": n_tokens}
        figures.add(fixed, _figures(result, batch.labels_B) | {"grad_norm": grad_norm}, started)
    figures.flush()
    return tally


def train_labels(encoded: EncodedRows, options: TrainOptions) -> list[bool]:
    """The rows' labels; with `shuffle_labels` the same labels dealt to the rows at random, with the seed."""
    labels = [row.label for row in encoded.rows]
    if options.shuffle_labels:
        labels = [labels[i] for i in stream(options.seed, LABELS).permutation(len(labels))]
    return labels


def plan(
    encoded: EncodedRows, labels: list[bool], options: TrainOptions, tally: Tally, *, needs_pairs: bool = True
) -> list[Step]:
    """All epochs' batches in order, each with a fresh derangement of its own completions; counts into `tally`."""
    order, pairs = stream(options.seed, KTO_ORDER), stream(options.seed, PAIRS)
    assert options.epochs is not None
    steps = []
    for epoch in range(options.epochs):
        for rows in epoch_batches(labels, encoded.prompt_keys, options.batch_size, order):
            tally.n_single_class_batches += len({labels[i] for i in rows}) == 1
            partners: list[int] = []
            if needs_pairs:
                keys = [encoded.prompt_keys[i] for i in rows], [encoded.completion_keys[i] for i in rows]
                pairing = mismatched_pairs(*keys, pairs)
                partners = pairing.partner
                tally.n_pairs += len(rows)
                tally.n_fallbacks += pairing.n_fallbacks
            steps.append(Step(epoch, rows, partners))
    return steps


def kl_sequences(encoded: EncodedRows, encoder: Encoder, step: Step) -> list[Tokens]:
    """The step's mismatched pairs: each row's prompt with its partner's completion, cut to the length."""
    return [
        encoder.fit(
            encoded.tokens[row]._replace(completion=encoded.tokens[step.rows[partner]].completion)
        ).tokens
        for row, partner in zip(step.rows, step.partners, strict=False)
    ]


def make_batch(
    encoded: EncodedRows, labels: list[bool], step: Step, pairs: list[Tokens], logps: ReferenceLogps, at: int
) -> Batch:
    """One step's batch; its pairs' reference log-probabilities start at number `at`."""
    return Batch(
        [encoded.tokens[i] for i in step.rows],
        pairs,
        torch.tensor([labels[i] for i in step.rows]),
        torch.tensor([encoded.rows[i].weight for i in step.rows]),
        logps.pick(step.rows),
        logps.pick(range(at, at + len(pairs))),
    )


def _figures(result: StepResult, labels_B: torch.Tensor) -> dict[str, torch.Tensor | None]:
    """The step's loss, z0 (named kl) and rewards by class; None where the batch has none of a class."""
    labels_B = labels_B.to(result.rewards_B.device, non_blocking=True)
    n_desirable, n_rows = labels_B.sum(), len(labels_B)
    desirable = (result.rewards_B * labels_B).sum() / n_desirable
    undesirable = (result.rewards_B * ~labels_B).sum() / (n_rows - n_desirable)
    return {
        "loss": result.loss,
        "kl": result.z0,
        "rewards/chosen": desirable,
        "rewards/rejected": undesirable,
        "rewards/margins": desirable - undesirable,
    }
