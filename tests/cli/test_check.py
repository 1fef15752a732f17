"""`kto check`, `kto stats` and `kto export` on files that anybody could have."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def records(kto, tmp_path):
    """Write forty records, a quarter of them undesirable, sorted by label; return the file's name."""
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}", "label": n >= 10} for n in range(40)]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_check_lists_what_is_wrong_and_exits_with_one(kto, records):
    done = kto("check", records)
    assert done.returncode == 1
    assert "error: single_label_batches" in done.stdout
    assert "Train with desirable_weight 1, undesirable_weight 3." in done.stdout
    document = json.loads(kto("check", records, "--json").stdout)
    assert document["n_rows"] == {"train": 40}
    assert {finding["name"] for finding in document["findings"]} >= {"single_label_batches", "class_weights"}
    assert document["train"]["n_undesirable"] == 10


def test_stats_counts_a_file_that_is_not_ours(kto, records):
    document = json.loads(kto("stats", records, "--json").stdout)
    assert document["counts"]["train"] == {"rows": 40, "desirable": 30, "undesirable": 10}
    assert document["weights"]["undesirable_weight"] == 3.0
    told = kto("stats", records, "--loss-aversion", "1.5").stdout
    assert "divided by a loss aversion of 1.5" in " ".join(told.split())


def test_an_export_is_what_check_finds_nothing_wrong_with(kto, records, tmp_path):
    out = tmp_path / "out"
    done = kto("export", records, "--to", "ms-swift", "--order", "mixed", "-o", str(out))
    assert done.returncode == 0
    assert "desirable_weight 1, undesirable_weight 3" in done.stdout
    checked = kto("check", str(out), "--undesirable-weight", "3", "--json")
    assert checked.returncode == 0
    assert all(finding["severity"] != "error" for finding in json.loads(checked.stdout)["findings"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "gone.jsonl"], "gone.jsonl: no such file or folder"),
        (["export", "gone.jsonl", "--to", "trl"], "no such file or folder"),
        (["export", "x", "--to", "tlr"], "did you mean 'trl'?"),
        (["export", "x"], "name a trainer: axolotl, halos, llamafactory, ms-swift, trl"),
        (["export", "x", "--to", "trl", "--order", "sorted"], "must be kept or mixed"),
        (["export", "gone", "--push-to-hub", "me/x"], "no such dataset folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(kto, arguments, said):
    done = kto(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
