import pytest
import re2

from kto_data.labelers.rules.fast.literals import edge_pattern, words_pattern
from kto_data.labelers.rules.fast.patterns import PatternIndex

TEXTS = [
    "",
    "foo and a bar",
    "FOO bar",
    "foo\nbar",
    "b\x00r",
    "Kelvin K",
    "x" * 300,
    "foo " * 90 + "bar",
    "é",
    "end\n",
]
PLAIN = ["foo", "(?i)foo", r"\bbar$", "x{200}", "é", r"\A\z", r"\x00", "(?i)k", "a|b", "[^f]", r"\z", ""]
GAPS = [f"foo.{{0,{n}}}bar" for n in range(1, 9)] + [
    "(?i)foo.*bar",
    ".{250,}",
    r"[a-z].{2,4}\d",
    "(?s)foo.{3,}bar",
]


@pytest.mark.parametrize("patterns", [PLAIN, GAPS, PLAIN + GAPS, PLAIN[:1], []])
def test_an_index_finds_what_each_pattern_finds_alone(patterns):
    found = PatternIndex(patterns).search([memoryview(text.encode()) for text in TEXTS])
    alone = {pattern: [re2.search(pattern, text) is not None for text in TEXTS] for pattern in patterns}
    assert {pattern: marks.tolist() for pattern, marks in found.items()} == alone


def test_an_automaton_that_runs_out_of_memory_is_noticed_and_made_up_for(monkeypatch):
    index = PatternIndex(["foo", "bar"])
    [search_set] = index._sets

    class Broken:
        def Match(self, text):  # noqa: N802 - as RE2 calls it
            return []

    search_set.automaton = Broken()
    assert index.search([memoryview(b"a foo")])["foo"].tolist() == [True]
    assert index.search([memoryview(b"a foo")])["bar"].tolist() == [False]


def test_patterns_that_do_not_fit_in_memory_are_shared_out(monkeypatch):
    monkeypatch.setattr("kto_data.labelers.rules.fast.patterns._FIRST_MEMORY", 20_000)
    monkeypatch.setattr("kto_data.labelers.rules.fast.patterns._MOST_MEMORY", 20_000)
    patterns = ["foo", "y" * 400, "(?i)" + "x" * 90]
    index = PatternIndex(patterns)
    assert len(index._sets) > 1
    found = index.search([memoryview(b"a foo" + b"X" * 90)])
    assert [found[pattern].tolist() for pattern in patterns] == [[True], [False], [True]]


@pytest.mark.slow
def test_case_folding_of_a_pattern_knows_every_letter_but_one():
    # what Python's lower() makes of a character must find it; the dotted I becomes two characters and is looked for itself
    missed = [
        chr(code)
        for code in range(0x80, 0x110000)
        if not 0xD800 <= code < 0xE000
        and chr(code).lower() != chr(code)
        and re2.search(words_pattern((chr(code).lower(),), ignore_case=True, word=False).pattern, chr(code))
        is None
    ]
    assert missed == ["\u0130"]


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("a.b", "a.b", True),
        ("a.b", "axb", False),
        ("+1", "call +1!", True),
        ("+1", "x+1", False),
        ("a b", "a b", True),
        ("a b", "a bc", False),
    ],
)
def test_words_are_taken_literally_and_stand_alone(word, text, found):
    pattern = words_pattern((word,), ignore_case=False, word=True).pattern
    assert (re2.search(pattern, text) is not None) == found


def test_an_edge_is_at_the_start_or_the_end_or_both():
    assert re2.search(edge_pattern("(a", ignore_case=True, start=True, end=False).pattern, "(Abc")
    assert not re2.search(edge_pattern("a", ignore_case=False, start=False, end=True).pattern, "a\n")
    assert re2.search(edge_pattern("", ignore_case=False, start=True, end=True).pattern, "")
