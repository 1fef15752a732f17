"""Rows that the finished model contradicts so firmly that KTO no longer learns from them: likely wrong labels.

The loss's slope at a row is weight * beta * s(u) * (1 - s(u)) with the sigmoid s, u = r' - beta z0 for a desirable row and
beta z0 - r' for an undesirable one, r' its implicit reward. It vanishes where u is far from 0; where u is far below 0
the reward contradicts the label, and "KTO will ignore" such rows, which "can be mislabelled" (Proposition 4.1 and what
follows it, https://arxiv.org/abs/2402.01306). People should look at them. They are never votes: a model that judged
the labels that it was made from would agree with itself.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kto_trainer.dataset import Split

# Four times the slope's share s (1 - s), which is at most 1/4: 1 is the full gradient of an undecided row.
VANISHED = 0.08
SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("row_id", pa.string()),
        ("label", pa.bool_()),
        ("reward", pa.float64()),
        ("gradient_weight", pa.float64()),
        ("saturated", pa.bool_()),
    ]
)


class Saturation(NamedTuple):
    """The review queue, the firmest contradiction first, and counts for `training.json`."""

    table: pa.Table
    counts: dict[str, Any]


def gradient_weights(rewards_N: np.ndarray, labels_N: np.ndarray, beta: float, z0: float) -> np.ndarray:
    """4 s(u) (1 - s(u)) of each row: the share of the full gradient that it still has; in (0, 1].

    Example:
        >>> gradient_weights(np.array([0.0, -6.0]), np.array([True, True]), 0.1, 0.0).round(3).tolist()
        [1.0, 0.01]
    """
    u_N = np.where(labels_N, rewards_N - beta * z0, beta * z0 - rewards_N)
    half_N = np.exp(-np.abs(u_N))  # s(u)(1 - s(u)) = e^-|u| / (1 + e^-|u|)^2, without overflow
    return np.asarray(4.0 * half_N / (1.0 + half_N) ** 2)


def saturation(
    split: Split, labels_N: np.ndarray, rewards_N: np.ndarray, beta: float, z0: float
) -> Saturation:
    """The rows whose reward stands on the other side of z0 than their label, the smallest gradient first.

    `saturated` are those whose gradient has vanished (below `VANISHED`).

    Args:
        split: The train rows.
        labels_N: The labels they were trained with.
        rewards_N: Implicit rewards under the finished model, beta * (logp - ref_logp).
        beta: The paper's beta.
        z0: The reference point at the end of the training, nats.
    """
    weight_N = gradient_weights(rewards_N, labels_N, beta, z0)
    against_N = np.where(labels_N, rewards_N < beta * z0, rewards_N > beta * z0)
    order = np.flatnonzero(against_N)
    order = order[np.argsort(weight_N[order], kind="stable")]
    ids = split.columns(("sample_id", "row_id")).take(pa.array(order))
    table = pa.table(
        [
            ids.column("sample_id").cast(pa.string()),
            ids.column("row_id").cast(pa.string()),
            pa.array(labels_N[order]),
            pa.array(rewards_N[order]),
            pa.array(weight_N[order]),
            pa.array(weight_N[order] < VANISHED),
        ],
        schema=SCHEMA,
    )
    return Saturation(
        table,
        {"against_label": len(order), "saturated": _by_class(labels_N, order[weight_N[order] < VANISHED])},
    )


def _by_class(labels_N: np.ndarray, rows: Sequence[int] | np.ndarray) -> dict[str, int]:
    chosen = labels_N[np.asarray(rows, np.int64)]
    return {"desirable": int(chosen.sum()), "undesirable": int((~chosen).sum())}
