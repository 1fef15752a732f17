"""Texts that are too long or too short."""

import pytest
from pydantic import ValidationError

from kto_data.curation.length import Length


@pytest.mark.parametrize(
    ("options", "completion", "reason"),
    [
        ({"max_chars": 3}, "abc", None),
        ({"max_chars": 3}, "abcd", "completion_too_long"),
        ({"max_chars": 3}, "äöü", None),
        ({"max_chars": 1}, "🤦", None),
        ({"min_chars": 1}, "", "completion_too_short"),
        ({"min_chars": 1}, "a", None),
        ({"max_prompt_chars": 6}, "abc", None),
        ({"max_prompt_chars": 5}, "abc", "prompt_too_long"),
        ({"max_prompt_chars": 5, "max_chars": 2}, "abc", "prompt_too_long"),
    ],
)
def test_a_row_outside_a_limit_is_dropped(row, write_rows, curate, options, completion, reason):
    done = curate(write_rows([row("a", prompt="prompt", completion=completion)]), ("length", options))
    assert [drop["reason"] for drop in done.dropped] == ([reason] if reason else [])


def test_the_detail_says_the_size_and_the_limit(row, write_rows, curate):
    done = curate(write_rows([row("a", completion="abcd")]), ("length", {"max_chars": 3}))
    assert done.dropped[0]["detail"] == "4 characters, at most 3"


def test_the_contents_of_all_messages_count(row, write_rows, curate):
    two = [{"role": "user", "content": "abc"}, {"role": "user", "content": "de"}]
    rows = write_rows([row("a") | {"prompt": two}])
    assert curate(rows, ("length", {"max_prompt_chars": 5})).kept == ["a"]
    assert curate(rows, ("length", {"max_prompt_chars": 4})).kept == []


@pytest.mark.parametrize("options", [{}, {"min_chars": 4, "max_chars": 3}, {"max_chars": -1}])
def test_impossible_limits_are_refused(options):
    with pytest.raises(ValidationError):
        Length(**options)
