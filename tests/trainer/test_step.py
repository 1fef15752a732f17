import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from kto_trainer.encoding import Encoder
from kto_trainer.objective import Objective, Reference
from kto_trainer.ranks import Ranks
from kto_trainer.step import Batch, accumulate, fits_one_pass

OBJECTIVE = Objective(beta=0.5, undesirable_weight=1.7)


@pytest.fixture
def eight(tiny, logps_of):
    """A policy that has moved from its reference, and a batch of eight rows of unlike lengths and weights."""
    model, tokenizer, split = tiny
    rows = sorted(split.texts())
    reference = copy.deepcopy(model)
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
        torch.from_numpy(split.labels_N[:8]),
        torch.linspace(0.5, 1.5, 8, dtype=torch.float64),
        Reference(logps_of(reference, tokens)),
        # Log-ratios of the pairs from -1 to 5 in equal steps: z0 is their mean, 2.
        Reference(logps_of(model, pairs) - torch.linspace(-1, 5, 8, dtype=torch.float64)),
    )
    return SimpleNamespace(model=model, reference=reference, batch=batch)


def gradients(forward, batch, objective=OBJECTIVE):
    forward.model.zero_grad()
    result = accumulate(forward, batch, objective)
    return result, torch.cat([parameter.grad.flatten() for parameter in forward.model.parameters()])


def plainly(model, eight, logps_of):
    """z0, loss and gradients from padded rows one by one, without any of the step's code."""
    from kto_trainer.logps import padded_token_logps
    from kto_trainer.losses.kto import kto_loss
    from kto_trainer.model import Machine

    cpu, batch = Machine(torch.device("cpu"), torch.float32), eight.batch
    z0 = (logps_of(model, batch.kl_sequences) - batch.kl_reference.sums_B).mean().clamp(min=0)
    model.set_attn_implementation("sdpa")
    model.zero_grad()
    policy = torch.stack([padded_token_logps(model, [item], 0, cpu).sum() for item in batch.sequences])
    settings = {"beta": 0.5, "undesirable_weight": 1.7, "row_weights_B": batch.weights_B}
    loss = kto_loss(policy, batch.reference.sums_B, batch.labels_B, z0, **settings).losses_B.mean()
    loss.backward()
    return z0, loss, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


@pytest.mark.parametrize(
    "cut", [{"rows": 1}, {"rows": 2}, {"rows": 4}, {"rows": 8}, {"tokens": 1}, {"tokens": 90}]
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str)
def test_neither_rows_a_pass_nor_packing_change_z0_loss_or_gradients(
    eight, forward_of, logps_of, cut, dtype, tolerance
):
    expected = plainly(copy.deepcopy(eight.model), eight, logps_of)
    result, found = gradients(forward_of(eight.model.to(dtype), **cut), eight.batch)
    assert expected[0].item() == pytest.approx(2.0)
    assert expected[2].abs().max() > 1e-4
    assert result.z0.item() == pytest.approx(expected[0].item(), abs=tolerance * max(1, expected[0].item()))
    assert result.loss.item() == pytest.approx(expected[1].item(), abs=tolerance)
    assert torch.allclose(found.double(), expected[2], atol=tolerance, rtol=0)


def test_a_batch_that_fits_is_fused_and_one_that_does_not_is_not(eight, forward_of):
    forward = forward_of(eight.model)
    assert fits_one_pass(eight.batch, range(8), forward)
    assert not fits_one_pass(eight.batch, range(8), forward_of(eight.model, tokens=90))
    first = eight.batch.kl_sequences[0]
    cut = [first._replace(prompt=first.prompt[1:]), *eight.batch.kl_sequences[1:]]
    assert not fits_one_pass(
        replace(eight.batch, kl_sequences=cut), range(8), forward
    )  # its prompt is not its row's


@pytest.mark.parametrize(("shift", "z0"), [(0.0, 2.0), (-1.5, 0.5), (-2.5, 0.0)])
def test_z0_is_the_mean_over_the_batchs_pairs_and_never_negative(eight, forward_of, shift, z0):
    reference = Reference(eight.batch.kl_reference.sums_B - shift)
    result = accumulate(forward_of(eight.model), replace(eight.batch, kl_reference=reference), OBJECTIVE)
    assert result.z0.item() == pytest.approx(z0, abs=1e-10)


def test_a_policy_equal_to_its_reference_has_loss_one_half_and_no_reward(eight, forward_of, logps_of):
    eight.model.load_state_dict(eight.reference.state_dict())
    itself = Reference(logps_of(eight.reference, eight.batch.kl_sequences))
    plain = replace(eight.batch, weights_B=torch.ones(8), kl_reference=itself)
    result = accumulate(forward_of(eight.model, rows=4), plain, Objective())
    assert result.loss.item() == pytest.approx(0.5, abs=1e-10)
    assert result.z0.item() == pytest.approx(0.0, abs=1e-10)
    assert result.rewards_B.abs().max() < 1e-10


@pytest.mark.parametrize("loss_type", ["apo_zero_unpaired", "humanline"])
def test_the_other_losses_do_not_depend_on_the_passes_either(eight, forward_of, loss_type):
    batch = eight.batch
    with torch.no_grad():
        references = [
            Reference(
                torch.zeros(8),
                [forward_of(eight.reference).token_logps([item]) for item in sequences],
            )
            for sequences in (batch.sequences, batch.kl_sequences)
        ]
    if loss_type == "apo_zero_unpaired":
        references = [batch.reference, batch.kl_reference]
    batch = replace(batch, reference=references[0], kl_reference=references[1])
    objective = Objective(loss_type, beta=0.5, log_epsilon_p=-0.01, log_epsilon_r=0.3)
    (one, first), (other, second) = (
        gradients(forward_of(eight.model, rows=n), batch, objective) for n in (8, 3)
    )
    assert first.abs().max() > 1e-5
    assert other.loss.item() == pytest.approx(one.loss.item(), abs=1e-10)
    assert torch.allclose(first, second, atol=1e-10)
    assert (one.z0.item() > 0) == (loss_type == "humanline")


def work(number, port, path, dtype):
    """One of two processes: takes its share of the batch and leaves what it got."""
    from kto_trainer.model import Machine
    from kto_trainer.probe import choose

    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=number, world_size=2
    )
    model, batch = torch.load(path, weights_only=False)
    forward = choose(model.to(dtype), Machine(torch.device("cpu"), torch.float32), 0, None, 3).forward
    result = accumulate(forward, batch, OBJECTIVE, Ranks(number, 2))
    flat = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    torch.save((tuple(result), flat), f"{path}.{number}")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str)
def test_two_processes_agree_with_one(eight, forward_of, tmp_path, dtype, tolerance):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "batch.pt"
    torch.save((copy.deepcopy(eight.model), eight.batch), path)
    (result, expected) = gradients(forward_of(eight.model), eight.batch)
    script = (
        "import sys, importlib.util, torch; "
        f"spec = importlib.util.spec_from_file_location('step_test', {__file__!r}); "
        "step_test = importlib.util.module_from_spec(spec); spec.loader.exec_module(step_test); "
        f"step_test.work(int(sys.argv[1]), {port}, {str(path)!r}, {dtype})"
    )
    import subprocess
    import sys

    started = [subprocess.Popen([sys.executable, "-c", script, str(number)]) for number in range(2)]
    assert [process.wait(120) for process in started] == [0, 0]
    for number in range(2):
        (loss, z0, rewards), found = torch.load(f"{path}.{number}", weights_only=False)
        assert z0.item() == pytest.approx(result.z0.item(), abs=tolerance * max(1, result.z0.item()))
        assert loss.item() == pytest.approx(result.loss.item(), abs=tolerance)
        assert torch.allclose(rewards, result.rewards_B, atol=tolerance)
        assert torch.allclose(found.double(), expected, atol=tolerance, rtol=0)
