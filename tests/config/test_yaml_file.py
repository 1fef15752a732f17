"""YAML files: plain data with lines, and clear refusals of everything else."""

from pathlib import Path

import pytest
import yaml

from kto_data.config.yaml_file import load_yaml, parse_yaml
from kto_data.errors import ConfigError, InputError


def parse(text):
    return parse_yaml(text, name="f.yaml", folder=Path())


def test_every_key_and_item_has_its_line():
    file = parse("a: 1\nb:\n  - x\n  - c: 2\n")
    assert file.data == {"a": 1, "b": ["x", {"c": 2}]}
    assert [file.line_of(path) for path in [("a",), ("b",), ("b", 0), ("b", 1, "c")]] == [1, 2, 3, 4]


def test_a_missing_key_is_placed_at_its_nearest_ancestor():
    assert parse("a:\n  b: 1\n").line_of(("a", "zzz")) == 1


def test_norway_stays_a_text():
    assert parse("countries: [no, yes, on]").data == {"countries": ["no", "yes", "on"]}


def test_an_alias_repeats_the_value_it_names():
    assert parse("a: &x [1, 2]\nb: *x\n").data == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "given twice"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a:\n\tb: 1\n", 2, "not valid YAML"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("? [1, 2]\n: x\n", 1, "key must be"),
        ("", 1, "empty"),
        ("a: *nobody\n", 1, "not valid YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text, line, words):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("f.yaml", line)
    assert words in mistake.message


def test_a_file_that_grows_by_aliases_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="aliases"):
        parse("\n".join(lines))


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        parse("a: 1\na: 2\nb: !x 3\n")
    assert [mistake.line for mistake in caught.value.mistakes] == [2, 3]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b"a: \xff\n"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, make, words):
    path = tmp_path / "p.yaml"
    make(path)
    with pytest.raises(InputError, match=words) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: x: y\n", 2, "into quotes"),
        ("a: @x\n", 1, "into quotes"),
        ('a: "\\d"\n', 1, "single quotes"),
        ("a: |\n  x\nb\n", 3, "further in"),
        ("a: 1\n---\nb: 1\n", 2, "second document"),
        ("a: \x07\n", 1, "U+0007"),
        ("a:\n  - b: 1\n   c: 2\n", 3, "indentation"),
        ("a: &x [*x]\n", 1, "nothing before is marked &x"),
        ("a: " + "[" * 200 + "]" * 200, 1, "inside one another"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(text, line, words):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    mistake = caught.value.mistakes[0]
    assert mistake.line == line
    assert words in mistake.message


@pytest.mark.parametrize(
    "text", ["a: x\u2028y\nb: 1\n", 'a: "x\u2028y"\nb: 1\n', "a: |-\n  x\u2028y\nb: 1\n"]
)
def test_a_line_separator_inside_a_text_is_no_end_of_a_line(text):
    file = parse(text)
    assert file.data == {"a": "x\u2028y", "b": 1}
    assert file.line_of(("b",)) == text.count("\n")


def test_a_mark_of_byte_order_at_the_beginning_is_no_part_of_a_key():
    assert parse("\ufeffa: 1\n").data == {"a": 1}


def test_a_file_reads_the_same_without_libyaml(monkeypatch):
    text = "a: &x [1, no, {b: 'c'}]\nd: *x\ne: |\n  two\n  lines\n"
    expected = parse(text)
    monkeypatch.setattr("kto_data.config.yaml_file._Parser", yaml.SafeLoader)
    assert parse(text) == expected
