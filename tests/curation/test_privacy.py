"""Personal data and secrets."""

import itertools
import json

import pyarrow.parquet as pq
import pytest

from kto_data.curation.privacy import Privacy
from kto_data.schema import content_id

CARD = "4111 1111 1111 1111"


@pytest.fixture
def texts(tmp_path):
    def read():
        return {row["row_id"]: row for row in pq.read_table(tmp_path / "rewritten.parquet").to_pylist()}

    return read


@pytest.fixture
def mask(curate, tmp_path, texts):
    def run(rows, *more, **options):
        done = curate(rows, ("privacy", options), *more, rewritten=tmp_path / "rewritten.parquet")
        return done, texts()

    return run


def test_what_is_found_is_replaced_by_its_kind_and_the_rest_stays(row, write_rows, mask):
    rows = write_rows(
        [row("a", prompt="I am ana@corp.io.", completion=f"Paid with {CARD}."), row("b", completion="4111")]
    )
    done, after = mask(rows)
    assert after["a"]["prompt"][0]["content"] == "I am [email]."
    assert after["a"]["completion"][0]["content"] == "Paid with [credit-card]."
    assert after["b"]["completion"][0]["content"] == "4111"
    assert done.result.facts == [{"step": "privacy", "n_rewritten": 1}]
    assert done.result.n_dropped == 0


def test_ids_are_those_of_the_masked_texts(row, write_rows, mask):
    done, after = mask(write_rows([row("a", prompt="Mail ana@corp.io")]))
    asked = [{"role": "user", "content": "Mail [email]"}]
    assert after["a"]["prompt_id"] == content_id(asked)
    assert after["a"]["sample_id"] == content_id(asked, [{"role": "assistant", "content": "yes"}])
    assert done.kept == ["a"]


def test_rows_that_differed_in_a_number_are_equal_afterwards_also_those_dropped_before(row, write_rows, mask):
    rows = write_rows([row("a", completion="to ana@corp.io"), row("b", completion="to bo@corp.io")])
    done, after = mask(rows, ("exact_dedup", {}))
    assert done.kept == ["a"]
    assert after["a"]["sample_id"] == after["b"]["sample_id"]


def test_what_a_step_before_has_dropped_is_masked_too(row, write_rows, curate, tmp_path, texts):
    rows = write_rows([row("a", completion="ana@corp.io"), row("b", completion="ana@corp.io")])
    curate(rows, ("exact_dedup", {}), ("privacy", {}), rewritten=tmp_path / "rewritten.parquet")
    assert {one["completion"][0]["content"] for one in texts().values()} == {"[email]"}


def test_reasoning_names_the_next_turn_and_texts_inside_calls_are_masked(row, write_rows, mask):
    call = json.dumps(
        [{"name": "pay", "arguments": json.dumps({"to": "a\nana@corp.io", "card": 4111111111111111})}]
    )
    said = {"role": "assistant", "content": "", "reasoning": "ana@corp.io", "tool_calls": call}
    asked = [{"role": "user", "content": "hi", "name": "ana@corp.io"}]
    rows = write_rows([row("a") | {"completion": [said], "next_turn": asked}])
    _, after = mask(rows)
    message = after["a"]["completion"][0]
    assert message["reasoning"] == "[email]"
    assert json.loads(json.loads(message["tool_calls"])[0]["arguments"]) == {
        "to": "a\n[email]",
        "card": "[credit-card]",
    }
    assert after["a"]["next_turn"][0]["name"] == "[email]"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ana@corp.io", False),
        ("someone@example.com", True),
        ("4111 1111 1111 1112", True),
        ("hf_" + "aB3dE" * 7, False),
    ],
)
def test_rows_can_be_dropped_instead_and_the_detail_names_no_data(row, write_rows, curate, text, kept):
    done = curate(write_rows([row("a", completion=text)]), ("privacy", {"action": "drop"}))
    assert bool(done.kept) == kept
    assert all(drop["reason"] == "personal_data" and text not in drop["detail"] for drop in done.dropped)


def test_types_that_are_not_asked_for_are_left_alone(row, write_rows, mask):
    _, after = mask(write_rows([row("a", completion=f"ana@corp.io {CARD}")]), types=["email"])
    assert after["a"]["completion"][0]["content"] == f"[email] {CARD}"


def test_overlapping_findings_are_masked_once():
    text = "postgres://me:s3cretpass@db.corp.io"
    spans = [(start, end) for _, start, end in Privacy().find(text)]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
