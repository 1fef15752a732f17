"""One optimiser step's gradients: z0 over the whole effective batch, then passes forward and backward.

z0 and the weight of each row in the mean are known before the first backward, so neither the size of the passes nor the
number of processes changes z0, the loss or the gradients. Shapes: B rows of the effective batch, of which this process
has N; M scored tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from kto_trainer.encoding import Tokens
from kto_trainer.forward import Forward, PackedForward
from kto_trainer.losses.kto import reference_point
from kto_trainer.objective import Objective, Reference
from kto_trainer.packing import n_read
from kto_trainer.ranks import Ranks


@dataclass(frozen=True, slots=True)
class Batch:
    """An effective batch: B rows and B mismatched pairs, and the reference's log-probabilities of both.

    A loss without pairs has no `kl_sequences`.
    """

    sequences: Sequence[Tokens]
    kl_sequences: Sequence[Tokens]
    labels_B: Tensor
    weights_B: Tensor
    reference: Reference
    kl_reference: Reference


class StepResult(NamedTuple):
    """`loss` is the mean over the batch's rows, `z0` the reference point, `rewards_B` in the batch's order.

    All on the device: reading them would make the host wait for it.
    """

    loss: Tensor
    z0: Tensor
    rewards_B: Tensor


def accumulate(forward: Forward, batch: Batch, objective: Objective, ranks: Ranks = Ranks()) -> StepResult:  # noqa: B008  # frozen
    """Add the gradients of the batch's mean loss to the model's parameters, summed over all processes.

    Args:
        forward: The model that learns; gradients are added to what is there.
        batch: The whole effective batch, the same in every process.
        objective: The loss and its constants.
        ranks: The processes that share the batch.
    """
    mine = ranks.share([n_read(item) for item in batch.sequences])
    device = forward.machine.device
    rewards_B = torch.zeros(len(batch.sequences), dtype=torch.float64, device=device)
    rows = _Rows(batch, objective, rewards_B)
    lead = None
    if not objective.needs_pairs:
        z0 = torch.zeros((), dtype=torch.float64, device=device)
    elif isinstance(forward, PackedForward) and mine and fits_one_pass(batch, mine, forward):
        lead = forward.lead([batch.sequences[i] for i in mine], keep=True)
        pairs = [(place, batch.kl_sequences[i].completion) for place, i in enumerate(mine)]
        logps_M = forward.continuation_logps(lead, pairs)
        lead.segments.kept.clear()
        z0 = _reference_point(rows.kl_ratios(mine, logps_M), batch, ranks)
    else:
        z0 = _reference_point(_kl_ratios(forward, rows, mine, ranks), batch, ranks)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    if lead is not None:
        part, _ = forward.finish(lead, rows.loss_of(mine, z0))  # type: ignore[attr-defined]  # packed, as above
        loss += part
    else:
        sequences = [batch.sequences[i] for i in mine]
        for members in ranks.even(forward.limits.passes(sequences)):
            part, _ = forward.backward(
                [sequences[i] for i in members], rows.loss_of([mine[i] for i in members], z0)
            )
            loss += part
    ranks.sum_gradients(forward.model)
    return StepResult(ranks.sum(loss), z0, ranks.sum(rewards_B))


def fits_one_pass(batch: Batch, mine: Sequence[int], forward: Forward) -> bool:
    """Whether these rows and their pairs' completions fit one pass, and every pair has its row's very prompt.

    A pair whose prompt was cut otherwise than its row's (both were at the length's limit) cannot share it.
    """
    n_tokens = sum(n_read(batch.sequences[i]) + len(batch.kl_sequences[i].completion) - 1 for i in mine)
    limits = forward.limits
    if forward.dropouts or n_tokens > limits.tokens or (limits.rows is not None and len(mine) > limits.rows):
        return False
    return all(batch.kl_sequences[i].prompt == batch.sequences[i].prompt for i in mine)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The batch's rows, with what the loss needs of them; fills `rewards_B`."""

    batch: Batch
    objective: Objective
    rewards_B: Tensor

    def kl_ratios(self, rows: Sequence[int], logps_M: Tensor) -> Tensor:
        counts = [len(self.batch.kl_sequences[i].completion) for i in rows]
        return self.objective.ratios(logps_M, counts, self.batch.kl_reference.pick(rows).to(logps_M))

    def loss_of(self, rows: Sequence[int], z0: Tensor) -> Callable[[Tensor, int, int], Tensor]:
        """The share in the batch's mean loss of runs of these rows."""
        device = z0.device
        chosen = torch.tensor(list(rows), dtype=torch.long)
        index = chosen.to(device, non_blocking=True)
        labels_N = self.batch.labels_B[chosen].to(device, non_blocking=True)
        weights_N = self.batch.weights_B[chosen].to(device, non_blocking=True)
        reference = self.batch.reference.pick(rows)
        counts = [len(self.batch.sequences[i].completion) for i in rows]

        def loss(logps_M: Tensor, first: int, last: int) -> Tensor:
            part = slice(first, last)
            ratio = self.objective.ratios(logps_M, counts[part], reference.slice(first, last).to(logps_M))
            result = self.objective.losses(ratio, labels_N[part], weights_N[part].to(ratio), z0.to(ratio))
            self.rewards_B[index[part]] = result.rewards_B.to(self.rewards_B)
            return result.losses_B.sum() / len(self.batch.sequences)

        return loss


def _kl_ratios(forward: Forward, rows: _Rows, mine: Sequence[int], ranks: Ranks) -> Tensor:
    """The log-ratios of this process's pairs, in passes without gradients; shape [N]."""
    sequences = [rows.batch.kl_sequences[i] for i in mine]
    out_N = torch.zeros(len(mine), dtype=torch.float64, device=forward.machine.device)
    for members in ranks.even(forward.limits.passes(sequences)):
        logps_M = forward.token_logps([sequences[i] for i in members])
        if not members:
            continue
        out_N[torch.tensor(members).to(out_N.device, non_blocking=True)] = rows.kl_ratios(
            [mine[i] for i in members], logps_M
        ).to(out_N)
    return out_N


def _reference_point(ratio_N: Tensor, batch: Batch, ranks: Ranks) -> Tensor:
    """z0 from this process's ratios: the sum over all processes over the number of the batch's pairs."""
    total = ranks.sum(ratio_N.double().sum())
    return reference_point((total / len(batch.kl_sequences))[None], torch.zeros_like(total)[None])
