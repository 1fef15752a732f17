from random import Random

import pytest

from kto_data.demo.kinds import KINDS
from kto_data.demo.models import MODELS, Model, draw_fault


def test_a_fault_is_made_as_often_as_the_model_is_said_to():
    model, rng = Model("x", {"loop": 0.3, "vague": 0.1, "format": 0.5}), Random(0)
    drawn = [draw_fault(rng, model, ("loop", "vague")) for _ in range(4000)]
    assert drawn.count("loop") / 4000 == pytest.approx(0.3, abs=0.03)
    assert drawn.count("vague") / 4000 == pytest.approx(0.1, abs=0.02)
    assert "format" not in drawn


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_model_fails_always_at_any_kind_of_task(model, kind):
    rng = Random(0)
    for _ in range(20):
        assert 0 < sum(model.p_fault[fault] for fault in kind.ask(rng).faults) < 0.8
