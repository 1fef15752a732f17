"""The KTO loss: a pure function of log-probabilities.

Shapes: B rows of the effective batch, K mismatched pairs of it (K = B in training).
"""

from typing import NamedTuple

import torch
from torch import Tensor


class KtoLoss(NamedTuple):
    """What `kto_loss` gives: `losses_B`, weighted and differentiable, and `rewards_B`, detached."""

    losses_B: Tensor
    rewards_B: Tensor


def reference_point(policy_kl_logps_K: Tensor, ref_kl_logps_K: Tensor) -> Tensor:
    """The reference point z0: an estimate of KL(pi_theta || pi_ref) from mismatched pairs, a scalar >= 0.

    z0 = max(0, 1/K * sum_k [log pi_theta(y'_k | x_k) - log pi_ref(y'_k | x_k)]), where y'_k is another row's
    completion (the paper's section on the implementation of KTO). It is the exact mean over all pairs of the
    effective batch, clamped after the mean, and carries no gradient: it controls the loss's saturation only.

    Args:
        policy_kl_logps_K: Log-probabilities (nats, summed over completion tokens) under the policy.
        ref_kl_logps_K: The same under the reference.

    Example:
        >>> reference_point(torch.tensor([-8.0, -9.0]), torch.tensor([-10.0, -10.0]))
        tensor(1.5000)
    """
    return (policy_kl_logps_K - ref_kl_logps_K).mean().clamp(min=0).detach()


def kto_loss(
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
    """The KTO loss of each row: lambda_y - v(x, y), with lambda_y taken out as the weight of 1 - v.

    With r = log pi_theta(y | x) - log pi_ref(y | x) (Eq. 7 of the paper's latest version) the value function (Eq. 8) is

        v(x, y) = lambda_D * sigmoid(beta * (r - z0))   for a desirable y,
        v(x, y) = lambda_U * sigmoid(beta * (z0 - r))   for an undesirable y,

    and the loss is lambda_y - v(x, y) = lambda_y * (1 - sigmoid(...)), times the row's own weight. The mean over rows
    (not over weights) is what is minimised. 1 - sigmoid(a) is computed as sigmoid(-a), which does not round to 0.

    Source: Ethayarajh et al., "KTO: Model Alignment as Prospect Theoretic Optimization", 2024,
    https://arxiv.org/abs/2402.01306.

    Args:
        policy_logps_B: log pi_theta(y | x), nats, summed over the completion's tokens; differentiable.
        ref_logps_B: log pi_ref(y | x), likewise.
        labels_B: Bool; True is desirable.
        z0: Scalar >= 0, from `reference_point`; treated as a constant.
        beta: Strength of the pull towards the reference, > 0.
        desirable_weight: lambda_D, >= 0.
        undesirable_weight: lambda_U, >= 0.
        row_weights_B: Weights of single rows, >= 0, multiplied into the loss; None is 1 for all.

    Returns:
        Losses in [0, lambda_y * row weight], and the rewards beta * r.

    Example:
        >>> zero = torch.zeros(2)
        >>> kto_loss(zero, zero, torch.tensor([True, False]), torch.tensor(0.0), beta=0.1).losses_B
        tensor([0.5000, 0.5000])
    """
    ratio_B = policy_logps_B - ref_logps_B
    gain_B = torch.where(labels_B, ratio_B - z0.detach(), z0.detach() - ratio_B)
    weight_B = row_weights(ratio_B, labels_B, desirable_weight, undesirable_weight, row_weights_B)
    return KtoLoss(weight_B * torch.sigmoid(-beta * gain_B), beta * ratio_B.detach())


def row_weights(
    like_B: Tensor, labels_B: Tensor, desirable: float, undesirable: float, row_weights_B: Tensor | None
) -> Tensor:
    """The factor of each row's loss: its class's weight times its own; dtype and device are those of `like_B`."""
    weight_B = torch.where(
        labels_B, torch.full_like(like_B, desirable), torch.full_like(like_B, undesirable)
    ).detach()
    return weight_B if row_weights_B is None else weight_B * row_weights_B
