r"""A wide pattern is found wherever the pattern of Python's is: tried on patterns and texts made at random."""

import pytest
import re2
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from kto_data.labelers.rules.fast.widen import widened


@pytest.mark.parametrize(
    ("pattern", "wide"),
    [
        (r"(?<!not )\bsorry\b", "sorry"),
        (r"(?=.*\d)[a-f]+x", r"(?:[a-f])+x"),
        (r"(a)\1b", r"(?:a)(?s:.*)b"),
        (r"(?>ab)c++", r"(?:ab)(?:c)+"),
        (r"^a$", r"\Aa"),
        (r"(?m)^a\Z", r"(?m:^)a\z"),
        (r"(?i)no", "[nN][oO]"),
        (r"\p{Lu}x", r"[\w\x{80}-\x{10ffff}\W]x"),
        (r"[^\p{Lu}a]x", r"[\w\x{80}-\x{10ffff}\W]x"),
        (r"(?<word>a)b", "(?:a)b"),
        (r".*", None),
        (r"(?=a)", None),
        (r"(?:foo){e<=1}", None),  # nearly foo, which only the `regex` package looks for
        (r"[[a-z]--[aeiou]]", None),
    ],
)
def test_a_pattern_is_widened(pattern, wide):
    assert widened(pattern) == wide


EVERY = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
LETTERS = "aAbBiIkKsSſKİıéÉßẞσςΣ1_ -.\n\x0b\x1c\x85\xa0\u2028٣你"
atoms = st.one_of(
    st.sampled_from([r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\b", r"\B", ".", "^", "$", r"\A", r"\Z", r"\1", r"\p{L}"]),
    st.sampled_from([r"[^\w]", r"[^\s]", r"[^\d]", r"[\W\d]", "[^a]", "[a-k]", "[^a-k]", "[i-s]", "[^k1]", "[é-σ]", r"[\p{Lu}1]", r"[^\p{Lu}]"]),
    st.sampled_from(LETTERS).map(regex.escape),
)  # fmt: skip


def composed(parts):
    return st.one_of(
        st.lists(parts, min_size=1, max_size=4).map("".join),
        st.lists(parts, min_size=2, max_size=3).map("|".join).map("(?:{})".format),
        st.tuples(parts, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "++", "{0,2}"])).map(lambda p: f"(?:{p[0]}){p[1]}"),
        st.tuples(st.sampled_from(["(", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?s:"]), parts).map(lambda p: f"{p[0]}{p[1]})"),
    )  # fmt: skip


patterns = st.tuples(
    st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?im)", "(?a)"]),
    st.recursive(atoms, composed, max_leaves=8),
).map("".join)
texts = st.text(st.sampled_from(LETTERS), max_size=12)


@pytest.mark.slow
@settings(deadline=None, max_examples=4000)
@given(patterns, st.lists(texts, min_size=1, max_size=8))
def test_a_text_without_the_wide_pattern_has_none_of_the_narrow_one(pattern, several):
    try:
        narrow = regex.compile(pattern)
    except regex.error:
        return
    wide = widened(pattern)
    if wide is None:
        return
    for text in several:
        if narrow.search(text, timeout=5):
            assert re2.search(wide, text), (pattern, wide, text)


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["a", "i", "k", "s", "z", "I", "é", "ß", "σ", "ſ", "İ"])
def test_a_letter_without_its_case_is_every_character_that_python_takes_for_it(letter):
    for pattern in (f"(?i){letter}", f"(?i)[{letter}]", f"(?i)[{letter}1]", "(?i)[a-z]", "(?i)[^a]"):
        narrow, wide = regex.compile(pattern), re2.compile(widened(pattern))
        assert [found for found in narrow.findall(EVERY) if not wide.search(found)] == []
