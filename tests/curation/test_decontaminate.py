"""Evaluation data among the rows."""

import json

import pyarrow.parquet as pq
import pytest

from kto_data.curation.decontaminate import Decontaminate
from kto_data.errors import InputError

QUESTION = (
    "A farmer has seventeen sheep and all but nine of them run away one stormy night, how many are left"
)
OTHER = "Name the river that flows through the city of Vienna and ends in the Black Sea after many miles"


@pytest.fixture
def step(tmp_path):
    """The options of a step against records that are written first."""

    def make(*records, **options):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / "eval.jsonl").write_text(lines, encoding="utf-8")
        return Decontaminate(against="*.jsonl", **options).find_files(tmp_path)

    return make


@pytest.fixture
def run(curate_step, tmp_path):
    def decontaminate(rows, step):
        done = curate_step(rows, "decontaminate", step)
        queue = tmp_path / "01_decontaminate_review.parquet"
        return done, pq.read_table(queue).to_pylist() if queue.exists() else None

    return decontaminate


def test_a_row_that_holds_an_evaluation_text_goes_and_the_detail_names_it(row, write_rows, step, run):
    rows = write_rows(
        [
            row("a", prompt=f"Please tell me: {QUESTION.upper()}?"),
            row("b", completion=f"The riddle goes: {QUESTION}."),
            row("c", prompt="A farmer has seventeen cows"),
        ]
    )
    done, _ = run(
        rows, step({"id": "x", "question": OTHER}, {"id": "y", "question": QUESTION, "answer": "9"})
    )
    assert done.kept == ["c"]
    assert [(drop["row_id"], drop["reason"], drop["detail"]) for drop in done.dropped] == [
        ("a", "contaminated", "100% of eval.jsonl, record 2, in the prompt"),
        ("b", "contaminated", "100% of eval.jsonl, record 2, in the completion"),
    ]
    assert done.result.facts[0]["n_evaluation_texts"] == 2


@pytest.mark.parametrize(("n_words", "kept"), [(20, False), (14, False), (12, True), (5, True)])
def test_the_share_of_the_texts_ngrams_decides(row, write_rows, step, run, n_words, kept):
    # of its 20 words' 13 n-grams (n = 8), n_words - 7 are there; half of 13 is 6.5
    part = " ".join(QUESTION.split()[:n_words])
    done, _ = run(write_rows([row("a", prompt=part)]), step({"q": QUESTION}, min_overlap=0.5))
    assert bool(done.kept) == kept


def test_a_short_text_must_be_there_as_a_whole(row, write_rows, step, run):
    rows = write_rows(
        [row("a", prompt="So, who wrote the old song?"), row("b", prompt="Who wrote the song?")]
    )
    done, _ = run(rows, step({"q": "Who wrote the old song?"}))
    assert done.kept == ["b"]


def test_what_all_evaluation_texts_have_in_common_is_a_template(row, write_rows, step, run):
    template = "Answer the following question with a single letter and nothing else please"
    words = [
        f"{template} topic{n} item{n} thing{n} object{n} matter{n} case{n} point{n} word{n}"
        for n in range(120)
    ]
    rows = write_rows([row("a", prompt=template), row("b", prompt=words[3])])
    done, _ = run(rows, step(*({"q": text} for text in words)))
    assert done.kept == ["a"]


def test_only_the_named_columns_count(row, write_rows, step, run):
    record = {"question": QUESTION, "meta": {"note": OTHER}}
    rows = write_rows([row("a", prompt=QUESTION), row("b", prompt=OTHER)])
    assert run(rows, step(record, columns="question"))[0].kept == ["b"]
    assert run(rows, step(record, columns="note"))[0].kept == ["a"]


def test_a_rephrasing_is_listed_for_review_and_stays(row, write_rows, step, run):
    rephrased = (
        "One stormy night all but nine of seventeen sheep of a farmer ran away; how many sheep are left?"
    )
    rows = [row(f"r{n}", prompt=f"something else about number {n} entirely") for n in range(30)]
    done, queue = run(
        write_rows([*rows, row("z", prompt=rephrased)]), step({"q": QUESTION}, {"q": OTHER}, review_above=0.3)
    )
    assert "z" in done.kept
    assert [(one["row_id"], one["part"], one["record"]) for one in queue] == [("z", "prompt", 1)]
    assert 0.3 <= queue[0]["similarity"] < 1
    assert queue[0]["evaluation_text"] == QUESTION
    assert done.result.facts[0]["files"] == ["01_decontaminate_review.parquet"]


def test_the_review_is_as_long_as_asked_for_and_can_be_left_out(row, write_rows, step, run):
    rows = write_rows([row(f"r{n}", prompt=f"{OTHER[:60]} number{n}") for n in range(9)])
    _, queue = run(rows, step({"q": OTHER}, review=3, review_above=0.1, min_overlap=1.0))
    assert len(queue) == 3
    assert [one["similarity"] for one in queue] == sorted((one["similarity"] for one in queue), reverse=True)


def test_no_review_writes_no_file(row, write_rows, step, run):
    assert run(write_rows([row("a")]), step({"q": OTHER}, review=0))[1] is None


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, {}, "no such file"),
        ("{}", {}, "no text has 5 words or more"),
        (
            '{"q": "one two three four five six"}',
            {"columns": "question"},
            "no record has a text under question",
        ),
        ("not json", {}, "record 1"),
    ],
)
def test_files_that_cannot_be_used_are_mistakes(tmp_path, text, options, message):
    if text is not None:
        (tmp_path / "eval.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        Decontaminate(against="eval.jsonl", **options).find_files(tmp_path)
