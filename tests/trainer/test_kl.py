import copy
import math

import pytest
import torch
from kto_trainer.kl import _batches, answers_kl
from kto_trainer.model import Machine

CPU = Machine(torch.device("cpu"), torch.float32)


@pytest.fixture
def pair(tiny):
    """A model, and another of the same tokens."""
    model = tiny[0]
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.get_input_embeddings().weight += 0.05 * torch.randn(
            other.get_input_embeddings().weight.shape, generator=torch.Generator().manual_seed(0)
        )
    return model.requires_grad_(False), other.requires_grad_(False)


def test_the_divergence_is_that_of_every_token_by_itself(pair):
    model, other = pair
    prompts, answers = [[5, 6, 7], [9]], [[11, 12], [13, 14, 15, 16]]
    found = answers_kl(model, other, prompts, answers, 0, CPU)
    for prompt, answer, kl in zip(prompts, answers, found, strict=True):
        expected = 0.0
        for t in range(len(answer)):  # no batch, no padding
            ids = torch.tensor([prompt + answer[:t]])
            p, q = (
                network(input_ids=ids).logits[0, -1].float().log_softmax(-1) for network in (model, other)
            )
            expected += float((p.exp() * (p - q)).sum())
        assert expected > 1e-4
        assert kl == pytest.approx(expected, rel=1e-4)


def test_a_model_does_not_diverge_from_itself(pair):
    model, _ = pair
    assert answers_kl(model, model, [[5]], [[6, 7]], 0, CPU) == [0.0]


def test_the_mean_over_own_answers_is_near_the_mean_log_ratio(pair):
    """At temperature 1 both estimate the same divergence; here of one-token answers, where the sum is exact."""
    model, other = pair
    p, q = (
        network(input_ids=torch.tensor([[5, 6]])).logits[0, -1].double().log_softmax(-1) for network in pair
    )
    drawn = torch.multinomial(p.exp(), 20_000, replacement=True, generator=torch.Generator().manual_seed(1))
    ratios = (p - q)[drawn]
    [exact] = answers_kl(model, other, [[5, 6]], [[int(drawn[0])]], 0, CPU)
    assert abs(float(ratios.mean()) - exact) < 5 * float(ratios.std()) / math.sqrt(len(ratios))


def test_answers_go_in_batches_whose_logits_fit():
    lengths = [3, 1, 2, 2**25]
    assert list(_batches(lengths, 2**20)) == [[1, 2, 0], [3]]
