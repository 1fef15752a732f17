"""What is minimised: one of the losses with its constants, from token log-probabilities to the batch's mean.

Shapes: M scored tokens of the B rows at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kto_trainer.forward import row_numbers, sums
from kto_trainer.losses import LOSSES
from kto_trainer.losses.humanline import clamped_ratios
from kto_trainer.losses.kto import KtoLoss


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference's log-probabilities of B sequences: sums, and where the loss is by token, each token's."""

    sums_B: Tensor
    tokens_B: list[Tensor] | None = None

    def pick(self, rows: Sequence[int]) -> "Reference":
        """Those of some of the sequences."""
        tokens = None if self.tokens_B is None else [self.tokens_B[i] for i in rows]
        return Reference(self.sums_B[list(rows)], tokens)

    def slice(self, first: int, last: int) -> "Reference":
        """Those of a run of the sequences."""
        return Reference(
            self.sums_B[first:last], None if self.tokens_B is None else self.tokens_B[first:last]
        )

    def to(self, like: Tensor) -> "Reference":
        """The same with another tensor's dtype and on its device; the host does not wait for it."""
        tokens = None if self.tokens_B is None else [_moved(item, like) for item in self.tokens_B]
        return Reference(_moved(self.sums_B, like), tokens)


def _moved(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.device, like.dtype, non_blocking=True)


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss by name, with its constants."""

    loss_type: str = "kto"
    beta: float = 0.1
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    log_epsilon_p: float = -1.0
    log_epsilon_r: float = 1.5

    @property
    def needs_pairs(self) -> bool:
        """Whether z0 is estimated from mismatched pairs."""
        return LOSSES[self.loss_type].needs_pairs

    @property
    def by_token(self) -> bool:
        """Whether the reference is needed token by token."""
        return LOSSES[self.loss_type].by_token

    def ratios(self, logps_M: Tensor, counts: Sequence[int], reference: Reference) -> Tensor:
        """Log pi_theta(y | x) - log pi_ref(y | x) of each sequence, clamped by token where the loss says so; [B]."""
        if not self.by_token:
            return sums(logps_M, counts) - reference.sums_B
        assert reference.tokens_B is not None
        return clamped_ratios(
            logps_M,
            torch.cat(reference.tokens_B),
            row_numbers(counts, logps_M.device),
            len(counts),
            log_epsilon_p=self.log_epsilon_p,
            log_epsilon_r=self.log_epsilon_r,
        )

    def losses(self, ratio_B: Tensor, labels_B: Tensor, weights_B: Tensor, z0: Tensor) -> KtoLoss:
        """The loss of each row from its log-ratio."""
        return LOSSES[self.loss_type].function(
            ratio_B,
            torch.zeros_like(ratio_B),
            labels_B,
            z0,
            beta=self.beta,
            desirable_weight=self.desirable_weight,
            undesirable_weight=self.undesirable_weight,
            row_weights_B=weights_B,
        )
