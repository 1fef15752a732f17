import pytest
import torch
from kto_trainer.errors import TrainerError
from kto_trainer.options import TinyOptions
from kto_trainer.tiny import build_model, build_tokenizer

SIZE = TinyOptions(vocab_size=320, hidden_size=16, intermediate_size=32, layers=1, heads=2)


def test_the_tokenizer_learns_the_runs_own_texts_and_can_write_any_other(tiny):
    tokenizer = tiny[1]
    assert len(tokenizer) == 320
    for text in ("Certainly, here is what I know about tea.", "Ω≈ç√ 漢字 \x00 🙂"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer("Certainly")["input_ids"]) < len("Certainly")


def test_the_same_texts_give_the_same_tokenizer(tiny):
    first, second = (build_tokenizer(tiny[2].texts(), 320).backend_tokenizer.to_str() for _ in range(2))
    assert first == second


def test_the_same_seed_gives_the_same_weights_whatever_the_global_seed_is(tiny):
    def weights(seed, global_seed):
        torch.manual_seed(global_seed)
        model = build_model(SIZE, tiny[1], torch.Generator().manual_seed(seed))
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    assert torch.equal(weights(1, 5), weights(1, 6))
    assert not torch.equal(weights(1, 5), weights(2, 5))


def test_the_default_size_is_about_a_fifth_of_a_million(tiny):
    # 1024 tokens * 64, and two layers of 4 * 64 * 64 attention, 3 * 64 * 256 feed-forward and 2 * 64 norms, one last norm
    expected = 1024 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 256 + 2 * 64) + 64
    tokenizer = tiny[1]
    tokenizer.add_tokens([f"<{n}>" for n in range(1024 - len(tokenizer))])
    model = build_model(TinyOptions(), tokenizer, torch.Generator())
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 196_928


def test_heads_that_do_not_divide_the_width_are_refused(tiny):
    with pytest.raises(TrainerError, match=r"tiny\.hidden_size 64 must be an even multiple of tiny\.heads 5"):
        build_model(TinyOptions(heads=5), tiny[1], torch.Generator())
