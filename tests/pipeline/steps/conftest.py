"""Runs of recorded votes: a log whose records say how each labeler voted."""

import json

import pytest

from kto_data.pipeline.run import run_pipeline
from kto_data.pipeline.spec import load_pipeline

VERDICTS = [["up", "desirable"], ["down", "undesirable"], ["pass", "abstain"]]


@pytest.fixture
def run_votes(tmp_path):
    def run(records, labelers, *, name="mine", **keys):
        """Run a log of one-line records, each {labeler: up | down | pass}; `labelers` gives their attributes.

        Two records without any vote are added, one of each class by a labeler of their own, so that every run has
        rows of both classes to write.
        """
        records = [*records, *({"filler": vote} for vote in ("up", "down"))]
        lines = [
            {"id": f"r{i}", "prompt": f"question {i}", "completion": f"answer {i}", **record}
            for i, record in enumerate(records)
        ]
        log = tmp_path / f"{name}.jsonl"
        log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        recorded = [
            {"labeler": labeler, "kind": "rule", "columns": [f"meta.{labeler}"], "table": VERDICTS, **more}
            for labeler, more in {**labelers, "filler": {}}.items()
        ]
        spec = {
            "version": 1,
            "name": name,
            "read": [{"path": log.name, "source": "log"}],
            "label": {"recorded": recorded},
            "split": {"test": 0.0},
            **keys,
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(spec), encoding="utf-8")
        return run_pipeline(load_pipeline(path), runs=tmp_path / "runs")

    return run
