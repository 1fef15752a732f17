"""The KTO stage: epochs of batches, each with fresh mismatched pairs, against the frozen starting model."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from kto_trainer.audit import EncodedRows
from kto_trainer.batching import epoch_batches
from kto_trainer.encoding import Encoder
from kto_trainer.logps import all_completion_logps
from kto_trainer.model import Machine, frozen_copy
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.pairing import mismatched_pairs
from kto_trainer.step import Batch, LossSettings, StepResult, accumulate
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


def run_kto(
    policy: Any,
    encoded: EncodedRows,
    encoder: Encoder,
    options: TrainOptions,
    weights: Weights,
    computer: Machine,
    log: Callable[[dict[str, Any]], None],
) -> Tally:
    """The KTO stage: changes `policy` in place; the reference is its state at the start."""
    reference = frozen_copy(policy)
    assert options.epochs is not None
    assert options.learning_rate is not None
    settings = LossSettings(
        options.beta, weights.desirable, weights.undesirable, options.micro_batch_size, encoder.pad, computer
    )
    labels = train_labels(encoded, options)
    # Once for all epochs: the reference does not change, and neither do the rows.
    ref_logps_N = all_completion_logps(
        reference, encoded.tokens, encoder.pad, computer, options.micro_batch_size
    )
    order = stream(options.seed, KTO_ORDER)
    epochs = [
        epoch_batches(labels, encoded.prompt_keys, options.batch_size, order) for _ in range(options.epochs)
    ]
    steps = [(epoch, batch) for epoch, batches in enumerate(epochs) for batch in batches]
    optimizer = Optimizer(policy, options, learning_rate=options.learning_rate, n_steps=len(steps))
    tally = Tally()
    batches = make_batches(
        encoded, encoder, labels, ref_logps_N, [batch for _, batch in steps], options.seed, tally
    )
    for number, ((epoch, _), batch) in enumerate(zip(steps, batches, strict=True), start=1):
        started = time.perf_counter()
        result = accumulate(policy, reference, batch, settings)
        grad_norm, rate = optimizer.step()
        log(
            {"stage": "kto", "step": number, "steps": len(steps), "epoch": epoch + 1}
            | _figures(result, batch.labels_B)
            | {
                "grad_norm": grad_norm,
                "lr": rate,
                "tokens": sum(len(item.prompt) + len(item.completion) for item in batch.sequences),
                "seconds": time.perf_counter() - started,
            }
        )
    return tally


def train_labels(encoded: EncodedRows, options: TrainOptions) -> list[bool]:
    """The rows' labels; with `shuffle_labels` the same labels dealt to the rows at random, with the seed."""
    labels = [row.label for row in encoded.rows]
    if options.shuffle_labels:
        labels = [labels[i] for i in stream(options.seed, LABELS).permutation(len(labels))]
    return labels


def make_batches(
    encoded: EncodedRows,
    encoder: Encoder,
    labels: list[bool],
    ref_logps_N: torch.Tensor,
    members: list[list[int]],
    seed: int,
    tally: Tally,
) -> Iterator[Batch]:
    """Batches in order, each with a fresh derangement of its own completions; counts fallbacks into `tally`."""
    pairs = stream(seed, PAIRS)
    for rows in members:
        pairing = mismatched_pairs(
            [encoded.prompt_keys[i] for i in rows], [encoded.completion_keys[i] for i in rows], pairs
        )
        tally.n_pairs += len(rows)
        tally.n_fallbacks += pairing.n_fallbacks
        tally.n_single_class_batches += len({labels[i] for i in rows}) == 1
        sequences = [encoded.tokens[i] for i in rows]
        kl_sequences = [
            encoder.fit(own._replace(completion=sequences[partner].completion)).tokens
            for own, partner in zip(sequences, pairing.partner, strict=True)
        ]
        yield Batch(
            sequences,
            kl_sequences,
            torch.tensor([labels[i] for i in rows]),
            torch.tensor([encoded.rows[i].weight for i in rows]),
            ref_logps_N[rows],
        )


def _figures(result: StepResult, labels_B: torch.Tensor) -> dict[str, float | None]:
    """The step's loss, z0 (named kl) and rewards by class; None where the batch has none of a class."""
    chosen = result.rewards_B[labels_B].mean().item() if labels_B.any() else None
    rejected = result.rewards_B[~labels_B].mean().item() if not labels_B.all() else None
    return {
        "loss": result.loss,
        "kl": result.z0,
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": None if chosen is None or rejected is None else chosen - rejected,
    }
