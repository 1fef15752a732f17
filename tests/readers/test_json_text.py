"""JSON bytes to plain values; the defects are in test_read."""

import pytest

from kto_data.readers.json_text import parse_object
from kto_data.readers.record import Defect


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (rb'{"a": "\ud83d\ude00"}', "😀"),
        (rb'{"a": "\\ud800"}', "\\ud800"),
        (b'{"a": 9223372036854775807}', 2**63 - 1),
        (b'{"a": -9223372036854775808}', -(2**63)),
        (b'{"a": 1e300}', 1e300),
    ],
)
def test_values_at_the_edge_are_read(data, value):
    assert parse_object(data) == {"a": value}


@pytest.mark.parametrize(("depth", "fits"), [(99, True), (100, False)])
def test_the_depth_limit_counts_the_record_itself(depth, fits):
    data = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
    if fits:
        assert parse_object(data)["a"] is not None
    else:
        with pytest.raises(Defect, match="too_deep"):
            parse_object(data)
