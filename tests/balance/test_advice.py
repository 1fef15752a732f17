"""When not to rely on class weights."""

import pytest

from kto_data.balance.advice import advise
from kto_data.balance.statistics import ClassCounts, Expected, mass


def source(name, n_desirable, n_undesirable):
    n = n_desirable + n_undesirable
    rows = mass(n_desirable, n_undesirable)
    return ClassCounts(name, n, n_desirable, n_undesirable, n_desirable / n, rows, rows, rows)


@pytest.mark.parametrize(
    ("rows", "more", "weights", "start"),
    [
        ((900, 60), {}, (1.0, 15.0), "Collect more undesirable rows: 60 (effective)"),
        ((9000, 600), {}, (1.0, 15.0), "Sample desirable rows down"),
        ((600, 9000), {}, (15.0, 1.0), "Sample undesirable rows down"),
        (
            (500, 500),
            {"most_common_completion": mass(0.01, 0.4)},
            (1.0, 1.0),
            "Deduplicate: one completion makes up 40% of the undesirable rows",
        ),
        (
            (500, 500),
            {"by_source": (source("chat", 400, 50), source("mail", 100, 450))},
            (1.0, 1.0),
            "Even sources out first: desirable to undesirable stands 8 to 1 in chat and 0.222 to 1 in mail",
        ),
        (
            (500, 500),
            {"effective_rows": mass(200, 200)},
            (1.0, 1.0),
            "The row weights leave 400 effective of 1,000 rows",
        ),
        (
            (500, 500),
            {"expected": Expected(600.0, 5.0, 0)},
            (1.0, 1.0),
            "By their probabilities 600 of the rows are desirable",
        ),
    ],
)
def test_there_is_a_reason_to_do_something_else(counts, rows, more, weights, start):
    assert any(sentence.startswith(start) for sentence in advise(counts(*rows, **more), *weights))


def test_plain_data_need_no_advice(counts):
    assert advise(counts(500, 400), 1.0, 1.0) == ()
