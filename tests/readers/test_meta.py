"""The type of the metadata, and the conversion to it."""

import pyarrow as pa
import pytest

from kto_data.readers.meta import MAX_KEYS, Shape


def shape_of(*values):
    shape = Shape()
    for value in values:
        shape.add({"x": value})
    return shape


@pytest.mark.parametrize(
    ("values", "kind", "stored"),
    [
        ([True, None], pa.bool_(), [True, None]),
        ([1, 2**60], pa.int64(), [1, 2**60]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        (["a", None], pa.string(), ["a", None]),
        ([None, None], pa.string(), [None, None]),
        ([[1], [], None], pa.list_(pa.int64()), [[1], [], None]),
        ([[]], pa.list_(pa.string()), [[]]),
        ([{"a": 1}, {"b": "c"}], pa.struct([("a", pa.int64()), ("b", pa.string())]), [{"a": 1}, {"b": "c"}]),
        (
            [{"a": {"b": [1.5]}}],
            pa.struct([("a", pa.struct([("b", pa.list_(pa.float64()))]))]),
            [{"a": {"b": [1.5]}}],
        ),
    ],
)
def test_values_keep_their_type(values, kind, stored):
    shape = shape_of(*values)
    convert = shape.meta_converter()
    assert shape.meta_type().field("x").type == kind
    assert [convert({"x": value})["x"] for value in values] == stored
    assert dict(shape.json_places()) == {}
    pa.array([convert({"x": value}) for value in values], type=shape.meta_type())


@pytest.mark.parametrize(
    ("values", "stored", "reason"),
    [
        ([1, "a", None], ["1", '"a"', None], "int or text"),
        ([True, 1], ["true", "1"], "int or true/false"),
        ([[1], {"a": 1}], ["[1]", '{"a": 1}'], "list or object"),
        ([2**60, 0.5], [str(2**60), "0.5"], "double or large int"),
        ([2**63], [str(2**63)], "beyond 64 bits"),
        ([{}], ["{}"], "objects without keys"),
        ([{str(i): i for i in range(MAX_KEYS + 1)}], None, f"more than {MAX_KEYS} different keys"),
    ],
)
def test_what_has_no_one_type_is_kept_as_json_text_and_named(values, stored, reason):
    shape = shape_of(*values)
    assert shape.meta_type().field("x").type == pa.string()
    assert dict(shape.json_places()) == {"x": reason}
    if stored:
        assert [shape.meta_converter()({"x": value})["x"] for value in values] == stored


def test_a_conflict_deep_inside_is_named_by_its_place():
    assert dict(shape_of({"a": [{"b": 1}, {"b": "c"}]}).json_places()) == {"x.a[].b": "int or text"}


def test_nesting_too_deep_is_kept_as_json_text():
    value = "leaf"
    for _ in range(20):
        value = {"a": [value]}
    shape = shape_of(value)
    assert list(shape.json_places()) == [("x.a[].a[].a[].a", "nested more than 8 deep")]
    pa.array([shape.meta_converter()({"x": value})], type=shape.meta_type())


def test_keys_beyond_the_limit_are_kept_together():
    shape = Shape()
    metas = [{f"k{i}": i} for i in range(MAX_KEYS + 2)]
    for meta in metas:
        shape.add(meta)
    assert shape.meta_type().num_fields == MAX_KEYS + 1
    convert = shape.meta_converter()
    assert convert(metas[0]) == {"k0": 0, "other_keys": None}
    assert convert(metas[-1]) == {"other_keys": f'{{"k{MAX_KEYS + 1}": {MAX_KEYS + 1}}}'}
