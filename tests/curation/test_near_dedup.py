"""Near-duplicates among rows."""

import random
import re
from collections import Counter

import pytest
from pydantic import ValidationError

from kto_data.curation.near_dedup import NearDedup

LONG = "the quick brown fox jumps over the lazy dog and runs far away into the deep dark wood of the north"
STEP = ("near_dedup", {"words": 3})


def test_a_row_that_says_almost_the_same_goes_and_names_the_kept_one(row, write_rows, curate):
    rows = write_rows(
        [row("b", completion=LONG.upper() + "!"), row("a", completion=LONG), row("c", completion="no")]
    )
    done = curate(rows, STEP)
    assert done.kept == ["a", "c"]
    assert done.dropped == [
        {"row_id": "b", "step": "near_dedup", "reason": "near_duplicate", "detail": "1.000 similar to a"}
    ]


def test_another_prompt_makes_another_row_unless_only_completions_are_asked_for(row, write_rows, curate):
    rows = write_rows([row("a", prompt="one", completion=LONG), row("b", prompt="two", completion=LONG)])
    assert curate(rows, STEP).kept == ["a", "b"]
    assert curate(rows, ("near_dedup", {"of": "completion"})).kept == ["a"]


def test_short_texts_are_near_only_if_equal(row, write_rows, curate):
    rows = write_rows([row("a", completion="yes"), row("b", completion="no"), row("c", completion="Yes.")])
    assert curate(rows, STEP).kept == ["a", "b"]


def test_other_tool_calls_make_another_row(row, write_rows, curate):
    def calling(row_id, call):
        return row(row_id) | {"completion": [{"role": "assistant", "content": "", "tool_calls": call}]}

    assert curate(write_rows([calling("a", '["on"]'), calling("b", '["off"]')]), STEP).kept == ["a", "b"]


def test_rows_with_opposite_labels_stay_unless_told_otherwise(row, write_rows, curate, write_labels):
    a, b = row("a", completion=LONG), row("b", completion=LONG + " now")
    labels = write_labels((a, True, "aggregate", 1), (b, False, "aggregate", 1))
    assert curate(write_rows([a, b]), STEP, labels=labels).kept == ["a", "b"]
    together = ("near_dedup", {"words": 3, "labels": "together"})
    assert curate(write_rows([a, b]), together, labels=labels).kept == ["a"]


def test_gold_is_kept_first_then_the_one_with_more_votes(row, write_rows, curate, write_labels, write_votes):
    a, b, c = (
        row("a", completion=LONG),
        row("b", completion=LONG + " now"),
        row("c", completion=LONG + " then"),
    )
    few = write_labels((a, True, "aggregate", 1), (b, True, "aggregate", 3), (c, True, "aggregate", 2))
    votes = [write_votes((a, 1), (b, 1), (c, 1), (c, 1))]
    done = curate(write_rows([a, b, c]), STEP, labels=few, votes=votes)
    assert done.kept == ["b"]
    assert done.result.facts == [{"step": "near_dedup", "n_votes_left_out": 3}]
    gold = write_labels((a, True, "gold", 0), (b, True, "aggregate", 3), (c, True, "aggregate", 2))
    assert curate(write_rows([a, b, c]), STEP, labels=gold).kept == ["a"]


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_order_of_rows(row, write_rows, curate):
    rng = random.Random(5)
    rows = []
    for n in range(300):
        words = LONG.split()
        for _ in range(rng.randint(0, 6)):
            words[rng.randrange(len(words))] = f"w{rng.randrange(40)}"
        rows.append(row(f"r{n:03}", completion=" ".join(words)))
    first = curate(write_rows(rows), STEP)
    assert 0 < len(first.kept) < 300
    rng.shuffle(rows)
    assert curate(write_rows(rows), STEP).bytes == first.bytes


def test_no_rows_are_fine(write_rows, curate):
    assert curate(write_rows([]), STEP).kept == []


@pytest.mark.parametrize(
    "options", [{"threshold": 0}, {"threshold": 1.1}, {"words": 0}, {"of": []}, {"of": "meta"}]
)
def test_impossible_options_are_refused(options):
    with pytest.raises(ValidationError):
        NearDedup(**options)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.7, 0.8, 0.9])
def test_real_answers_lose_what_comparing_all_with_all_would_drop(
    row, write_rows, curate, sample_rows, threshold
):
    answers = {one["completion"] for one in sample_rows("truthfulqa_human/answers.jsonl.gz")}
    texts = sorted(text for text in answers if not re.search(r"[$+=<>|~^`_°£€]", text))[:4000]
    sets = []
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        sets.append({tuple(words[n : n + 3]) for n in range(max(len(words) - 2, 1))} if words else {text})
    expected: list[int] = []
    holding: dict[object, list[int]] = {}
    for second, one in enumerate(sets):
        common = Counter(first for shingle in one for first in holding.get(shingle, ()))
        if any(n / (len(one) + len(sets[first]) - n) >= threshold for first, n in common.items()):
            expected.append(second)
            continue
        for shingle in one:
            holding.setdefault(shingle, []).append(second)
    rows = write_rows([row(f"{n:05}", completion=text) for n, text in enumerate(texts)])
    done = curate(rows, ("near_dedup", {"threshold": threshold, "words": 3, "of": "completion"}))
    dropped = {int(drop["row_id"]) for drop in done.dropped}
    assert len(expected) > 30
    assert len(dropped & set(expected)) >= 0.99 * len(expected)
    assert len(dropped - set(expected)) <= 0.01 * len(expected)  # what was kept for one that was missed
