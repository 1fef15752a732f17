"""APO-zero for single outputs: raise what is desirable, lower what is undesirable, with no reference point.

Shapes: B rows of the effective batch.
"""

import torch
from torch import Tensor

from kto_trainer.losses.kto import KtoLoss, row_weights


def apo_zero_unpaired_loss(
    policy_logps_B: Tensor,
    ref_logps_B: Tensor,
    labels_B: Tensor,
    z0: Tensor,
    *,
    beta: float,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    row_weights_B: Tensor | None = None,
) -> KtoLoss:
    """The APO-zero loss of each row, each half of the paired loss by itself.

    With r = log pi_theta(y | x) - log pi_ref(y | x):

        desirable     lambda_D * (1 - sigmoid(beta * r))
        undesirable   lambda_U * sigmoid(beta * r)

    Source: D'Oosterlinck et al., "Anchored Preference Optimization and Contrastive Revisions", 2024,
    https://arxiv.org/abs/2408.06266, the loss APO-zero (its two terms, applied to unpaired rows).

    Args:
        policy_logps_B: log pi_theta(y | x), nats; differentiable.
        ref_logps_B: log pi_ref(y | x), likewise.
        labels_B: Bool; True is desirable.
        z0: Not used: this loss anchors at 0, so it needs no mismatched pairs.
        beta: Strength of the pull towards the reference, > 0.
        desirable_weight: lambda_D, >= 0.
        undesirable_weight: lambda_U, >= 0.
        row_weights_B: Weights of single rows, >= 0; None is 1 for all.

    Example:
        >>> one = torch.ones(2)
        >>> apo_zero_unpaired_loss(one, one, torch.tensor([True, False]), torch.tensor(9.0), beta=1.0).losses_B
        tensor([0.5000, 0.5000])
    """
    del z0
    ratio_B = policy_logps_B - ref_logps_B
    weight_B = row_weights(ratio_B, labels_B, desirable_weight, undesirable_weight, row_weights_B)
    gain_B = torch.where(labels_B, ratio_B, -ratio_B)
    return KtoLoss(weight_B * torch.sigmoid(-beta * gain_B), beta * ratio_B.detach())
