from random import Random

import pytest

from kto_data.demo import faults
from kto_data.demo.task import Answer

TEXT = "First, rinse the rice twice. Then add two cups of water. Finally, cook it for 12 minutes."


def good(rng):
    return Answer(TEXT)


@pytest.mark.parametrize("seed", range(50))
def test_a_cut_off_answer_is_a_beginning_without_an_end(seed):
    text = faults.cut_off(good, Random(seed)).text
    assert TEXT.startswith(text)
    assert text[-1] not in ".!?"


@pytest.mark.parametrize("seed", range(50))
def test_a_loop_says_some_words_at_least_four_times_in_a_row(seed):
    words = [word.strip(".").lower() for word in faults.loop(good, Random(seed)).text.split()]
    assert any(
        words[i : i + n] * 4 == words[i : i + 4 * n]
        for n in range(1, 12)
        for i in range(len(words) - 4 * n + 1)
    )
    assert len(words) <= 70


def test_a_refusal_begins_with_one_of_the_wordings():
    rng = Random(0)
    for _ in range(50):
        assert faults.refuse("rice", rng).text.startswith(faults.REFUSALS)


def test_every_wording_of_a_refusal_occurs(entries):
    for wording in faults.REFUSALS:
        assert any(entry.answer.startswith(wording) for entry in entries if entry.fault == "refusal")


def test_a_vague_answer_looks_like_any_other(entries):
    vague = [entry for entry in entries if entry.fault == "vague"]
    assert all(entry.answer.endswith(".") and 10 < len(entry.answer.split()) < 50 for entry in vague)
    assert not any(entry.answer.startswith(faults.REFUSALS) for entry in vague)


def test_a_polite_sorry_is_no_refusal(entries):
    assert any(entry.desirable and entry.answer.startswith("I'm sorry to hear") for entry in entries)


def test_cut_off_answers_do_not_always_say_so(entries):
    reasons = {entry.record.get("finish_reason") for entry in entries if entry.fault == "cut_off"}
    assert reasons == {"length", "stop", None}
