"""The steps before labelling."""

import pytest

pytestmark = pytest.mark.slow  # whole small pipelines


def holding(folder, text):
    """The files in which a text stands, Parquet files looked into row by row."""
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix == ".parquet":
            if any(text in repr(row) for row in pq.read_table(path).to_pylist()):
                yield path.relative_to(folder).as_posix()
        elif text.encode() in path.read_bytes():
            yield path.relative_to(folder).as_posix()


def test_what_was_masked_stands_in_no_file_but_those_of_the_read_step(work):
    work.log(
        *(
            (
                f"please ask {n}, I am ana@corp.io",
                f"rude {n} bo@corp.io",
                [("thumb", "up"), ("truth", n % 2 == 0)],
            )
            for n in range(12)
        ),
        ("please ask 0, I am cy@corp.io", "rude 0 di@corp.io", [("thumb", "down")]),
    )
    done = work.run(
        prepare=[{"privacy": "mask"}, "exact_dedup"],
        label={
            "rules": ["rules.yaml"],
            "feedback": {
                "thumbs": {"column": "meta.thumb", "map": {"up": "desirable", "down": "undesirable"}}
            },
        },
        curate=["contradictions", "exact_dedup"],
        gold={"columns": ["meta.truth"], "table": [["true", "desirable"], ["false", "undesirable"]]},
    )
    files = list(holding(done.folder, "@corp.io"))
    assert files
    assert all("_read-" in name for name in files)
    # the two rows that differed in addresses alone are one sample now, with a thumb each way
    assert done.facts["accounting"]["dropped"] == {
        "prepare: exact_dedup": {"exact_duplicate": 1},
        "curate: contradictions": {"contradicting_feedback": 1},
    }
