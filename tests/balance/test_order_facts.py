"""What an order is like."""

import numpy as np
import pytest

from kto_data.balance.mixed import Keys
from kto_data.balance.order_facts import in_words, order_facts


def facts(label, prompts=None, completions=None, batch_rows=4):
    n = len(label)
    keys = Keys(np.array(prompts or range(n)), np.array(completions or range(n)))
    return order_facts(np.array(label, dtype=bool), keys, batch_rows=batch_rows)


def test_sorted_labels_fill_batches_of_one_label():
    found = facts([1] * 8 + [0] * 8)
    assert found.single_label_batches == {2: 1.0, 4: 1.0, 8: 1.0, 16: 0.0}
    assert (found.longest_run, found.window_desirable, found.expected_desirable) == (8, (0, 4), 2.0)


def test_alternating_labels_do_not():
    found = facts([1, 0] * 8)
    assert set(found.single_label_batches.values()) == {0.0}
    assert (found.longest_run, found.window_desirable) == (1, (2, 2))


def test_repeats_are_counted_within_the_batch_s_reach():
    found = facts([1, 0, 1, 0, 1], prompts=[0, 1, 2, 3, 0], completions=[0, 1, 2, 0, 1])
    assert found.n_repeated_prompts == 0  # four rows apart
    assert found.n_repeated_completions == 2  # three rows apart, twice
    assert found.last_batch_rows == 1


def test_no_rows_have_no_window():
    found = order_facts(np.empty(0, bool), Keys(np.empty(0, int), np.empty(0, int)), batch_rows=8)
    assert (found.window_desirable, found.longest_run, found.single_label_batches) == (None, 0, {})
    assert in_words(found) == "No rows."


@pytest.mark.parametrize(
    ("label", "prompts", "words"),
    [
        (
            [1, 0] * 4,
            None,
            "Any 4 consecutive rows hold 2 desirable ones (2 on average), and no prompt or completion twice.",
        ),
        (
            [1, 0, 0, 1, 0],
            [0, 0, 1, 2, 3],
            "Any 4 consecutive rows hold 1 to 2 desirable ones (1.6 on average); 1 rows have "
            "their prompt among the 3 rows before them; the last batch holds a single row.",
        ),
    ],
)
def test_the_words_tell_what_holds_and_what_does_not(label, prompts, words):
    assert in_words(facts(label, prompts)) == words
