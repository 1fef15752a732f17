"""Findings about the order of rows, for trainers that take them in file order (TRL must)."""

from collections.abc import Iterator

from kto_data.balance.order_facts import OrderFacts
from kto_data.dataset.check.finding import Finding

_FIX = "Write the rows in another order: `kto export` and `balance: {order: mixed}` do."
_FEW = 0.01


def check_batches(facts: OrderFacts) -> Iterator[Finding]:
    """Find batches that KTO cannot use.

    Args:
        facts: Of the train split, with the batch size to judge by.
    """
    size, n = facts.batch_rows, facts.n_rows
    share = facts.single_label_batches.get(size, _at(facts, size))
    desirable = facts.expected_desirable / max(1, min(size, n))
    by_chance = desirable**size + (1 - desirable) ** size
    if 0 < desirable < 1 and share > max(2 * by_chance, 0.02):
        yield Finding(
            "single_label_batches",
            "error" if share > 0.5 else "warning",
            f"{share:.0%} of the batches of {size} rows in file order hold one label only (a random order: {by_chance:.1%}; the "
            f"longest run of one label is {facts.longest_run:,} rows). TRL trains KTO in file order, and the step of such "
            "a batch only pushes likelihoods up, or only down.",
            _FIX,
            {"batch_rows": size, "share": share, "by_chance": by_chance, "longest_run": facts.longest_run},
        )
    for count, name, what, why in (
        (
            facts.n_repeated_prompts,
            "same_prompt_in_batch",
            "their prompt",
            "KTO's reference point is estimated from mismatched prompts and completions, and these match",
        ),
        (
            facts.n_repeated_completions,
            "same_completion_in_batch",
            "an equal completion",
            "a mismatched pair is then a real one",
        ),
    ):
        if count > _FEW * n:
            yield Finding(
                name,
                "warning",
                f"{count:,} of {n:,} rows have {what} among the {size - 1} rows before them: {why}, so that the estimate is too high.",
                _FIX,
                {"batch_rows": size, "n": count, "share": count / n},
            )
    if facts.last_batch_rows == 1 and n > size:
        yield Finding(
            "last_batch_of_one",
            "warning",
            f"{n:,} rows leave a last batch of one at {size} rows a batch: it is its own mismatched pair, and its loss is "
            "1/2 whatever the model does.",
            "Leave one row out, or take another batch size.",
            {"batch_rows": size, "n": n},
        )


def _at(facts: OrderFacts, size: int) -> float:
    """The share at the largest known size that is not larger: at larger batches it can only be smaller."""
    known = [known for known in facts.single_label_batches if known <= size]
    return facts.single_label_batches[max(known)] if known else 0.0
