import time

import pytest

from kto_data.labelers.rules.answers.extract import after, boxed, choice


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{5} then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\fbox{a}", "a"),
        (r"\boxed{1} and \boxed{2", "1"),
        (r"\boxed{}", ""),
        ("none", None),
    ],
)
def test_the_last_box_that_closes_counts(text, answer):
    assert boxed(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"), [("A: 1\nA: 2 \nend", "2"), ("A:", None), ("B: 1", None), ("A:\n3", None)]
)
def test_an_answer_stands_after_its_marker(text, answer):
    assert after(text, "A:") == answer


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("C", "C"),
        ("(c) is wrong. The answer is B.", "B"),
        ("**Answer: D**", "D"),
        ("The correct answer is **(A)** Paris", "A"),
        ("the answer is option C", "C"),
        ("Answer: A. No wait, the answer is D", "D"),
        (r"So \boxed{B}", "B"),
        (r"So \boxed{\text{(E)}}", "E"),
        ("B) Paris, since it is the capital", "B"),
        ("Both (A) and (B) fail, so it must be (C)", "C"),
        ("Thinking...\n\nD\n", "D"),
        ("A good question", None),
        ("The answer is a car", None),
        ("I think so", None),
        ("The answer is F", None),
    ],
)
def test_the_chosen_letter_is_found(text, letter):
    assert choice(text, "ABCDE") == letter


@pytest.mark.parametrize(
    "text", ["\\boxed{" * 20_000, "answer is " * 20_000, "(" * 100_000, "*" * 100_000, " " * 100_000]
)
def test_hostile_texts_are_read_quickly(text):
    start = time.perf_counter()
    boxed(text), choice(text, "ABCDE")
    assert time.perf_counter() - start < 5
