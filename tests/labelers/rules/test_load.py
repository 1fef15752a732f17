from pathlib import Path

import pytest

from kto_data.errors import ConfigError
from kto_data.labelers.rules.load import builtin_packs, load_rules


def write(folder, name, *ids, imports=()):
    rules = "".join(f"  - {{id: {id_}, vote: undesirable, match: {{contains: x}}}}\n" for id_ in ids)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"version: 1\nimports: {list(imports)}\nrules:\n{rules or '  []'}", encoding="utf-8")


def mistakes(refs, base):
    with pytest.raises(ConfigError) as error:
        load_rules(refs, base=base)
    return [str(mistake) for mistake in error.value.mistakes]


def test_files_are_loaded_in_the_order_given(tmp_path):
    write(tmp_path, "one.yaml", "b", "a")
    write(tmp_path, "two.yaml", "c")
    rules = load_rules(["two.yaml", "one.yaml"], base=tmp_path)
    assert rules.ids == ("c", "b", "a")
    assert rules.files == (tmp_path / "two.yaml", tmp_path / "one.yaml")


def test_one_rule_of_a_file_can_be_asked_for(tmp_path):
    write(tmp_path, "one.yaml", "a", "b")
    assert load_rules(["one.yaml#b"], base=tmp_path).ids == ("b",)
    assert mistakes(["one.yaml#bb"], tmp_path) == [
        "one.yaml#bb: one.yaml has no rule 'bb'; did you mean 'b'?"
    ]


def test_imports_are_relative_to_their_file_and_come_first(tmp_path):
    write(tmp_path, "in/base.yaml", "a", "b")
    write(tmp_path, "in/main.yaml", "c", imports=["./base.yaml#b", "builtin:sums"])
    rules = load_rules(["in/main.yaml"], base=tmp_path)
    assert rules.ids == ("b", "wrong-sum", "c")
    assert rules.rules[0].file == "in/base.yaml"


def test_a_rule_reached_on_two_ways_is_one_rule(tmp_path):
    write(tmp_path, "base.yaml", "a")
    write(tmp_path, "one.yaml", "b", imports=["base.yaml"])
    assert load_rules(["base.yaml", "one.yaml", "./base.yaml"], base=tmp_path).ids == ("a", "b")


def test_two_rules_of_one_id_are_a_mistake_that_names_both_places(tmp_path):
    write(tmp_path, "one.yaml", "a", "b")
    write(tmp_path, "two.yaml", "b")
    assert mistakes(["one.yaml", "two.yaml"], tmp_path) == [
        "two.yaml:4: the id 'b' is taken by the rule at one.yaml:5"
    ]


def test_files_that_import_one_another_are_a_mistake(tmp_path):
    write(tmp_path, "one.yaml", "a", imports=["two.yaml"])
    write(tmp_path, "two.yaml", "b", imports=["one.yaml"])
    assert mistakes(["one.yaml"], tmp_path) == ["two.yaml:2: imports[0]: one.yaml imports itself"]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "version: 1\nrules:\n  - id: a\n    vote: no\n    match: {contains: x}\n"
    )
    (tmp_path / "tab.yaml").write_text("version: 1\nrules:\n\t- id: a\n")
    write(tmp_path, "imports.yaml", "b", imports=["no.yaml"])
    assert mistakes(["no.yaml", "bad.yaml", "tab.yaml", "imports.yaml", "builtin:sum"], tmp_path) == [
        "bad.yaml:4: rules[0] (a).vote: should be desirable, undesirable or {column, map}, not 'no'",
        "builtin:sum: there is no rule pack 'sum'; did you mean 'sums'?",
        "imports.yaml:2: imports[0]: no.yaml: no such file",
        "no.yaml: no such file",
        "tab.yaml:3: not valid YAML: a tab is used for indentation; YAML allows only spaces",
    ]


def test_the_packs_are_known_by_name():
    assert {"degeneration", "format", "quickstart", "refusals", "sums"} <= set(builtin_packs())
    assert load_rules(["builtin:sums"], base=Path()).rules[0].file == "builtin:sums"
