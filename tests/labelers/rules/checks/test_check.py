import inspect

import pytest

from kto_data.labelers.rules.checks.check import CHECKS


@pytest.mark.parametrize("name", list(CHECKS))
def test_every_check_type_has_a_manual(name):
    kind = CHECKS.get(name)
    assert kind.__doc__
    for option, info in kind.model_fields.items():
        assert info.description, f"{name}.{option} says nothing"
    assert not inspect.isabstract(kind)


def test_the_check_types_of_this_version_are_there():
    words = "contains icontains contains-any contains-all icontains-any icontains-all"
    others = (
        "starts-with ends-with equals regex length word-count is-empty is-json repetition cut-off arithmetic"
    )
    assert set(f"{words} {others}".split()) <= set(CHECKS)
