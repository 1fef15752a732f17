import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.cut_off import CutOff
from kto_data.labelers.rules.row import Row


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("First, rinse the rice twice and", True),
        ("First, rinse the rice twice,", True),
        ("Rinse it,", True),
        ("It is a very good (", True),
        ("It is **a very good thing**", True),
        ("It is a very good thing.", False),
        ("It is a very good thing.**", False),
        ('He called it "a good thing"', False),
        ("It is a very good thing 🙂", False),
        ("Anna Berg", False),
        ("48 + 37 = 85", False),
        ("You can write to help@shop.example", False),
        ("Read more about it on https://shop.example/a", False),
        ("You need:\n- two cups of fine rice", False),
        ("You need:\n1. two cups of fine rice", False),
        ("| a | b | c | d | e", False),
        ("Here it is:\n```\nx = 1", True),
        ("Here it is:\n```\nx = 1\n```", False),
        ("それはとても良いことです。", False),
        ('{"a": "b c d", "e": 1}', False),
        ("", False),
    ],
)
def test_an_end_inside_a_sentence_or_a_fence_is_seen(text, holds):
    assert CutOff().decide(text, Context()).holds is holds


def test_the_finish_reason_counts_whatever_the_text():
    context = Context(row=Row(finish_reason="length"))
    assert CutOff().decide("It is done.", context).holds
    assert not CutOff(finish_reason=False).decide("It is done.", context).holds
    assert not CutOff().decide("It is done.", Context(row=Row(finish_reason="stop"))).holds


def test_each_case_can_be_turned_off():
    assert not CutOff(sentence=False).decide("First, rinse the rice twice and", Context()).holds
    assert not CutOff(fence=False).decide("```\nx = 1", Context()).holds


def test_it_reads_the_finish_reason_only_if_asked():
    assert CutOff().reads() == {"finish_reason"}
    assert CutOff(finish_reason=False).reads() == frozenset()
