"""One optimiser step's gradients: z0 over the whole effective batch first, then micro-batches forward and backward.

z0 and the weight of each row in the mean are known before the first backward, so the size of the micro-batches changes
neither z0 nor the loss nor the gradients. Shapes: B rows of the effective batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kto_trainer.batching import micro_batches
from kto_trainer.encoding import Tokens
from kto_trainer.logps import all_completion_logps, completion_logps
from kto_trainer.losses.kto import kto_loss, reference_point
from kto_trainer.model import Machine


@dataclass(frozen=True, slots=True)
class Batch:
    """An effective batch: B rows, the reference's log-probabilities of them, and B mismatched pairs."""

    sequences: Sequence[Tokens]
    kl_sequences: Sequence[Tokens]
    labels_B: Tensor
    weights_B: Tensor
    ref_logps_B: Tensor


@dataclass(frozen=True, slots=True)
class LossSettings:
    """The loss's constants, and how the pass is cut."""

    beta: float
    desirable_weight: float
    undesirable_weight: float
    micro_batch_size: int
    pad: int
    machine: Machine


class StepResult(NamedTuple):
    """`loss` is the mean over the batch's rows, `z0` the reference point, `rewards_B` in the batch's order."""

    loss: float
    z0: float
    rewards_B: Tensor


def accumulate(policy: Any, reference: Any, batch: Batch, settings: LossSettings) -> StepResult:
    """Add the gradients of the batch's mean KTO loss to the policy's parameters.

    Args:
        policy: The model that learns; gradients are added to what is there.
        reference: The frozen model; runs on the mismatched pairs only.
        batch: The effective batch.
        settings: Loss constants and micro-batch size.
    """
    size, pad, machine = settings.micro_batch_size, settings.pad, settings.machine
    z0 = reference_point(
        all_completion_logps(policy, batch.kl_sequences, pad, machine, size),
        all_completion_logps(reference, batch.kl_sequences, pad, machine, size),
    )
    rewards_B = torch.empty_like(batch.ref_logps_B)
    loss = 0.0
    for members in micro_batches([len(item.prompt) + len(item.completion) for item in batch.sequences], size):
        logps = completion_logps(policy, [batch.sequences[i] for i in members], pad, machine)
        result = kto_loss(
            logps,
            batch.ref_logps_B[members].to(logps),
            batch.labels_B[members].to(logps.device),
            z0.to(logps),
            beta=settings.beta,
            desirable_weight=settings.desirable_weight,
            undesirable_weight=settings.undesirable_weight,
            row_weights_B=batch.weights_B[members].to(logps),
        )
        part = result.losses_B.sum() / len(batch.sequences)
        part.backward()  # type: ignore[no-untyped-call]  # torch publishes no type for it
        loss += part.item()
        rewards_B[members] = result.rewards_B.to(rewards_B)
    return StepResult(loss, z0.item(), rewards_B)
