"""Whole runs without training: what they write, count, reuse and redo."""

import json

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from kto_data.cli.summary import summarise_run
from kto_data.dataset.read import read_manifest
from kto_data.errors import FindingsError, InputError
from kto_data.schema import content_id

pytestmark = pytest.mark.slow

MIXED = [(f"question {i}", f"{'please' if i % 2 else 'rude'} {i}") for i in range(20)]


def test_the_accounting_of_a_run_is_what_its_files_hold(demo, read_table):
    counts = demo.facts["accounting"]
    shards = {
        split: sum(pq.read_metadata(path).num_rows for path in (demo.folder / "dataset").glob(f"{split}-*"))
        for split in ("train", "test")
    }
    dropped = [read_table(demo.folder, step, "dropped.parquet") for step in ("prepare", "curate")]
    kept = read_table(demo.folder, "prepare", "kept.parquet").to_pylist()
    labels = read_table(demo.folder, "aggregate", "labels.parquet").to_pylist()
    undecided = {label["sample_id"] for label in labels if label["label"] is None}

    n_rows = read_table(demo.folder, "read", "rows.parquet").num_rows
    n_quarantined = read_table(demo.folder, "read", "quarantined.parquet").num_rows
    n_undecided = sum(row["sample_id"] in undecided for row in kept)
    n_dropped = sum(table.num_rows for table in dropped)
    assert n_quarantined > 0
    assert n_dropped > 0
    assert n_undecided > 0
    assert counts["n_records"] == n_rows + n_quarantined
    assert n_rows == sum(shards.values()) + n_dropped + n_undecided
    assert counts["n_rows"] == n_rows
    assert counts["n_quarantined"] == n_quarantined == sum(counts["quarantined"].values())
    assert counts["n_dataset"] == shards
    assert counts["n_undecided"] == n_undecided
    assert sum(n for reasons in counts["dropped"].values() for n in reasons.values()) == n_dropped


def test_the_same_accounting_stands_in_the_report_and_in_the_summary(demo):
    counts = demo.facts["accounting"]
    assert json.loads((demo.folder / "report.json").read_text())["accounting"] == counts
    printed = summarise_run(demo.facts, "runs/small")
    used = counts["n_records"] - counts["n_quarantined"]
    assert (
        f"records  {counts['n_records']:,} = {used:,} used + {counts['n_quarantined']:,} quarantined"
        in printed
    )
    split = counts["n_dataset"]
    assert f"rows     {counts['n_rows']:,} = {split['train']:,} train + {split['test']:,} test + " in printed
    assert f"+ {counts['n_undecided']:,} undecided" in printed


def test_the_truth_of_a_made_up_log_is_seen_by_no_labeler_and_stands_in_no_row(demo, read_table):
    truth = [json.loads(line) for line in next(demo.folder.glob("01_*/truth.jsonl")).read_text().splitlines()]
    faults = {line["fault"] for line in truth} - {None}
    assert faults
    rows = read_table(demo.folder, "read", "rows.parquet")
    columns = {*rows.schema.names, *(field.name for field in rows.schema.field("meta").type)}
    votes = [pq.read_table(path) for path in (demo.folder / "votes").glob("*.parquet")]
    shards = ds.dataset([str(path) for path in (demo.folder / "dataset").glob("*.parquet")]).to_table()
    columns |= {name for table in [*votes, shards] for name in table.schema.names}
    assert not columns & {"truth", "desirable", "fault"}
    values = json.dumps([table.to_pylist() for table in [rows, *votes, shards]], default=str)
    assert not [fault for fault in faults if f'"{fault}"' in values]


def test_the_truth_is_compared_row_by_row(demo, read_table):
    labels = dict(
        zip(
            *read_table(demo.folder, "aggregate", "labels.parquet")
            .select(["sample_id", "label"])
            .to_pydict()
            .values(),
            strict=True,
        )
    )
    truth = {
        line["id"]: line["desirable"]
        for line in map(json.loads, next(demo.folder.glob("01_*/truth.jsonl")).read_text().splitlines())
    }
    compared = [
        labels[row["sample_id"]] == truth[row["row_id"].split("#")[1]]
        for row in read_table(demo.folder, "prepare", "kept.parquet").to_pylist()
        if labels[row["sample_id"]] is not None
    ]
    found = demo.facts["labels"]["truth"]
    assert (found["n"], found["agree"]) == (len(compared), sum(compared))
    assert 0.8 < sum(compared) / len(compared) < 1.0


def test_a_label_in_the_dataset_is_that_of_its_sample_and_the_weights_are_those_of_the_manifest(
    demo, read_table
):
    labels = {
        label["sample_id"]: label["label"]
        for label in read_table(demo.folder, "aggregate", "labels.parquet").to_pylist()
    }
    rows = (
        ds.dataset([str(path) for path in (demo.folder / "dataset").glob("*.parquet")]).to_table().to_pylist()
    )
    assert all(row["label"] is labels[row["sample_id"]] for row in rows)
    assert all(content_id(row["prompt"], row["completion"]) == row["sample_id"] for row in rows)
    manifest = read_manifest(demo.folder / "dataset")
    balance = demo.facts["balance"]
    assert balance["desirable_weight"] == manifest.weights.desirable_weight
    assert balance["train"]["desirable"] == manifest.counts["train"].desirable


def test_no_prompt_stands_on_both_sides(demo):
    prompts = {
        split: {
            prompt
            for path in (demo.folder / "dataset").glob(f"{split}-*")
            for prompt in pq.read_table(path)["prompt_id"].to_pylist()
        }
        for split in ("train", "test")
    }
    assert all(prompts.values())
    assert not prompts["train"] & prompts["test"]


def test_a_finished_run_is_reused_as_a_whole(work, shards):
    work.log(*MIXED)
    first = work.run()
    before = shards(first.folder)
    again = work.run()
    assert first.done == ["read", "prepare", "rules", "aggregate", "curate", "split", "balance", "write"]
    assert again.done == []
    assert all(step["reused"] for step in again.facts["lineage"]["steps"])
    assert shards(again.folder) == before
    assert again.facts["accounting"] == first.facts["accounting"]


def test_a_changed_rule_redoes_what_depends_on_it_and_nothing_before(work):
    work.log(*MIXED)
    first = work.run()
    rules = work.folder / "rules.yaml"
    rules.write_text(rules.read_text().replace("[please]", "['please 1']"))
    again = work.run()
    assert again.done == ["rules", "aggregate", "curate", "balance", "write"]
    assert again.facts["labels"]["n_desirable"] < first.facts["labels"]["n_desirable"] == 10


def test_a_comment_in_a_rule_file_redoes_nothing(work):
    work.log(*MIXED)
    work.run()
    rules = work.folder / "rules.yaml"
    rules.write_text("# be kind\n" + rules.read_text())
    assert work.run().done == []


def test_a_changed_log_redoes_everything(work):
    work.log(*MIXED)
    first = work.run()
    work.log(*MIXED, ("one more", "please"))
    again = work.run()
    assert again.done == first.done
    assert again.facts["accounting"]["n_rows"] == 21


@pytest.mark.parametrize("seed", [0, 5])
def test_equal_input_in_two_folders_gives_equal_shards(make_work, shards, seed):
    datasets = []
    for name in ("here", "elsewhere"):
        place = make_work(name)
        place.log(*MIXED)
        datasets.append(shards(place.run(seed=seed).folder))
    assert datasets[0] == datasets[1]
    assert len(datasets[0]) == 2


def test_another_seed_changes_the_order_of_the_rows_but_not_which_they_are(work, shards):
    work.log(*MIXED)

    def ids(folder):
        return pq.read_table(next((folder / "dataset").glob("train-*")))["row_id"].to_pylist()

    one, other = ids(work.run(seed=1).folder), ids(work.run(seed=2).folder)
    assert one != other
    assert sorted(one) == sorted(other)


def test_the_thumb_of_an_exact_duplicate_counts_for_its_sample(work, read_table):
    # the row that is kept has no thumb at all; two of its copies, which are dropped, have
    up, down = {"thumb": "up"}, {"thumb": "down"}
    work.log(
        ("how?", "like this", {"thumb": None}),
        ("how?", "like this", up),
        ("how?", "like this", up),
        *((f"good {i}", f"answer {i}", up) for i in range(6)),
        *((f"bad {i}", f"answer {i}", down) for i in range(6)),
    )
    run = work.run(
        prepare=["exact_dedup"],
        label={"feedback": {"thumbs": {"column": "meta.thumb", "precision": {"mean": 0.75}}}},
    )
    labels = {
        label["sample_id"]: label
        for label in read_table(run.folder, "aggregate", "labels.parquet").to_pylist()
    }
    user, assistant = {"role": "user", "content": "how?"}, {"role": "assistant", "content": "like this"}
    label = labels[content_id([user], [assistant])]
    assert label["n_votes"] == 2
    assert label["label"] is True
    # two independent votes of precision 3/4: odds 3 * 3 = 9 to 1
    assert label["p_desirable"] == pytest.approx(0.9)
    assert run.facts["accounting"]["dropped"]["prepare: exact_dedup"] == {"exact_duplicate": 2}


def test_imported_votes_alone_are_enough(work):
    thumbs = [{"thumb": "up"}, {"thumb": "down"}]
    work.log(*((f"q {i}", f"a {i}", thumbs[i % 2]) for i in range(20)))
    run = work.run(label={"feedback": {"thumbs": {"column": "meta.thumb"}}})
    assert run.facts["labels"]["n_desirable"] == run.facts["labels"]["n_undesirable"] == 10


def test_a_shadow_labeler_is_reported_but_decides_nothing(work):
    votes = [{"judge": "bad"}, {"judge": "good"}]
    work.log(*((prompt, completion, votes[0]) for prompt, completion in MIXED))
    judge = {
        "labeler": "judge:strict",
        "kind": "judge",
        "mode": "shadow",
        "columns": ["meta.judge"],
        "table": [["bad", "undesirable"], ["good", "desirable"]],
    }
    run = work.run(label={"rules": ["rules.yaml"], "recorded": [judge]})
    assert run.facts["labels"]["n_desirable"] == 10
    [shown] = [labeler for labeler in run.facts["labelers"] if labeler["labeler"] == "judge:strict"]
    assert shown["n_undesirable"] == 20


def test_too_many_unreadable_records_stop_the_run_after_they_are_written(work, read_table):
    work.log(*MIXED)
    with (work.folder / "log.jsonl").open("a") as log:
        log.write("{\n")
    with pytest.raises(FindingsError, match=r"1 of 21 records .* limit of 1\.0% \(limits\.quarantined\)"):
        work.run()
    [record] = read_table(work.folder / "runs" / "mine", "read", "quarantined.parquet").to_pylist()
    assert (record["file"], record["record"]) == ("log.jsonl", 21)
    assert work.run(limits={"quarantined": 0.05}).facts["accounting"]["n_quarantined"] == 1


def test_a_labeler_that_fails_too_often_stops_the_run_and_one_within_the_limit_is_counted(work):
    thumbs = ["up", "down"] * 9 + ["sideways", "up"]
    work.log(*((f"q {i}", f"a {i}", {"thumb": thumb}) for i, thumb in enumerate(thumbs)))
    label = {"feedback": {"thumbs": {"column": "meta.thumb"}}}
    with pytest.raises(FindingsError, match=r"'thumbs' failed on 1 of 20 rows.*4\.0%.*sideways"):
        work.run(label=label, limits={"faults": 0.04})
    run = work.run(label=label, limits={"faults": 0.05})
    [thumbs] = run.facts["labelers"]
    assert (thumbs["n_faults"], thumbs["n_abstain"], thumbs["n_desirable"]) == (1, 0, 10)
    assert run.facts["accounting"]["n_undecided"] == 1


def test_a_run_of_one_class_stops_before_training_and_names_the_key_that_decides_it(work):
    work.log(*((f"q {i}", f"please {i}") for i in range(20)))
    with pytest.raises(InputError, match=r"only desirable rows.*aggregate\.when_no_evidence"):
        work.run(train={"model": "tiny"})


def test_a_run_of_one_class_writes_its_dataset_when_nothing_is_trained_on_it(work):
    work.log(*((f"q {i}", f"please {i}") for i in range(20)))
    run = work.run()
    weights = read_manifest(run.folder / "dataset").weights
    assert (weights.desirable_weight, weights.undesirable_weight) == (1.0, 1.0)
    assert "only desirable rows" in weights.reason


def test_a_run_folder_without_its_dataset_is_completed(work, shards):
    work.log(*MIXED)
    run = work.run()
    before = shards(run.folder)
    next((run.folder / "dataset").glob("train-*")).unlink()
    assert work.run().done == ["write"]
    assert shards(run.folder) == before
