"""Effective batches: reshuffled every epoch, both classes in each, equal prompts apart.

z0 is one number for a batch and both classes push against it, so a batch of one class, or one full of answers to a
single prompt, gives KTO a skewed step. N rows, K batches.
"""

from collections.abc import Sequence

import numpy as np


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Sizes of an epoch's batches: as near to `batch_size` as equal shares allow, never a rest of one row.

    Args:
        n_rows: Rows of the epoch, at least 1.
        batch_size: The size asked for, at least 2.

    Example:
        >>> batch_sizes(65, 32), batch_sizes(3, 2), batch_sizes(50, 32)
        ([33, 32], [3], [25, 25])
    """
    n_batches = max(1, min((2 * n_rows + batch_size) // (2 * batch_size), n_rows // 2))
    share, extra = divmod(n_rows, n_batches)
    return [share + (k < extra) for k in range(n_batches)]


def epoch_batches(
    labels: Sequence[bool], prompt_keys: Sequence[int], batch_size: int, generator: np.random.Generator
) -> list[list[int]]:
    """One epoch's batches as lists of row numbers: each row once, in a random order.

    Each batch's count of the rarer class differs by at most one from any other's. Within these counts a row goes to
    the batch that has the fewest rows with its prompt, then to the emptiest, then to a random one.

    Args:
        labels: True for desirable, one a row.
        prompt_keys: One number a row; equal numbers are equal prompts.
        batch_size: The size asked for, at least 2; see `batch_sizes`.
        generator: Source of randomness; call again with the same generator for the next epoch.
    """
    sizes_K = np.array(batch_sizes(len(labels), batch_size))
    n_batches = len(sizes_K)
    rarer = sum(labels) * 2 < len(labels)
    share, extra = divmod(sum(label == rarer for label in labels), n_batches)
    rarer_K = np.full(n_batches, share)
    # The longer batches come first, so they take the spare rows of the rarer class: none gets more than it can hold.
    rarer_K[:extra] += 1
    room = {rarer: rarer_K.astype(float), not rarer: (sizes_K - rarer_K).astype(float)}

    batches: list[list[int]] = [[] for _ in range(n_batches)]
    for group in _groups(prompt_keys, generator):
        same_prompt_K = np.zeros(n_batches)
        tie_K = generator.random(n_batches)
        for row in group:
            room_K = room[labels[row]]
            preference_K = np.where(room_K > 0, same_prompt_K * 1e6 - room_K + tie_K, np.inf)
            k = int(np.argmin(preference_K))
            room_K[k] -= 1
            same_prompt_K[k] += 1
            batches[k].append(row)
    return [batches[k] for k in generator.permutation(n_batches)]


def _groups(prompt_keys: Sequence[int], generator: np.random.Generator) -> list[list[int]]:
    """Row numbers grouped by prompt, the largest groups first (they are hardest to spread), otherwise shuffled."""
    groups: dict[int, list[int]] = {}
    for row in generator.permutation(len(prompt_keys)).tolist():
        groups.setdefault(prompt_keys[row], []).append(row)
    return sorted(groups.values(), key=len, reverse=True)
