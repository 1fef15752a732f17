"""Balance statistics."""

from dataclasses import asdict

import pytest

from kto_data.balance.statistics import ClassCounts, balance_statistics


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
    assert (found.weight_desirable, found.weight_undesirable) == (1.75, 3.25)
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
    assert found.by_source == (ClassCounts("large", 3, 2, 1, 2 / 3), ClassCounts("small", 1, 1, 0, 1.0))
    assert found.by_model == (ClassCounts("m", 2, 2, 0, 1.0), ClassCounts("n", 1, 1, 0, 1.0))


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
