"""Humanline: the log-ratios of single tokens are clamped before they are summed; otherwise KTO.

Shapes: M scored tokens of B rows.
"""

import torch
from torch import Tensor


def clamped_ratios(
    policy_logps_M: Tensor,
    ref_logps_M: Tensor,
    row_M: Tensor,
    n_rows: int,
    *,
    log_epsilon_p: float,
    log_epsilon_r: float,
) -> Tensor:
    """The log-ratio of each row, with every token's own ratio kept in [log_epsilon_p, log_epsilon_r]; shape [B].

        r_B = sum over the row's tokens t of clamp(log pi_theta(t) - log pi_ref(t), log_epsilon_P, log_epsilon_R)

    A token beyond the bounds has no gradient. The same clamp holds for the mismatched pairs behind z0. The loss is then
    KTO's on these ratios. Differs from HALOs in one thing: there the reference is set to the policy before every
    step; here it stays the starting model.

    Source: ContextualAI/HALOs, `train/trainers.py` (`get_sequence_rewards`); Liu et al., "Humanline: Online Alignment as
    Perceptual Loss", 2025, https://arxiv.org/abs/2509.24207.

    Args:
        policy_logps_M: Log-probability of each scored token under the policy, nats; differentiable.
        ref_logps_M: The same under the reference.
        row_M: Number of the row that each token belongs to, 0 to n_rows - 1.
        n_rows: B.
        log_epsilon_p: Lower bound, <= 0 (HALOs: -1.0).
        log_epsilon_r: Upper bound, >= 0 (HALOs: 1.5).

    Example:
        >>> clamped_ratios(torch.tensor([-1.0, -9.0]), torch.tensor([-4.0, -9.0]), torch.tensor([0, 0]), 1,
        ...                log_epsilon_p=-1.0, log_epsilon_r=1.5)
        tensor([1.5000])
    """
    ratio_M = (policy_logps_M - ref_logps_M).clamp(log_epsilon_p, log_epsilon_r)
    return torch.zeros(n_rows, dtype=ratio_M.dtype, device=ratio_M.device).index_add(0, row_M, ratio_M)
