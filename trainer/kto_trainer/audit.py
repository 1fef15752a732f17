"""What the trainer found in its rows, counted before training: cuts, empty outputs, duplicates, contradictions."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kto_trainer.dataset import Row
from kto_trainer.encoding import Encoder, Fitted, Tokens


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """The train rows in tokens, with the keys that tell equal prompts and completions.

    Keys are of the cut tokens, so prompts that are equal to the model are equal here.
    """

    rows: Sequence[Row]
    tokens: list[Tokens]
    prompt_keys: list[int]
    completion_keys: list[int]
    counts: dict[str, Any]


def encode_rows(rows: Sequence[Row], encoder: Encoder, fitted: Sequence[Fitted] | None = None) -> EncodedRows:
    """Encode and cut the rows, and count what a reader should know before trusting the result.

    `fitted` are the rows in tokens where they are known already.

    Nothing is left out: an empty completion is a lone EOS (an output that says nothing can be undesirable), duplicates
    and rows with both labels are trained on as they are. The counts, by class where that matters, are:
    `completions_truncated`, `prompts_truncated`, `empty_completions`, `duplicates` (rows beyond the first with equal
    tokens and label) and `rows_with_both_labels` (rows whose tokens occur with the other label too).
    """
    if fitted is None:
        fitted = [
            encoder.fit(tokens) for tokens in encoder.encode_all((row.prompt, row.completion) for row in rows)
        ]
    tokens = [item.tokens for item in fitted]
    prompt_numbers: dict[tuple[int, ...], int] = {}
    completion_numbers: dict[tuple[int, ...], int] = {}
    prompt_keys = [prompt_numbers.setdefault(tuple(item.prompt), len(prompt_numbers)) for item in tokens]
    completion_keys = [
        completion_numbers.setdefault(tuple(item.completion), len(completion_numbers)) for item in tokens
    ]
    labels = [row.label for row in rows]
    samples = list(zip(prompt_keys, completion_keys, strict=True))
    labels_of: dict[tuple[int, int], set[bool]] = defaultdict(set)
    for sample, label in zip(samples, labels, strict=True):
        labels_of[sample].add(label)
    counts = {
        "rows": {"train": len(rows), "desirable": sum(labels), "undesirable": len(labels) - sum(labels)},
        "distinct_prompts": len(prompt_numbers),
        "completions_truncated": _by_class(labels, [item.completion_cut for item in fitted]),
        "prompts_truncated": _by_class(labels, [item.prompt_cut for item in fitted]),
        "empty_completions": _by_class(labels, [len(item.completion) <= 1 for item in tokens]),
        "duplicates": sum(n - 1 for n in Counter(zip(samples, labels, strict=True)).values()),
        "rows_with_both_labels": sum(len(labels_of[sample]) == 2 for sample in samples),
        "tokens": {
            "prompt": sum(len(item.prompt) for item in tokens),
            "completion": sum(len(item.completion) for item in tokens),
        },
    }
    return EncodedRows(rows, tokens, prompt_keys, completion_keys, counts)


def _by_class(labels: Sequence[bool], found: Sequence[bool]) -> dict[str, int]:
    return {
        "desirable": sum(hit for hit, label in zip(found, labels, strict=True) if label),
        "undesirable": sum(hit for hit, label in zip(found, labels, strict=True) if not label),
    }
