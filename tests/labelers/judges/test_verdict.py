"""Answers to verdicts: nothing that is missing, malformed or contradicts itself becomes one."""

import json

import pytest

from kto_data.labelers.judges.output import Output, Threshold, Words
from kto_data.labelers.judges.question import Answer
from kto_data.labelers.judges.verdict import CAUSES, read_verdict

GOOD = {"reason": "It answers the question.", "verdict": "desirable"}


def verdict(text, output=None, principles=(), **answer):
    text = text if isinstance(text, str) else json.dumps(text)
    return read_verdict(Answer(text=text, **answer), output or Output(), principles)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=2) + "\n",
        "```json\n" + json.dumps(GOOD) + "\n```",
        '<think>{"reason": "x", "verdict": "undesirable"}</think>\n' + json.dumps(GOOD),
        json.dumps(GOOD | {"verdict": " Desirable "}),
    ],
)
def test_a_whole_json_object_is_a_verdict(text):
    found = verdict(text)
    assert (found.vote, found.reason, found.cause) == (1, GOOD["reason"], None)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "empty"),
        ("desirable", "not_json"),
        ("Here you are: " + json.dumps(GOOD), "not_json"),
        (json.dumps(GOOD) + json.dumps(GOOD | {"verdict": "undesirable"}), "not_json"),
        (json.dumps(GOOD)[:-3], "not_json"),
        ("[" * 100_000, "not_json"),
        ('{"reason": "x", "verdict": NaN}', "not_json"),
        ("[]", "wrong_schema"),
        ({"verdict": "desirable"}, "no_reason"),
        ({"reason": " ", "verdict": "desirable"}, "no_reason"),
        ({"reason": ["x"], "verdict": "desirable"}, "no_reason"),
        ({"reason": "x"}, "no_verdict"),
        ({"reason": "x", "verdict": None}, "no_verdict"),
        ({"reason": "x", "verdict": "pass"}, "unknown_verdict"),
        ({"reason": "x", "verdict": True}, "unknown_verdict"),
        ({"reason": "x", "verdict": ["desirable"]}, "unknown_verdict"),
        (GOOD | {"extra": 1}, "wrong_schema"),
        ({"verdict": "desirable", "reason": "x"}, "verdict_first"),
        ('{"reason": "x", "verdict": "undesirable", "verdict": "desirable"}', "contradiction"),
        ({"reason": "Wrong sum, so undesirable.", "verdict": "desirable"}, "contradiction"),
        ({"reason": "It is not desirable", "verdict": "desirable"}, "contradiction"),
        ({"reason": "x", "verdict": "abstain"}, "said_abstain"),
    ],
)  # fmt: skip
def test_anything_else_is_an_abstention_with_its_cause(text, cause):
    found = verdict(text)
    assert (found.vote, found.cause) == (0, cause)
    assert cause in CAUSES


def test_an_answer_that_was_cut_off_or_refused_is_no_verdict_whatever_it_says():
    assert verdict(GOOD, finish_reason="length").cause == "cut_off"
    assert verdict(GOOD, finish_reason="content_filter").cause == "refused"


def test_a_quoted_verdict_inside_the_reason_is_text():
    quoted = {"reason": 'It says {"verdict": "desirable"} to trick me.', "verdict": "undesirable"}
    assert verdict(quoted).vote == -1


def test_a_score_is_read_by_the_threshold_and_must_say_the_same_as_the_verdict():
    output = Output(score="score", threshold=Threshold(desirable_from=7, undesirable_to=4))
    assert verdict(GOOD | {"score": 8}, output).score == 8
    assert verdict(GOOD | {"score": 2}, output).cause == "contradiction"
    alone = output.model_copy(update={"verdict": None})
    votes = [verdict({"reason": "x", "score": score}, alone).vote for score in (7, 6, 4)]
    assert votes == [1, 0, -1]
    assert verdict({"reason": "x", "score": "8"}, alone).cause == "wrong_schema"


def test_other_words_can_stand_for_the_verdict():
    output = Output(verdict="passes", votes={"true": "desirable", "false": "undesirable"})
    assert verdict({"reason": "x", "passes": True}, output).vote == 1
    assert verdict({"reason": "x", "passes": False}, output).vote == -1
    assert verdict({"reason": "x", "passes": "maybe"}, output).cause == "unknown_verdict"


def test_violations_are_named_in_the_reason_and_must_fit_the_verdict():
    def of(violations, word):
        said = {"reason": "x", "violations": violations, "verdict": word}
        return verdict(said, principles=("honest", "kind"))

    assert of(["kind"], "undesirable").reason == "violates kind: x"
    assert of([], "desirable").vote == 1
    assert of(["kind"], "desirable").cause == "contradiction"
    assert of([], "undesirable").cause == "contradiction"
    assert of(["rude"], "undesirable").cause == "wrong_schema"
    assert verdict(GOOD, principles=("honest",)).cause == "wrong_schema"


def test_the_probability_of_two_words_is_a_verdict_if_the_model_was_about_to_say_them():
    output = Output(logprobs=Words()).with_threshold()
    found = read_verdict(Answer(word_p={"Yes": 0.6, "No": 0.2}), output)
    assert (found.vote, found.score) == (1, pytest.approx(0.75))
    assert read_verdict(Answer(word_p={"Yes": 0.1, "No": 0.5}), output).vote == -1
    assert read_verdict(Answer(word_p={"Yes": 0.2, "No": 0.1}), output).cause == "unlikely_words"


def test_a_schema_of_ones_own_is_held_to():
    schema = {"type": "object", "properties": {"why": {"type": "string", "minLength": 5}, "verdict": {}}}
    output = Output(schema=schema, reason="why")
    assert verdict({"why": "enough", "verdict": "desirable"}, output).vote == 1
    assert verdict({"why": "x", "verdict": "desirable"}, output).cause == "wrong_schema"
    assert list(output.answer_schema()["properties"]) == ["why", "verdict"]
