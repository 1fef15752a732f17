"""The weight of each row in the loss. Class weights are apart from it, so that nothing is corrected twice."""

import math
from typing import Literal

import duckdb

from kto_data.errors import InputError

RowWeightKind = Literal["uniform", "confidence"]
"""The ways to weigh rows."""


def add_row_weights(connection: duckdb.DuckDBPyConnection, kind: RowWeightKind) -> None:
    """Make the table `row_weights`: row_id and weight, with mean 1 over the train split.

    `confidence` weighs a row by |2 p_desirable - 1|, divided by its mean over the train rows that have a
    p_desirable; rows without one (decided by `when_no_evidence`) weigh 1. Test rows take the same divisor, or the
    test split's own mean where nothing is trained on.

    Args:
        connection: With a table or view `decided`: row_id, split, p_desirable.
        kind: How to weigh.

    Raises:
        InputError: No train row's label is any surer than a coin.
    """
    if kind == "uniform":
        connection.execute(
            "CREATE TABLE row_weights AS SELECT row_id, CAST(1 AS FLOAT) AS weight FROM decided"
        )
        return
    mean = _mean_confidence(connection, "train")
    if mean is None:
        mean = _mean_confidence(connection, "test")
    if mean == 0:
        raise InputError(
            "balance.row_weights: confidence: every train row has p_desirable 0.5, so every weight would be 0; "
            "use `row_weights: uniform`, or more labelers"
        )
    connection.execute(
        "CREATE TABLE row_weights AS SELECT row_id, "
        "CAST(coalesce(abs(2 * p_desirable - 1) / ?, 1) AS FLOAT) AS weight FROM decided",
        [mean or 1.0],
    )


def _mean_confidence(connection: duckdb.DuckDBPyConnection, split: str) -> float | None:
    confidences = connection.execute(
        "SELECT abs(2 * p_desirable - 1) AS c FROM decided WHERE split = ? AND p_desirable IS NOT NULL",
        [split],
    ).fetchnumpy()["c"]
    # fsum, because a sum that depends on the order of rows would make other bytes of the same data
    return math.fsum(confidences) / len(confidences) if len(confidences) else None
