import math

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.similarity import Bleu, Gleu, Levenshtein, NearDuplicateOf, RougeN
from kto_data.labelers.rules.row import Row


def score(kind, text, **options):
    """The highest threshold, in thousandths, at which the check still holds."""
    return (
        max(n for n in range(1001) if kind(threshold=n / 1000, **options).decide(text, Context()).holds)
        / 1000
    )


@pytest.mark.parametrize(
    ("text", "threshold", "holds"),
    [("sitting", 3, True), ("sitting", 2, False), ("kitten", 0, True), ("", 5, False)],
)
def test_few_edits_lead_to_the_reference(text, threshold, holds):
    assert Levenshtein(value="kitten", threshold=threshold).decide(text, Context()).holds is holds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the cat sat on the mat", 1.0),
        ("The CAT sat on the mat", 1.0),
        # precisions 5/6, 3/5, 2/4, 1/3: as long as the reference, so no penalty
        ("the cat sat on a mat", (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25),
        # every sequence is right, but 4 words stand beside 6
        ("the cat sat on", math.exp(1 - 6 / 4)),
        # the cat / the dog: 1/2, then nothing
        ("the dog", (1 / 2 * 1e-7**3) ** 0.25 * math.exp(1 - 6 / 2)),
    ],
)
def test_bleu_is_the_papers(text, expected):
    assert score(Bleu, text, value="the cat sat on the mat") == pytest.approx(expected, abs=0.001)


def test_the_best_reference_counts():
    assert score(Bleu, "a b c d e", value=["x y z", "a b c d e"]) == 1.0
    assert score(Gleu, "a b c d e", value=["x y z", "a b c d e"]) == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the cat sat.", 1.0),
        # 6 sequences in 3 words, 10 in 4: the, cat, sat, the cat, cat sat, the cat sat are shared
        ("the cat sat down", 6 / 10),
        # the, cat, the cat of the 3 in the text; the reference has 6
        ("the cat", 3 / 6),
        ("dogs bark", 0.0),
    ],
)
def test_gleu_is_the_smaller_share(text, expected):
    assert score(Gleu, text, value="the cat sat") == pytest.approx(expected, abs=0.001)


def test_an_empty_text_scores_nothing():
    assert not Bleu(value="a", threshold=0.001).decide("", Context()).holds
    assert not Gleu(value="a", threshold=0.001).decide(" ", Context()).holds


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("the cat sat", {"value": "the cat sat on it"}, 3 / 5),
        ("the the the", {"value": "the cat the"}, 2 / 3),
        ("the cat sat on", {"value": "the cat sat in", "n": 2}, 2 / 3),
        ("The cat", {"value": "the cat"}, 1 / 2),
        ("The cat", {"value": "the cat", "ignore_case": True}, 1.0),
        ("cat.", {"value": "cat"}, 1.0),
    ],
)
def test_rouge_is_the_share_of_the_reference(text, options, expected):
    assert score(RougeN, text, **options) == pytest.approx(expected, abs=0.001)


def test_a_reference_that_is_too_short_is_not_applicable():
    assert RougeN(value="cat", n=2).decide("the cat", Context()).holds is None


@pytest.mark.parametrize(
    ("text", "other", "threshold", "holds"),
    [
        ("A, b c d", "a b c d!", 1.0, True),
        ("a b c d", "a b c e", 0.33, True),  # abc of abc, bcd, bce
        ("a b c d", "a b c e", 0.34, False),
        ("a", "a", 1.0, True),
        ("", "a", 0.1, False),
        ("a", None, 0.1, None),
        ("a", "...", 0.1, None),
    ],
)
def test_near_duplicates_share_their_shingles(text, other, threshold, holds):
    check = NearDuplicateOf(column="meta.reference", threshold=threshold)
    assert check.decide(text, Context(Row(meta={"reference": other}))).holds is holds
    assert check.reads() == {"meta.reference"}
