"""Exact duplicates."""


def test_the_smallest_row_id_of_equal_rows_is_kept_and_named(row, write_rows, curate):
    rows = write_rows([row("c"), row("a"), row("d", completion="no"), row("b")])
    done = curate(rows, ("exact_dedup", {}))
    assert done.kept == ["a", "d"]
    assert [(drop["row_id"], drop["detail"]) for drop in done.dropped] == [
        ("b", "the same as a"),
        ("c", "the same as a"),
    ]
    assert {drop["reason"] for drop in done.dropped} == {"exact_duplicate"}


def test_one_completion_to_two_prompts_is_no_duplicate(row, write_rows, curate):
    rows = write_rows([row("a", prompt="one"), row("b", prompt="two")])
    assert curate(rows, ("exact_dedup", {})).kept == ["a", "b"]


def test_normalised_texts_are_equal_but_for_case_and_spaces(row, write_rows, curate, write_votes):
    a, b, c = (
        row("a", completion="Yes, please"),
        row("b", completion=" yes,\nPLEASE"),
        row("c", completion="Yes please"),
    )
    votes = [write_votes((a, 1), (b, 1), (b, -1))]
    done = curate(write_rows([a, b, c]), ("exact_dedup", {"by": "normalised"}), votes=votes)
    assert done.kept == ["a", "c"]
    assert (done.dropped[0]["reason"], done.dropped[0]["detail"]) == ("normalised_duplicate", "the same as a")
    assert done.result.facts == [{"step": "exact_dedup", "n_votes_left_out": 2}]


def test_who_speaks_and_what_stands_in_which_message_is_not_normalised_away(row, write_rows, curate):
    one = row("a") | {"completion": [{"role": "assistant", "content": "a b"}]}
    two = row("b") | {
        "completion": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    }
    three = row("c") | {"completion": [{"role": "tool", "content": "a b"}]}
    four = row("d") | {"completion": [{"role": "assistant", "content": "", "reasoning": "a b"}]}
    rows = write_rows([one, two, three, four])
    assert curate(rows, ("exact_dedup", {"by": "normalised"})).kept == ["a", "b", "c", "d"]
