import sys
from importlib.metadata import EntryPoint

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError
from kto_data.labelers.rules.checks.check import CHECKS
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row

PLUGIN = '''
from kto_data.labelers.rules.checks.check import Check, Found

class Shouts(Check):
    """The text is all in capitals."""

    def decide(self, text, context):
        return Found(text.isupper())

class Other(Check):
    """Another check."""

def polite(text, row):
    return "please" in text

number = 3
'''


@pytest.fixture
def plugins(monkeypatch, tmp_path):
    """Let a group have entry points of a module that is written for the test."""
    (tmp_path / "acme_rules.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, str] = {}

    def points(*, group):
        return [EntryPoint(name, value, group) for name, value in names.items()] if group == "acme" else []

    monkeypatch.setattr("kto_data.labelers.rules.plugins.entry_points", points)
    yield names
    sys.modules.pop("acme_rules", None)
    for name in ("acme-shouts", "acme-other"):
        CHECKS._plugins.pop(name, None)


def read(folder, match, head="plugins: [acme]"):
    text = f"version: 1\n{head}\nrules:\n  - id: a\n    vote: undesirable\n    match: {match}\n"
    return parse_rules(parse_yaml(text, name="r.yaml", folder=folder)).rules[0]


def fires(rule, text):
    return decide(rule, Row(completion=[{"role": "assistant", "content": text}])).fired


def test_a_groups_check_types_and_functions_can_be_used(plugins, tmp_path):
    plugins |= {"acme-shouts": "acme_rules:Shouts", "polite": "acme_rules:polite"}
    assert fires(read(tmp_path, "{acme-shouts: true}"), "NO")
    assert fires(read(tmp_path, "{python: {ref: polite}}"), "please") is True
    assert fires(read(tmp_path, "{python: {ref: polite}}"), "now") is False


def test_nothing_of_a_group_is_loaded_unless_the_file_names_it(plugins, tmp_path):
    plugins |= {"acme-other": "acme_rules:Other"}
    with pytest.raises(ConfigError, match="unknown check 'acme-other'"):
        read(tmp_path, "{acme-other: true}", head="ruleset: x")
    assert "acme_rules" not in sys.modules


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("acme_rules:missing", "x cannot be loaded: AttributeError"),
        ("no_such_module_x:f", "x cannot be loaded: ModuleNotFoundError"),
        ("acme_rules:number", "x is neither a check type nor a function"),
    ],
)
def test_an_entry_point_that_is_of_no_use_is_a_mistake(plugins, tmp_path, point, message):
    plugins["x"] = point
    with pytest.raises(ConfigError) as told:
        read(tmp_path, "{contains: x}")
    assert str(told.value).startswith(f"r.yaml:2: plugins[0]: {message}")


def test_a_name_that_is_taken_is_a_mistake(plugins, tmp_path):
    plugins["regex"] = "acme_rules:Shouts"
    with pytest.raises(ConfigError, match="'regex' is the name of another check type"):
        read(tmp_path, "{contains: x}")


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        ("[kto-data>=0.0.1]", ""),
        ("['kto-data>=0.0.1', 'pydantic']", ""),
        ("['nothing-here-x; python_version < \"3\"']", ""),
        ("[kto-data>=999]", "requires[0]: needs kto-data>=999, and "),
        ("[kto-data, nothing-here-x>=2]", "requires[1]: needs nothing-here-x>=2, which is not installed"),
        ("['>= 2']", "requires[0]: '>= 2' is no requirement such as 'kto-data>=0.2'"),
        ("kto-data", "requires: should be "),
    ],
)
def test_what_a_file_requires_has_to_be_installed(tmp_path, requires, message):
    if not message:
        assert read(tmp_path, "{contains: x}", head=f"requires: {requires}").id == "a"
        return
    with pytest.raises(ConfigError) as told:
        read(tmp_path, "{contains: x}", head=f"requires: {requires}")
    assert str(told.value).startswith(f"r.yaml:2: {message}")
