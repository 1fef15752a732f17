"""Texts in other languages."""

import pytest
from pydantic import ValidationError

from kto_data.curation.language import Language

ENGLISH = "The weather is lovely today, so let us go for a long walk along the river."
GERMAN = "Das Wetter ist heute sehr schön, also gehen wir lange am Fluss spazieren."


def test_rows_surely_in_another_language_go_and_the_detail_names_both(row, write_rows, curate):
    rows = write_rows([row("a", completion=ENGLISH), row("b", completion=GERMAN), row("c", completion="ok")])
    done = curate(rows, ("language", {"is": "en"}))
    assert done.kept == ["a", "c"]
    assert (done.dropped[0]["reason"], done.dropped[0]["detail"]) == ("other_language", "de, not en")
    assert done.result.facts == [{"step": "language", "n_not_told": 1}]


def test_one_of_several_languages_is_enough(row, write_rows, curate):
    rows = write_rows([row("a", completion=ENGLISH), row("b", completion=GERMAN)])
    assert curate(rows, ("language", {"is": ["en", "de"]})).kept == ["a", "b"]


def test_a_completion_can_have_to_be_in_the_language_of_its_prompt(row, write_rows, curate):
    rows = write_rows(
        [
            row("a", prompt=GERMAN, completion=GERMAN),
            row("b", prompt=GERMAN, completion=ENGLISH),
            row("c", completion=GERMAN),
        ]
    )
    assert curate(rows, ("language", {"same_as_prompt": True})).kept == ["a", "c"]


@pytest.mark.parametrize("options", [{}, {"is": "en", "same_as_prompt": True}, {"is": "xx"}, {"is": []}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValidationError):
        Language(**options)
