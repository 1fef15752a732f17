import json
import re

import pytest

KEYS = re.compile(r"JSON with the keys (\w+) and (\w+)")
N_WORDS = re.compile(r"in at most (\d+) words")


def is_asked_json(question, answer):
    try:
        value = json.loads(answer)
    except ValueError:
        return False
    return isinstance(value, dict) and set(value) == set(KEYS.search(question).groups())


def has_three_bullets(_, answer):
    return [line[:2] in ("- ", "* ") for line in answer.splitlines()] == [True] * 3


def is_one_word(_, answer):
    return len(answer.split()) == 1


def is_short_enough(question, answer):
    return len(answer.split()) <= int(N_WORDS.search(question)[1])


CHECKS = {
    "JSON with the keys": is_asked_json,
    "in one word": is_one_word,
    "in at most": is_short_enough,
    "three bullet points": has_three_bullets,
}


@pytest.mark.parametrize("wish", CHECKS)
def test_good_answers_have_the_form_and_faulty_ones_have_not(entries, wish):
    asked = [entry for entry in entries if wish in entry.question and entry.fault != "refusal"]
    assert len(asked) > 40
    assert {entry.fault for entry in asked} == {None, "format"}
    for entry in asked:
        assert CHECKS[wish](entry.question, entry.answer) == entry.desirable, entry.answer


def test_values_in_good_json_are_told_in_the_question(entries):
    for entry in entries:
        if KEYS.search(entry.question) and entry.desirable:
            assert all(value in entry.question for value in json.loads(entry.answer).values())


def test_format_faults_come_from_format_requests_alone(entries):
    for entry in entries:
        if entry.fault == "format":
            assert re.search("|".join(CHECKS), entry.question, re.IGNORECASE)
