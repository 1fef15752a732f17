import pytest
import torch
from kto_trainer.errors import TrainerError
from kto_trainer.optimizer import Optimizer, learning_rate_factor
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
    assert (norm, rate) == (pytest.approx(30.0), pytest.approx(0.1))
    assert model.weight.grad is None


def test_gradients_that_are_not_finite_stop_the_run():
    optimizer = Optimizer(layer(float("nan")), TrainOptions(), learning_rate=0.1, n_steps=3)
    with pytest.raises(TrainerError, match=r"step 1: the gradients are not finite.*lower the learning rate"):
        optimizer.step()
