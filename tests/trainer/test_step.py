import pytest
import torch
from kto_trainer.encoding import Encoder
from kto_trainer.logps import all_completion_logps
from kto_trainer.model import Machine, frozen_copy
from kto_trainer.step import Batch, LossSettings, accumulate

CPU = Machine(torch.device("cpu"), torch.float32)


def gradients(model, reference, batch, micro_batch_size):
    model.zero_grad()
    settings = LossSettings(0.5, 1.0, 1.7, micro_batch_size, 0, CPU)
    result = accumulate(model, reference, batch, settings)
    return result, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


@pytest.fixture
def eight(tiny):
    """A policy that has moved from its reference, and a batch of eight rows of unlike lengths and weights."""
    model, tokenizer, rows = tiny
    reference = frozen_copy(model)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.05)
    encoder = Encoder(tokenizer, 48)
    tokens = [encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in rows[:8]]
    # Prompts that meet the completion three rows on.
    pairs = [own._replace(completion=tokens[(i + 3) % 8].completion) for i, own in enumerate(tokens)]
    batch = Batch(
        tokens,
        pairs,
        torch.tensor([row.label for row in rows[:8]]),
        torch.linspace(0.5, 1.5, 8, dtype=torch.float64),
        all_completion_logps(reference, tokens, 0, CPU, 8),
    )
    return model, reference, batch


@pytest.mark.parametrize("micro_batch_size", [1, 2, 4])
def test_micro_batches_change_neither_z0_nor_loss_nor_gradients(eight, micro_batch_size):
    whole, expected = gradients(*eight, 8)
    parts, found = gradients(*eight, micro_batch_size)
    assert parts.z0 == pytest.approx(whole.z0, abs=1e-10)
    assert parts.loss == pytest.approx(whole.loss, abs=1e-10)
    assert torch.allclose(parts.rewards_B, whole.rewards_B, atol=1e-10, rtol=0)
    assert expected.abs().max() > 1e-4
    assert torch.allclose(found, expected, atol=1e-10, rtol=0)


def test_z0_is_the_mean_over_the_batchs_pairs(eight):
    policy, reference, batch = eight
    swapped, _ = gradients(policy, reference, batch, 8)
    ratio = all_completion_logps(policy, batch.kl_sequences, 0, CPU, 8) - all_completion_logps(
        reference, batch.kl_sequences, 0, CPU, 8
    )
    assert swapped.z0 == pytest.approx(max(0.0, ratio.mean().item()), abs=1e-10)


def test_a_policy_equal_to_its_reference_has_loss_one_half_and_no_reward(eight):
    policy, reference, batch = eight
    policy.load_state_dict(reference.state_dict())
    settings = LossSettings(0.1, 1.0, 1.0, 4, 0, CPU)
    plain = Batch(batch.sequences, batch.kl_sequences, batch.labels_B, torch.ones(8), batch.ref_logps_B)
    result = accumulate(policy, reference, plain, settings)
    assert result.loss == pytest.approx(0.5, abs=1e-10)
    assert result.z0 == pytest.approx(0.0, abs=1e-10)
    assert result.rewards_B.abs().max() < 1e-10
