"""Small pipelines of real files, run in this process."""

import json
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from kto_data.pipeline.run import run_pipeline
from kto_data.pipeline.spec import load_pipeline

RULES = """\
version: 1
ruleset: mine
rules:
  - {id: rude, vote: undesirable, match: {contains-any: [rude]}}
  - {id: polite, vote: desirable, match: {contains-any: [please]}}
"""

DEMO = """\
version: 1
name: small
seed: 3
demo_log: {rows: 400}
prepare: [exact_dedup, length: {max_chars: 20000}]
label:
  rules: [builtin:quickstart, "builtin:feedback#complains-next-turn"]
  feedback: {thumbs: {column: meta.thumb, precision: {mean: 0.75}, user_column: meta.user}}
aggregate: {when_no_evidence: desirable}
curate: [contradictions, cap: {per: prompt_id, max: 12}]
split: {by: prompt_id, test: 0.2}
"""


class Watch:
    """Notes which steps did their work anew."""

    def __init__(self):
        self.done = []

    def started(self, step):
        self.done.append(step)

    def advanced(self, n_rows):
        pass

    def said(self, text):
        pass

    def finished(self, result):
        pass


class Workplace:
    """A folder with a log, a rule file and a pipeline file, and what running it gives."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def log(self, *records, name="log.jsonl"):
        """Write records given as (prompt, completion), or as such with more keys."""
        lines = [
            json.dumps({"id": f"r{i}", "prompt": prompt, "completion": completion} | dict(*more))
            for i, (prompt, completion, *more) in enumerate(records)
        ]
        return self.write(name, "".join(line + "\n" for line in lines))

    def spec(self, **keys):
        """Write `p.yaml` (JSON is YAML, too); a key that is None is left out."""
        spec = {
            "version": 1,
            "name": "mine",
            "read": [{"path": "log.jsonl"}],
            "label": {"rules": ["rules.yaml"]},
            "split": {"test": 0.25},
        } | keys
        if not (self.folder / "rules.yaml").exists():
            self.write("rules.yaml", RULES)
        return self.write(
            "p.yaml", json.dumps({key: value for key, value in spec.items() if value is not None})
        )

    def run(self, path=None, *, seed=None, **keys):
        """Run a pipeline file, or the one that the keys make."""
        watch = Watch()
        pipeline = load_pipeline(path or self.spec(**keys), seed=seed)
        summary = run_pipeline(pipeline, runs=self.folder / "runs", progress=watch)
        return SimpleNamespace(folder=summary.folder, facts=summary.facts, done=watch.done)


def table(run_folder, step, name):
    """A table of the newest folder of a step."""
    folder = max(run_folder.glob(f"[0-9][0-9]_{step}-*"), key=lambda path: path.stat().st_mtime_ns)
    return pq.read_table(folder / name)


def dataset_bytes(run_folder):
    return {path.name: path.read_bytes() for path in sorted((run_folder / "dataset").glob("*.parquet"))}


@pytest.fixture
def work(tmp_path):
    return Workplace(tmp_path / "work")


@pytest.fixture
def read_table():
    return table


@pytest.fixture
def shards():
    return dataset_bytes


@pytest.fixture
def make_work(tmp_path):
    return lambda name: Workplace(tmp_path / name)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """One run on a made-up log up to its dataset."""
    place = Workplace(tmp_path_factory.mktemp("demo"))
    return place.run(place.write("small.yaml", DEMO))
