"""All findings about a dataset."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from kto_data.balance.profile import write_profile
from kto_data.balance.shortcuts import audit_shortcuts
from kto_data.balance.statistics import BalanceStatistics, balance_statistics
from kto_data.dataset.check.batches import check_batches
from kto_data.dataset.check.content import check_content
from kto_data.dataset.check.finding import SEVERITIES, Finding
from kto_data.dataset.check.records import check_records
from kto_data.dataset.check.tokens import check_markers, check_tokens
from kto_data.dataset.check.weights import check_shortcuts, check_weights
from kto_data.dataset.foreign.opened import Opened
from kto_data.tables import add_view, database


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What a dataset is checked for.

    Attributes:
        batch_rows: Rows of a batch, per device.
        desirable_weight: What the training will use; None for what the dataset's manifest says, else 1.
        undesirable_weight: Likewise.
        tokenizer: A local folder; None leaves tokens out.
        max_length: In tokens, prompt and completion together.
        shortcuts: Whether to look for shortcuts, which takes a few seconds.
        seed: Of samples.
    """

    batch_rows: int = 8
    desirable_weight: float | None = None
    undesirable_weight: float | None = None
    tokenizer: Path | None = None
    max_length: int = 1024
    shortcuts: bool = True
    seed: int = 0


def check_dataset(opened: Opened, options: CheckOptions) -> tuple[BalanceStatistics, list[Finding]]:
    """Return the balance of the train split, and what was found, the worst first.

    Raises:
        InputError: The tokenizer cannot be used.
    """
    profile = opened.rows.with_name("profile.parquet")
    files: dict[str, Any] = {"rows": opened.rows, "selection": opened.selection, "profile": profile}
    write_profile(profile, rows=opened.rows, selection=opened.selection, seed=options.seed)
    statistics = balance_statistics(**files, batch_rows=options.batch_rows)
    findings = list(check_records(opened))
    with database(opened.rows.parent) as con:
        checked_tables(con, files)
        findings += check_content(con)
        findings += _trained(opened, options, statistics, con)
    if options.shortcuts:
        findings += check_shortcuts(audit_shortcuts(**files, seed=options.seed))
    return statistics, sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _trained(
    opened: Opened, options: CheckOptions, statistics: BalanceStatistics, con: duckdb.DuckDBPyConnection
) -> Iterator[Finding]:
    if not statistics.n_rows:
        return
    weights = [options.desirable_weight, options.undesirable_weight]
    stated = opened.manifest.weights if opened.manifest else None
    named = [stated.desirable_weight, stated.undesirable_weight] if stated else [1.0, 1.0]
    desirable, undesirable = (
        given if given is not None else other for given, other in zip(weights, named, strict=True)
    )
    yield from check_weights(
        statistics,
        con,
        desirable_weight=desirable,
        undesirable_weight=undesirable,
        given=stated is not None or weights != [None, None],
    )
    yield from check_batches(statistics.order)
    yield from check_markers(con)
    if options.tokenizer is not None:
        plain = opened.n_plain == sum(opened.n_rows.values())
        yield from check_tokens(con, tokenizer=options.tokenizer, max_length=options.max_length, plain=plain)


def checked_tables(con: duckdb.DuckDBPyConnection, files: dict[str, Path]) -> None:
    """Make what checks look at: the views of the files, the table `checked` and the view `keyed`."""
    for name, path in files.items():
        add_view(con, name, path)
    con.execute(
        "CREATE TABLE checked AS SELECT row_id, split, label, weight, position, sample_id, prompt_id, source "
        "FROM selection JOIN (SELECT row_id, sample_id, prompt_id, source FROM rows) USING (row_id)"
    )
    con.execute(
        "CREATE VIEW keyed AS SELECT * FROM checked JOIN (SELECT row_id, completion_key FROM profile) USING (row_id)"
    )
