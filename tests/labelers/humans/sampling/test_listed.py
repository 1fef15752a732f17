"""Lists of likely wrong labels go to people first, and everything else keeps a chance."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.curation.label_errors import SUSPECTS
from kto_data.errors import InputError
from kto_data.labelers.humans.options import strategy_of
from kto_data.labelers.humans.sampling.draw import draw
from kto_data.labelers.humans.sampling.strategy import Candidates


def candidates(n):
    return Candidates([f"s{i}" for i in range(n)], np.full(n, 0.5), np.zeros(n), np.zeros(n, int), ["h"])


def listed(folder, *lists, **options):
    paths = []
    for number, names in enumerate(lists):
        paths.append(folder / f"{number}.parquet")
        pq.write_table(pa.table({"sample_id": list(names), "label": [True] * len(names)}), paths[-1])
    return strategy_of({"listed": {"files": [str(path) for path in paths], **options}})


@pytest.mark.parametrize("n", [0, 1, 7, 20, 30])
def test_the_first_of_the_list_are_certain_and_the_rest_is_fair(tmp_path, n):
    strategy = listed(tmp_path, ["s5", "gone", "s3", "s9", "s5"], share=0.5)
    some, wanted = candidates(20), min(n, 20)
    p = strategy.probabilities(some, n)
    assert p.sum() == pytest.approx(wanted)
    if n == 7:  # half of 7, rounded, are more than the list has
        assert p[[5, 3, 9]].tolist() == [1.0, 1.0, 1.0]
        assert set(np.delete(p, [5, 3, 9]).round(9)) == {round(4 / 17, 9)}
    drawn = draw(strategy, some, n, np.random.default_rng(0))
    assert len(drawn.at) == wanted
    assert set(drawn.chosen_by) <= {"listed", "random"}


def test_several_lists_take_turns(tmp_path):
    strategy = listed(tmp_path, ["s1", "s2", "s3"], ["s7", "s2", "s8"])
    assert np.flatnonzero(strategy.probabilities(candidates(50), 4) == 1.0).tolist() == [1, 2, 3, 7]
    assert np.flatnonzero(strategy.probabilities(candidates(50), 3) == 1.0).tolist() == [1, 2, 7]


def test_a_list_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(InputError, match=r"0\.parquet: no sample listed there can be asked about"):
        listed(tmp_path, ["other"]).probabilities(candidates(3), 2)
    pq.write_table(pa.table({"row": [1]}), tmp_path / "wrong.parquet")
    for name in ("wrong.parquet", "absent.parquet"):
        strategy = strategy_of({"listed": {"files": [str(tmp_path / name)]}})
        with pytest.raises(InputError, match=f"{name}: no Parquet file with a column sample_id"):
            strategy.probabilities(candidates(3), 2)


def test_the_suspects_of_label_errors_are_such_a_list(tmp_path):
    row = {
        "sample_id": "s2",
        "row_id": "r",
        "label": True,
        "p_label": 0.1,
        "flagged": True,
        "decided_by": "rules",
    }
    pq.write_table(pa.Table.from_pylist([row], SUSPECTS), tmp_path / "01_label_errors_suspects.parquet")
    strategy = strategy_of({"listed": {"files": [str(tmp_path / "01_label_errors_suspects.parquet")]}})
    assert strategy.probabilities(candidates(9), 1)[2] == 1.0
