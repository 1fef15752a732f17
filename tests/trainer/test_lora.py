import copy
import json

import pytest
import torch
from kto_trainer import lora
from kto_trainer.encoding import Encoder
from kto_trainer.errors import TrainerError, UnavailableError
from kto_trainer.lora import adapter_dropouts, adapters_off, add_adapters, merged, quantization
from kto_trainer.options import LoraOptions

pytest.importorskip("peft", reason="LoRA needs peft")


@pytest.fixture
def adapted(tiny):
    """A model whose adapters have been moved, and what it was."""
    before = copy.deepcopy(tiny[0])
    model = add_adapters(tiny[0], LoraOptions(r=2), seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(5))
    return model, before


@pytest.fixture
def sequences(tiny):
    encoder = Encoder(tiny[1], 64)
    return [
        encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in list(tiny[2].texts())[:4]
    ]


def test_rank_zero_leaves_the_model_alone(tiny):
    model = add_adapters(tiny[0], LoraOptions(), seed=1)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert merged(model) is model


def test_only_adapters_are_trained_and_start_without_effect(tiny, sequences, logps_of):
    before = logps_of(tiny[0], sequences)
    model = add_adapters(tiny[0], LoraOptions(r=2), seed=1)
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert len(trained) == 2 * 7  # A and B of q, k, v, o, gate, up, down in one layer; none at the head
    assert all("lora_" in name for name in trained)
    assert torch.equal(logps_of(model, sequences), before)


def test_adapters_are_off_only_within(adapted, sequences, logps_of):
    model, before = adapted
    moved = logps_of(model, sequences)
    with adapters_off(model):
        assert torch.allclose(logps_of(model, sequences), logps_of(before, sequences), atol=1e-10)
    assert (moved - logps_of(before, sequences)).abs().min() > 1e-3
    assert torch.equal(logps_of(model, sequences), moved)
    assert any(parameter.requires_grad for parameter in model.parameters())


def test_the_merged_model_is_plain_and_gives_the_same(adapted, sequences, logps_of):
    model, before = adapted
    moved = logps_of(model, sequences)
    plain = merged(model)
    assert list(plain.state_dict()) == list(before.state_dict())
    assert torch.allclose(logps_of(plain, sequences), moved, atol=1e-10)


def test_adapters_are_those_of_the_seed_and_disturb_no_other_numbers(tiny):
    def weights(seed):
        model = add_adapters(copy.deepcopy(tiny[0]), LoraOptions(r=2), seed)
        return torch.cat([p.flatten() for name, p in model.named_parameters() if "lora_A" in name])

    state = torch.get_rng_state()
    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_layers_can_be_named_and_unknown_names_are_refused(tiny):
    model = add_adapters(copy.deepcopy(tiny[0]), LoraOptions(r=2, target_modules="q_proj, v_proj"), seed=1)
    assert sum("lora_A" in name for name, _ in model.named_parameters()) == 2
    with pytest.raises(TrainerError, match=r"lora\.target_modules: .*nothing"):
        add_adapters(tiny[0], LoraOptions(r=2, target_modules=("nothing",)), seed=1)


def test_dropout_acts_in_passes_with_gradients_alone(tiny, sequences, forward_of):
    forward = forward_of(tiny[0])
    add_adapters(forward.model, LoraOptions(r=2, dropout=0.5), seed=1)
    with torch.no_grad():
        for name, parameter in forward.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(5))
    forward.dropouts = adapter_dropouts(forward.model)
    assert len(forward.dropouts) == 7
    assert torch.equal(forward.token_logps(sequences), forward.token_logps(sequences))
    with torch.random.fork_rng():
        (_, one), (_, other) = (forward.backward(sequences, lambda logps, *_: logps.sum()) for _ in range(2))
    assert not torch.equal(one, other)
    assert torch.equal(forward.token_logps(sequences), forward.token_logps(sequences))


@pytest.mark.parametrize(
    ("given", "device", "error", "words"),
    [
        ({"quantize": "4bit"}, "cuda", TrainerError, "set lora.r"),
        ({"quantize": "4bit", "r": 4}, "cpu", UnavailableError, "needs a CUDA device"),
        ({"quantize": "4bit", "r": 4}, "cuda", UnavailableError, "pip install bitsandbytes"),
    ],
)
def test_what_four_bits_need_is_told(given, device, error, words, monkeypatch):
    monkeypatch.setattr(lora, "find_spec", lambda _: None)
    with pytest.raises(error, match=words):
        quantization(LoraOptions(**given), torch.device(device))
    assert quantization(LoraOptions(r=4), torch.device("cpu")) is None


@pytest.mark.slow
@pytest.mark.xdist_group("trained")
def test_adapters_that_are_kept_apart_load_onto_their_base_and_score_as_merged_ones(trained, make, tmp_path):
    from transformers import AutoModelForCausalLM

    options = (
        "--model",
        trained[1] / "reference",
        "--lora-r",
        4,
        "--learning-rate",
        1e-2,
        "--max-length",
        64,
    )
    told = {}
    for name, more in (("apart", ("--no-merge",)), ("merged", ("--merge",))):
        out = tmp_path / name
        done = make.run("train", "--data", trained[0], "--output", out, *options, *more)
        assert done.returncode == 0, done.stderr
        scored = make.run(
            "score", "--data", trained[0], "--model", out / "checkpoint", "--reference", trained[1] / "reference",
            "--output", tmp_path / f"{name}.parquet", "--json",
        )  # fmt: skip
        assert scored.returncode == 0, scored.stderr
        told[name] = json.loads(scored.stdout)
    files = {path.name for path in (tmp_path / "apart" / "checkpoint").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "README.md"} <= files
    assert "model.safetensors" not in files
    assert told["apart"]["rewards/margins"] == pytest.approx(told["merged"]["rewards/margins"], abs=1e-4)
    assert abs(told["apart"]["rewards/margins"]) > 0.01
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "apart" / "checkpoint")
