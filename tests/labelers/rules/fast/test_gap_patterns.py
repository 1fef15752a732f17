"""Patterns with gaps: Hyperscan's search, where it is installed, and RE2's filter find what each pattern finds alone."""

import random

import pytest
import re2

from kto_data.labelers.rules.fast import gap_patterns, hyperscan_database
from kto_data.labelers.rules.fast.gap_patterns import Filtered, gap_search
from kto_data.labelers.rules.fast.patterns import PatternIndex

WORDS = ["foo", "bar", "kiss", "a b", "é", "x\\.", "[a-f]+", "\\d+", "\\w+k", "(?:no|on)", "\\s"]
TEXTS = [
    "", "foo and bar", "FOO\nbar", "foo 12 kiss", "foo 12 ki\u017f\u017f", "\u212ai\u017f\u017f foo", "foo\x0bbar", "café foo é bar",
    "x. foo", "on no foo\n", "é" * 30 + "foo bar", "foo" + "é" * 30 + "bar", "foo" + "é" * 31 + "bar", "a b a b", "bar\x00foo",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gap_patterns, "MANY", 2)


def made(n):
    dice = random.Random(n)
    forms = [
        "{a}.{{0,30}}{b}",
        "(?i){a}.*{b}",
        "(?is)\\b{a}.{{1,9}}{b}",
        "{a}[^k]{{0,5}}{b}",
        "(?i){a}[^\\s]+{b}",
        "(?m)^{a}.+{b}$",
    ]
    return [dice.choice(forms).format(a=dice.choice(WORDS), b=dice.choice(WORDS)) for _ in range(n)]


def alone(patterns, texts):
    return {
        (row, n)
        for n, pattern in enumerate(patterns)
        for row, text in enumerate(texts)
        if re2.search(pattern, text)
    }


@pytest.mark.parametrize("n", [1, 2, 40, 150])
def test_hyperscan_finds_what_re2_finds(n):
    pytest.importorskip("hyperscan", reason="the extra hyperscan is not installed")
    patterns = made(n)
    views = [memoryview(text.encode()) for text in TEXTS]
    for _ in range(2):  # compiled, and loaded from where it was kept
        rows, columns = gap_search(patterns).search(views)
        assert set(zip(rows, columns, strict=True)) == alone(patterns, TEXTS)


@pytest.mark.parametrize("n", [0, 1, 40])
def test_the_filter_finds_what_re2_finds(n):
    patterns = made(n)
    rows, columns = Filtered(patterns).search([memoryview(text.encode()) for text in TEXTS])
    assert set(zip(rows, columns, strict=True)) == alone(patterns, TEXTS)


def test_what_is_compiled_is_kept_and_what_is_damaged_is_compiled_again(tmp_path):
    pytest.importorskip("hyperscan", reason="the extra hyperscan is not installed")
    patterns = ["foo.{0,9}bar", "a.*z", "(?=x)y", "x*"]  # two that Hyperscan cannot read
    assert list(hyperscan_database.scanner(patterns).scanned) == [0, 1]
    [kept] = tmp_path.rglob("*.db")
    kept.write_bytes(b"damaged")
    scan = hyperscan_database.scanner(patterns)
    assert list(scan.find(memoryview(b"foo bar az"))) == [0, 1]
    assert len(kept.read_bytes()) > 1000


def test_without_hyperscan_the_filter_does_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hyperscan", None)
    assert isinstance(gap_search(["foo.*bar", "a.*b", "c.*d"]), Filtered)


def test_an_index_of_many_gaps_finds_what_each_pattern_finds_alone():
    patterns = list(dict.fromkeys(made(120)))
    found = PatternIndex(patterns).search([memoryview(text.encode()) for text in TEXTS])
    assert {(row, n) for n, pattern in enumerate(patterns) for row in found[pattern].nonzero()[0]} == alone(
        patterns, TEXTS
    )
