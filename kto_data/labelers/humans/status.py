"""How far annotators are: waiting, done, who did what, how long the rest takes."""

from statistics import median
from typing import Any

from kto_data.labelers.humans.batches import answered, n_outstanding
from kto_data.labelers.humans.ledger import DELETED, MAIN, SENT, Ledger

_DEFAULT_S = 30.0


def status(ledger: Ledger, *, per_item: int | None = None) -> dict[str, Any]:
    """Return JSON values: counts of items and answers, batches, annotators, projects.

    Args:
        ledger: As the last pull left it.
        per_item: Answers wanted of each item; those of its project when None.
    """
    project = ledger.project(MAIN)
    wanted = per_item or (int(project["overlap"]) if project else 1)
    n_done, n_items = answered(ledger, wanted)
    n_missing = n_outstanding(ledger, wanted)
    annotators = _annotators(ledger)
    typical_s = _typical_lead_time(annotators)
    return {
        "n_items": n_items,
        "n_done": n_done,
        "n_waiting": n_items - n_done,
        "n_outstanding": n_missing,
        "answers_per_item": wanted,
        "hours_left": n_missing * typical_s / 3600,
        "seconds_per_answer": typical_s,
        "n_to_send": ledger.count("SELECT count(*) FROM items WHERE state NOT IN (?, ?)", [SENT, DELETED]),
        "n_deleted_tasks": ledger.count("SELECT count(*) FROM items WHERE state = ?", [DELETED]),
        "n_invalid": ledger.count(
            "SELECT count(*) FROM annotations WHERE problem <> '' AND withdrawn_at IS NULL"
        ),
        "batches": [_batch(ledger, batch) for batch in ledger.batches()],
        "annotators": annotators,
        "projects": [
            {"kind": one["kind"], "title": one["title"], "url": f"{one['url']}/projects/{one['id']}"}
            for one in ledger.projects()
        ],
    }


def _batch(ledger: Ledger, batch: Any) -> dict[str, Any]:
    return {
        "batch": batch.batch,
        "kind": batch.kind,
        "strategy": batch.strategy,
        "n_items": ledger.count("SELECT count(*) FROM items WHERE batch = ?", [batch.batch]),
        "n_gold": ledger.count("SELECT count(*) FROM items WHERE batch = ? AND role = 'gold'", [batch.batch]),
        "n_outstanding": n_outstanding(ledger, batch.overlap, batch=batch.batch, kind=batch.kind),
    }


def _annotators(ledger: Ledger) -> list[dict[str, Any]]:
    rows = ledger.rows(
        "SELECT annotator, verdict, lead_time_s FROM annotations WHERE withdrawn_at IS NULL AND verdict IS NOT NULL "
        "ORDER BY annotator"
    )
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row["annotator"], []).append(row)
    return [
        {
            "annotator": name,
            "n_desirable": sum(row["verdict"] == "desirable" for row in theirs),
            "n_undesirable": sum(row["verdict"] == "undesirable" for row in theirs),
            "n_skipped": sum(row["verdict"] == "skip" for row in theirs),
            "median_lead_time_s": median(times) if (times := _lead_times(theirs)) else None,
        }
        for name, theirs in found.items()
    ]


def _lead_times(rows: list[Any]) -> list[float]:
    return [float(row["lead_time_s"]) for row in rows if row["lead_time_s"] is not None]


def _typical_lead_time(annotators: list[dict[str, Any]]) -> float:
    """Return the median of the annotators' medians; half a minute while nobody has answered."""
    known = [one["median_lead_time_s"] for one in annotators if one["median_lead_time_s"] is not None]
    return float(median(known)) if known else _DEFAULT_S
