"""Class weights for the KTO paper's range."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kto_data.balance.statistics import Expected, mass
from kto_data.balance.weights import Suggestion, suggest, suggest_weights
from kto_data.errors import InputError


@pytest.mark.parametrize(
    ("desirable", "undesirable", "target", "expected"),
    [
        (500, 500, (1.0, 1.3333), (1.0, 1.0)),  # 1 is inside
        (130, 100, (1.0, 1.3333), (1.0, 1.0)),  # 1.3 is inside
        (100, 1000, (1.0, 1.3333), (10.0, 1.0)),  # the paper's example: lambda_D in [10, 13.33]
        (1000, 100, (1.0, 1.3333), (1.0, 10.0)),
        (140, 100, (1.0, 1.3333), (1.0, 1.4)),  # 1.4 is outside, and goes to 1 rather than to 1.3333
        (300, 700, (1.0, 1.3333), (2.3334, 1.0)),  # 7/3, rounded to the side that is inside
        (700, 300, (1.0, 1.3333), (1.0, 2.3333)),
        (100, 100, (1.25, 1.5), (1.25, 1.0)),  # 1 is not wanted: the nearer end
        (100, 100, (0.25, 0.5), (1.0, 2.0)),
        (100, 200, (0.5, 2.0), (1.0, 1.0)),
    ],
)
def test_the_smaller_side_is_raised_to_one_and_what_is_inside_is_left(
    counts, desirable, undesirable, target, expected
):
    found = suggest_weights(counts(desirable, undesirable), target)
    assert (found.desirable_weight, found.undesirable_weight) == expected


def test_sums_of_row_weights_count_and_not_rows(counts):
    found = suggest_weights(counts(100, 100, weight_desirable=50, weight_undesirable=150))
    assert (found.desirable_weight, found.undesirable_weight) == (3.0, 1.0)
    assert (found.ratio_before, found.ratio_after) == (pytest.approx(1 / 3), 1.0)
    assert "weighing 50.0 and 150.0" in found.reason


@pytest.mark.parametrize(
    ("desirable", "undesirable", "words"),
    [
        (
            100,
            1000,
            "100 desirable and 1,000 undesirable rows stand 0.1 to 1, which is outside [1, 4/3], the range that both "
            "versions of the KTO paper allow (v1, Eq. 8: [1, 4/3]; latest, Eq. 9: [1, 3/2]): desirable_weight 10 makes it 1 to 1, "
            "inside the range; the other weight stays 1.",
        ),
        (
            12,
            10,
            "12 desirable and 10 undesirable rows stand 1.2 to 1, which is inside [1, 4/3], the range that both "
            "versions of the KTO paper allow (v1, Eq. 8: [1, 4/3]; latest, Eq. 9: [1, 3/2]): both weights stay 1.",
        ),
    ],
)
def test_the_reason_tells_counts_ratios_and_range(counts, desirable, undesirable, words):
    assert suggest_weights(counts(desirable, undesirable)).reason == words


def test_another_target_is_called_by_its_numbers(counts):
    assert "outside the target [2, 3]" in suggest_weights(counts(10, 10), (2.0, 3.0)).reason


@pytest.mark.parametrize(
    ("desirable", "undesirable", "words"),
    [
        (0, 812, "only undesirable rows (0 desirable, 812 undesirable rows)"),
        (0, 812, "aggregate.when_no_evidence: desirable"),
        (5, 0, "aggregate.when_no_evidence: undesirable"),
        (0, 0, "the train split is empty"),
    ],
)
def test_one_class_is_an_error_with_its_remedy(counts, desirable, undesirable, words):
    with pytest.raises(InputError) as caught:
        suggest_weights(counts(desirable, undesirable))
    assert words in str(caught.value)


def test_a_class_that_weighs_nothing_is_an_error(counts):
    with pytest.raises(InputError, match="weigh nothing"):
        suggest_weights(counts(10, 10, weight_desirable=0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    desirable=st.floats(1e-3, 1e7),
    undesirable=st.floats(1e-3, 1e7),
    low=st.floats(0.1, 5),
    factor=st.floats(1.0, 4),
)
def test_one_weight_is_one_and_the_ratio_is_inside_the_target(counts, desirable, undesirable, low, factor):
    target = (low, low * factor)
    found = suggest_weights(counts(7, 7, desirable, undesirable), target)
    assert min(found.desirable_weight, found.undesirable_weight) == 1.0
    after = found.desirable_weight * desirable / (found.undesirable_weight * undesirable)
    assert (
        low * (1 - 1e-9) <= after <= low * factor * (1 + 1e-9)
    )  # a target of one point is met up to rounding


def test_loss_aversion_divides_the_range_and_is_called_a_choice(counts):
    found = suggest_weights(counts(1000, 1000), loss_aversion=2.0)
    assert found.target_ratio == (0.5, pytest.approx(0.66665))
    # 1 is outside [1/2, 2/3], and is brought to the nearer end
    assert (found.desirable_weight, found.undesirable_weight) == (1.0, pytest.approx(1.5, rel=1e-3))
    assert 0.5 <= 1000 / (1000 * found.undesirable_weight) <= 0.66665
    assert "divided by a loss aversion of 2, a choice" in found.reason


@pytest.mark.parametrize(
    ("rows", "allowed"),
    [((100, 1000), (10.0, 13.333)), ((1000, 100), (7.50019, 10.0)), ((1000, 1000), None)],
)
def test_the_weights_that_the_range_allows_are_told(counts, rows, allowed):
    found = suggest_weights(counts(*rows))
    assert found.allowed == (allowed if allowed is None else pytest.approx(allowed, rel=1e-4))


def test_each_measure_and_source_has_a_suggestion_of_its_own(counts):
    given = counts(100, 100, tokens=mass(500, 1000), confidence=mass(40, 80))
    found = suggest_weights(given).by_measure
    assert {name: (one.desirable_weight, one.undesirable_weight) for name, one in found.items()} == {
        "rows": (1.0, 1.0),
        "weight": (1.0, 1.0),
        "tokens": (2.0, 1.0),
        "confidence": (2.0, 1.0),
    }


def test_noise_leaves_an_interval(counts):
    # 1,000 rows with p 1/2: 500 desirable ones, give or take 1.96 sqrt(250) = 31
    given = counts(500, 500, expected=Expected(500.0, 250**0.5, 0))
    found = suggest_weights(given).noise
    assert found.n_desirable == pytest.approx((469.0, 531.0), abs=0.1)
    assert found.ratio == pytest.approx((469 / 531, 531 / 469), abs=1e-3)
    assert found.weight[0].desirable_weight == pytest.approx(531 / 469, abs=1e-3)
    assert (found.weight[1].desirable_weight, found.weight[1].undesirable_weight) == (1.0, 1.0)


def test_labels_without_probabilities_leave_no_interval(counts):
    assert suggest_weights(counts(10, 10)).noise is None


def test_a_source_with_one_class_gets_no_weights():
    assert suggest(None, (1.0, 1.3333)) == Suggestion(None, 1.0, 1.0)
