"""The fast engine against the slow one: random rules on random texts, votes and faults alike."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kto_data.labelers.rules.checks.check import CHECKS
from kto_data.labelers.rules.conditions import AtLeast, Leaf, Not
from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.fast.engine import FastRules
from kto_data.labelers.rules.file_model import LoggedVote, RuleOptions
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.schema import rows_schema

list(CHECKS)  # modules that a strategy imports may draw random numbers, which Hypothesis forbids it

META = pa.struct([("thumb", pa.string()), ("n", pa.int64()), ("user", pa.struct([("plan", pa.string())]))])

# Letters that fold oddly, white space of all kinds, marks that checks look for, and a NUL.
PIECES = [
    "a", "b", "i", "k", "s", "A", "B", "I", "K", "S", "_", "1", "23", " ", "  ", "\n", "\n\n", "\t", "\r", "\x0b",
    "\x1c", "\x1f", "\x00", "\x07", "\x7f", "\x85", "\xa0", "\u2003", "\u3000", "\u200b", "é", "É", "ß", "ẞ", "İ", "ı", "K",
    "ſ", "σ", "ς", "Σ", "ΐ", "你", "。", "…", "’", "🎉", "```", "~~~", "# ", "- ", ".", ",", "!", "?", "=", "+", "%", "{", "}", "[", "]",
    '"', "\\", "(", "<think>", "</think>", "<", "2 + 2 = 5", "2+2=4", "1 = 1", "the end", "word word word word ",
    "longerthaneight ", "longerthaneighteen ", "the-very-long-beginning-1-and-the-very-ending ",
    "the-very-long-beginning-2-and-the-very-ending ", "null", "true", '{"a": 1}', "[1, 2]", "a b a b a b ",
]  # fmt: skip

texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(lambda pieces: "".join(pieces) * 40),
)
words = st.one_of(
    st.sampled_from([piece for piece in PIECES if piece.strip()]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3),
)
numbers = st.integers(0, 12)
ranges = st.one_of(
    st.builds(lambda n: {"min": n}, numbers),
    st.builds(lambda n: {"max": n}, numbers),
    st.builds(lambda low, more: {"min": low, "max": low + more}, numbers, numbers),
    st.builds(lambda: {"max": "{{n}}"}),
)
PATTERNS = [
    r"a", r"(?i)k", r"\bi\b", r"(?i)\bs", r"^a", r"a$", r"(?m)^#", r"(?m)a$", r"\A\s*[{\[]", r"\d+", r"a.*b", r"a.{0,3}b",
    r"(?s)a.{2,5}b", r"[^a]", r"\w+ \w+", r"x?", r"\z", r"é|ß", r"(?i)σ", r"\x00", r"a.{0,40}word", r"word.{0,9}the",
    r"(?i)the.*end", r"[0-9].{0,4}=", r"end.+", r".{5,}", r"\p{Greek}", r"(?P<n>\d+)", r"(?P<n>\w+) (?:word|b)",
]  # fmt: skip

PYTHON_PATTERNS = [
    r"(?<!a )b", r"(?i)k\b", r"\bs", r"(?<=\w)1", r"(\w)\1", r"(?i)\bthe\b(?! end)", r"\p{Lu}", r"[^\W\d]+ ", r"a(?=.*b)", r"\s\S$", r"(?!a)",
    r"(?i)ß", r"(?i)[i-s]{2}", r"(?P<n>\d+)(?= )", r"\Bb", r"(?m)^-|\.$",
]  # fmt: skip


def options(**fields):
    return st.fixed_dictionaries({}, optional=fields)


booleans = st.booleans()
shares = st.sampled_from([{"min": 0.1}, {"min": 0.5}, {"max": 0}, {"max": 0.25}, {"min": 0.2, "max": 0.5}])
CHECK_OPTIONS = {
    "contains": st.builds(lambda value, more: {"value": value, **more}, words, options(ignore_case=booleans, word=booleans)),
    "contains-any": st.builds(
        lambda values, more: {"values": values, **more},
        st.lists(words, min_size=1, max_size=4),
        options(ignore_case=booleans, word=booleans),
    ),
    "starts-with": st.builds(lambda value, more: {"value": value, **more}, words | st.just(""), options(ignore_case=booleans)),
    "regex": st.builds(
        lambda pattern, more: {"pattern": pattern, **more},
        st.sampled_from(PATTERNS),
        options(count=ranges, **{"except": st.lists(words, max_size=2)}),
    ),
    "regex ": st.builds(
        lambda pattern, more: {"engine": "python", "pattern": pattern, **more},
        st.sampled_from(PYTHON_PATTERNS),
        options(count=ranges, **{"except": st.lists(words, max_size=2)}),
    ),
    "length": st.dictionaries(st.sampled_from(["chars", "words", "sentences", "lines"]), ranges, min_size=1),
    "word-count": ranges,
    "repetition": st.fixed_dictionaries({"ngram": st.integers(1, 4), "max_ratio": st.sampled_from([0, 0.1, 0.3, 0.5])}),
    "cut-off": options(finish_reason=booleans, fence=booleans, sentence=booleans, min_words=st.integers(1, 4)),
    "is-json": options(fenced=booleans, keys=st.lists(st.sampled_from(["a", "{{n}}"]), max_size=2)),
    "character-share": st.builds(
        lambda of, bounds: {"of": of, **bounds}, st.sampled_from(["digits", "upper", "beyond-ascii"]), shares
    ),
    "word-share": st.builds(
        lambda values, bounds: {"values": values, **bounds}, st.lists(words, min_size=1, max_size=4), shares
    ),
    "word-length": st.sampled_from([{"min": 3}, {"max": 2.5}, {"min": 1, "max": 4}]),
    "prompt-echo": st.fixed_dictionaries({"chars": st.integers(1, 5), "min_chars": st.integers(1, 3)}),
    "duplicate-lines": st.fixed_dictionaries(
        {"max_ratio": st.sampled_from([0, 0.3, 0.5])}, optional={"min_chars": st.integers(1, 2)}
    ),
    "balanced-fences": st.just({}),
    "is-empty": st.just({}),
    "arithmetic": st.just({}),
}  # fmt: skip
for name in ("icontains",):
    CHECK_OPTIONS[name] = CHECK_OPTIONS["contains"]
for name in ("icontains-any", "contains-all", "icontains-all"):
    CHECK_OPTIONS[name] = CHECK_OPTIONS["contains-any"]
for name in ("ends-with", "equals"):
    CHECK_OPTIONS[name] = CHECK_OPTIONS["starts-with"]

SCOPES = ["completion", "answer", "prompt", "system", "first_user", "last_user", "conversation", "next_user", "meta.thumb", "meta.n", "meta.user.plan", "meta.none"]  # fmt: skip


@st.composite
def leaves(draw):
    name = draw(st.sampled_from(sorted(CHECK_OPTIONS)))
    check = CHECKS.get(name.strip()).model_validate(draw(CHECK_OPTIONS[name]))
    return Leaf(name.strip(), check, draw(st.sampled_from(SCOPES[:1] * 4 + SCOPES)))


def compositions(parts):
    return st.one_of(
        st.builds(Not, parts),
        st.lists(parts, min_size=1, max_size=3).flatmap(
            lambda of: st.integers(1, len(of)).map(lambda n: AtLeast(n, tuple(of)))
        ),
    )


conditions = st.recursive(leaves(), compositions, max_leaves=4)


def without_captures(condition):
    return not any(leaf.check.capture_names() for leaf in condition.leaves())


@st.composite
def rules(draw, name):
    logged = draw(st.integers(0, 9)) == 0
    when = draw(st.none() | conditions.filter(without_captures))
    vote = LoggedVote(
        column=draw(st.sampled_from(["meta.thumb", "model", "meta.n"])),
        map={"a": "desirable", "1": "abstain"},
    )
    data = {
        "id": name,
        "vote": "desirable",
        "otherwise": draw(st.sampled_from(["abstain", "undesirable"])),
        "on_error": draw(st.sampled_from(["fault", "abstain"])),
    }
    match = None if logged else draw(conditions)
    return Rule(RuleOptions.model_validate(data), vote if logged else -1, when, match, "r.yaml", 1)


rule_sets = st.integers(1, 6).flatmap(
    lambda n: st.tuples(*(rules(f"r{number}") for number in range(n)))
).map(lambda made: RuleSet(made, ()))  # fmt: skip

messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "user", "system", "assistant", "tool"]), "content": texts}
    ),
    max_size=3,
)
answers = st.one_of(texts.map(lambda text: [{"role": "assistant", "content": text}]), messages)
row_values = st.fixed_dictionaries(
    {
        "prompt": messages,
        "completion": answers,
        "next_turn": st.none() | messages,
        "model": st.none() | st.sampled_from(["a", "b", ""]),
        "finish_reason": st.none() | st.sampled_from(["stop", "length"]),
        "meta": st.none()
        | st.fixed_dictionaries(
            {"thumb": st.none() | texts, "n": st.none() | numbers, "user": st.none() | st.just({"plan": "a"})}
        ),
    }
)


def batch_of(rows):
    lines = [
        {"row_id": f"r{n}", "sample_id": f"s{n}", "prompt_id": "p", "source": "t", **row}
        for n, row in enumerate(rows)
    ]
    table = pa.Table.from_pylist(lines, schema=rows_schema(META)).combine_chunks()
    return table.to_batches()[0] if rows else pa.RecordBatch.from_pylist([], schema=rows_schema(META))


def assert_equal(rules, rows, fast=None):
    batch = batch_of(rows)
    slow, fast = label_batch(rules, batch), fast or FastRules(rules).label(batch)
    assert fast.votes.to_pylist() == slow.votes.to_pylist()
    assert fast.faults.to_pylist() == slow.faults.to_pylist()
    assert fast.votes.schema.equals(slow.votes.schema)


@pytest.mark.slow
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(rule_sets, st.lists(row_values, max_size=6))
def test_votes_and_faults_are_those_of_the_slow_engine(rules, rows):
    assert_equal(rules, rows)
