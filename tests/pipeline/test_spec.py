"""Pipeline files: every mistake at once, each with its line and what was probably meant."""

from pathlib import Path

import pytest

from kto_data.errors import ConfigError, InputError
from kto_data.pipeline.spec import load_pipeline

RULES = """\
version: 1
ruleset: mine
rules:
  - id: rude
    vote: undesirable
    match: {contains-any: [rude]}
"""

GOOD = """\
version: 1
name: mine
read: [{path: log.jsonl}]
label: {rules: [rules.yaml]}
"""


@pytest.fixture
def load(tmp_path):
    """Load a pipeline file with this text, which stands beside a good rule file."""

    def loaded(text, **more):
        (tmp_path / "rules.yaml").write_text(RULES)
        path = tmp_path / "p.yaml"
        path.write_text(text)
        return load_pipeline(path, **more)

    return loaded


@pytest.fixture
def mistakes(load):
    """The mistakes of a pipeline file as `line: key: message`."""

    def found(text):
        with pytest.raises(ConfigError) as caught:
            load(text)
        return [
            f"{Path(mistake.file).name}:{mistake.line}: {mistake.key}: {mistake.message}"
            for mistake in caught.value.mistakes
        ]

    return found


def test_a_small_file_gets_the_defaults(load):
    pipeline = load(GOOD)
    assert pipeline.rules.ids == ("rude",)
    assert pipeline.train is None
    assert pipeline.policy.when_no_evidence == "undecided"
    assert (pipeline.file.limits.quarantined, pipeline.file.limits.faults) == (0.01, 0.05)


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(mistakes):
    found = mistakes(
        """\
version: 2
nmae: mine
name: two words
seed: -1
read:
  - path: log.jsonl
    formt: chat
    columns: {promt: question}
  - {path: log2.jsonl, format: chatt}
prepare: [exact_dedupe, {length: {max_char: 20000}}, contradictions]
label:
  rules: [rules.yaml]
  feedback: {thumbs: {colunm: meta.thumb, map: {up: good}}}
aggregate: {method: wieghted}
curate: [{cap: {per: prompt_id, max: 0}}]
split: {by: promt_id, test: 1.5}
balance: {order: sorted}
train: {modle: tiny, epochs: many}
evaluate: {prompts: 0}
limits: {faults: 5}
"""
    )
    expected = [
        ("p.yaml:1: version:", "2"),
        ("p.yaml:2: nmae: unknown key", "did you mean 'name'?"),
        ("p.yaml:3: name:", "two words"),
        ("p.yaml:4: seed:", "-1"),
        ("p.yaml:7: read[0].formt: unknown key", "did you mean 'format'?"),
        ("p.yaml:8: read[0].columns.promt: unknown key", "did you mean 'prompt'?"),
        ("p.yaml:9: read[1].format:", "did you mean 'chat'?"),
        ("p.yaml:10: prepare[0]: unknown curation step 'exact_dedupe'", "did you mean 'exact_dedup'?"),
        ("p.yaml:10: prepare[1].length.max_char: unknown key", "did you mean 'max_chars'?"),
        ("p.yaml:10: prepare[2]: contradictions needs the votes or labels", "`curate`"),
        ("p.yaml:13: label.feedback.thumbs.column: is missing", ""),
        ("p.yaml:13: label.feedback.thumbs.colunm: unknown key", "did you mean 'column'?"),
        ("p.yaml:13: label.feedback.thumbs.map.up:", "good"),
        ("p.yaml:14: aggregate.method: unknown method 'wieghted'", "did you mean 'weighted'?"),
        ("p.yaml:15: curate[0].cap.max:", "0"),
        ("p.yaml:16: split.by:", "did you mean 'prompt_id'?"),
        ("p.yaml:16: split.test:", "1.5"),
        ("p.yaml:17: balance.order:", "sorted"),
        ("p.yaml:18: train.epochs:", "many"),
        ("p.yaml:18: train.modle: unknown key", "did you mean 'model'?"),
        ("p.yaml:19: evaluate.prompts:", "0"),
        ("p.yaml:20: limits.faults:", "5"),
    ]
    for place, hint in expected:
        assert [line for line in found if line.startswith(place) and hint in line], (place, found)
    assert len(found) == len(expected), found
    lines = [int(line.split(":")[1]) for line in found]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD + "demo_log: {rows: 200}\n",
            "p.yaml:5: demo_log: one input is needed: `read` (your files) or `demo_log`",
        ),
        (GOOD.replace("read: [{path: log.jsonl}]\n", ""), "one input is needed"),
        (GOOD + "evaluate: {prompts: 5}\n", "p.yaml:5: evaluate: `evaluate` needs `train`"),
        (
            GOOD.replace("read: [{path: log.jsonl}]", "demo_log: {rows: 200}") + "truth: {file: t.jsonl}\n",
            "p.yaml:5: truth: a demo_log brings its own truth",
        ),
        (GOOD.replace("{rules: [rules.yaml]}", "{}"), "p.yaml:4: label: nobody votes"),
        (GOOD + "train: {seed: 3}\n", "p.yaml:5: train.seed: not allowed here: the pipeline's own `seed`"),
        (GOOD + "train: {shuffle_labels: true}\n", "p.yaml:5: train.shuffle_labels: not allowed here"),
        (
            GOOD + "train: {sft: {epoch: 3}}\n",
            "p.yaml:5: train.sft.epoch: unknown key; did you mean 'epochs'?",
        ),
        (GOOD + "truth: {file: truth.jsonl}\n", "p.yaml:5: truth.file: truth.jsonl: no such file"),
        (
            GOOD + "aggregate: {method: [weighted]}\n",
            "p.yaml:5: aggregate.method: unknown method ['weighted']",
        ),
        (GOOD + "aggregate: {when_no_evidnce: desirable}\n", "did you mean 'when_no_evidence'?"),
        (GOOD + "aggregate: weighted\n", "p.yaml:5: aggregate:"),
        (GOOD + "prepare: exact_dedup\n", "p.yaml:5: prepare:"),
        (GOOD + "train: tiny\n", "p.yaml:5: train:"),
        (GOOD + "seed: 1\nseed: 2\n", "p.yaml:6: seed: the key is given twice"),
        (GOOD + "label:\n\t- x\n", "p.yaml:6"),
        ("", "the file is empty"),
        ("- a\n- b\n", "must be a mapping of keys to values, not a list"),
        ("just words\n", "must be a mapping of keys to values, not a text"),
    ],
)
def test_a_mistake_is_told_with_its_place(mistakes, text, said):
    assert said in "\n".join(mistakes(text))


def test_a_rule_that_votes_cannot_be_held_out(mistakes):
    text = GOOD + "train: {model: tiny}\nevaluate: {rules: [rules.yaml, builtin:sums]}\n"
    [found] = mistakes(text)
    assert found.startswith("p.yaml:6: evaluate.rules: rule 'rude' also votes on the training labels")


def test_a_recorded_labeler_cannot_have_the_name_of_a_rule(mistakes):
    text = GOOD.replace("label: {rules: [rules.yaml]}", "label:\n  rules: [rules.yaml]\n  recorded:") + (
        "    - {labeler: mine, kind: judge, columns: [meta.a], table: [[x, desirable]]}\n"
        "    - {labeler: rude, kind: judge, columns: [meta.b], table: [[x, desirable]]}\n"
    )
    [found] = mistakes(text)
    assert found.startswith("p.yaml:8: label.recorded[1]: a rule has the id 'rude' too")


def test_thumbs_cannot_have_the_name_of_a_rule(mistakes):
    text = GOOD.replace(
        "{rules: [rules.yaml]}",
        "{rules: ['builtin:feedback#thumbs'], feedback: {thumbs: {column: meta.thumb}}}",
    )
    [found] = mistakes(text)
    assert found.startswith("p.yaml:4: label.feedback.thumbs: a rule has the id 'thumbs' too")


def test_two_recorded_labelers_need_two_names(mistakes):
    one = "{labeler: same, kind: judge, columns: [meta.a], table: [[x, desirable]]}"
    [found] = mistakes(GOOD.replace("{rules: [rules.yaml]}", f"{{recorded: [{one}, {one}]}}"))
    assert "two recorded labelers have the same name" in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[]", "at least 1"),
        ("[[x, y, desirable]]", "line 1 of the table has 3 entries; expected 1 pattern(s) and a vote"),
        ("[[x, desirabel]]", "'desirabel' is no vote; did you mean 'desirable'?"),
    ],
)
def test_a_decision_table_is_checked_line_by_line(mistakes, line, said):
    judge = f"{{labeler: judge, kind: judge, columns: [meta.a], table: {line}}}"
    assert said in "\n".join(mistakes(GOOD.replace("{rules: [rules.yaml]}", f"{{recorded: [{judge}]}}")))


def test_mistakes_in_rule_files_are_told_with_those_of_the_pipeline(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "version: 1\nruleset: bad\nrules:\n  - {id: one, vote: undesirble, match: {contains-any: [x]}}\n"
        "  - {id: two, vote: desirable, match: {regx: x}}\n"
    )
    path = tmp_path / "p.yaml"
    path.write_text(
        "version: 1\nname: mine\nread: [{path: log.jsonl}]\nlabel: {rules: [bad.yaml, gone.yaml]}\nsplt: {test: 0.1}\n"
        "evaluate: {rules: ['builtin:quickstat']}\n"
    )
    with pytest.raises(InputError) as caught:
        load_pipeline(path)
    text = str(caught.value)
    for part in (
        f"{path}:5: splt: unknown key; did you mean 'split'?",
        "bad.yaml:4: rules[0] (one).vote:",
        "bad.yaml:5: rules[1] (two).match",
        "did you mean 'regex'?",
        "gone.yaml: no such file",
        "there is no rule pack 'quickstat'; did you mean 'quickstart'?",
        "`evaluate` needs `train`",
    ):
        assert part in text


def test_a_rule_that_stands_for_a_judge_is_told(tmp_path):
    (tmp_path / "rules.yaml").write_text(
        RULES + "  - {id: unsure, vote: {judge: helpful}, when: {unresolved: true}}\n"
    )
    (tmp_path / "p.yaml").write_text(GOOD)
    with pytest.raises(ConfigError) as told:
        load_pipeline(tmp_path / "p.yaml")
    assert "unsure stands for the judge 'helpful', which is not under `label.judges`" in str(told.value)


def test_rule_files_are_looked_for_beside_the_pipeline_file(load, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load(GOOD).rules.ids == ("rude",)


def test_a_seed_given_apart_replaces_that_of_the_file_and_reaches_the_trainer(load):
    text = GOOD + "seed: 3\ntrain: {model: tiny}\n"
    assert [load(text).file.seed, load(text).train.seed] == [3, 3]
    assert [load(text, seed=8).file.seed, load(text, seed=8).train.seed] == [8, 8]


def test_the_trainers_defaults_are_those_of_its_model(load):
    assert load(GOOD + "train: {model: tiny}\n").train.sft.rows == "all"
    assert load(GOOD + "train: {model: ./base}\n").train.sft.rows == "desirable"


def test_a_gate_and_rounds_need_what_they_work_on(mistakes):
    found = mistakes(GOOD + "gate: {auc: {min: 0.6}}\nrounds: {n: 2}\n")
    assert [line.split(": ", 2)[1] for line in found] == ["gate", "rounds"]
    assert "needs `evaluate`" in found[0]
    assert "needs `train`" in found[1]


def test_a_misspelt_figure_of_the_gate_is_told_with_its_line(mistakes):
    [found] = mistakes(GOOD + "train: {model: tiny}\nevaluate: {prompts: 3}\ngate: {kll: {max: 5}}\n")
    assert found.startswith("p.yaml:7: gate.kll: ")
    assert "did you mean 'kl'" in found
