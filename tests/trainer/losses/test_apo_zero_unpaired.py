import math

import pytest
import torch
from kto_trainer.losses.apo_zero_unpaired import apo_zero_unpaired_loss

LN3 = math.log(3)
NOWHERE = torch.tensor(float("nan"), dtype=torch.float64)  # z0 plays no part


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("ratio", "label", "beta", "w_d", "w_u", "weight", "loss"),
    [
        (0.0, True, 0.1, 1.0, 1.0, 1.0, 0.5),
        (0.0, False, 0.1, 1.0, 1.0, 1.0, 0.5),
        (LN3, True, 1.0, 1.0, 1.0, 1.0, 0.25),  # 1 - sigmoid(ln 3) = 1 - 3/4
        (LN3, False, 1.0, 1.0, 1.0, 1.0, 0.75),  # sigmoid(ln 3) = 3/4
        (10 * LN3, False, 0.1, 1.0, 2.0, 0.5, 0.75),  # beta * r = ln 3; 3/4 times 2 times 1/2
        (-LN3, True, 1.0, 4.0, 1.0, 1.0, 3.0),  # 1 - 1/4 = 3/4 times 4
    ],
)
def test_the_loss_is_the_one_computed_by_hand(ratio, label, beta, w_d, w_u, weight, loss):
    weights = {"desirable_weight": w_d, "undesirable_weight": w_u, "row_weights_B": t(weight)}
    result = apo_zero_unpaired_loss(
        t(ratio - 9), t(-9.0), torch.tensor([label]), NOWHERE, beta=beta, **weights
    )
    assert result.losses_B.item() == pytest.approx(loss, abs=1e-12)
    assert result.rewards_B.item() == pytest.approx(beta * ratio, abs=1e-12)


def test_gradients_agree_with_finite_differences():
    generator = torch.Generator().manual_seed(3)
    policy = (torch.randn(6, generator=generator, dtype=torch.float64) * 5).requires_grad_()
    ref = torch.randn(6, generator=generator, dtype=torch.float64) * 5
    labels = torch.tensor([True, False, True, False, False, True])

    def loss(logps):
        return apo_zero_unpaired_loss(logps, ref, labels, NOWHERE, beta=0.3, desirable_weight=1.2).losses_B

    assert torch.autograd.gradcheck(loss, (policy,), eps=1e-6, atol=1e-8)
