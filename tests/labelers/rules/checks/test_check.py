import inspect

import pytest

from kto_data.config.descriptions import describe_options
from kto_data.labelers.rules.checks.check import CHECKS


@pytest.mark.parametrize("name", list(CHECKS))
def test_every_check_type_has_a_manual(name):
    kind = CHECKS.get(name)
    assert kind.__doc__
    describe_options()
    for option, info in kind.model_fields.items():
        assert info.description, f"{name}.{option} says nothing"
    assert not inspect.isabstract(kind)


FORMAT = """
    contains icontains contains-any contains-all icontains-any icontains-all starts-with ends-with equals regex
    length word-count length-ratio finish-reason is-empty balanced-fences
    is-json contains-json is-xml contains-xml is-html contains-html is-sql contains-sql is-valid-function-call
    is-valid-openai-function-call is-valid-openai-tools-call tool-call-f1 is-valid-code contains-code
    language script mixed-language repetition duplicate-lines compression-ratio perplexity
    is-refusal hedging sycophancy-phrases preamble markdown emoji pii secrets moderation classifier
    ifeval math-equal multiple-choice numeric unit-tests levenshtein rouge-n bleu gleu similar near-duplicate-of
    sql column python cut-off arithmetic
"""


@pytest.mark.parametrize("name", FORMAT.split())
def test_every_check_type_of_the_format_is_there(name):
    assert name in CHECKS
