"""`kto schema`: one JSON document an editor can use."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("which", "keys"), [("pipeline", {"read", "label", "train"}), ("rules", {"ruleset", "rules"})]
)
def test_a_schema_is_one_document_that_refuses_unknown_keys(kto, which, keys):
    done = kto("schema", which)
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    assert keys <= set(schema["properties"])
    assert schema["additionalProperties"] is False
