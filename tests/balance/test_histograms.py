"""Histograms by label."""

from kto_data.balance.histograms import class_histograms


def test_lengths_and_scores_are_counted_by_label(write_selection):
    found = class_histograms(
        **write_selection(
            ("p", True, {"completion": "x" * 10, "p": 0.9}),
            ("q", True, {"completion": "x" * 20}),
            ("r", False, {"completion": "x" * 30, "p": 0.1, "split": "test"}),
        )
    )
    assert sum(found["lengths"]["n_desirable"]) == 2
    assert sum(found["lengths"]["n_undesirable"]) == 1
    assert (found["lengths"]["edges"][0], found["lengths"]["edges"][-1]) == (10, 30)
    assert (sum(found["scores"]["n_desirable"]), sum(found["scores"]["n_undesirable"])) == (1, 1)


def test_labels_without_probabilities_have_no_scores(write_selection):
    assert class_histograms(**write_selection(("p", True)))["scores"] is None
