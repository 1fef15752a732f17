"""Balance statistics: how much of each class there is, in rows, weight, confidence and tokens, and where."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from kto_data.balance.mixed import Keys
from kto_data.balance.order import first_seen
from kto_data.balance.order_facts import OrderFacts, order_facts
from kto_data.tables import add_view, database

MOST_TIMES = 24
"""Time is cut into the shortest of days, weeks, months and years that gives no more parts."""


@dataclass(frozen=True, slots=True)
class Mass:
    """How much of each class there is, in one measure.

    Attributes:
        desirable: The sum over the desirable rows.
        undesirable: ... and over the others.
        ratio: The first over the second; None if that is 0.
    """

    desirable: float
    undesirable: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """The rows of one source, model, language, cluster of prompts, or time.

    Attributes:
        name: Which.
        n_rows: Its rows.
        n_desirable: Those labelled desirable.
        n_undesirable: The others.
        share_desirable: The first as a share of the rows.
        weight: Sums of the rows' weights.
        confidence: Sums of |2 p_desirable - 1|; rows without a p_desirable count as sure.
        tokens: Tokens of the completions.
    """

    name: str
    n_rows: int
    n_desirable: int
    n_undesirable: int
    share_desirable: float
    weight: Mass
    confidence: Mass
    tokens: Mass


@dataclass(frozen=True, slots=True)
class Expected:
    """What the probabilities say about the classes: the sum of independent p_desirable (Poisson-binomial).

    Attributes:
        n_desirable: How many rows are desirable, were each so with its own p_desirable.
        standard_deviation: Of that number.
        n_without_p: Rows whose label was given without a probability; they count as certain.
    """

    n_desirable: float
    standard_deviation: float
    n_without_p: int


@dataclass(frozen=True, slots=True)
class BalanceStatistics:
    """The balance of one split.

    Attributes:
        split: Which.
        n_rows: Its rows.
        n_desirable: Rows labelled desirable.
        n_undesirable: Rows labelled undesirable.
        share_desirable: As a share of the rows; None without rows.
        share_undesirable: Likewise.
        ratio: n_desirable / n_undesirable; None if there is no undesirable row.
        weight: Sums of the rows' weights.
        confidence: Sums of |2 p_desirable - 1|; rows without a p_desirable count as sure.
        tokens: Tokens of the completions.
        effective_rows: Kish's effective sample size of each class, (sum w)^2 / sum w^2: equal weights cost nothing.
        expected: What the probabilities say.
        n_prompts: Distinct prompts.
        n_prompts_both: Prompts with rows of both labels.
        n_prompts_only_desirable: Prompts with desirable rows only.
        n_prompts_only_undesirable: Prompts with undesirable rows only.
        most_common_completion: The share of each class that its most frequent completion makes up.
        order: What the order of the rows does to batches.
        by_source: The counts of each source, the largest first.
        by_model: The counts of each model, the largest first; rows without one are left out.
        by_language: Likewise.
        by_cluster: By cluster of the prompts.
        by_time: By day, week, month or year, the earliest first.
    """

    split: str
    n_rows: int
    n_desirable: int
    n_undesirable: int
    share_desirable: float | None
    share_undesirable: float | None
    ratio: float | None
    weight: Mass
    confidence: Mass
    tokens: Mass
    effective_rows: Mass
    expected: Expected
    n_prompts: int
    n_prompts_both: int
    n_prompts_only_desirable: int
    n_prompts_only_undesirable: int
    most_common_completion: Mass
    order: OrderFacts
    by_source: tuple[ClassCounts, ...]
    by_model: tuple[ClassCounts, ...]
    by_language: tuple[ClassCounts, ...]
    by_cluster: tuple[ClassCounts, ...]
    by_time: tuple[ClassCounts, ...]


_MEASURES = {"weight": "weight", "confidence": "coalesce(abs(2 * p_desirable - 1), 1)", "tokens": "n_tokens"}


def balance_statistics(
    *, rows: Path, selection: Path, profile: Path, split: str = "train", batch_rows: int = 8
) -> BalanceStatistics:
    """Return the balance of a split. About 100 bytes a row are held.

    Args:
        rows: Parquet with `rows_schema`; texts are not read.
        selection: Parquet with `SELECTION`.
        profile: Parquet with `PROFILE`, of at least these rows.
        split: `train` or `test`.
        batch_rows: The batch that the order is looked at for.
    """
    with database(selection.parent) as connection:
        for name, path in (("rows", rows), ("selection", selection), ("profile", profile)):
            add_view(connection, name, path)
        connection.execute(
            "CREATE TABLE chosen AS SELECT position, label, prompt_id, source, model, created_at, "
            "language, cluster, n_tokens, completion_key, "
            # anybody's files can hold anything; `kto check` says so
            "CASE WHEN isfinite(weight) THEN weight ELSE 0 END AS weight, "
            "CASE WHEN p_desirable BETWEEN 0 AND 1 THEN p_desirable END AS p_desirable FROM selection JOIN rows USING (row_id) "
            "JOIN profile USING (row_id) WHERE split = ?",
            [split],
        )
        total = _totals(connection)
        n_rows, n_desirable, n_undesirable = (total[name] for name in ("n", "n_desirable", "n_undesirable"))
        [(n_prompts, n_both, n_only_desirable, n_only_undesirable)] = connection.execute(
            "SELECT count(*), count(*) FILTER (up AND down), count(*) FILTER (NOT down), count(*) FILTER (NOT up) "
            "FROM (SELECT bool_or(label) AS up, bool_or(NOT label) AS down FROM chosen GROUP BY prompt_id)"
        ).fetchall()
        return BalanceStatistics(
            split=split,
            n_rows=n_rows,
            n_desirable=n_desirable,
            n_undesirable=n_undesirable,
            share_desirable=n_desirable / n_rows if n_rows else None,
            share_undesirable=n_undesirable / n_rows if n_rows else None,
            ratio=n_desirable / n_undesirable if n_undesirable else None,
            **{name: mass(total[f"{name}_d"], total[f"{name}_u"]) for name in _MEASURES},
            effective_rows=mass(
                *(_effective(total[f"weight_{side}"], total[f"squares_{side}"]) for side in "du")
            ),
            expected=Expected(total["expected"], total["variance"] ** 0.5, total["without_p"]),
            n_prompts=n_prompts,
            n_prompts_both=n_both,
            n_prompts_only_desirable=n_only_desirable,
            n_prompts_only_undesirable=n_only_undesirable,
            most_common_completion=_most_common(connection, n_desirable, n_undesirable),
            order=_order(connection, batch_rows),
            by_source=_by(connection, "source"),
            by_model=_by(connection, "model"),
            by_language=_by(connection, "language"),
            by_cluster=_by(connection, "cluster"),
            by_time=_by_time(connection),
        )


def mass(desirable: float, undesirable: float) -> Mass:
    """Return both with their ratio."""
    return Mass(float(desirable), float(undesirable), desirable / undesirable if undesirable else None)


def _sum(measure: str, where: str = "true") -> str:
    # of decimals, because a sum of floats depends on the order of its terms, and threads do not keep one
    return f"coalesce(CAST(sum(CAST({measure} AS DECIMAL(30, 9))) FILTER ({where}) AS DOUBLE), 0)"


def _by_class(name: str, measure: str) -> str:
    return f"{_sum(measure, 'label')} AS {name}_d, {_sum(measure, 'NOT label')} AS {name}_u"


def _sums() -> str:
    return ", ".join(_by_class(name, measure) for name, measure in _MEASURES.items())


def _totals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    p = "coalesce(p_desirable, label::INT)"
    found = connection.execute(
        "SELECT count(*) AS n, count(*) FILTER (label) AS n_desirable, count(*) FILTER (NOT label) AS n_undesirable, "  # noqa: S608 - expressions of this file
        f"{_sums()}, {_by_class('squares', 'weight * weight')}, {_sum(p)} AS expected, "
        f"{_sum(f'{p} * (1 - {p})')} AS variance, "
        "count(*) FILTER (p_desirable IS NULL) AS without_p FROM chosen"
    )
    names = [column[0] for column in found.description or []]
    return dict(zip(names, found.fetchall()[0], strict=True))


def _effective(total: float, squares: float) -> float:
    return total * total / squares if squares else 0.0


def _most_common(connection: duckdb.DuckDBPyConnection, n_desirable: int, n_undesirable: int) -> Mass:
    counts = dict(
        connection.execute(
            "SELECT label, max(n) FROM (SELECT label, count(*) AS n FROM chosen GROUP BY label, completion_key) GROUP BY label"
        ).fetchall()
    )
    return mass(counts.get(True, 0) / max(1, n_desirable), counts.get(False, 0) / max(1, n_undesirable))


def _order(connection: duckdb.DuckDBPyConnection, batch_rows: int) -> OrderFacts:
    found = connection.execute(
        "SELECT label, hash(prompt_id) AS prompt, hash(completion_key) AS completion FROM chosen ORDER BY position"
    ).fetchnumpy()
    keys = Keys(first_seen(found["prompt"]), first_seen(found["completion"]))
    return order_facts(found["label"].astype(np.bool_), keys, batch_rows=batch_rows)


def _by(
    connection: duckdb.DuckDBPyConnection, column: str, order: str = "n DESC, name"
) -> tuple[ClassCounts, ...]:
    counts = connection.execute(
        f"SELECT {column} AS name, count(*) AS n, count(*) FILTER (label), count(*) FILTER (NOT label), {_sums()} "  # noqa: S608 - columns of ours
        f"FROM chosen WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY {order}"
    )
    return tuple(
        ClassCounts(
            name,
            n,
            desirable,
            undesirable,
            desirable / n,
            **{key: mass(*sums[2 * at : 2 * at + 2]) for at, key in enumerate(_MEASURES)},
        )
        for name, n, desirable, undesirable, *sums in counts.fetchall()
    )


def _by_time(connection: duckdb.DuckDBPyConnection) -> tuple[ClassCounts, ...]:
    for part in ("day", "week", "month", "year"):
        column = f"CAST(CAST(date_trunc('{part}', make_timestamp(epoch_us(created_at))) AS DATE) AS VARCHAR)"
        [(n_parts,)] = connection.execute(f"SELECT count(DISTINCT {column}) FROM chosen").fetchall()  # noqa: S608 - words of ours
        if n_parts <= MOST_TIMES or part == "year":
            return _by(connection, column, "name")
    raise AssertionError("the last part is always taken")
