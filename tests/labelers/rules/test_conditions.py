import itertools

import pytest

from kto_data.labelers.rules.checks.contains import Contains
from kto_data.labelers.rules.checks.regex import Regex
from kto_data.labelers.rules.conditions import AtLeast, Leaf, Not
from kto_data.labelers.rules.row import Row

ROW = Row(completion=[{"role": "assistant", "content": "yes 3"}])
TRUE = Leaf("contains", Contains(value="yes"), "completion")
FALSE = Leaf("contains", Contains(value="no"), "completion")
NULL = Leaf("contains", Contains(value="x"), "system")
LEAVES = {True: TRUE, False: FALSE, None: NULL}


def kleene_any(values):
    return True if True in values else None if None in values else False


def kleene_all(values):
    return False if False in values else None if None in values else True


@pytest.mark.parametrize("values", list(itertools.product([True, False, None], repeat=3)))
def test_any_and_all_follow_kleene(values):
    parts = tuple(LEAVES[value] for value in values)
    assert AtLeast(1, parts).decide(ROW, {}).holds is kleene_any(values)
    assert AtLeast(3, parts).decide(ROW, {}).holds is kleene_all(values)


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ((True, True, None), True),
        ((True, False, None), None),
        ((True, False, False), False),
        ((None, None, False), None),
        ((None, False, False), False),
    ],
)
def test_at_least_two_is_open_while_the_missing_could_decide(values, holds):
    assert AtLeast(2, tuple(LEAVES[value] for value in values)).decide(ROW, {}).holds is holds


@pytest.mark.parametrize(("part", "holds"), [(TRUE, False), (FALSE, True), (NULL, None)])
def test_not_turns_true_and_false_and_leaves_the_rest(part, holds):
    assert Not(part).decide(ROW, {}).holds is holds


def test_values_are_captured_by_what_holds_and_never_under_not():
    number = Leaf("regex", Regex(pattern=r"(?P<n>\d)"), "completion")
    word = Leaf("regex", Regex(pattern=r"(?P<n>no)"), "completion")
    assert AtLeast(1, (word, number)).decide(ROW, {}).captures == {"n": "3"}
    assert Not(word).decide(ROW, {}).captures == {}
    assert Not(word).group_names() == frozenset()


def test_spans_say_their_scope_and_text():
    (span,) = AtLeast(1, (FALSE, TRUE)).decide(ROW, {}).spans
    assert (span.scope, span.start, span.end, span.text) == ("completion", 0, 3, "yes")
