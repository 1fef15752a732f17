"""The weight of each row in the loss. Class weights are apart from it, so that nothing is corrected twice."""

import math
from typing import Annotated, Any

import duckdb
import pyarrow as pa
from pydantic import Field

from kto_data.columns import group_sql
from kto_data.config.validate import Options
from kto_data.errors import InputError, did_you_mean

SHORT_FORMS: dict[str, dict[str, Any]] = {"uniform": {}, "confidence": {"confidence": True}}
"""What may stand in place of the options."""


class RowWeights(Options):
    """The factors that a row's weight is the product of; without any, every row weighs 1.

    The product is divided by its mean over the train rows. Class weights are computed on the sums of these
    weights, and are never part of them.
    """

    confidence: bool = False
    """As much as the label is sure, |2 p_desirable - 1|; rows without a p_desirable take the mean of the others."""
    source: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """A factor for each source by name, such as {gold.jsonl: 2}; 1 for those that are not named."""
    propensity: str | None = Field(default=None, pattern=r"^meta\..+")
    """A column such as `meta.p_shown`: how likely the row was to be recorded or chosen; it weighs 1 / that."""
    at_most: float = Field(20.0, gt=1)
    """The most that the inverse propensity may be: a bound on the noise that few very rare rows bring."""
    per_prompt: bool = False
    """1 / the train rows of the prompt: every prompt counts the same, however often it was answered."""

    @property
    def uniform(self) -> bool:
        """Whether every row weighs 1."""
        return not (self.confidence or self.source or self.propensity or self.per_prompt)


def from_short_form(value: Any) -> Any:
    """Return what a word such as `confidence` stands for.

    Raises:
        ValueError: The word is unknown.
    """
    if not isinstance(value, str):
        return value
    if value not in SHORT_FORMS:
        words = ", ".join(SHORT_FORMS)
        raise ValueError(
            f"{value!r} is not one of {words}{did_you_mean(value, SHORT_FORMS).partition('; known')[0]}, "
            "nor a mapping such as {confidence: true, per_prompt: true}"
        )
    return SHORT_FORMS[value]


def add_row_weights(
    connection: duckdb.DuckDBPyConnection, options: RowWeights, rows_schema: pa.Schema | None = None
) -> None:
    """Make the table `row_weights`: row_id and weight, with mean 1 over the train split.

    Test rows take the same divisors, or the test split's own where nothing is trained on.

    Args:
        connection: With a table or view `decided`: row_id, split, p_desirable, prompt_id, source; and a view `rows`
            where a propensity is asked for.
        options: How to weigh.
        rows_schema: Of `rows`; needed likewise.

    Raises:
        InputError: No train row weighs anything, or a propensity is not in (0, 1].
    """
    if options.uniform:
        connection.execute(
            "CREATE TABLE row_weights AS SELECT row_id, CAST(1 AS FLOAT) AS weight FROM decided"
        )
        return
    connection.execute("CREATE TABLE factors AS SELECT row_id, split, 1.0::DOUBLE AS factor FROM decided")
    if options.confidence:
        _confidence(connection)
    if options.source:
        connection.execute("CREATE TABLE named (source VARCHAR, f DOUBLE)")
        connection.executemany(
            "INSERT INTO named VALUES (?, ?)", [list(pair) for pair in options.source.items()]
        )
        _multiply(connection, "SELECT row_id, f FROM decided JOIN named USING (source)")
    if options.propensity:
        assert rows_schema is not None
        _inverse_propensity(connection, options.propensity, options.at_most, rows_schema)
    if options.per_prompt:
        _multiply(
            connection,
            "SELECT row_id, 1.0 / count(*) OVER (PARTITION BY split, prompt_id) AS f FROM decided",
        )
    mean = _mean(connection, "factor", "factors")
    if mean == 0:
        raise InputError(
            "balance.row_weights: every train row weighs 0; give at least one source a factor above 0"
        )
    connection.execute(
        "CREATE TABLE row_weights AS SELECT row_id, CAST(factor / ? AS FLOAT) AS weight FROM factors",
        [mean or 1.0],
    )


def _confidence(connection: duckdb.DuckDBPyConnection) -> None:
    mean = _mean(connection, "abs(2 * p_desirable - 1)", "decided")
    if mean == 0:
        raise InputError(
            "balance.row_weights.confidence: every train row has p_desirable 0.5, so every weight would be 0; "
            "use `row_weights: uniform`, or more labelers"
        )
    _multiply(
        connection,
        "SELECT row_id, coalesce(abs(2 * p_desirable - 1) / $mean, 1.0) AS f FROM decided",
        {"mean": mean or 1.0},
    )


def _inverse_propensity(
    connection: duckdb.DuckDBPyConnection, column: str, at_most: float, rows_schema: pa.Schema
) -> None:
    value = f"TRY_CAST({group_sql(column, rows_schema)} AS DOUBLE)"
    connection.execute(
        f"CREATE TABLE propensities AS SELECT row_id, {value} AS p FROM rows SEMI JOIN decided USING (row_id)"  # noqa: S608 - quoted by group_sql
    )
    wrong = connection.execute(
        "SELECT row_id, p FROM propensities WHERE p IS NULL OR NOT (p > 0 AND p <= 1) ORDER BY row_id LIMIT 1"
    ).fetchone()
    if wrong is not None:
        raise InputError(
            f"balance.row_weights.propensity: {column} of {wrong[0]} is {wrong[1]}, not a probability above 0 and "
            "at most 1; mend the column, or leave the key out"
        )
    _multiply(
        connection, "SELECT row_id, least(1 / p, $at_most) AS f FROM propensities", {"at_most": at_most}
    )


def _multiply(
    connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None
) -> None:
    connection.execute(
        f"UPDATE factors SET factor = factor * other.f FROM ({query}) AS other WHERE factors.row_id = other.row_id",  # noqa: S608 - queries of this file
        values or {},
    )


def _mean(connection: duckdb.DuckDBPyConnection, expression: str, table: str) -> float | None:
    """The mean over the train rows that have a value, else over the test rows; None without any."""
    for split in ("train", "test"):
        values = connection.execute(
            f"SELECT {expression} AS v FROM {table} WHERE split = ? AND ({expression}) IS NOT NULL",  # noqa: S608 - expressions of this file
            [split],
        ).fetchnumpy()["v"]
        if len(values):
            # fsum, because a sum that depends on the order of rows would make other bytes of the same data
            return math.fsum(values) / len(values)
    return None
