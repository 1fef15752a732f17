import numpy as np
import pytest
from kto_trainer.encoding import Encoder
from kto_trainer.options import SftOptions, TrainOptions
from kto_trainer.sft import run_sft, sft_rows


def options(**sft):
    return TrainOptions(batch_size=8, sft=SftOptions(epochs=2, learning_rate=0.01, **sft)).resolved()


def test_desirable_rows_are_chosen_by_their_label(tiny, encode):
    encoded = encode(tiny[2], Encoder(tiny[1], 64))
    chosen = sft_rows(encoded, options(rows="desirable"))
    assert encoded.labels_N[chosen].tolist() == [True] * 12
    assert len(sft_rows(encoded, options(rows="all"))) == 24


@pytest.mark.parametrize("tokens", ["completion", "all"])
def test_the_texts_become_likelier_and_every_step_is_logged(tiny, tokens, forward_of, logps_of, encode):
    encoder = Encoder(tiny[1], 64)
    encoded = encode(tiny[2], encoder)
    before = logps_of(tiny[0], encoded.tokens).sum()
    entries = []
    n_steps = run_sft(
        forward_of(tiny[0]),
        encoded,
        options(rows="all", tokens=tokens),
        np.random.default_rng(0),
        entries.append,
    )
    after = logps_of(tiny[0], encoded.tokens).sum()
    assert after > before
    assert n_steps == len(entries) == 6  # 24 rows in batches of 8, twice
    # A model of random weights starts near the entropy of a uniform choice among 320 tokens.
    assert entries[0]["loss"] == pytest.approx(np.log(320), rel=0.1)
    expected = sum(
        len(item.completion) + (tokens == "all") * (len(item.prompt) - 1) for item in encoded.tokens
    )
    assert sum(entry["tokens"] for entry in entries) == 2 * expected


def test_the_size_of_the_passes_does_not_change_the_result(tiny, forward_of, encode):
    import copy

    encoder = Encoder(tiny[1], 64)
    encoded = encode(tiny[2], encoder)
    losses = []
    for tokens in (1, 100, 8000):
        entries = []
        model = copy.deepcopy(tiny[0])
        run_sft(
            forward_of(model, tokens), encoded, options(rows="all"), np.random.default_rng(0), entries.append
        )
        losses.append([entry["loss"] for entry in entries])
    assert losses[1] == pytest.approx(losses[0], abs=1e-9)
    assert losses[2] == pytest.approx(losses[0], abs=1e-9)
