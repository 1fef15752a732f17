"""Lists of steps in YAML."""

from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.curation.cap import Cap
from kto_data.curation.exact_dedup import ExactDedup
from kto_data.curation.length import Length
from kto_data.curation.parse import parse_steps
from kto_data.curation.privacy import Privacy
from kto_data.curation.step import PlannedStep
from kto_data.errors import ConfigError


def parse(text, labels_available=False):
    file = parse_yaml(text, name="p.yaml", folder=Path())
    return parse_steps(file.data["prepare"], file, ("prepare",), labels_available=labels_available)


def test_names_and_mappings_become_steps():
    assert parse("prepare: [exact_dedup, {length: {max_chars: 9}}, {cap: {per: meta.user, max: 2}}]") == (
        PlannedStep("exact_dedup", ExactDedup()),
        PlannedStep("length", Length(max_chars=9)),
        PlannedStep("cap", Cap(per="meta.user", max=2)),
    )


@pytest.mark.parametrize("text", ["prepare:", "prepare: []"])
def test_no_steps_are_fine(text):
    assert parse(text) == ()


def test_a_step_without_its_options_takes_the_defaults():
    assert parse("prepare:\n  - exact_dedup:\n") == (PlannedStep("exact_dedup", ExactDedup()),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prepare: exact_dedup", "p.yaml:1: prepare: must be a list of steps, such as [exact_dedup]"),
        (
            "prepare:\n- exact_dedupe",
            "p.yaml:2: prepare[0]: unknown curation step 'exact_dedupe'; did you mean 'exact_dedup'?",
        ),
        (
            "prepare:\n- length:\n    max_char: 3",
            "p.yaml:3: prepare[0].length.max_char: unknown key; did you mean 'max_chars'?",
        ),
        (
            "prepare:\n- contradictions",
            "p.yaml:2: prepare[0]: contradictions needs the votes or labels, which come later: list it under `curate`",
        ),
        ("prepare:\n- cap: {per: sauce, max: 1}", "did you mean 'source'?"),
        ("prepare:\n- cap: 3", "p.yaml:2: prepare[0].cap: must be a mapping of keys to values, not a number"),
        ("prepare:\n- length: {}", "p.yaml:2: prepare[0].length: give at least one of min_chars"),
        ("prepare:\n- privacy: maks", "p.yaml:2: prepare[0].privacy.action: 'maks' is not one of mask, drop"),
        (
            "prepare:\n- near_dedup: {threshold: 2}",
            "p.yaml:2: prepare[0].near_dedup.threshold: should be less than or equal to 1, not 2",
        ),
        (
            "prepare:\n- decontaminate: evals/*.jsonl",
            "p.yaml:2: prepare[0].decontaminate: against: evals/*.jsonl: no file matches",
        ),
        ("prepare:\n- language: xx", "unknown language 'xx': use a code such as en"),
        ("prepare:\n- label_errors", "list it under `curate`"),
        ("prepare:\n- cap: {per: completion_clusters, max: 1}", "did you mean 'completion_cluster'?"),
        ("prepare:\n- 3", "p.yaml:2: prepare[0]: must be a step's name, or one name with its options"),
        ("prepare:\n- {exact_dedup: {}, length: {}}", "p.yaml:2: prepare[0]: must be a step's name"),
    ],
)
def test_a_mistake_names_its_place_and_the_remedy(text, expected):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert expected in str(caught.value)


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        parse("prepare:\n- nope\n- length: {max_chars: x}\n- cap: {}\n")
    assert [mistake.line for mistake in caught.value.mistakes] == [2, 3, 4, 4]


def test_labels_allow_steps_that_need_them():
    assert [step.name for step in parse("prepare: [contradictions]", labels_available=True)] == [
        "contradictions"
    ]


def test_a_plain_value_stands_for_a_steps_main_option():
    assert parse("prepare: [{privacy: drop}]") == (PlannedStep("privacy", Privacy(action="drop")),)


def test_steps_that_change_texts_come_before_labels():
    with pytest.raises(
        ConfigError, match="privacy changes texts that were labelled as they are: list it under `prepare`"
    ):
        parse("prepare: [privacy]", labels_available=True)
    assert parse("prepare: [{privacy: drop}]", labels_available=True)
