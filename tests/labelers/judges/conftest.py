"""Judges from a few lines of YAML, and rows for them."""

from pathlib import Path

import pyarrow as pa
import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.load import read_judge
from kto_data.labelers.judges.run import JudgeRun
from kto_data.schema import content_id, rows_schema


def judge_of(text="", *, url="http://127.0.0.1:9/v1", head=True, folder=Path()):
    """Return the judge of a judge file; with `head`, its first keys need not be given."""
    first = f'version: 1\nid: test\nmodel: m\nbackend: {{openai: {{base_url: "{url}"}}}}\n' if head else ""
    return read_judge(parse_yaml(first + text, name="j.yaml", folder=folder), folder / "j.yaml")


def rows_of_texts(texts, prompt="q", meta=None):
    """Return rows with these completions; each has another prompt."""
    records = []
    for n, text in enumerate(texts):
        asked = [{"role": "user", "content": f"{prompt} {n}"}]
        said = [{"role": "assistant", "content": text}]
        records.append(
            {
                "row_id": f"log#{n}",
                "sample_id": content_id(asked, said),
                "prompt_id": content_id(asked),
                "prompt": asked,
                "completion": said,
                "source": "log",
                "meta": {name: values[n] for name, values in (meta or {}).items()} or None,
            }
        )
    kinds = pa.struct([(name, pa.string()) for name in meta]) if meta else None
    return pa.RecordBatch.from_pylist(records, schema=rows_schema(kinds))


@pytest.fixture
def cache(tmp_path):
    with AnswerCache(tmp_path / "answers.sqlite") as answers:
        yield answers


@pytest.fixture
def ask(cache):
    """Let a judge vote on rows; return its votes, faults and the run."""

    def votes(judge, rows, **options):
        run = JudgeRun(judge, cache, **options)
        found = list(run.vote(iter([rows])))
        return (
            pa.concat_tables([one for one, _ in found]).to_pylist(),
            pa.concat_tables([two for _, two in found]).to_pylist(),
            run,
        )

    return votes


@pytest.fixture(name="judge_of")
def _judge_of():
    return judge_of


@pytest.fixture(name="rows_of_texts")
def _rows_of_texts():
    return rows_of_texts
