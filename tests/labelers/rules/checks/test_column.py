import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.column import ColumnCheck, FinishReason
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.row import Row

ROW = Row(
    finish_reason="length",
    model="m1",
    meta={
        "n": 3,
        "x": 0.5,
        "ok": True,
        "name": "Ann Lee",
        "tags": ["a", "b"],
        "user": {"plan": "free"},
        "none": None,
    },
)


@pytest.mark.parametrize(
    ("value", "reason", "holds"),
    [("length", "length", True), ("STOP", "stop", True), ("stop", "length", False), (["stop", "length"], "length", True), ("stop", None, None)],
)  # fmt: skip
def test_the_finish_reason_is_one_of_those(value, reason, holds):
    assert FinishReason(value=value).decide("", Context(Row(finish_reason=reason))).holds is holds


@pytest.mark.parametrize(
    ("name", "op", "value", "holds"),
    [
        ("meta.n", "==", 3, True), ("meta.n", "==", 3.0, True), ("meta.n", "!=", 3, False), ("meta.n", ">=", 3, True),
        ("meta.n", "<", 3, False), ("meta.x", ">", 0.4, True), ("meta.x", "<=", 0.4, False),
        ("meta.name", "<", "B", True), ("meta.name", "==", 3, False), ("meta.ok", "==", True, True), ("meta.ok", "==", 1, False),
        ("meta.n", "in", [1, 3], True), ("meta.n", "not in", [1, 3], False), ("meta.ok", "in", [1], False),
        ("meta.name", "contains", "Lee", True), ("meta.tags", "contains", "b", True), ("meta.tags", "contains", "c", False),
        ("meta.tags", "==", ["a", "b"], True), ("meta.user.plan", "==", "free", True), ("model", "==", "m1", True),
        ("meta.none", "==", 3, None), ("meta.none", "!=", 3, None), ("meta.absent", ">", 3, None), ("meta.user.no", "in", [3], None),
        ("meta.none", "is null", None, True), ("meta.n", "is null", None, False), ("meta.n", "is not null", None, True),
    ],
)  # fmt: skip
def test_a_column_compares(name, op, value, holds):
    assert ColumnCheck(name=name, op=op, value=value).decide("", Context(ROW)).holds is holds


@pytest.mark.parametrize(
    ("name", "op", "value"), [("meta.name", "<", 3), ("meta.ok", ">", 0), ("meta.n", "contains", 3)]
)
def test_what_does_not_compare_is_a_fault(name, op, value):
    with pytest.raises(RowError):
        ColumnCheck(name=name, op=op, value=value).decide("", Context(ROW))


@pytest.mark.parametrize(
    "options",
    [
        {"name": "n", "value": 3},
        {"name": "meta.n"},
        {"name": "meta.n", "op": "in", "value": 3},
        {"name": "meta.n", "op": "is null", "value": 3},
        {"name": "meta.n", "op": "=", "value": 3},
        {"name": "meta.n", "value": {"a": 1}},
    ],
)
def test_options_that_make_no_sense_are_mistakes(options):
    with pytest.raises(ValidationError):
        ColumnCheck.model_validate(options)
