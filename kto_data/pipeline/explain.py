"""Why a sample has its label: every vote with its reason and worth, who decided, and what would flip it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from kto_data.aggregators.policy import Decided, decide
from kto_data.errors import InputError
from kto_data.labelers.rules import explain_row, rows_of
from kto_data.labelers.rules.rule import RuleSet
from kto_data.pipeline.decision import gold_of, json_values, prompts_of, selection_of
from kto_data.pipeline.finished import FinishedRun
from kto_data.pipeline.flip import smallest_flip
from kto_data.pipeline.spec import load_pipeline
from kto_data.votes.sample_ids import positions
from kto_data.votes.standing import literal, long_source, quoted
from kto_data.votes.table import VoteTable, load_votes


def explain(run: FinishedRun, wanted: str) -> dict[str, Any]:
    """Return all there is to say about one sample, as JSON values.

    Args:
        run: A finished run.
        wanted: A sample_id, or a row_id.

    Raises:
        InputError: The run has no such sample.
    """
    sample_id, rows = _find(run, wanted)
    votes = load_votes(
        run.labelers(),
        samples=run.path("prepare", "kept.parquet"),
        rows=run.rows,
        rule_blocks=run.blocks("rules"),
        vote_blocks=run.blocks("votes"),
    )
    sample = int(positions(votes.sample_ids, pa.array([sample_id]))[0])
    row_ids = [row["row_id"] for row in rows.select(["row_id"]).to_pylist()]
    told: dict[str, Any] = {"sample_id": sample_id, "row_ids": row_ids}
    if sample < 0:
        return told | {"dropped": _dropped(run, row_ids), "label": None, "decided_by": "dropped", "votes": []}
    method, policy = run.decides_by()
    with TemporaryDirectory() as scratch:
        prompt_N = prompts_of(run.rows, run.path("prepare", "kept.parquet"), Path(scratch))
    gold, _ = gold_of(run.gold(), votes, prompt_N)
    decided = decide(votes, method, policy, gold, p_selected_N=selection_of(votes, run.blocks("votes")))
    label = _stored_label(run, sample_id)
    rules, notes = rules_of(run)
    cast = _cast(run, sample_id, rows, rules)
    flip = None
    if label["decided_by"] != "gold":
        flip = smallest_flip(votes, sample, method, policy, decided.gold, label=label["label"])
    explained: dict[str, Any] = json_values(
        {
            **told,
            **label,
            "dropped": _dropped(run, row_ids),
            "aggregate": {
                "method": decided.aggregate.method,
                "p_desirable": float(decided.aggregate.p_desirable_N[sample]),
                "intercept": decided.aggregate.facts.get("intercept"),
            },
            "votes": [_worth(vote, votes, decided, sample) for vote in cast],
            "notes": notes,
            "flip": None if flip is None else [change._asdict() for change in flip],
        }
    )
    return explained


def _find(run: FinishedRun, wanted: str) -> tuple[str, pa.Table]:
    """Return the sample that is meant and its rows."""
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW rows AS FROM read_parquet({literal(run.path('read', 'rows.parquet'))})")
        found = con.execute(
            "SELECT DISTINCT sample_id FROM rows WHERE sample_id = ? OR row_id = ?", [wanted, wanted]
        ).fetchall()
        if not found:
            raise InputError(f"{run.folder}: no row and no sample has the id {wanted!r}")
        [(sample_id,)] = found
        # texts come as they were read; only this sample's few rows are taken
        rows = con.sql("FROM rows WHERE sample_id = ? ORDER BY row_id", params=[sample_id]).to_arrow_table()
    return sample_id, rows


def _stored_label(run: FinishedRun, sample_id: str) -> dict[str, Any]:
    labels = literal(run.path("aggregate", "labels.parquet"))
    with duckdb.connect() as con:
        found = con.execute(
            f"SELECT label, p_desirable, decided_by, n_votes, conflict FROM read_parquet({labels}) WHERE sample_id = ?",  # noqa: S608 - quoted
            [sample_id],
        )
        names = [column[0] for column in found.description or []]
        return dict(zip(names, found.fetchall()[0], strict=True))


def _dropped(run: FinishedRun, row_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return which of the rows were left out, where and why."""
    files = ", ".join(map(literal, run.dropped()))
    if not files:
        return []
    with duckdb.connect() as con:
        found = con.execute(
            f"SELECT row_id, step, reason, detail FROM read_parquet([{files}]) WHERE row_id IN (SELECT unnest(?)) "  # noqa: S608 - quoted
            "ORDER BY row_id",
            [list(row_ids)],
        ).fetchall()
    return [dict(zip(("row_id", "step", "reason", "detail"), line, strict=True)) for line in found]


def _cast(run: FinishedRun, sample_id: str, rows: pa.Table, rules: RuleSet) -> Iterator[dict[str, Any]]:
    """Yield every vote on the sample, abstentions too, with its reason where there is one."""
    reasons = _rule_reasons(rules, rows)
    with duckdb.connect() as con:
        for block in run.blocks("rules"):
            found = con.execute(
                f"SELECT * FROM read_parquet({literal(block)}) WHERE sample_id = ? ORDER BY row_id",  # noqa: S608 - quoted
                [sample_id],
            )
            names = [column[0] for column in found.description or []]
            for line in found.fetchall():
                values = dict(zip(names, line, strict=True))
                row_id = values.pop("row_id")
                values.pop("sample_id")
                for labeler, vote in values.items():
                    yield {
                        "labeler": labeler,
                        "row_id": row_id,
                        "vote": vote,
                        **reasons.get((labeler, row_id), {}),
                    }
        for block in run.blocks("votes"):
            found = con.execute(
                f"SELECT labeler, row_id, vote, score, reason, {quoted('user')} FROM ({long_source(block)}) "  # noqa: S608 - quoted
                "WHERE sample_id = ? ORDER BY ALL",
                [sample_id],
            )
            names = [column[0] for column in found.description or []]
            for line in found.fetchall():
                yield {key: value for key, value in zip(names, line, strict=True) if value is not None}


def _rule_reasons(rules: RuleSet, rows: pa.Table) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (decision.rule, row.row_id): {
            "reason": decision.message or decision.evidence or None,
            "spans": [asdict(span) for span in decision.spans],
            **({"error": decision.error} if decision.error else {}),
        }
        for row in rows_of(rows)
        for decision in explain_row(rules, row)
    }


def _worth(vote: dict[str, Any], votes: VoteTable, decided: Decided, sample: int) -> dict[str, Any]:
    """Add what kind of labeler it was, whether the vote counts, and what it adds to the log-odds."""
    index = {labeler.name: m for m, labeler in enumerate(votes.labelers)}
    m = index.get(vote["labeler"])
    if m is None:
        return vote | {"counts": False}
    labeler = votes.labelers[m]
    counted = decided.counted
    counts = bool(((counted.sample_V == sample) & (counted.labeler_V == m)).any()) and bool(vote["vote"])
    worths = decided.worth_M if (vote["vote"] or 0) > 0 else decided.worth_against_M
    return vote | {
        "kind": labeler.kind,
        "mode": labeler.mode,
        "version": labeler.version,
        "counts": counts,
        "weight": labeler.weight,
        "log_odds": float(worths[m]) if counts and worths is not None else None,
    }


def rules_of(run: FinishedRun) -> tuple[RuleSet, list[str]]:
    """Return the run's rules as they are in its files now, for their reasons, and what is wrong with them.

    A rule that has changed since is left out: its reasons would be those of another rule.
    """
    name = run.pipeline_file
    if name is None or not run.blocks("rules"):
        return RuleSet((), ()), []
    try:
        rules = load_pipeline(Path(name)).rules
    except InputError as error:
        return RuleSet((), ()), [f"the reasons of rules are not told: {error}"]
    versions = {labeler.name: labeler.version for labeler in run.labelers()}
    same = tuple(rule for rule in rules.rules if versions.get(rule.id) == rule.version)
    changed = sorted(set(rules.ids) & set(versions) - {rule.id for rule in same})
    notes = [f"changed since the run, so without a reason: {', '.join(changed)}"] if changed else []
    return RuleSet(same, rules.files), notes
