"""The steps before labelling."""

import json

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
                [("thumb", "up"), ("truth", None if n == 0 else n % 2 == 0)],
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


EVERY_STEP = {
    "prepare": [
        {"privacy": "mask"},
        "exact_dedup",
        {"exact_dedup": "normalised"},
        {"length": {"max_chars": 20000}},
        {"language": "en"},
        {"canned": 20},
    ],
    "curate": [
        {"near_dedup": {"words": 3}},
        {"decontaminate": "evals/*.jsonl"},
        "contradictions",
        {"label_errors": "drop"},
        {"cap": {"per": "meta.user", "max": 30}},
        {"cap": {"per": "prompt_cluster", "max": 12}},
    ],
    "split": {"by": "prompt_cluster", "test": 0.2},
}


def test_all_steps_in_one_pipeline_account_for_every_row(work):
    work.folder.joinpath("evals").mkdir()
    work.write(
        "evals/held-out.jsonl",
        '{"question": "Can I change the delivery address of my order 123456 after it was paid?"}\n',
    )
    done = work.run(
        read=None,
        demo_log={"rows": 400},
        label={
            "rules": ["builtin:quickstart"],
            "feedback": {
                "thumbs": {"column": "meta.thumb", "precision": {"mean": 0.75}, "user_column": "meta.user"}
            },
        },
        aggregate={"when_no_evidence": "desirable"},
        **EVERY_STEP,
    )
    accounting = done.facts["accounting"]
    n_dropped = sum(sum(reasons.values()) for reasons in accounting["dropped"].values())
    assert (
        accounting["n_rows"] == sum(accounting["n_dataset"].values()) + n_dropped + accounting["n_undecided"]
    )
    assert accounting["n_records"] == accounting["n_rows"] + accounting["n_quarantined"]
    manifest = json.loads((done.folder / "dataset" / "manifest.json").read_text())
    assert manifest["lineage"]["split"]["by"] == "prompt_cluster"
    assert manifest["lineage"]["split"]["n_groups_on_both_sides"] == 0
    [curated] = done.folder.glob("*_curate-*")
    told = json.loads((curated / "manifest.json").read_text())["facts"]["steps"]
    assert [one["step"] for one in told] == [
        next(iter(one)) if isinstance(one, dict) else one for one in EVERY_STEP["curate"]
    ]
    assert all((curated / name).is_file() for one in told for name in one.get("files", []))


def test_a_changed_evaluation_file_redoes_curation(work):
    work.log(*((f"question {n}", f"please answer {n}") for n in range(8)))
    evaluation = {"curate": [{"decontaminate": "eval.jsonl"}], "split": {"test": 0.0}}
    work.write("eval.jsonl", '{"q": "one two three four five six"}\n')
    assert "curate" in work.run(**evaluation).done
    assert "curate" not in work.run(**evaluation).done
    work.write("eval.jsonl", '{"q": "one two three four five seven"}\n')
    assert "curate" in work.run(**evaluation).done


def test_everything_can_be_held_out_for_evaluation(work):
    work.log(*((f"question {n}", f"please answer {n}") for n in range(8)))
    done = work.run(split={"test": 1})
    assert done.facts["accounting"]["n_dataset"] == {"train": 0, "test": 8}


def test_votes_on_near_duplicates_that_were_dropped_before_labelling_are_counted(work):
    long = " ".join(f"word{n}" for n in range(40))
    work.log(*(("question", f"{long} {n}", [("thumb", "up")]) for n in range(3)), ("other", "please"))
    done = work.run(
        prepare=["near_dedup"],
        label={
            "feedback": {
                "thumbs": {"column": "meta.thumb", "map": {"up": "desirable", "down": "undesirable"}}
            }
        },
        split={"test": 0.0},
    )
    [recorded] = done.folder.glob("*_recorded-*")
    counts = json.loads((recorded / "manifest.json").read_text())["counts"]
    assert (counts["n_votes"], counts["n_votes_left_out"]) == (1, 2)
