"""Mismatched pairs for the KL estimate: a seeded derangement of a batch's own completions.

z0 needs outputs that are unrelated to the prompt. Taking the neighbour's completion, as is common, meets real answers
to the same prompt whenever a prompt has several labelled outputs, which is what labelling tools write. Here prompt i
gets completion j with another prompt and another text, whenever the batch admits such an assignment.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LARGE = 512  # rows; an assignment of so many takes some 20 ms; it is cubic in them
SWAPS = 64  # rounds of swapping


class Pairing(NamedTuple):
    """Row i's prompt goes with row `partner[i]`'s completion; `n_fallbacks` pairs are not really mismatched."""

    partner: list[int]
    n_fallbacks: int


def mismatched_pairs(
    prompt_keys: Sequence[int] | np.ndarray,
    completion_keys: Sequence[int] | np.ndarray,
    generator: np.random.Generator,
) -> Pairing:
    """A random permutation that pairs no prompt with an equal prompt's completion or with its own text.

    Solved as an assignment problem, so a valid permutation is found whenever one exists; where none exists, as few
    pairs as possible break the rule (the fallbacks), and among those as few as possible are a row's own pair. Random
    costs make the choice among the valid ones random. Time would grow with the cube of the batch (0.1 ms for 32 rows), so
    a batch of more than `LARGE` rows is shuffled, and what breaks the rule is swapped with rows drawn at random: one row
    in `LARGE` or so may stay a fallback that could have been avoided where a few prompts fill the batch.

    Args:
        prompt_keys: One number a row; equal numbers are equal prompts.
        completion_keys: One number a row; equal numbers are equal completions.
        generator: Source of randomness; the same state gives the same pairs.

    Example:
        >>> mismatched_pairs([1, 1, 2, 2], [10, 11, 12, 13], np.random.default_rng(0)).n_fallbacks
        0
        >>> mismatched_pairs([1], [10], np.random.default_rng(0))
        Pairing(partner=[0], n_fallbacks=1)
    """
    if len(prompt_keys) > LARGE:
        return _swapped(np.asarray(prompt_keys), np.asarray(completion_keys), generator)
    # Imported here: scipy.optimize takes a quarter of a second, and `score` needs no pairs.
    from scipy.optimize import linear_sum_assignment

    assert len(prompt_keys) == len(completion_keys)
    n = len(prompt_keys)
    prompts_B = np.asarray(prompt_keys)
    completions_B = np.asarray(completion_keys)
    same_prompt_BB = prompts_B[:, None] == prompts_B[None, :]
    same_completion_BB = completions_B[:, None] == completions_B[None, :]
    broken_BB = same_prompt_BB | same_completion_BB
    # All random costs together stay below n, so one row's own pair outweighs them, and one broken rule all own pairs.
    cost_BB = generator.random((n, n)) + n * np.eye(n) + 2.0 * n * (n + 1) * broken_BB
    _, partner_B = linear_sum_assignment(cost_BB)
    return Pairing(partner_B.tolist(), int(broken_BB[np.arange(n), partner_B].sum()))


def _swapped(prompts_B: np.ndarray, completions_B: np.ndarray, generator: np.random.Generator) -> Pairing:
    """A shuffle whose broken pairs were swapped away, in time that grows with the batch alone."""

    def broken(rows: np.ndarray, partners: np.ndarray) -> np.ndarray:
        found: np.ndarray = (prompts_B[rows] == prompts_B[partners]) | (
            completions_B[rows] == completions_B[partners]
        )
        return found

    n = len(prompts_B)
    rows_B, partner_B = np.arange(n), generator.permutation(n)
    for _ in range(SWAPS):
        wrong = np.flatnonzero(broken(rows_B, partner_B))
        if not len(wrong):
            break
        for row in wrong.tolist():
            others = generator.integers(n, size=8)
            mine, theirs = np.full(8, partner_B[row]), partner_B[others]
            fine = ~broken(np.full(8, row), theirs) & ~broken(others, mine)
            if fine.any():
                other = int(others[np.argmax(fine)])
                partner_B[row], partner_B[other] = partner_B[other], partner_B[row]
    return Pairing(partner_B.tolist(), int(broken(rows_B, partner_B).sum()))
