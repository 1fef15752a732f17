"""`kto aggregate` as a user calls it, on good votes and on bad ones: a clear message, a count, nothing lost."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import VOTES, rule_votes_schema

pytestmark = pytest.mark.slow


def vote(sample_id, labeler, value, **more):
    return {"sample_id": sample_id, "labeler": labeler, "version": "1", "vote": value, **more}


@pytest.fixture
def votes(kto):
    """Write a long file of votes and return its name."""

    def write(*records, name="votes.parquet"):
        pq.write_table(pa.Table.from_pylist(list(records), schema=VOTES), kto.folder / name)
        return name

    return write


@pytest.fixture
def aggregate(kto):
    """Call `kto aggregate` and return its document, the labels by sample, and what it said."""

    def call(*arguments, code=0):
        done = kto("aggregate", *arguments, "-o", "labels.parquet", "--json")
        assert done.returncode == code, done.stderr
        if code:
            assert not (kto.folder / "labels.parquet").exists()
            return done.stderr
        labels = pq.read_table(kto.folder / "labels.parquet").to_pylist()
        return json.loads(done.stdout), {
            one["sample_id"]: (one["label"], one["decided_by"]) for one in labels
        }

    return call


def test_votes_on_samples_that_no_row_has_are_counted_and_left_out(kto, votes, aggregate):
    pq.write_table(pa.table({"row_id": ["1", "2"], "sample_id": ["a", "b"]}), kto.folder / "rows.parquet")
    found, labels = aggregate(votes(vote("a", "j", 1), vote("zzz", "j", -1)), "--rows", "rows.parquet")
    assert labels == {"a": (True, "aggregate"), "b": (None, "no_evidence")}
    assert found["set_aside"]["n_unknown"] == 1
    assert "1 vote is on a sample that is not among the rows" in found["notes"]


def test_a_vote_that_is_said_twice_counts_once(votes, aggregate):
    twice = [vote("a", "j", 1), vote("a", "j", 1), vote("a", "k", -1)]
    found, labels = aggregate(votes(*twice), "--method", "majority")
    assert labels == {"a": (None, "aggregate")}  # one to one
    assert found["set_aside"]["n_duplicates"] == 1


def test_superseded_votes_do_not_count_and_stay_in_the_log(kto, votes, aggregate):
    now = datetime(2026, 1, 2, tzinfo=UTC)
    name = votes(
        vote("a", "j", 1, created_at=now - timedelta(days=1)),
        vote("a", "j", -1, created_at=now),
        vote("b", "j", 1, created_at=now),
    )
    before = (kto.folder / name).read_bytes()
    found, labels = aggregate(name)
    assert labels == {"a": (False, "aggregate"), "b": (True, "aggregate")}
    assert found["set_aside"]["n_superseded"] == 1
    assert (kto.folder / name).read_bytes() == before


def test_contradictory_gold_stops_and_lists_every_sample(kto, votes, aggregate):
    kto.write("gold.csv", "sample_id,label\na,true\na,false\nb,true\nb,false\nc,true\n")
    said = aggregate(votes(vote("a", "j", 1)), "--gold", "gold.csv", code=2)
    assert "2 gold samples have both labels" in said
    assert "  a: desirable (gold.csv), undesirable (gold.csv)" in said
    assert "  b: " in said


def test_a_wrong_line_of_gold_is_named(kto, votes, aggregate):
    kto.write("gold.csv", "sample_id,label\na,true\nb,perhaps\n")
    said = aggregate(votes(vote("a", "j", 1)), "--gold", "gold.csv", code=2)
    assert "gold.csv:3: label must be true or false" in said


def test_a_labeler_that_always_says_the_same_is_told(votes, aggregate):
    samples = [f"s{n}" for n in range(20)]
    always = [vote(sample, "yes-man", 1) for sample in samples]
    found, labels = aggregate(
        votes(*always, *(vote(s, "j", -1) for s in samples[:5])), "--method", "majority"
    )
    assert "yes-man: says the same of nearly every sample, so its votes tell nothing" in found["notes"]
    assert len(labels) == 20


def test_scores_that_are_no_numbers_are_counted_and_their_votes_stay(votes, aggregate):
    found, labels = aggregate(votes(vote("a", "j", 1, score=float("nan")), vote("b", "j", -1, score=0.1)))
    assert labels == {"a": (True, "aggregate"), "b": (False, "aggregate")}
    assert found["set_aside"]["n_bad_scores"] == 1
    json.dumps(found, allow_nan=False)


def test_a_truncated_last_shard_is_named_and_all_others_count(kto, votes, aggregate):
    (kto.folder / "log").mkdir()
    votes(vote("a", "j", 1), name="log/votes-1.parquet")
    votes(*(vote(f"s{n}", "j", 1) for n in range(500)), name="log/votes-2.parquet")
    whole = (kto.folder / "log" / "votes-2.parquet").read_bytes()
    kto.write("log/votes-2.parquet", whole[: len(whole) // 2])
    found, labels = aggregate("log")
    assert labels == {"a": (True, "aggregate")}
    assert any("votes-2.parquet: cut off, or not Parquet" in note for note in found["notes"])


def test_votes_that_are_none_are_counted(kto, aggregate):
    table = pa.table({"sample_id": ["a", "a", "b"], "labeler": ["j", "k", "j"], "vote": [1, 7, None]})
    pq.write_table(table, kto.folder / "v.parquet")
    found, labels = aggregate("v.parquet")
    assert labels == {"a": (True, "aggregate")} | ({"b": (None, "no_evidence")} if "b" in labels else {})
    assert found["set_aside"]["n_invalid"] == 2


def test_a_shadow_never_counts_a_veto_decides_and_two_vetoes_that_disagree_decide_nothing(kto, aggregate):
    columns = {"ghost": [1, 1, 1], "stop": [-1, 0, -1], "go": [0, 0, 1], "j": [1, -1, 1]}
    rows = {"row_id": ["1", "2", "3"], "sample_id": ["a", "b", "c"]}
    table = pa.Table.from_pydict(rows | columns, schema=rule_votes_schema(list(columns)))
    pq.write_table(table, kto.folder / "wide.parquet")
    modes = {"ghost": "shadow", "stop": "veto", "go": "veto"}
    kto.write("labelers.json", json.dumps([{"labeler": name, "mode": mode} for name, mode in modes.items()]))
    found, labels = aggregate("wide.parquet", "--method", "majority")
    assert labels == {"a": (False, "veto"), "b": (False, "aggregate"), "c": (None, "vetoes_contradict")}
    disputed = pq.read_table(kto.folder / "disputes.parquet").to_pylist()
    assert [(one["sample_id"], one["desirable"], one["undesirable"]) for one in disputed] == [
        ("c", ["go"], ["stop"])
    ]
    assert found["n_disputed"] == 1


def test_an_empty_file_of_votes_gives_no_labels(votes, aggregate):
    found, labels = aggregate(votes())
    assert labels == {}
    assert found["n_samples"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.parquet"], "nowhere.parquet: no such file or folder"),
        (["votes.parquet", "--method", "majorty"], "did you mean 'majority'"),
        (["votes.parquet", "--set", "desirable_abve=0.6"], "did you mean 'desirable_above'"),
        (["votes.parquet", "--gold", "nowhere.csv"], "nowhere.csv: no such file"),
        (["other.parquet"], "no table of votes"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_remedy(kto, votes, aggregate, arguments, message):
    votes(vote("a", "j", 1))
    pq.write_table(pa.table({"x": ["text"]}), kto.folder / "other.parquet")
    assert message in aggregate(*arguments, code=2)


def test_every_method_re_decides_the_same_file(kto, votes, aggregate):
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.6
    records = [
        vote(f"s{n:03}", f"j{m}", 1 if right == truth[n] else -1)
        for n in range(200)
        for m, right in enumerate(rng.random(3) < 0.85)
    ]
    name = votes(*records)
    kto.write("gold.csv", "sample_id,label\n" + "".join(f"s{n:03},{int(truth[n])}\n" for n in range(60)))
    for method in ("majority", "weighted", "dawid_skene", "one_coin", "glad", "firing", "calibrated"):
        found, labels = aggregate(name, "--method", method, "--gold", "gold.csv")
        assert found["method"] == method
        right = [labels[f"s{n:03}"][0] == truth[n] for n in range(60, 200)]
        assert np.mean(right) > 0.85, method  # three labelers of .85 are right together 94% of the time
        assert found["desirable_share"]["interval"]["lower"] < truth.mean()
        assert found["desirable_share"]["interval"]["upper"] > truth.mean()
