"""Which labelers say the same: correlations of their votes over all samples, abstentions included.

Shapes: N samples, M labelers, V entries of the vote table.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kto_data.votes.table import Floats, VoteTable

N_ECHOES = 3
"""Labelers named as the most correlated ones."""

_SAMPLES_PER_CHUNK = 100_000
"""Bounds the memory of correlations."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Another labeler that votes alike.

    Attributes:
        labeler: Its name.
        correlation: Pearson's correlation of the two votes (1, 0, -1) over all samples, in [-1, 1].
        n_both: Samples on which both vote.
    """

    labeler: str
    correlation: float
    n_both: int


def find_echoes(votes: VoteTable, sign_V: npt.NDArray[np.int8]) -> list[tuple[Echo, ...]]:
    """Return for each labeler the most correlated others, the closest first.

    Args:
        votes: The votes, pooled per sample.
        sign_V: The sign of each entry's votes.
    """
    n, m = len(votes.sample_ids), len(votes.labelers)
    if not n or not m:
        return [() for _ in range(m)]
    both_MM, products_MM, sum_M = _co_occurrences(votes, sign_V)
    covariance_MM = products_MM / n - np.outer(sum_M / n, sum_M / n)
    spread_M = np.sqrt(np.clip(np.diag(covariance_MM), 0.0, None))
    scale_MM = np.outer(spread_M, spread_M)
    correlation_MM = np.divide(covariance_MM, scale_MM, out=np.zeros((m, m)), where=scale_MM > 1e-12)
    np.fill_diagonal(correlation_MM, 0.0)
    echoes = []
    for row in range(m):
        order = sorted(range(m), key=lambda other: (-abs(correlation_MM[row, other]), other))[:N_ECHOES]
        echoes.append(
            tuple(
                Echo(
                    votes.labelers[other].name,
                    round(float(np.clip(correlation_MM[row, other], -1, 1)), 6),
                    int(both_MM[row, other]),
                )
                for other in order
                if other != row and correlation_MM[row, other] != 0.0
            )
        )
    return echoes


def _co_occurrences(votes: VoteTable, sign_V: npt.NDArray[np.int8]) -> tuple[Floats, Floats, Floats]:
    """Return, for each pair of labelers, on how many samples both vote and the sum of their votes' products; and sums of votes.

    Samples are taken some at a time, so that the matrix of all votes is never in memory.
    """
    n, m = len(votes.sample_ids), len(votes.labelers)
    if (votes.sample_V[1:] < votes.sample_V[:-1]).any():
        order_V = np.argsort(votes.sample_V, kind="stable")
        votes, sign_V = votes.where(order_V), sign_V[order_V]  # type: ignore[arg-type]  # an index array sorts
    bounds = np.append(np.arange(0, n, _SAMPLES_PER_CHUNK), n).astype(votes.sample_V.dtype)
    both_MM, products_MM = np.zeros((m, m)), np.zeros((m, m))
    for start, end in pairwise(bounds):
        first, last = np.searchsorted(votes.sample_V, np.array((start, end), dtype=bounds.dtype))
        where = (votes.sample_V[first:last] - start, votes.labeler_V[first:last])
        signs = sparse.csr_array((sign_V[first:last].astype(np.float64), where), shape=(int(end - start), m))
        products_MM += (signs.T @ signs).toarray()
        voted = abs(signs)
        both_MM += (voted.T @ voted).toarray()
    return both_MM, products_MM, votes.per_labeler(sign_V)
