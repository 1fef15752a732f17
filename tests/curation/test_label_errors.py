"""Labels that are likely wrong."""

import random

import pyarrow.parquet as pq
import pytest

GOOD, BAD = (
    ["clear", "helpful", "precise", "polite", "useful", "correct"],
    ["rude", "wrong", "vague", "useless", "angry", "false"],
)
PLAIN = [f"w{n}" for n in range(200)]


@pytest.fixture
def made_up(row):
    """Rows whose words tell their label, but for some whose label is turned."""

    def make(n, n_turned, seed=1, telling=3):
        rng = random.Random(seed)
        rows, labels, turned = [], [], set()
        for place in range(n):
            good = place % 2 == 0
            words = rng.choices(PLAIN, k=8) + rng.choices(GOOD if good else BAD, k=telling)
            one = row(f"r{place:04}", prompt=f"question {place // 4}", completion=" ".join(words))
            if place < n_turned:
                turned.add(one["row_id"])
            rows.append(one)
            labels.append((one, good != (place < n_turned), "aggregate", 1))
        return rows, labels, turned

    return make


@pytest.fixture
def suspects(tmp_path):
    return lambda: pq.read_table(tmp_path / "01_label_errors_suspects.parquet").to_pylist()


def test_turned_labels_stand_first_and_are_flagged(made_up, write_rows, write_labels, curate, suspects):
    rows, labels, turned = made_up(400, 20)
    done = curate(write_rows(rows), ("label_errors", {}), labels=write_labels(*labels))
    assert len(done.kept) == 400
    listed = suspects()
    assert len({one["row_id"] for one in listed[:20]} & turned) >= 16
    flagged = {one["row_id"] for one in listed if one["flagged"]}
    assert len(flagged & turned) >= 16
    assert len(flagged - turned) <= 4
    facts = done.result.facts[0]
    assert facts["auc"] > 0.9
    assert facts["n_flagged"] == len(flagged)
    assert [one["p_label"] for one in listed] == sorted(one["p_label"] for one in listed)


def test_flagged_rows_are_dropped_only_if_asked_for(made_up, write_rows, write_labels, curate):
    rows, labels, turned = made_up(400, 20)
    done = curate(write_rows(rows), ("label_errors", {"action": "drop"}), labels=write_labels(*labels))
    dropped = {drop["row_id"] for drop in done.dropped}
    assert len(dropped & turned) >= 16
    assert {drop["reason"] for drop in done.dropped} == {"likely_label_error"}


def test_where_words_tell_nothing_no_label_is_flagged(made_up, write_rows, write_labels, curate):
    rows, labels, _ = made_up(300, 0, telling=0)
    done = curate(write_rows(rows), ("label_errors", {"action": "drop"}), labels=write_labels(*labels))
    assert done.dropped == []
    assert done.result.facts[0]["n_flagged"] == 0


def test_what_people_decided_is_ranked_but_not_flagged(made_up, write_rows, write_labels, curate, suspects):
    rows, labels, turned = made_up(400, 20)
    settled = [(one, label, "gold" if one["row_id"] in turned else by, n) for one, label, by, n in labels]
    curate(write_rows(rows), ("label_errors", {}), labels=write_labels(*settled))
    assert not any(one["flagged"] for one in suspects() if one["decided_by"] == "gold")


def test_too_few_of_a_class_are_left_alone(made_up, write_rows, write_labels, curate, suspects):
    rows, labels, _ = made_up(30, 2)
    done = curate(write_rows(rows), ("label_errors", {"action": "drop"}), labels=write_labels(*labels))
    assert (done.dropped, suspects()) == ([], [])
    assert done.result.facts[0]["auc"] is None


def test_a_share_limits_how_many_are_flagged(made_up, write_rows, write_labels, curate):
    rows, labels, _ = made_up(400, 40)
    done = curate(
        write_rows(rows), ("label_errors", {"action": "drop", "most": 0.02}), labels=write_labels(*labels)
    )
    assert len(done.dropped) == 8


def test_the_order_of_rows_changes_nothing(made_up, write_rows, write_labels, curate, tmp_path):
    rows, labels, _ = made_up(300, 15)
    file = tmp_path / "01_label_errors_suspects.parquet"
    first = (
        curate(write_rows(rows), ("label_errors", {"action": "drop"}), labels=write_labels(*labels)).bytes
        + file.read_bytes()
    )
    random.Random(3).shuffle(rows)
    again = (
        curate(write_rows(rows), ("label_errors", {"action": "drop"}), labels=write_labels(*labels)).bytes
        + file.read_bytes()
    )
    assert first == again


def test_no_rows_are_fine(write_rows, curate):
    assert curate(write_rows([]), ("label_errors", {})).kept == []
