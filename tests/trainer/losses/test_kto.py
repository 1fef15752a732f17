import math

import pytest
import torch
from kto_trainer.losses.kto import kto_loss, reference_point, row_weights


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


# Arithmetic by hand: r = policy - reference, a desirable row loses w_D * (1 - sigmoid(beta * (r - z0))), an undesirable
# one w_U * (1 - sigmoid(beta * (z0 - r))). sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4, sigmoid(ln 9) = 9/10.
LN3, LN9 = math.log(3), math.log(9)


@pytest.mark.parametrize(
    ("policy", "ref", "label", "z0", "beta", "w_d", "w_u", "weight", "loss", "reward"),
    [
        # policy = reference, z0 = 0: r = 0, sigmoid(0) = 1/2, whatever the label
        (-7.0, -7.0, True, 0.0, 0.1, 1.0, 1.0, 1.0, 0.5, 0.0),
        (-7.0, -7.0, False, 0.0, 0.1, 1.0, 1.0, 1.0, 0.5, 0.0),
        # r = ln 3, beta 1: desirable 1 - 3/4 = 1/4, undesirable 1 - 1/4 = 3/4
        (LN3 - 10, -10.0, True, 0.0, 1.0, 1.0, 1.0, 1.0, 0.25, LN3),
        (LN3 - 10, -10.0, False, 0.0, 1.0, 1.0, 1.0, 1.0, 0.75, LN3),
        # z0 = ln 9 moves the point: r - z0 = ln 3 - 2 ln 3 = -ln 3: 1 - 1/4 = 3/4; the reward does not move
        (LN3 - 10, -10.0, True, LN9, 1.0, 1.0, 1.0, 1.0, 0.75, LN3),
        # r = 10 ln 9, beta 0.1: beta * r = ln 9: 1 - 9/10 = 1/10; times w_D = 4/3 and the row's weight 3: 4/10
        (10 * LN9 - 50, -50.0, True, 0.0, 0.1, 4 / 3, 1.0, 3.0, 0.4, LN9),
        # undesirable, r = -ln 9: sigmoid(ln 9) = 9/10: 1/10 times w_U = 2
        (-LN9, 0.0, False, 0.0, 1.0, 1.0, 2.0, 1.0, 0.2, -LN9),
        # an undesirable row of weight 0 costs nothing
        (5.0, 0.0, False, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 5.0),
    ],
)
def test_the_loss_is_the_one_computed_by_hand(policy, ref, label, z0, beta, w_d, w_u, weight, loss, reward):
    result = kto_loss(
        t(policy),
        t(ref),
        torch.tensor([label]),
        torch.tensor(z0, dtype=torch.float64),
        beta=beta,
        desirable_weight=w_d,
        undesirable_weight=w_u,
        row_weights_B=t(weight),
    )
    assert result.losses_B.item() == pytest.approx(loss, abs=1e-12)
    assert result.rewards_B.item() == pytest.approx(reward, abs=1e-12)


@pytest.mark.parametrize(
    ("policy", "ref", "z0"),
    [
        ((-1.0, -2.0), (-2.0, -5.0), 2.0),  # (1 + 3) / 2
        ((-1.0, -9.0), (-2.0, -5.0), 0.0),  # (1 - 4) / 2 < 0: clamped after the mean
        ((-1.0, -9.0, 0.0), (-2.0, -5.0, -6.0), 1.0),  # (1 - 4 + 6) / 3: a negative pair counts in the mean
        ((-3.0, -1.0), (-3.0, -2.5), 0.75),  # (0 + 1.5) / 2: a pair of ratio 0 counts too
    ],
)
def test_z0_is_the_mean_over_all_pairs_clamped_at_zero(policy, ref, z0):
    assert reference_point(t(*policy), t(*ref)).item() == pytest.approx(z0, abs=1e-12)


def test_z0_carries_no_gradient():
    policy = t(-1.0, -2.0).requires_grad_()
    z0 = reference_point(policy, t(-3.0, -3.0))
    assert not z0.requires_grad
    assert kto_loss(
        policy, t(0.0, 0.0), torch.tensor([True, False]), policy.sum(), beta=0.1
    ).losses_B.requires_grad
    (gradient,) = torch.autograd.grad(
        kto_loss(t(0.0), t(0.0), torch.tensor([True]), policy.sum(), beta=1.0).losses_B.sum()
        + 0 * policy.sum(),
        policy,
    )
    assert gradient.tolist() == [0.0, 0.0]


def test_gradients_agree_with_finite_differences():
    generator = torch.Generator().manual_seed(3)
    policy = (torch.randn(6, generator=generator, dtype=torch.float64) * 5).requires_grad_()
    ref = torch.randn(6, generator=generator, dtype=torch.float64) * 5
    labels = torch.tensor([True, False, True, False, False, True])
    weights = torch.rand(6, generator=generator, dtype=torch.float64)

    def loss(logps):
        return kto_loss(
            logps,
            ref,
            labels,
            torch.tensor(0.7, dtype=torch.float64),
            beta=0.3,
            desirable_weight=1.2,
            undesirable_weight=0.8,
            row_weights_B=weights,
        ).losses_B

    assert torch.autograd.gradcheck(loss, (policy,), eps=1e-6, atol=1e-8)


def test_a_reward_far_beyond_saturation_gives_no_nan():
    policy = t(5000.0, -5000.0).requires_grad_()
    losses = kto_loss(policy, t(0.0, 0.0), torch.tensor([False, False]), t(0.0)[0], beta=1.0).losses_B
    losses.sum().backward()
    assert losses.tolist() == [1.0, 0.0]
    assert torch.isfinite(policy.grad).all()


def test_row_weights_are_the_classs_times_the_rows_own():
    found = row_weights(t(0, 0, 0), torch.tensor([True, False, True]), 2.0, 3.0, t(1.0, 0.5, 0.0))
    assert found.tolist() == [2.0, 1.5, 0.0]
