"""Balance statistics."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from kto_data.balance.statistics import balance_statistics, mass


def test_rows_prompts_and_weights_of_the_split_are_counted(write_selection):
    files = write_selection(
        ("p", True, {"weight": 0.5}),
        ("p", False, {"weight": 2.0}),
        ("q", True, {"weight": 1.25}),
        ("r", False, {"weight": 0.25}),
        ("r", False),
        ("r", True, {"split": "test"}),
    )
    found = balance_statistics(**files)
    assert (found.n_rows, found.n_desirable, found.n_undesirable) == (5, 2, 3)
    assert (found.share_desirable, found.share_undesirable) == (0.4, 0.6)
    assert found.ratio == pytest.approx(2 / 3)
    assert (found.weight.desirable, found.weight.undesirable) == (1.75, 3.25)
    # Kish: (0.5 + 1.25)^2 / (0.25 + 1.5625) and (2 + 0.25 + 1)^2 / (4 + 0.0625 + 1)
    assert found.effective_rows.desirable == pytest.approx(3.0625 / 1.8125)
    assert found.effective_rows.undesirable == pytest.approx(10.5625 / 5.0625)
    assert found.n_prompts == 3
    assert (found.n_prompts_both, found.n_prompts_only_desirable, found.n_prompts_only_undesirable) == (
        1,
        1,
        1,
    )
    assert balance_statistics(**files, split="test").n_rows == 1


def test_sources_and_models_are_counted_the_largest_first(write_selection):
    files = write_selection(
        ("p", True, {"source": "small", "model": "m"}),
        ("p", False, {"source": "large", "model": None}),
        ("p", True, {"source": "large", "model": "m"}),
        ("p", True, {"source": "large", "model": "n"}),
    )
    found = balance_statistics(**files)

    def counted(groups):
        return [
            (one.name, one.n_rows, one.n_desirable, one.n_undesirable, one.share_desirable) for one in groups
        ]

    assert counted(found.by_source) == [("large", 3, 2, 1, 2 / 3), ("small", 1, 1, 0, 1.0)]
    assert counted(found.by_model) == [("m", 2, 2, 0, 1.0), ("n", 1, 1, 0, 1.0)]
    assert found.by_source[0].weight == mass(2, 1)


def test_confidence_tokens_and_expectation_are_summed_by_class(write_selection):
    found = balance_statistics(
        **write_selection(
            ("p", True, {"p": 0.9, "completion": "x" * 400}),
            ("q", True, {"completion": "x" * 40}),  # decided without a probability: sure
            ("r", False, {"p": 0.25, "completion": "x" * 80}),
        )
    )
    assert (found.confidence.desirable, found.confidence.undesirable) == pytest.approx((1.8, 0.5))
    assert found.tokens == mass(110, 20)  # four bytes a token
    assert found.expected.n_desirable == pytest.approx(0.9 + 1 + 0.25)
    assert found.expected.standard_deviation == pytest.approx((0.09 + 0.1875) ** 0.5)
    assert found.expected.n_without_p == 1


def test_languages_times_and_repeated_answers_are_found(write_selection):
    english, german = "The weather will be fine on the coast.", "Das Wetter wird an der Küste morgen schön."
    found = balance_statistics(
        **write_selection(
            ("p", True, {"completion": english, "at": datetime(2026, 3, 1, 23, 30, tzinfo=UTC)}),
            ("q", True, {"completion": english, "at": datetime(2026, 3, 2, tzinfo=UTC)}),
            ("r", False, {"completion": german, "at": datetime(2026, 3, 2, 12, tzinfo=UTC)}),
            ("s", False, {"completion": "12345"}),
        )
    )
    assert [(one.name, one.n_rows) for one in found.by_language] == [("en", 2), ("de", 1)]
    assert [(one.name, one.n_rows) for one in found.by_time] == [("2026-03-01", 1), ("2026-03-02", 2)]
    assert (found.most_common_completion.desirable, found.most_common_completion.undesirable) == (1.0, 0.5)
    assert [one.name for one in found.by_cluster] == ["all"]


def test_long_times_are_cut_into_months(write_selection):
    rows = [(str(n), True, {"at": datetime(2026, 1 + n % 12, 1 + n % 27, tzinfo=UTC)}) for n in range(200)]
    found = balance_statistics(**write_selection(*rows))
    assert [one.name for one in found.by_time] == [f"2026-{month:02}-01" for month in range(1, 13)]


def test_single_label_batches_follow_the_order(write_selection):
    found = balance_statistics(**write_selection(*[(str(n), n < 8) for n in range(16)]), batch_rows=4)
    assert found.order.single_label_batches[8] == 1.0
    assert found.order.batch_rows == 4


def test_a_split_without_rows_has_no_shares(write_selection):
    found = asdict(balance_statistics(**write_selection(("p", True)), split="test"))
    assert (found["n_rows"], found["share_desirable"], found["ratio"], found["by_source"]) == (
        0,
        None,
        None,
        (),
    )


def test_a_split_without_undesirable_rows_has_no_ratio(write_selection):
    assert balance_statistics(**write_selection(("p", True))).ratio is None
