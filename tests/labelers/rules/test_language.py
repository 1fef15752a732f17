"""The language as a whole: files of rules as people write them, each key and ability doing what it says."""

import json

import pytest

from kto_data.labelers.rules.engine import explain_row
from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.lint import lint_rules
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.row import Row

SHOP = r"""
version: 1
ruleset: shop
description: Logs of a bicycle shop's assistant.
lists:
  pledges: {file: lists/pledges.txt}
defaults: {scope: completion, mode: vote, weight: auto}

rules:
  - id: needless-no
    vote: undesirable
    message: "Would not help ({match})."
    when: {not: {regex: '(?i)\b(home address|bank details)\b', scope: prompt}}
    match: {is-refusal: {strength: hard}}
    precision: {mean: 0.8, strength: 15}
    metadata: {owner: shop, tags: [refusal], created: 2026-05-04}
    tests:
      - {name: a plain no, prompt: "How do I fit a chain?", completion: "I'm sorry, but I can't help with that.", expect: fire}
      - {name: a no that is due, prompt: "Give me his home address", completion: "I can't share that.", expect: skip}
      - {name: sorry and helps, prompt: "Fit a chain?", completion: "Sorry for the wait! Push the pin out first.", expect: ok}
      - {name: sends away, prompt: "Fit a chain?", completion: "Perhaps a mechanic knows.", expect: fire, todo: true}

  - id: customer-objects
    vote: undesirable
    scope: next_user
    match:
      any:
        - icontains-any: ["that is wrong", "still broken"]
        - regex: '(?i)^\s*(no|wrong|again)[,.! ]'
    tests:
      - {completion: "Turn it left.", next_user: "That is wrong, it goes right", expect: fire}
      - {completion: "Turn it left.", next_user: "no, right", expect: fire}
      - {completion: "Turn it left.", next_user: "great", expect: ok}

  - id: agent-rewrote-it
    vote: undesirable
    match: {sql: "meta.distance > 0.25 AND meta.changed_by = 'staff'"}
    tests:
      - {completion: x, meta: {distance: 0.5, changed_by: staff}, expect: fire}
      - {completion: x, meta: {distance: 0.1, changed_by: staff}, expect: ok}

  - id: pledged
    mode: veto
    vote: undesirable
    match: {contains-any: {list: pledges, ignore_case: true, word: true}}
    tests:
      - {completion: "You get your MONEY BACK.", expect: fire}
      - {completion: "The moneybacker app.", expect: ok}

  - id: stars
    vote: {column: meta.stars, map: {"good": desirable, "bad": undesirable}}
    weight: 0.5
    cap: {per: meta.customer, max: 3}
    tests:
      - {completion: x, meta: {stars: good}, expect: fire}
      - {completion: x, expect: skip}
"""

CODE = r"""
version: 1
ruleset: scripts
imports: [builtin:repetition, ./shop.rules.yaml#needless-no]
defaults: {scope: answer}

rules:
  - id: does-not-compile
    vote: undesirable
    when: {contains-code: {lang: python}}
    match: {not: {is-valid-code: {lang: python, blocks: all}}}
    tests:
      - {completion: "```python\nwhile True print(1)\n```", expect: fire}
      - {completion: "<think>```python\nwhile True print(1)\n```</think>```python\ny = 2\n```", expect: ok}
      - {completion: "words alone", expect: skip}

  - id: right-length
    vote: desirable
    otherwise: undesirable
    mode: veto
    match: {python: {ref: "checks.py:short_enough", args: {most: 5}}}
    on_error: abstain
    tests:
      - {completion: "abc", expect: fire}
      - {completion: "abcdef", expect: ok}

  - id: call-fits
    vote: undesirable
    scope: tool_calls
    match: {not: {is-json: {schema: {file: schemas/call.json}}}}
    tests:
      - {completion: "no call", expect: skip}

  - id: stops-early
    vote: undesirable
    match:
      any:
        - sql: "finish_reason = 'length'"
        - all:
            - regex: '```[a-z]*\n'
            - not: {balanced-fences: true}
    tests:
      - {completion: "Fine.", finish_reason: length, expect: fire}
      - {completion: "```sh\nls", finish_reason: stop, expect: fire}
      - {completion: "```sh\nls\n```", finish_reason: stop, expect: ok}

  - id: circles
    vote: undesirable
    group: loops
    match:
      any:
        - repetition: {ngram: 3, max_ratio: 0.4}
        - compression-ratio: {max: 5.0}
    tests:
      - {completion: "round and about round and about round and about round and about", expect: fire}
      - {completion: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", expect: fire}
      - {completion: "It goes straight on.", expect: ok}
"""

TASKS = r"""
version: 1
ruleset: tasks
rules:
  - id: brief
    vote: undesirable
    otherwise: desirable
    when: {regex: '(?i)(?:under|at most|no more than) (?P<n>\d+) words', scope: last_user}
    match: {not: {word-count: {max: "{{n}}"}}}
    tests:
      - {prompt: "Say what rain is in at most 4 words", completion: "Water from the sky", expect: ok}
      - {prompt: "Say what rain is in at most 4 words", completion: "It is water that falls from clouds", expect: fire}
      - {prompt: "Say what rain is", completion: "Water.", expect: skip}

  - id: follows
    vote: undesirable
    otherwise: desirable
    when: {sql: "len(meta.ids) > 0"}
    match: {not: {ifeval: {ids: "{{meta.ids}}", kwargs: "{{meta.kwargs}}", loose: false}}}
    tests:
      - {prompt: p, completion: "no commas", meta: {ids: ["punctuation:no_comma"], kwargs: [{}]}, expect: ok}
      - {prompt: p, completion: "one, two", meta: {ids: ["punctuation:no_comma"], kwargs: [{}]}, expect: fire}

  - id: sum
    vote: desirable
    otherwise: undesirable
    mode: veto
    when: {sql: "meta.answer IS NOT NULL"}
    match: {math-equal: {value: "{{meta.answer}}", extract: boxed_or_last}}
    tests:
      - {completion: "So \\boxed{\\frac{1}{2}}.", meta: {answer: "0.5"}, expect: fire}
      - {completion: "It comes to 3.", meta: {answer: "4"}, expect: ok}

  - id: other-tongue
    vote: undesirable
    when: {word-count: {min: 6}}
    match: {not: {language: {same_as: last_user, min_confidence: 0.5}}}
    tests:
      - {prompt: "Please tell me when the library opens today.", completion: "Die Bibliothek ist heute von neun bis achtzehn Uhr geöffnet.", expect: fire}
      - {prompt: "Please tell me when the library opens today.", completion: "The library is open from nine until six today.", expect: ok}

  - id: copies
    mode: shadow
    vote: desirable
    match: {rouge-n: {value: "{{meta.answer}}", n: 2, threshold: 0.6}}
    tests:
      - {completion: "the cat sat on the mat", meta: {answer: "the cat sat on the mat"}, expect: fire}
      - {completion: "a dog ran off", meta: {answer: "the cat sat on the mat"}, expect: ok}
      - {completion: "no reference", expect: skip}

  - id: tells-private-data
    mode: veto
    vote: undesirable
    match: {pii: {types: [email, phone, credit-card, iban], not_in: prompt}}
    tests:
      - {prompt: "Who?", completion: "Write to lee@kettle.works", expect: fire}
      - {prompt: "I am lee@kettle.works", completion: "Noted, lee@kettle.works", expect: ok}

  - id: goes-on
    vote: undesirable
    match: {length-ratio: {to: meta.answer, max: 2.0, unit: tokens}}
    tests:
      - {completion: "one two three four five", meta: {answer: "one two"}, expect: fire}
      - {completion: "one two three", meta: {answer: "one two"}, expect: ok}

  - id: ask-a-judge
    vote: {judge: kind-v1}
    when: {unresolved: true}
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "shop.rules.yaml": SHOP,
        "code.rules.yaml": CODE,
        "tasks.rules.yaml": TASKS,
        "lists/pledges.txt": "# promises\nmoney back\n",
        "schemas/call.json": json.dumps({"type": "array", "items": {"required": ["name"]}}),
        "checks.py": "def short_enough(text, row, most):\n    return len(text) <= most\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow  # a Python function and DuckDB
@pytest.mark.parametrize("name", ["shop", "code", "tasks"])
def test_a_file_loads_passes_its_tests_and_lint(folder, name):
    rules = load_rules([f"{name}.rules.yaml"], base=folder)
    results = list(run_inline_tests(rules))
    assert [str(result) for result in results if result.status not in ("passed", "todo")] == []
    own = [finding for finding in lint_rules(rules) if finding.file.startswith(name)]
    assert [str(one) for one in own if (one.rule, one.kind) not in _MEANT] == []


_MEANT = {("call-fits", "no-fire-test"), ("call-fits", "no-ok-test")}
"""Tests cannot give tool calls; see `test_the_schema_is_of_the_calls`."""


def test_what_the_keys_say_is_what_labelers_are(folder):
    rules = load_rules(["shop.rules.yaml"], base=folder)
    labelers = {one["labeler"]: one for one in rules.labelers().to_pylist()}
    assert (labelers["needless-no"]["prior_mean"], labelers["needless-no"]["prior_strength"]) == (0.8, 15)
    assert labelers["needless-no"]["weight"] is None
    assert (labelers["pledged"]["mode"], labelers["stars"]["weight"]) == ("veto", 0.5)
    assert (labelers["stars"]["cap_per"], labelers["stars"]["cap_max"]) == ("meta.customer", 3)
    assert folder / "lists/pledges.txt" in rules.files


def test_imports_take_a_pack_and_one_rule_of_a_file(folder):
    rules = load_rules(["code.rules.yaml"], base=folder)
    assert {"needless-no", "circles"} <= set(rules.ids)
    assert not {"pledged", "stars"} & set(rules.ids)
    assert {rule.file for rule in rules.rules} == {"builtin:repetition", "shop.rules.yaml", "code.rules.yaml"}


@pytest.mark.parametrize(
    ("call", "fires"), [('[{"name": "x"}]', False), ('[{"nome": "x"}]', True), (None, None)]
)
def test_the_schema_is_of_the_calls(folder, call, fires):
    rules = load_rules(["code.rules.yaml#call-fits"], base=folder)
    message = {"role": "assistant", "content": "", "tool_calls": call}
    [decision] = explain_row(rules, Row(prompt=[{"role": "user", "content": "q"}], completion=[message]))
    assert decision.fired is fires


def test_a_rule_for_a_judge_votes_nothing_itself(folder):
    rules = load_rules(["tasks.rules.yaml"], base=folder)
    assert [rule.id for rule in rules.for_judges] == ["ask-a-judge"]
    assert "ask-a-judge" not in rules.ids


def row(completion, **columns):
    return Row(
        prompt=[{"role": "user", "content": "Q?"}],
        completion=[{"role": "assistant", "content": completion}],
        **columns,
    )


# each check of the format in a form of its own, with an output on which it holds and one on which it does not
CHECKS = [
    ("contains: tea", "green tea", "Tea"),
    ("icontains: tea", "TEA", "te a"),
    ("contains: {value: tea, count: {min: 2}}", "tea, tea", "tea"),
    ("contains-any: {values: [tea, milk], count: {max: 1}}", "tea", "tea, milk"),
    ("contains-any: [tea, milk]", "milk", "water"),
    ("contains-all: [tea, milk]", "milk tea", "tea"),
    ("icontains-any: [tea, milk]", "MILK", "water"),
    ("icontains-all: [tea, milk]", "MILK Tea", "tea"),
    ("starts-with: Well", "Well, no", "No. Well"),
    ("ends-with: end", "the end", "end it"),
    ("equals: yes", "yes", "yes!"),
    ("regex: {pattern: 'o', count: {min: 2, max: 3}}", "foo", "o"),
    ("length: {chars: {max: 3}}", "abc", "abcd"),
    ("length: {sentences: {min: 2}}", "One. Two.", "One."),
    ("length: {lines: {min: 2}, words: {max: 3}}", "a\nb", "a b"),
    ("length: {tokens: {max: 2}}", "a b", "a b c"),
    ("word-count: {min: 2, max: 3}", "a b", "a"),
    ("finish-reason: length", row("x", finish_reason="length"), row("x", finish_reason="stop")),
    ("is-empty: true", " ", "x"),
    ("balanced-fences: true", "```\nx\n```", "```\nx"),
    ("is-json: true", "{}", "{"),
    ("contains-json: {schema: {type: object, required: [a]}}", 'See {"a": 1}', 'See {"b": 1}'),
    ("is-xml: true", "<a>b</a>", "<a>b"),
    ("is-html: true", "<p>b</p>", "b"),
    ("contains-html: true", "so <b>this</b>", "so this"),
    ("is-sql: true", "SELECT a FROM b", "SELECT FROM WHERE"),
    ("contains-sql: true", "```sql\nSELECT a FROM b\n```", "none"),
    ("contains-code: {lang: json}", "```json\n{}\n```", "```python\nx\n```"),
    ("is-valid-code: {lang: json}", "```json\n{}\n```", "```json\n{\n```"),
    ("language: {is: de}", "Das Wetter ist heute sehr schön und warm.", "The weather is very nice and warm today."),
    ("script: {is: cyrillic}", "Привет, мир", "Hello, world"),
    ("mixed-language: true", "The weather is very nice today, and we went out. Погода сегодня очень хорошая, мы гуляли.", "The weather is very nice."),
    ("repetition: {ngram: 1, max_ratio: 0.5}", "a a a a", "a b c d"),
    ("duplicate-lines: {max_ratio: 0.3}", "x\nx\nx", "x\ny\nz"),
    ("is-refusal: {strength: soft}", "I'm an AI language model and don't have the ability to do this.", "Turn left."),
    ("hedging: true", "Perhaps it might possibly be so.", "It is so."),
    ("sycophancy-phrases: true", "You're absolutely right, great question!", "It is so."),
    ("preamble: true", "Sure! Here's a list:\n- a", "- a"),
    ("markdown: {headers: {min: 1}, bullets: {min: 2}}", "# T\n- a\n- b", "# T\n- a"),
    ("markdown: {tables: {min: 1}}", "| a | b |\n|---|---|\n| 1 | 2 |", "a, b"),
    ("emoji: true", "Hi 🙂", "Hi"),
    ("secrets: true", "token ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "token of thanks"),
    ("ifeval: {ids: ['punctuation:no_comma'], kwargs: [{}]}", "no", "no, yes"),
    ("math-equal: {value: '1/2'}", "It is 0.5", "It is 0.6"),
    ("multiple-choice: {value: B}", "The answer is (B).", "The answer is (C)."),
    ("numeric: {value: 10, tolerance: 0.5}", "about 10.4", "about 11"),
    ("levenshtein: {value: kitten, threshold: 2}", "kittens", "sitting on it"),
    ("bleu: {value: the cat sat on the mat, threshold: 0.9}", "the cat sat on the mat", "dogs ran"),
    ("near-duplicate-of: {column: meta.other}", row("the cat sat on the mat today", meta={"other": "the cat sat on the mat today"}), row("dogs ran", meta={"other": "the cat sat on the mat today"})),
    ("column: {name: meta.n, op: '>', value: 2}", row("x", meta={"n": 3}), row("x", meta={"n": 1})),
    ("not-contains: tea", "water", "tea"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "holds", "not_"), CHECKS, ids=[check for check, _, _ in CHECKS])
def test_every_check_does_what_its_name_says(tmp_path, check, holds, not_):
    (tmp_path / "r.yaml").write_text(
        f"version: 1\nrules:\n  - id: a\n    vote: undesirable\n    match:\n      {check}\n", encoding="utf-8"
    )
    rules = load_rules(["r.yaml"], base=tmp_path)
    for given, expected in ((holds, True), (not_, False)):
        [decision] = explain_row(rules, given if isinstance(given, Row) else row(given))
        assert (decision.error, decision.fired) == (None, expected)


@pytest.mark.parametrize("n_mistakes", [1000])
def test_a_file_with_a_thousand_mistakes_reports_them_all_at_once(tmp_path, n_mistakes):
    from kto_data.errors import ConfigError

    lines = [f"  - {{id: r{n}, vote: undesirable, match: {{contians: x{n}}}}}\n" for n in range(n_mistakes)]
    (tmp_path / "r.yaml").write_text("version: 1\nrules:\n" + "".join(lines))
    with pytest.raises(ConfigError) as caught:
        load_rules(["r.yaml"], base=tmp_path)
    assert [mistake.line for mistake in caught.value.mistakes] == list(range(3, n_mistakes + 3))
    assert str(caught.value.mistakes[-1]).startswith(
        f"r.yaml:{n_mistakes + 2}: rules[{n_mistakes - 1}] (r{n_mistakes - 1}).match.contians: "
    )
    assert all("did you mean 'contains'" in mistake.message for mistake in caught.value.mistakes)


def test_mistakes_of_every_kind_are_told_together(tmp_path):
    from kto_data.errors import ConfigError

    text = """
version: 2
lists: {empty: []}
ruls: []
rules:
  - {id: bad id, vote: undesirable, match: {contains: x}}
  - {id: b, vote: maybe, match: {regex: '('}}
  - {id: c, vote: undesirable, match: {word-count: {max: "{{n}}"}}, tests: [{expect: perhaps}]}
  - {id: d, vote: undesirable, match: {contains-any: {list: none}}, scop: prompt}
  - {id: e, vote: undesirable}
"""
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_rules(["r.yaml"], base=tmp_path)
    assert {mistake.line for mistake in caught.value.mistakes} == {2, 3, 4, 6, 7, 8, 9, 10}
    assert len(caught.value.mistakes) >= 11
