"""The gate: figures against limits, worked out by hand."""

import pytest

from kto_data.errors import ConfigError
from kto_data.pipeline.evaluation.gate import check_gate, figures_of
from kto_data.pipeline.sections.gate import GateOptions, load_gate

AUC = {"estimate": 0.7, "lower": 0.55, "upper": 0.8}
EVALUATION = {
    "trained": {"auc": AUC},
    "calibration": {"ece": 0.2},
    "generated": {"rule_gaming": {"gap": None}, "kl": {"estimate": 4.0, "lower": 3.0, "upper": 6.0}},
}


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        ({"auc": {"min": 0.6}}, True),
        ({"auc": {"min": 0.7}}, True),
        ({"auc": {"min": 0.71}}, False),
        ({"auc": {"min": 0.6, "by": "interval"}}, False),
        ({"auc": {"min": 0.5, "by": "interval"}}, True),
        ({"kl": {"max": 5}}, True),
        ({"kl": {"max": 5, "by": "interval"}}, False),
        ({"ece": {"max": 0.3}}, True),
        ({"ece": {"max": 0.3, "by": "interval"}}, False),
        ({"rule_gaming": {"max": 0.1}}, False),
        ({"auc": {"min": 0.6}, "kl": {"max": 3}}, False),
        ({}, True),
    ],
)
def test_limits_are_kept_or_broken(limits, passed):
    assert check_gate(GateOptions.model_validate(limits), EVALUATION)["passed"] == passed


def test_each_broken_limit_is_named_with_its_figure():
    gate = GateOptions.model_validate(
        {
            "auc": {"min": 0.9},
            "kl": {"max": 5},
            "perplexity_ratio": {"max": 1.1},
            "ece": {"max": 0.1, "by": "interval"},
        }
    )
    assert check_gate(gate, EVALUATION)["failures"] == [
        "auc is 0.7 [0.55, 0.8], below the least that the gate allows, 0.9",
        "ece is 0.2 and has no interval, so `by: interval` cannot be kept",
        "perplexity_ratio was not measured, so its limit cannot be kept",
    ]


def test_every_limit_has_a_figure_of_its_name():
    assert set(figures_of({})) == set(GateOptions.model_fields)


def test_a_wrong_gate_file_is_told_with_line_and_key(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text("auc: {min: 0.6}\nkl: {}\nacu: {min: 0.5}\nece: {min: 1, max: 0}\n")
    with pytest.raises(ConfigError) as failed:
        load_gate(path)
    lines = [f"{mistake.line} {mistake.key} {mistake.message}" for mistake in failed.value.mistakes]
    assert len(lines) == 3
    assert "2 kl" in lines[0]
    assert "limits nothing" in lines[0]
    assert "did you mean 'auc'" in lines[1]
    assert "`min` 1 is above `max` 0" in lines[2]
