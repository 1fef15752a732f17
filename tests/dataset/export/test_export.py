"""Exports, whatever the target."""

import json

import numpy as np
import pytest

from kto_data.errors import InputError


def plain(n, **more):
    return {"prompt": f"question {n}", "completion": f"answer {n}", "label": n % 4 != 0} | more


def records_of(out):
    return [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]


def test_weights_are_suggested_where_none_are_stated(exported):
    done, _ = exported("ms-swift", [plain(n) for n in range(40)])
    assert (done.desirable_weight, done.undesirable_weight) == (1.0, 3.0)


def test_the_order_is_kept_or_mixed(exported):
    records = sorted((plain(n) for n in range(40)), key=lambda one: one["label"])
    done, out = exported("ms-swift", records, order="mixed")
    labels = np.array([one["label"] for one in records_of(out)])
    assert {int(labels[at : at + 8].sum()) for at in range(33)} == {6}
    assert done.n_rows["train"] == 40


def test_row_weights_that_a_trainer_ignores_are_said_to_be_lost_and_class_weights_reckoned_anew(exported):
    records = [plain(n, weight=0.5 if n % 2 else 1.5) for n in range(40)]
    done, _ = exported("ms-swift", records, stated=(7.0, 1.0))
    assert done.weights_lost
    assert (done.desirable_weight, done.undesirable_weight) == (1.0, 3.0)


def test_resampling_repeats_rows_by_weight(exported):
    records = [plain(n, weight=2.0 if n < 20 else 0.0) for n in range(40)]
    done, out = exported("ms-swift", records, resample=True)
    found = [one["messages"][0]["content"] for one in records_of(out)]
    assert sorted(found) == sorted([f"question {n}" for n in range(20)] * 2)
    assert (done.plan.n_distinct, done.plan.effective_rows) == (20, pytest.approx(20))
    assert not done.weights_lost


def test_rows_that_a_trainer_cannot_express_are_left_out_and_counted(exported):
    odd = plain(
        99,
        prompt=[{"role": "assistant", "content": "hello"}],
        completion=[{"role": "assistant", "content": "x"}],
    )
    calls = plain(
        98,
        completion=[{"role": "assistant", "content": "", "tool_calls": [{"name": "f"}]}],
        prompt=[{"role": "user", "content": "q"}],
    )
    done, _ = exported("axolotl", [*(plain(n) for n in range(8)), odd, calls])
    assert done.left_out == {
        "its prompt must begin and end with a user's message": 1,
        "it has tool calls, which this format cannot hold": 1,
    }
    assert done.n_rows["train"] == 8
    assert done.examples == ["train.jsonl:9", "train.jsonl:10"]


def test_a_folder_that_holds_something_is_refused(exported, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="is not empty"):
        exported("trl", [plain(n) for n in range(8)])
