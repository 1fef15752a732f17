"""Rules that go by the surface of an output."""

import numpy as np
import pytest

from kto_data.labelers.rules.row import Row
from kto_data.pipeline.rule_tools.surface import look_at

DICE = np.random.default_rng(3)
TEXTS = [
    f"{'Sure thing' if n % 4 == 0 else 'Well, so'} {'- ' * (n % 3 == 0)}\n{'word ' * int(DICE.integers(1, 80))}{n}"
    for n in range(400)
]
ROWS = [
    Row(completion=[{"role": "assistant", "content": text}], source="s", model=f"m{n % 2}")
    for n, text in enumerate(TEXTS)
]


def looked(fires):
    return look_at(ROWS, np.array([fires]))[0]


@pytest.mark.parametrize(
    ("fires", "kind"),
    [
        ([text.startswith("Sure") for text in TEXTS], "opening"),
        ([len(text.split()) > 40 for text in TEXTS], "length"),
        ([n % 2 == 0 for n in range(400)], "model"),
    ],
)
def test_a_rule_that_goes_by_one_feature_is_told(fires, kind):
    surface = looked(fires)
    assert (surface.kind, surface.alone) == (kind, True)


def test_a_rule_that_goes_by_something_else_is_not_blamed():
    surface = looked(np.random.default_rng(5).random(400) < 0.3)
    assert not surface.alone
    assert surface.auc < 0.65


def test_too_few_fires_tell_nothing():
    assert looked([n < 5 for n in range(400)]) is None
