import numpy as np
import pytest
from kto_trainer.encoding import Encoder
from kto_trainer.heldout import EarlyStopping, HeldOut
from kto_trainer.options import TrainOptions
from kto_trainer.ranks import Ranks


def held(tiny, **options):
    return HeldOut.of(tiny[2], Encoder(tiny[1], 64), TrainOptions(**options), print, keep=False)


def test_a_model_that_has_not_moved_from_its_reference_ranks_by_chance(tiny, forward_of):
    forward, rows = forward_of(tiny[0]), held(tiny)
    reference = rows.reference(forward, None, Ranks())
    found = rows.measure(forward, reference, Ranks())
    assert found["eval/rewards/chosen"] == pytest.approx(0.0, abs=1e-9)
    shifted = reference - np.where(
        rows.labels_N, 20.0, 0.0
    )  # as if desirable rows had become e^20 times likelier
    found = rows.measure(forward, shifted, Ranks())
    assert found["eval/auc"] == 1.0
    assert found["eval/rewards/margins"] == pytest.approx(0.1 * 20)


def test_the_same_rows_are_drawn_whatever_the_seed(tiny):
    one, other = held(tiny, eval_rows=5, seed=1), held(tiny, eval_rows=5, seed=2)
    assert len(one.sequences) == 5
    assert list(one.sequences) == list(other.sequences)


def test_training_stops_when_the_auc_has_not_grown_for_so_many_evaluations():
    stopping = EarlyStopping(2)
    seen = [
        (stopping.add(step, value), stopping.stops)
        for step, value in enumerate([0.5, 0.7, 0.7, None, 0.6], 1)
    ]
    assert seen == [(True, False), (True, False), (False, False), (False, False), (False, True)]
    assert (stopping.best_step, stopping.best_auc) == (2, 0.7)
    assert EarlyStopping(**stopping.notes()) == stopping


def test_without_patience_nothing_stops_or_is_kept():
    stopping = EarlyStopping(None)
    assert [stopping.add(step, 0.5 / step) for step in (1, 2, 3)] == [False] * 3
    assert not stopping.stops
