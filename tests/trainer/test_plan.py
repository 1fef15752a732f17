import numpy as np
import pytest
from kto_trainer.encoding import Encoder
from kto_trainer.options import TrainOptions
from kto_trainer.plan import RunSequences, Tally, fixed_plan, make_plan
from kto_trainer.sequences import Listed


@pytest.fixture
def encoder(tiny):
    return Encoder(tiny[1], 24)  # short enough to cut some pairs that are of uncut rows


def options(**more):
    return TrainOptions(model="m", batch_size=8, epochs=2, seed=3, **more).resolved()


def test_every_epoch_has_every_row_once_and_pairs_within_its_batches(tiny, encoder, encode):
    encoded, tally = encode(tiny[2], encoder), Tally()
    plan = make_plan(encoded, encoded.labels_N, options(), tally)
    assert len(plan) == 6
    assert [plan.epoch(step) for step in range(6)] == [1, 1, 1, 2, 2, 2]
    for half in np.split(plan.rows_J, 2):
        assert sorted(half) == list(range(24))
    for step in range(6):
        at = slice(plan.starts[step], plan.starts[step + 1])
        assert sorted(plan.partners_J[at]) == sorted(plan.rows_J[at])
    assert (tally.n_pairs, tally.n_fallbacks, tally.n_single_class_batches) == (48, 0, 0)
    unlike = encoded.prompt_keys_N[plan.rows_J] != encoded.prompt_keys_N[plan.partners_J]
    assert unlike.all()


def test_hashes_of_pairs_are_those_of_their_tokens_cut_or_not(tiny, encoder, encode):
    encoded = encode(tiny[2], encoder)
    sequences = RunSequences(encoded, encoder, make_plan(encoded, encoded.labels_N, options(), Tally()))
    found = sequences.hashes()
    expected = Listed([sequences[number] for number in range(len(sequences))]).hashes()
    for one, other in zip(found, expected, strict=True):
        assert (one == other).all()
    assert max(found.lengths_S) == 24
    pair = sequences[24]
    row, partner = int(sequences.plan.rows_J[0]), int(sequences.plan.partners_J[0])
    assert (
        pair
        == encoder.fit(encoded.tokens[row]._replace(completion=encoded.tokens[partner].completion)).tokens
    )


def test_a_loss_without_reference_point_has_no_pairs(tiny, encoder, encode):
    encoded = encode(tiny[2], encoder)
    plan = make_plan(encoded, encoded.labels_N, options(), Tally(), needs_pairs=False)
    assert len(RunSequences(encoded, encoder, plan)) == 24


def test_evaluation_has_every_row_once_and_always_the_same_pairs(tiny, encoder, encode):
    encoded = encode(tiny[2], encoder)
    first, again = (fixed_plan(encoded, Tally()) for _ in range(2))
    assert first.rows_J.tolist() == list(range(24))
    assert sorted(first.partners_J) == list(range(24))
    assert (first.partners_J == again.partners_J).all()
    assert (encoded.prompt_keys_N != encoded.prompt_keys_N[first.partners_J]).all()
