import pytest
import torch
from kto_trainer import head as head_module
from kto_trainer.head import Head, scored_loss, token_logps

COUNTS = [3, 1, 9, 2]  # with a tile of 4 tokens: a run of two sequences, one longer than a tile, one alone
M, H, V = sum(COUNTS), 6, 11


@pytest.fixture(params=[{}, {"scale": 0.5}, {"cap": 2.0}, {"scale": 3.0, "cap": 1.5}], ids=str)
def case(request, monkeypatch):
    generator = torch.Generator().manual_seed(4)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    monkeypatch.setattr(Head, "tile", property(lambda _: 4))
    hidden, weight, bias = (draw(*shape).requires_grad_() for shape in ((M, H), (V, H), (V,)))
    targets = torch.randint(V, (M,), generator=generator)
    return hidden, Head(weight, bias, **request.param), targets, draw(len(COUNTS))


def plainly(hidden, head, targets):
    logits = head.scale * (hidden @ head.weight_VH.T + head.bias_V)
    if head.cap:
        logits = head.cap * torch.tanh(logits / head.cap)
    return logits.log_softmax(-1)[torch.arange(M), targets]


def loss_of(factors):
    """A loss that is not linear in a sequence's log-probability, as KTO's is not."""

    def loss(logps, first, last):
        parts = logps.split(COUNTS[first:last])
        return sum(
            torch.sigmoid(f * part.sum() / 9) for f, part in zip(factors[first:last], parts, strict=True)
        )

    return loss


def test_log_probabilities_are_those_of_the_whole_softmax(case):
    hidden, head, targets, _ = case
    assert torch.allclose(token_logps(hidden, targets, head), plainly(hidden, head, targets), atol=1e-12)


def test_loss_and_gradients_are_those_of_the_whole_softmax(case):
    hidden, head, targets, factors = case
    leaves = (hidden, head.weight_VH, head.bias_V)
    loss, logps = scored_loss(hidden, targets, COUNTS, head, loss_of(factors))
    found = torch.autograd.grad(2.0 * loss, leaves)
    expected_logps = plainly(hidden, head, targets)
    expected_loss = loss_of(factors)(expected_logps, 0, len(COUNTS))
    expected = torch.autograd.grad(2.0 * expected_loss, leaves)
    assert loss.item() == pytest.approx(expected_loss.item(), abs=1e-12)
    assert torch.allclose(logps, expected_logps, atol=1e-12)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_a_head_that_is_frozen_gets_no_gradient(case):
    hidden, head, targets, factors = case
    frozen = Head(head.weight_VH.detach(), head.bias_V.detach(), head.scale, head.cap)
    loss, _ = scored_loss(hidden, targets, COUNTS, frozen, loss_of(factors))
    loss.backward()
    assert hidden.grad.abs().max() > 0
    assert frozen.weight_VH.grad is None


def test_an_unlikely_token_has_a_finite_log_probability():
    weight = torch.tensor([[0.0], [-500.0]])
    found = token_logps(torch.ones(1, 1), torch.tensor([1]), Head(weight, None))
    assert found.tolist() == [-500.0]  # its probability is 0 in float32


def test_a_tile_is_bounded_in_bytes():
    head = Head(torch.empty(128_000, 1, device="meta"), None)
    assert head.tile * 128_000 * 4 <= head_module.TILE_BYTES["cpu"]
