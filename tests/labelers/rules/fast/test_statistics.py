"""Statistics of the bytes against the same in plain Python, on random texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.labelers.rules.fast.block import Block
from kto_data.labelers.rules.fast.statistics import Count, EdgeByte, FilledLines, ListedWords, Repeats

PIECES = [
    "a",
    "b",
    "A",
    "12",
    " ",
    "\n",
    "\t",
    "\x1c",
    "\x00",
    "é",
    "你",
    "\u2003",
    "longer than eight",
    "longerthaneight",
    "the-very-long-beginning-1-and-the-very-ending",
    "the-very-long-beginning-2-and-the-very-ending",
    "\u0130",
    ".",
]
plain_texts = st.lists(
    st.sampled_from([piece for piece in PIECES if piece not in ("\x00", "\u2003")]), max_size=40
).map("".join)
any_texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
WORDS = frozenset({"a", "ab", "longerthaneight", "é", "longer"})


def block(texts):
    return Block([memoryview(text.encode()) for text in texts])


def assert_counts(statistic, texts, expected):
    assert statistic.of(block(texts)).tolist() == [expected(text) for text in texts]


@given(st.lists(any_texts, max_size=6))
def test_characters_and_lines_are_exact_everywhere(texts):
    assert_counts(Count("chars"), texts, len)
    assert_counts(Count("bytes"), texts, lambda text: len(text.encode()))
    assert_counts(Count("beyond_ascii"), texts, lambda text: sum(not c.isascii() for c in text))
    assert_counts(Count("lines"), texts, lambda text: text.removesuffix("\n").count("\n") + 1 if text else 0)
    assert_counts(Count("digits"), texts, lambda text: sum(c in "0123456789" for c in text))
    assert_counts(Count("upper"), texts, lambda text: sum("A" <= c <= "Z" for c in text))


@pytest.mark.slow
@given(st.lists(plain_texts, max_size=6))
def test_words_and_filled_lines_are_those_of_python_where_a_text_is_plain(texts):
    assert block(texts).plain.all()
    assert_counts(Count("words"), texts, lambda text: len(text.split()))
    assert_counts(Count("spaces"), texts, lambda text: sum(map(str.isspace, text)))
    assert_counts(ListedWords(WORDS), texts, lambda text: sum(word in WORDS for word in text.lower().split()))
    assert_counts(FilledLines(), texts, lambda text: sum(bool(line.strip()) for line in text.split("\n")))
    distinct = FilledLines(distinct=True).of(block(texts)).tolist()
    for text, n in zip(texts, distinct, strict=True):
        lines = {line.strip() for line in text.split("\n") if line.strip()}
        assert n <= len(lines)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 4, 70])
@pytest.mark.parametrize("max_ratio", [0, 0.1, 0.3, 0.5])
@settings(deadline=None)
@given(st.lists(plain_texts | plain_texts.map(lambda text: text * 5), max_size=6))
def test_texts_that_repeat_more_ngrams_than_allowed_are_told_apart(n, max_ratio, texts):
    def above(text):
        words = text.lower().split()
        grams = list(zip(*(words[start:] for start in range(n)), strict=False))
        return bool(grams) and 1 - len(set(grams)) / len(grams) > max_ratio

    assert_counts(Repeats(n, max_ratio), texts, above)


def test_long_words_that_differ_only_inside_are_not_taken_for_a_repetition():
    texts = [
        " ".join(f"the-very-beginning{n:08}and-the-very-ending" for n in range(40)),
        "the-very-beginning12345678and-the-ending " * 40,
    ]
    assert_counts(Repeats(1, 0.0), texts, lambda text: 1 if text == texts[1] else -1)


@given(st.lists(any_texts, max_size=6))
def test_the_first_and_last_byte_are_those_that_can_be_seen(texts):
    def visible(text):
        return [byte for byte in text.encode() if byte > 32]

    assert_counts(EdgeByte("first"), texts, lambda text: (visible(text) or [0])[0])
    assert_counts(EdgeByte("last"), texts, lambda text: (visible(text) or [0])[-1])


@given(any_texts)
def test_a_text_is_plain_only_if_its_white_space_is(text):
    [plain] = block([text]).plain
    assert plain == (not set(text) & {"\x00", "\u2003"})
