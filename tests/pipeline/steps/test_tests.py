"""The data tests of a pipeline, in a run."""

import pytest

from kto_data.errors import FindingsError
from kto_data.pipeline.run import run_pipeline
from kto_data.pipeline.spec import load_pipeline

PIPELINE = """\
version: 1
name: tested
read: [{path: log.jsonl}]
label:
  feedback: {thumbs: {column: meta.thumb, map: {up: desirable, down: undesirable}}}
aggregate: {method: weighted, when_no_evidence: undecided}
split: {by: prompt_id, test: 0.0}
tests: TESTS
"""


@pytest.fixture
def run(tmp_path):
    def start(tests):
        lines = [
            f'{{"id": {n}, "prompt": "question {n}", "completion": "answer {n}", "thumb": "{"up" if n % 4 else "down"}"}}'
            for n in range(40)
        ]
        (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
        (tmp_path / "p.yaml").write_text(PIPELINE.replace("TESTS", tests))
        return run_pipeline(load_pipeline(tmp_path / "p.yaml"), runs=tmp_path / "runs")

    return start


def test_a_test_that_fails_stops_before_anything_is_written(run, tmp_path):
    with pytest.raises(FindingsError) as caught:
        run("[{balance: {between: [0.4, 0.6]}}, {rows: {at_least: 100}}]")
    assert "tests: balance: 75.0% of the train rows are desirable (30 of 40)" in str(caught.value)
    assert "tests: rows: 40 train rows, fewer than 100" in str(caught.value)
    assert "nothing was written" in str(caught.value)
    assert not (tmp_path / "runs" / "tested" / "dataset").exists()
    with pytest.raises(FindingsError):  # also when the step's result is at hand
        run("[{balance: {between: [0.4, 0.6]}}, {rows: {at_least: 100}}]")


def test_tests_that_hold_and_warnings_let_the_run_go_on(run, tmp_path):
    summary = run("[{balance: {between: [0.4, 0.8]}}, no_pii, {rows: {at_least: 100, severity: warn}}]")
    assert (tmp_path / "runs" / "tested" / "dataset" / "manifest.json").is_file()
    assert [(one["test"], bool(one["failures"])) for one in summary.facts["tests"]] == [
        ("balance", False),
        ("no_pii", False),
        ("rows", True),
    ]
