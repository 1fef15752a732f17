from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError
from kto_data.labelers.rules.parse import parse_rules

HEAD = "version: 1\nrules:\n"
RULE = "  - id: a\n    vote: undesirable\n"  # lines 3 and 4


def parse(text, folder=Path()):
    return parse_rules(parse_yaml(text, name="r.yaml", folder=folder))


def mistakes(text, folder=Path()):
    with pytest.raises(ConfigError) as error:
        parse(text, folder)
    return [str(mistake) for mistake in error.value.mistakes]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("match: {contain: x}", "match.contain: unknown check 'contain'; did you mean 'contains'?"),
        ("match: {regex: '(a'}", "match.regex: not a pattern that RE2 can read: missing ): (a"),
        ("match: {regex: {pattern: x, cont: 1}}", "match.regex.cont: unknown key; did you mean 'count'?"),
        ("match: {regex: {pattern: x, count: {}}}", "match.regex.count: needs min, max or both"),
        ("match: {length: {words: {max: many}}}", None),
        ("match: {contains: ''}", "match.contains: should have at least 1 character, not ''"),
        ("match: {contains: x, icontains: y}", "match: needs exactly one check, not 2 (contains, icontains): join them with all or any"),
        ("match: {scope: prompt}", "match: needs exactly one check"),
        ("match: refund", "match: should be a check such as {contains: refund}, or all / any / not / at_least"),
        ("match: {is-json: false}", "match.is-json: should be true or options, not False; write {not: {is-json: true}}"),
        ("match: {any: []}", "match.any: should be a list of one or more checks"),
        ("match: {at_least: {n: 3, of: [{contains: x}]}}", "match.at_least.n: should be a whole number from 1 to 1, not 3"),
        ("match: {at_least: {of: [{contains: x}]}}", "match.at_least: should be {n: NUMBER, of: [checks]}"),
        ("match: {all: [{contains: x}, {contian: y}]}", "match.all[1].contian: unknown check 'contian'; did you mean 'contains'?"),
        ("match: {contains: x, scope: promt}", "match.scope: unknown scope 'promt'; did you mean 'prompt'?"),
        ("match: {contains-any: {ignore_case: true}}", "match.contains-any: needs its words from one of values, list, file"),
        ("match: {contains-any: [x, 3]}", "match.contains-any[1]: should be a text, not 3; quote it"),
        ("match: {contains-any: {list: promises}}", "match.contains-any.list: unknown list 'promises'; the file has no `lists`"),
        ("match: {contains-any: {file: no.txt}}", "match.contains-any.file: no such file: no.txt"),
        ("match: {unit-tests: {ref: a:b}}", None),
        ("match: {latency: 3}", "match.latency: 'latency' is about the call, not the output; with a column for it, say sql: 'meta.latency_ms <= 2000'"),
        ("match: {word-count: {max: '{{n}}'}}", "match: {{n}} is not captured by the rule's `when`; name a group in `when`: (?P<n>...)"),
        ("otherwise: desirable", "match: is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_match_is_told_with_its_line_and_the_rule(line, message):
    told = mistakes(f"{HEAD}{RULE}    {line}\n")
    assert len(told) >= 1
    if message:
        where = 5 if line.startswith("match") else 3
        assert told == [f"r.yaml:{where}: rules[0] (a).{message}"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("scop: prompt", "scop: unknown key; did you mean 'scope'?"),
        ("mode: vet", "mode: 'vet' is not one of vote, veto, shadow; did you mean 'veto'?"),
        ("weight: heavy", "weight: should be a number from 0, or auto, not 'heavy'"),
        ("weight: -1", "weight: should be a number from 0, or auto, not -1"),
        ("cap: {per: user, max: 3}", "cap.per: unknown column 'user'; known: finish_reason, meta.<column>, model, source"),
        ("when: {unresolved: true}", "when.unresolved: looks at the other labelers' votes, so only a rule with vote: {judge: NAME} may ask it"),
        ("tests: [{completion: x, expect: fires}]", "tests[0].expect: 'fires' is not one of fire, ok, skip; did you mean 'fire'?"),
        ("tests: [{completion: x}]", "tests[0].expect: is missing"),
        ("tests: [{prompt: x, messages: [], expect: ok}]", "tests[0]: has both prompt and messages; give one of them"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_key_is_told_with_its_line_and_the_rule(line, message):
    told = mistakes(f"{HEAD}{RULE}    match: {{contains: x}}\n    {line}\n")
    assert told == [f"r.yaml:6: rules[0] (a).{message}"]


@pytest.mark.parametrize(
    ("vote", "message"),
    [
        ("desireable", ": should be desirable, undesirable or {column, map}, not 'desireable'; did you mean 'desirable'?"),
        ("{judge: ''}", ".judge: should have at least 1 character, not ''"),
        ("{column: meta.thumb}", ".map: is missing"),
        ("{column: thumb, map: {up: desirable}}", ".column: unknown column 'thumb'; known: finish_reason, meta.<column>, model, source"),
        ("{column: meta.thumb, map: {up: good}}", ".map.up: 'good' is not one of desirable, undesirable, abstain"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_vote_is_told(vote, message):
    extra = "" if vote.startswith("{") else "    match: {contains: x}\n"
    told = mistakes(f"{HEAD}  - id: a\n    vote: {vote}\n{extra}")
    assert told == [f"r.yaml:4: rules[0] (a).vote{message}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "r.yaml:1: must be a mapping of keys to values, not a list"),
        ("rules: []\nversion: 2\n", "r.yaml:2: version: "),
        ("version: 1\n", "r.yaml:1: the file has neither rules nor imports"),
        ("version: 1\nrule: []\nrules: []\n", "r.yaml:2: rule: unknown key; did you mean 'rules'?"),
        ("version: 1\nplugins: [no.such.group]\nimports: ['builtin:sums']\n", "r.yaml:2: plugins[0]: no installed package has entry points of 'no.such.group'"),
        ("version: 1\nlists: {a: []}\nimports: ['builtin:sums']\n", "r.yaml:2: lists.a: should be a list of texts, or {file: PATH}"),
        ("version: 1\nrules:\n  - 3\n", "r.yaml:3: rules[0]: must be a mapping of keys to values, not a number"),
        ("version: 1\nrules:\n  - id: row_id\n    vote: desirable\n    match: {contains: x}\n", "r.yaml:3: rules[0] (row_id).id: 'row_id' is the name of a column; call the rule something else"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told(text, message):
    assert mistakes(text)[0].startswith(message)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    text = HEAD + (
        "  - id: a\n    vote: maybe\n    match: {contian: x}\n"
        "  - id: b\n    vote: desirable\n    match: {regex: '(?!a)'}\n    mdoe: veto\n"
    )
    told = mistakes(text)
    assert [message.split(": ")[0:2] for message in told] == [
        ["r.yaml:4", "rules[0] (a).vote"],
        ["r.yaml:5", "rules[0] (a).match.contian"],
        ["r.yaml:8", "rules[1] (b).match.regex"],
        ["r.yaml:9", "rules[1] (b).mdoe"],
    ]


def test_word_lists_come_from_the_file_or_beside_it(tmp_path):
    (tmp_path / "words.txt").write_text("# promises\nfull refund\n\n free \n", encoding="utf-8")
    text = (
        "version: 1\nlists: {inline: [x], beside: {file: words.txt}}\nrules:\n"
        "  - {id: a, vote: undesirable, match: {contains-any: {list: inline, word: true}}}\n"
        "  - {id: b, vote: undesirable, match: {contains-any: {list: beside}}}\n"
        "  - {id: c, vote: undesirable, match: {icontains-all: {file: words.txt}}}\n"
        "  - {id: d, vote: undesirable, match: {contains-any: [y, z]}}\n"
    )
    parsed = parse(text, tmp_path)
    values = [next(rule.leaves()).check.values for rule in parsed.rules]
    assert values == [("x",), ("full refund", "free"), ("full refund", "free"), ("y", "z")]
    assert parsed.named_files == (tmp_path / "words.txt",)


def test_an_empty_list_file_is_a_mistake(tmp_path):
    (tmp_path / "words.txt").write_text("# nothing\n", encoding="utf-8")
    text = "version: 1\nlists: {a: {file: words.txt}}\nimports: ['builtin:sums']\n"
    assert mistakes(text, tmp_path) == ["r.yaml:2: lists.a.file: the list file words.txt has no words"]


def test_defaults_hold_unless_a_rule_says_otherwise():
    text = (
        "version: 1\ndefaults: {scope: prompt, mode: shadow, weight: 0.5}\nrules:\n"
        "  - {id: a, vote: undesirable, match: {contains: x}}\n"
        "  - {id: b, vote: undesirable, scope: answer, mode: veto, weight: auto, match: {contains: x}}\n"
    )
    a, b = parse(text).rules
    assert (next(a.leaves()).scope, a.options.mode, a.options.weight) == ("prompt", "shadow", 0.5)
    assert (next(b.leaves()).scope, b.options.mode, b.options.weight) == ("answer", "veto", None)


def test_not_before_a_check_is_its_opposite():
    text = HEAD + RULE + "    match: {not-contains: x}\n"
    (rule,) = parse(text).rules
    other = parse(HEAD + RULE + "    match: {not: {contains: x}}\n").rules[0]
    assert rule.definition == other.definition
