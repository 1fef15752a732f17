"""The tests of a pipeline's `tests:` list."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.dataset.check.audit import checked_tables
from kto_data.dataset.data_tests.data_test import Given, parse_tests
from kto_data.errors import ConfigError
from kto_data.schema import VOTES
from kto_data.tables import database
from kto_data.votes.labelers import Labeler

AUDIT = {"surface": {"estimate": 0.9}, "prompt": {"estimate": 0.6}, "length_gap": -0.7}


def parse(text):
    file = parse_yaml(text, name="p.yaml", folder=Path())
    return parse_tests(file.data, file, ())


@pytest.fixture
def failures(inputs, row, tmp_path):
    """Run one test over rows; return what fails."""

    def run(text, rows=None, train=None, annotations=()):
        rows = rows or [row(n, label=n % 2 == 0) for n in range(20)]
        files, counts = inputs(rows)
        from kto_data.balance.profile import write_profile

        files["profile"] = tmp_path / "inputs" / "profile.parquet"
        write_profile(files["profile"], rows=files["rows"], selection=files["selection"], seed=0)
        votes = [
            {"labeler": who, "version": "1", "sample_id": sample, "vote": vote}
            for who, sample, vote in annotations
        ]
        pq.write_table(pa.Table.from_pylist(votes, schema=VOTES), tmp_path / "votes.parquet")
        facts = {
            "train": {"n_rows": 20, "n_desirable": 10, "n_undesirable": 10, "share_desirable": 0.5}
            | (train or {}),
            "test": {"n_rows": 0},
            "shortcuts": AUDIT,
            "order": {
                side: {
                    **{name: getattr(one, name) for name in one.__slots__},
                    "single_label_batches": {
                        str(size): share for size, share in one.single_label_batches.items()
                    },
                }
                for side, one in counts.order.items()
            },
        }
        labelers = [
            Labeler(name=who, version="1", kind="annotator")
            for who in sorted({who for who, _, _ in annotations})
        ]
        with database(tmp_path) as con:
            checked_tables(con, files)
            [planned] = parse(text)
            return planned.test.failures(Given(con, facts, labelers, [], [tmp_path / "votes.parquet"]))

    return run


@pytest.mark.parametrize(
    ("text", "train", "words"),
    [
        (
            "[{balance: {between: [0.2, 0.8]}}]",
            {"share_desirable": 0.9},
            "90.0% of the train rows are desirable",
        ),
        ("[{balance: {between: [0.2, 0.8]}}]", {"share_desirable": None}, "there is no train row"),
        ("[{rows: {at_least: 100}}]", {}, "20 train rows, fewer than 100"),
        (
            "[{rows: {of_each_label: 5}}]",
            {"n_undesirable": 3},
            "3 train rows of the smaller class, fewer than 5",
        ),
        ("[{rows: {test: 10}}]", {}, "0 test rows, fewer than 10"),
        (
            "[{shortcuts: {surface: 0.8}}]",
            {},
            "surface features foretell the label with an AUC of 0.900, over 0.8",
        ),
        ("[{shortcuts: {length_gap: 0.5}}]", {}, "0.70 standard deviations apart"),
    ],
)
def test_what_does_not_hold_is_told_with_its_figures(failures, text, train, words):
    [failure] = failures(text, train=train)
    assert words in failure


@pytest.mark.parametrize(
    "text",
    [
        "[{balance: {between: [0.2, 0.8]}}]",
        "[rows]",
        "[no_pii]",
        "[findings]",
        "[{shortcuts: {prompt: 0.7}}]",
    ],
)
def test_what_holds_is_silent(failures, text):
    assert failures(text) == []


def test_personal_data_are_counted_and_never_shown(failures, row):
    completion = [{"role": "assistant", "content": "Write to jane.roe@fabrikam.org"}]
    rows = [row(n, label=n % 2 == 0) for n in range(9)] + [row(9, completion=completion)]
    [failure] = failures("[no_pii]", rows=rows)
    assert "1 of 10 rows hold personal data or secrets (email 1), such as log#0009" in failure
    assert "jane" not in failure
    assert failures("[{no_pii: {types: [iban]}}]", rows=rows) == []


def test_contradicting_rows_are_a_finding(failures, row):
    same = [{"role": "user", "content": "same"}]
    answers = [[{"role": "assistant", "content": ""}]] * 3
    rows = [row(n, label=n % 2 == 0) for n in range(20)] + [
        row(30 + n, prompt=same, completion=answers[n]) for n in range(3)
    ]
    failed = failures("[findings]", rows=rows)
    assert any(failure.startswith("empty_completions (error)") for failure in failed)
    assert failures("[{findings: {ignore: [empty_completions]}}]", rows=rows) == []


def test_annotators_who_disagree_fail_and_those_who_agree_pass(failures, row):
    rows = [row(n, label=n % 2 == 0) for n in range(40)]
    ids = [one["sample_id"] for one in rows]
    ann = [("ann", sample, 1 if n % 2 == 0 else -1) for n, sample in enumerate(ids)]
    bob = [("bob", sample, 1 if n % 2 == 0 else -1) for n, sample in enumerate(ids)]
    eve = [("eve", sample, 1 if n % 4 < 2 else -1) for n, sample in enumerate(ids)]
    text = "[{kappa: {at_least: 0.6}}]"
    assert failures(text, rows=rows, annotations=ann + bob) == []
    [failure] = failures(text, rows=rows, annotations=ann + eve)
    assert "kappa of ann and eve is 0.00 on 40 samples, under 0.6" in failure


def test_agreement_of_nobody_is_unknown(failures):
    [failure] = failures("[{kappa: {at_least: 0.6}}]")
    assert "(nobody) have 20 samples in common" in failure


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[no_pi]", "unknown data test 'no_pi'; did you mean 'no_pii'?"),
        ("[{balance: {between: [0.8, 0.2]}}]", "the smaller first"),
        ("[balance]", "between: is missing"),
        ("no_pii", "must be a list of tests"),
        ("[[no_pii]]", "must be a test's name"),
        ("[{no_pii: {severity: bad}}]", "severity"),
    ],
)
def test_a_mistake_is_explained(text, words):
    with pytest.raises(ConfigError, match=words.replace("[", r"\[").replace("?", r"\?")):
        parse(text)
