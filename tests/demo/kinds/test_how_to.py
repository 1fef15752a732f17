from random import Random

import pytest

from kto_data.demo.kinds.how_to import explain
from kto_data.demo.recipes import RECIPES


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.goal)
def test_steps_are_told_in_their_order(recipe):
    for seed in range(10):
        text = explain(recipe, Random(seed), n_steps=3).text
        places = [text.index(step) for step in recipe.steps if step in text]
        assert len(places) == 3
        assert places == sorted(places)


def test_four_steps_are_longer_than_any_limit_of_words_that_is_asked_for():
    shortest = min(
        len(explain(recipe, Random(i), n_steps=4).text.split()) for recipe in RECIPES for i in range(20)
    )
    assert shortest > 15
