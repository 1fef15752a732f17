import pytest
import torch
from kto_trainer import optimizer
from kto_trainer.errors import UnavailableError
from kto_trainer.optimizer import Optimizer, RoundingAdamW, learning_rate_factor, round_at_random_
from kto_trainer.options import TrainOptions


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.5]),
        ("cosine", [0.5, 1.0, 1.0, 0.5]),  # (1 + cos(pi/2)) / 2 at half of the way down
    ],
)
def test_the_learning_rate_warms_up_and_then_follows_its_shape(kind, expected):
    assert [learning_rate_factor(step, 4, 0.5, kind) for step in range(4)] == pytest.approx(expected)


@pytest.mark.parametrize("n_steps", [1, 2, 7])
def test_no_step_is_wasted_on_a_rate_of_zero(n_steps):
    for kind in ("linear", "cosine", "constant"):
        assert all(0 < learning_rate_factor(step, n_steps, 0.1, kind) <= 1 for step in range(n_steps))


def layer(gradient):
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.grad = torch.tensor([[gradient]])
    return model


def test_a_step_tells_the_norm_before_clipping_and_clears_the_gradients():
    model = layer(30.0)
    norm, rate = Optimizer(model, TrainOptions(warmup_ratio=0), learning_rate=0.1, n_steps=3).step()
    assert (norm.item(), rate) == (pytest.approx(30.0), pytest.approx(0.1))
    assert model.weight.grad is None


@pytest.mark.parametrize("kind", ["weights that are rounded at random", "plain weights"])
def test_steps_too_small_for_bfloat16_add_up_only_when_rounded_at_random(kind):
    # A step of 1e-3 on a weight of 1 is an eighth of the distance to the next bfloat16 below, 2^-8, times two.
    weight = torch.nn.Parameter(torch.ones(4096, dtype=torch.bfloat16))
    made = kind == "weights that are rounded at random"
    adamw = (
        RoundingAdamW([weight], 1e-3, 0.0, 7) if made else torch.optim.AdamW([weight], 1e-3, weight_decay=0)
    )
    for _ in range(40):
        weight.grad = torch.ones_like(weight)
        adamw.step()
    # A constant gradient makes AdamW step by the learning rate: 1 - 40 * 1e-3.
    assert weight.float().mean().item() == pytest.approx(0.96 if made else 1.0, abs=1e-3)


def test_rounding_at_random_gives_the_neighbours_and_keeps_the_mean():
    # Between 1 and 1 + 2^-7 lie no other bfloat16 numbers; a quarter of the way up goes up a quarter of the time.
    values = torch.full((40_000,), 1 + 2**-9)
    rounded = round_at_random_(values, torch.Generator().manual_seed(3))
    assert set(rounded.tolist()) == {1.0, 1 + 2**-7}
    assert (rounded > 1).float().mean().item() == pytest.approx(0.25, abs=0.01)


def test_rounding_adamw_is_adamw_on_float32_weights():
    generator = torch.Generator().manual_seed(5)
    start = torch.randn(9, generator=generator)
    weights = [torch.nn.Parameter(start.clone()) for _ in range(2)]
    ours, torchs = (
        RoundingAdamW([weights[0]], 0.01, 0.1, 0),
        torch.optim.AdamW([weights[1]], 0.01, weight_decay=0.1),
    )
    for _ in range(5):
        gradient = torch.randn(9, generator=generator)
        for weight, adamw in zip(weights, (ours, torchs), strict=True):
            weight.grad = gradient.clone()
            adamw.step()
    assert torch.allclose(weights[0], weights[1], atol=1e-6)


def test_rounding_adamw_takes_a_weight_part_by_part(monkeypatch):
    weights = [torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)) for _ in range(2)]
    for weight, size in zip(weights, (5, 100), strict=True):
        monkeypatch.setattr(optimizer, "PART", size)
        stepper = RoundingAdamW([weight], 0.1, 0.01, 0)
        for _ in range(3):
            weight.grad = weight.detach() ** 2
            stepper.step()
    assert torch.equal(*weights)


def test_moments_of_8_bits_need_a_cuda_device():
    options = TrainOptions(model="m", optim="adamw_8bit")
    with pytest.raises(UnavailableError, match="adamw_8bit needs a CUDA device"):
        Optimizer(torch.nn.Linear(2, 2), options, learning_rate=1e-3, n_steps=1)
