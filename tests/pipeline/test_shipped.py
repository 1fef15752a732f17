"""The pipeline files that ship."""

import pytest

from kto_data.errors import InputError
from kto_data.pipeline.shipped import shipped_pipeline
from kto_data.pipeline.spec import load_pipeline


@pytest.mark.parametrize("name", ["quickstart", "xstest", "truthfulqa"])
def test_a_shipped_pipeline_has_no_mistake(name):
    pipeline = load_pipeline(shipped_pipeline(name))
    assert pipeline.file.name == name
    assert pipeline.train is not None
    assert pipeline.held_out_rules.rules
    assert not set(pipeline.held_out_rules.ids) & set(pipeline.rules.ids)


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(InputError, match="no pipeline builtin:quickstrat; did you mean 'quickstart'"):
        shipped_pipeline("quickstrat")


def test_a_name_cannot_leave_the_folder(tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 1\n")
    with pytest.raises(InputError, match="there is no pipeline"):
        shipped_pipeline(f"../../../../../../../..{tmp_path}/mine")
