import torch
from kto_trainer.losses.humanline import clamped_ratios

BOUNDS = {"log_epsilon_p": -1.0, "log_epsilon_r": 1.5}


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_each_tokens_ratio_is_clamped_before_the_sum():
    # Row 0: 3, 0.5 and 0 become 1.5, 0.5 and 0; row 1: -8 and 1 become -1 and 1; row 2 has no tokens.
    policy, ref = t(-1.0, -1.0, -1.0, -9.0, -1.0), t(-4.0, -1.5, -1.0, -1.0, -2.0)
    rows = torch.tensor([0, 0, 0, 1, 1])
    assert clamped_ratios(policy, ref, rows, 3, **BOUNDS).tolist() == [2.0, 0.0, 0.0]


def test_a_token_beyond_the_bounds_has_no_gradient():
    policy = t(2.0, 0.5, -3.0).requires_grad_()
    clamped_ratios(policy, t(0.0, 0.0, 0.0), torch.tensor([0, 0, 0]), 1, **BOUNDS).sum().backward()
    assert policy.grad.tolist() == [0.0, 1.0, 0.0]


def test_gradients_agree_with_finite_differences():
    generator = torch.Generator().manual_seed(3)
    policy = (torch.randn(8, generator=generator, dtype=torch.float64) * 2).requires_grad_()
    ref = torch.randn(8, generator=generator, dtype=torch.float64)
    rows = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    check = torch.autograd.gradcheck
    assert check(lambda logps: clamped_ratios(logps, ref, rows, 3, **BOUNDS), (policy,), eps=1e-6, atol=1e-8)
