"""What the trainer found in its rows, counted before training: cuts, empty outputs, duplicates, contradictions."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kto_trainer.dataset import Split
from kto_trainer.sequences import numbered
from kto_trainer.token_store import TokenStore


@dataclass(frozen=True, slots=True, eq=False)
class EncodedRows:
    """The N train rows: tokens on disk; labels, weights, and keys that tell equal prompts and completions in memory.

    Keys are of the cut tokens, so prompts that are equal to the model are equal here.
    """

    tokens: TokenStore
    labels_N: np.ndarray  # bool
    weights_N: np.ndarray  # float64
    prompt_keys_N: np.ndarray  # int32
    completion_keys_N: np.ndarray  # int32
    counts: dict[str, Any]

    def __len__(self) -> int:
        return len(self.labels_N)


def encode_rows(split: Split, tokens: TokenStore) -> EncodedRows:
    """Count what a reader should know of the rows before trusting the result.

    Nothing is left out: an empty completion is a lone EOS (an output that says nothing can be undesirable), duplicates
    and rows with both labels are trained on as they are. The counts, by class where that matters, are:
    `completions_truncated`, `prompts_truncated`, `empty_completions`, `duplicates` (rows beyond the first with equal
    tokens and label) and `rows_with_both_labels` (rows whose tokens occur with the other label too).
    """
    labels_N, index_N = split.labels_N, tokens.index_N
    prompt_keys_N, prompts = numbered(index_N["prompt_hash"])
    completion_keys_N, _ = numbered(index_N["completion_hash"])
    sample_N, samples = numbered(np.stack([prompt_keys_N, completion_keys_N], 1).astype(np.uint64))
    # How often each sample has each of the two labels.
    times_K2 = np.bincount(2 * sample_N.astype(np.int64) + labels_N, minlength=2 * len(samples)).reshape(
        -1, 2
    )
    counts = {
        "rows": {"train": len(split)} | _by_class(labels_N, np.ones(len(split), bool)),
        "distinct_prompts": len(prompts),
        "completions_truncated": _by_class(labels_N, index_N["completion_cut"]),
        "prompts_truncated": _by_class(labels_N, index_N["prompt_cut"]),
        "empty_completions": _by_class(labels_N, index_N["completion"] <= 1),
        "duplicates": int((times_K2 - 1).clip(min=0).sum()),
        "rows_with_both_labels": int(times_K2[times_K2.all(1)].sum()),
        "tokens": {name: int(index_N[name].sum()) for name in ("prompt", "completion")},
    }
    return EncodedRows(tokens, labels_N, split.weights_N, prompt_keys_N, completion_keys_N, counts)


def _by_class(labels_N: np.ndarray, found_N: np.ndarray) -> dict[str, int]:
    return {"desirable": int((found_N & labels_N).sum()), "undesirable": int((found_N & ~labels_N).sum())}
