"""Small datasets to export."""

import json

import pytest

from kto_data.dataset.export.export import ExportOptions, export_dataset
from kto_data.dataset.foreign.opened import open_dataset


@pytest.fixture
def exported(tmp_path):
    """Export records given as JSON values; return what was done and the folder."""

    def run(to, records, stated=None, **options):
        source = tmp_path / "source"
        source.mkdir()
        for split, wanted in (("train", False), ("test", True)):
            some = [record for record in records if record.get("held_out", False) is wanted]
            if some:
                (source / f"{split}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in some))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        opened = open_dataset(str(source), scratch)
        out = tmp_path / "out"
        done = export_dataset(
            rows=opened.rows,
            selection=opened.selection,
            out=out,
            name="my data",
            stated=stated,
            options=ExportOptions(to, **options),
        )
        return done, out

    return run


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


@pytest.fixture
def chats():
    """Ten chats for training, a third of them undesirable, one of them with a system prompt and turns; two held out."""
    records = [
        {"prompt": [user(f"question {n}")], "completion": [assistant(f"answer {n}")], "label": n % 3 != 0}
        for n in range(10)
    ]
    records[1]["prompt"] = [
        {"role": "system", "content": "Be brief."},
        user("first"),
        assistant("second"),
        user("third"),
    ]
    held_out = [
        {"prompt": [user(f"held out {n}")], "completion": [assistant("x")], "label": n == 0, "held_out": True}
        for n in range(2)
    ]
    return records + held_out
