"""A rule file to begin with."""

from collections.abc import Mapping
from typing import NamedTuple


class Example(NamedTuple):
    """A condition, with an output on which it holds and one on which it does not."""

    match: str
    fire: str
    ok: str


EXAMPLES: Mapping[str, Example] = {
    "icontains-any": Example(
        'icontains-any: ["as an ai", "as a language model"]',
        "As an AI, I have no opinion.",
        "Paris is in France.",
    ),
    "regex": Example(
        "regex: '(?i)\\bI (cannot|am unable to) help\\b'", "I cannot help with that.", "I can help with that."
    ),
    "word-count": Example("word-count: {max: 2}", "Yes.", "Yes, and here is why."),
    "is-json": Example("not: {is-json: true}", "Sure: {}", '{"a": 1}'),
    "is-refusal": Example(
        "is-refusal: {strength: hard}",
        "I'm sorry, but I can't help with that.",
        "Hold the button for ten seconds.",
    ),
    "repetition": Example(
        "repetition: {ngram: 2, max_ratio: 0.3}",
        "it is good and " * 12,
        "Each word here stands only once.",
    ),
    "pii": Example(
        "pii: {types: [email], not_in: prompt}", "Write to ann@kettle.works.", "Write to the office."
    ),
    "all": Example(
        "all: [{contains: refund}, {not: {contains: policy}}]",
        "You get a refund.",
        "Our refund policy is this.",
    ),
}
"""The check types that a new file can show."""


def skeleton(name: str, rule_id: str, check: str) -> str:
    """Return the text of a rule file with one rule and its tests, which pass.

    >>> print(skeleton("mine", "short", "word-count").splitlines()[2])
    version: 1
    """
    example = EXAMPLES[check]
    return _TEXT.format(
        name=name, rule_id=rule_id, match=example.match, fire=_quoted(example.fire), ok=_quoted(example.ok)
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_TEXT = """\
# Rules that vote on outputs. All keys and check types: docs/rules.md, and `kto schema rules` for editors.
# Test with `kto rules test`, look for weak spots with `kto rules test --mutate`, judge with `kto rules report`.
version: 1
ruleset: {name}
description: What these rules are for, in a sentence or two.

rules:
  - id: {rule_id}
    vote: undesirable            # or desirable: what it says of an output on which it fires
    message: "Why it fires, for people: {{match}}."
    # when: {{contains: refund, scope: last_user}}   # where it is applicable at all; everywhere without this
    match: {{{match}}}
    # mode: shadow                # counted and reported, without a vote: try a rule like this first
    tests:
      - {{name: fires, prompt: "A question.", completion: {fire}, expect: fire}}
      - {{name: holds back, prompt: "A question.", completion: {ok}, expect: ok}}
"""
