import time

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.contains_json import ContainsJson
from kto_data.labelers.rules.limits import RowError


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ('Sure: {"a": {"b": 1}} ok', ((6, 21),)),
        ('{a} {"b": 1}', ((4, 12),)),
        ('say "hi {" {"b": 1}', ((11, 19),)),
        ('```json\n{"a": 1}\n```', ((8, 16),)),
        ("see [1] and [2]", ()),
        ('{"a": 1', ()),
        ("no braces", ()),
        ("", ()),
    ],
)
def test_an_object_is_found_where_it_stands(text, spans):
    found = ContainsJson().decide(text, Context())
    assert (found.holds, found.spans) == (bool(spans), spans)


def test_one_of_the_objects_has_to_fit_the_schema():
    check = ContainsJson(schema={"required": ["city"]})
    assert check.decide('{"a": 1} {"city": 2}', Context()).spans == ((9, 20),)
    assert check.decide('{"a": 1}', Context()).evidence == "JSON, but 'city' is a required property"


@pytest.mark.parametrize("text", ['{"a":' * 200_000, '{"a": [' + "1," * 100_000 + '{"a": ' * 100_000])
def test_text_that_is_nearly_json_is_a_fault_and_soon_told(text):
    start = time.monotonic()
    with pytest.raises(RowError, match=r"too deeply|nearly JSON"):
        ContainsJson().decide(text, Context())
    assert time.monotonic() - start < 5


def test_a_schema_comes_from_a_file_and_mistakes_in_it_are_told_with_their_line(read_rule, tmp_path):
    (tmp_path / "city.json").write_text('{"required": ["city"]}')
    rule = read_rule("{contains-json: {schema: {file: city.json}}}")
    assert not rule.fires('{"a": 1}')
    assert rule.files == (tmp_path / "city.json",)
    with pytest.raises(
        Exception, match=r"r.yaml:5: rules\[0\] \(a\).match.contains-json.schema.file: no such file: x"
    ):
        read_rule("{contains-json: {schema: {file: x}}}")
