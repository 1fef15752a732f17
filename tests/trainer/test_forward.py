import re

import pytest
import torch
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.forward import sums
from kto_trainer.logps import padded_token_logps
from kto_trainer.model import Machine
from kto_trainer.probe import choose
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

CPU = Machine(torch.device("cpu"), torch.float32)
SMALL = {
    "vocab_size": 90,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
# Every kind of attention and head that packing has to get right.
PACKABLE = {
    "llama": {},
    "qwen3": {},
    "mistral": {"sliding_window": 5},
    "granite": {"logits_scaling": 3.0, "attention_multiplier": 0.2},
    "cohere": {"logit_scale": 0.25},
    "gemma3_text": {"sliding_window": 5, "final_logit_softcapping": 4.0},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128},
    "phi": {},
}


def make_model(kind, **more):
    config = CONFIG_MAPPING[kind](**SMALL | more)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(config).double().eval()
        for parameter in model.parameters():  # larger than their start, so that leaks show
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model


def some_sequences(n=6):
    generator = torch.Generator().manual_seed(8)

    def draw(low, high):
        length = torch.randint(low, high, (), generator=generator).item()
        return torch.randint(3, 90, (length,), generator=generator).tolist()

    return [Tokens(draw(1, 20), draw(1, 20)) for _ in range(n)]


@pytest.mark.parametrize("kind", PACKABLE)
def test_packed_log_probabilities_are_the_models_own(kind):
    model, sequences = make_model(kind, **PACKABLE[kind]), some_sequences()
    expected = torch.cat([padded_token_logps(model, [item], 0, CPU) for item in sequences])
    choice = choose(model, CPU, 0)
    assert choice.reason is None
    assert torch.allclose(choice.forward.token_logps(sequences), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("kind", PACKABLE)
def test_continuations_of_a_kept_pass_are_those_of_whole_sequences(kind):
    model, sequences = make_model(kind, **PACKABLE[kind]), some_sequences()
    completions = [[5, 6, 7], [8], list(range(20, 45)), [9, 2], [2], [30, 31]]
    pairs = [(row, completion) for row, completion in zip([2, 0, 5, 2, 1, 3], completions, strict=True)]
    whole = [Tokens(sequences[row].prompt, completion) for row, completion in pairs]
    expected = torch.cat([padded_token_logps(model, [item], 0, CPU) for item in whole])
    forward = choose(model, CPU, 0).forward
    with torch.no_grad():
        lead = forward.lead(sequences, keep=True)
    found = forward.continuation_logps(lead, pairs)
    assert torch.allclose(found, expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("mamba", {"state_size": 4, "conv_kernel": 4}, "head|attention|differ"),
        ("gemma2", {"attn_logit_softcapping": 2.0, "sliding_window": 64}, "softcap"),
        ("falcon_mamba", {"state_size": 4}, "head|attention|differ"),
        ("lfm2", {"layer_types": ["conv", "full_attention"]}, "layers of type conv"),
    ],
)
def test_a_model_that_cannot_be_packed_runs_padded_and_says_why(kind, more, words):
    model, sequences = make_model(kind, **more), some_sequences()
    expected = torch.cat([padded_token_logps(model, [item], 0, CPU) for item in sequences])
    choice = choose(model, CPU, 0, tokens=64)
    assert choice.reason is not None
    assert re.search(words, choice.reason)
    found = torch.cat([choice.forward.token_logps([item]) for item in sequences])
    assert torch.allclose(found, expected, atol=1e-9)
    passes = choice.forward.limits.passes(sequences)
    assert sorted(i for members in passes for i in members) == list(range(len(sequences)))


def test_gradients_of_packed_and_padded_passes_are_equal():
    found = []
    for tokens in (None, 30):
        model = make_model("llama", tie_word_embeddings=True)
        forward = choose(model, CPU, 0, tokens).forward
        sequences = some_sequences()
        if tokens is None:
            model.set_attn_implementation("sdpa")
            (-padded_token_logps(model, sequences, 0, CPU).sum()).backward()
        else:
            for members in forward.limits.passes(sequences):
                forward.backward([sequences[i] for i in members], lambda logps, *_: -logps.sum())
        found.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert torch.allclose(found[0], found[1], atol=1e-9, rtol=1e-9)


def test_recomputed_activations_change_nothing():
    from kto_trainer.model import recomputable_layers

    found = []
    for always, tokens in ((False, None), (True, None), (False, 4)):
        model = make_model("llama")
        forward = choose(model, CPU, 0, tokens).forward
        forward.layers, forward.always_recompute = recomputable_layers(model), always
        n_runs = 0

        def count(*_):
            nonlocal n_runs
            n_runs += 1

        forward.layers[0].self_attn.register_forward_hook(count)
        forward.backward(some_sequences(), lambda logps, *_: -logps.sum())
        found.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
        assert n_runs == (2 if always or tokens else 1)
        forward.token_logps(some_sequences())
        assert n_runs == (3 if always or tokens else 2)  # nothing to recompute without a backward
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("kind", PACKABLE)
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_gives_the_same_numbers(kind):
    model = make_model(kind, **PACKABLE[kind])
    forward = choose(model, CPU, 0).forward
    sequences = some_sequences()
    pairs = [(k, sequences[k - 1].completion) for k in range(len(sequences))]
    found = []
    for forward.kernel in ("by segment", "flex"):
        with torch.no_grad():
            lead = forward.lead(sequences, keep=True)
            others = forward.continuation_logps(lead, pairs)
        found.append(torch.cat([forward.token_logps(sequences), others]))
    assert torch.allclose(*found, atol=1e-9)


def test_a_kernel_that_fails_gives_way_to_the_next_one_and_is_named(monkeypatch):
    from kto_trainer import probe

    monkeypatch.setattr(probe, "kernels", lambda *_: ("flash-attn", "by segment"))
    choice = choose(make_model("llama"), CPU, 0)
    assert choice.forward.kernel == "by segment"
    assert "flash-attn does not work here (No module named 'flash_attn')" in choice.note


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of torch, while it compiles
def test_a_compiled_model_has_the_same_loss_and_gradients():
    from kto_trainer.options import TrainOptions
    from kto_trainer.setup import make_forward

    found = []
    for compiled in (False, True):
        model = make_model("llama")
        forward = make_forward(model, TrainOptions(model="m", compile=compiled), CPU, 0, print)
        loss, _ = forward.backward(some_sequences(), lambda logps, *_: -logps.sum())
        found.append((loss, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])))
    (plain, first), (compiled, second) = found
    assert compiled.item() == pytest.approx(plain.item(), rel=1e-6)
    assert torch.allclose(first, second, rtol=1e-3, atol=1e-3)


def test_sums_are_by_sequence():
    assert sums(torch.tensor([1.0, 2.0, 4.0]), [2, 1]).tolist() == [3.0, 4.0]


def test_a_model_that_hides_the_segments_from_its_attention_runs_padded(tiny, monkeypatch):
    model = tiny[0]
    inner = model.base_model.forward
    monkeypatch.setattr(model.base_model, "forward", lambda kto_segments=None, **more: inner(**more))
    assert "not told where segments begin" in choose(model, CPU, 0).reason


def test_the_encoders_sequences_are_packed_as_they_are(tiny, logps_of, forward_of):
    encoder = Encoder(tiny[1], 64)
    sequences = [encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in tiny[2].texts()]
    forward = forward_of(tiny[0])
    found = sums(forward.token_logps(sequences), [len(item.completion) for item in sequences])
    assert torch.allclose(found, logps_of(tiny[0], sequences), atol=1e-10)
