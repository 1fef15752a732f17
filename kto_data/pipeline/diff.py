"""What changed between two runs: rows, labels with the cause of each flip, balance and weights."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from kto_data.pipeline.finished import FinishedRun
from kto_data.votes.labelers import Labeler
from kto_data.votes.sample_ids import positions
from kto_data.votes.standing import literal
from kto_data.votes.table import load_votes

_STATES = {True: "desirable", False: "undesirable", None: "undecided"}
_CAUSES = {
    "rule": "rule changed",
    "judge": "judge version",
    "annotator": "new human label",
    "feedback": "new feedback",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What one run's labelers said of some samples.

    Attributes:
        labelers: Who voted, by name.
        signs: For each sample, the sign of each labeler's votes.
        label: For each sample, its label and who decided it.
        gold: For each sample that is gold, its label.
        asked: For each labeler of a later round, the samples that it was asked about.
    """

    labelers: dict[str, Labeler]
    signs: dict[str, dict[str, int]]
    label: dict[str, tuple[bool | None, str]]
    gold: dict[str, bool]
    asked: dict[str, frozenset[str]]

    def was_asked(self, labeler: str, sample: str) -> bool:
        """Return whether a labeler of the run was asked about a sample."""
        return labeler not in self.asked or sample in self.asked[labeler]


def diff(before: FinishedRun, after: FinishedRun, *, limit: int = 100) -> dict[str, Any]:
    """Return the differences of two runs as JSON values.

    Args:
        before: The run that is compared with.
        after: The run that is asked about.
        limit: Rows listed of each kind; all are counted.
    """
    with duckdb.connect() as con:
        for name, run in (("before", before), ("after", after)):
            con.execute(f"CREATE VIEW {name} AS {_rows_query(run)}")
        added = _listed(con, "SELECT row_id, label FROM after ANTI JOIN before USING (row_id)")
        removed = _listed(con, "SELECT row_id, label FROM before ANTI JOIN after USING (row_id)")
        flips = con.execute(
            "SELECT row_id, before.sample_id, after.sample_id, before.label, after.label FROM before JOIN after "
            "USING (row_id) WHERE before.label IS DISTINCT FROM after.label "
            "AND before.dropped IS NULL AND after.dropped IS NULL ORDER BY row_id"
        ).fetchall()
        moved = con.execute(
            "SELECT row_id, before.dropped, after.dropped FROM before JOIN after USING (row_id) "
            "WHERE before.dropped IS DISTINCT FROM after.dropped ORDER BY row_id"
        ).fetchall()
    relabelled = list(_explained(before, after, flips))
    by_cause = Counter(flip["cause"] for flip in relabelled)
    return {
        "before": str(before.folder),
        "after": str(after.folder),
        "rows": {
            "n_added": len(added),
            "n_removed": len(removed),
            "n_relabelled": len(relabelled),
            "n_dropped_otherwise": len(moved),
        },
        "added": [{"row_id": row, "label": _STATES[label]} for row, label in added[:limit]],
        "removed": [{"row_id": row, "label": _STATES[label]} for row, label in removed[:limit]],
        "dropped_otherwise": [
            {"row_id": row, "before": was, "after": now} for row, was, now in moved[:limit]
        ],
        "by_cause": dict(sorted(by_cause.items(), key=lambda item: (-item[1], item[0]))),
        "relabelled": relabelled[:limit],
        "balance": _balance(before, after),
    }


def _rows_query(run: FinishedRun) -> str:
    """Return the query for row_id, sample_id, label, and why the row was left out of the dataset."""
    rows, labels = run.rows, run.path("aggregate", "labels.parquet")
    drops = ", ".join(map(literal, run.dropped()))
    return (
        f"SELECT row_id, sample_id, label, step || ': ' || reason AS dropped FROM read_parquet({literal(rows)}) AS r "  # noqa: S608 - all paths are quoted
        f"LEFT JOIN read_parquet({literal(labels)}) AS l USING (sample_id) "
        f"LEFT JOIN read_parquet([{drops}]) AS d USING (row_id)"
    )


def _listed(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, bool | None]]:
    return con.execute(query + " ORDER BY row_id").fetchall()


def _explained(
    before: FinishedRun,
    after: FinishedRun,
    flips: Sequence[tuple[str, str, str, bool | None, bool | None]],
) -> Iterator[dict[str, Any]]:
    """Yield each relabelled row with its cause."""
    if not flips:
        return
    said = {
        name: _said(run, sorted({(flip[1], flip[2])[column] for flip in flips}))
        for name, run, column in (("before", before, 0), ("after", after, 1))
    }
    elsewhere = _elsewhere(before, after, said["before"], said["after"])
    for row_id, old_sample, new_sample, old, new in flips:
        cause: str = "input"
        labelers: list[str] = []
        if old_sample == new_sample:
            cause, labelers = _cause(said["before"], said["after"], old_sample, old, new, elsewhere)
        yield {
            "row_id": row_id,
            "sample_id": new_sample,
            "before": _STATES[old],
            "after": _STATES[new],
            "cause": cause,
            "labelers": labelers,
            "decided_by": [said["before"].label[old_sample][1], said["after"].label[new_sample][1]],
        }


def _cause(
    old: _Said, new: _Said, sample: str, was: bool | None, now: bool | None, elsewhere: str
) -> tuple[str, list[str]]:
    """Return why a sample's label changed, and whose votes did it.

    Gold comes first, then votes that moved the way the label did; where no vote on the sample
    changed, what else did.
    """
    if old.gold.get(sample) != new.gold.get(sample):
        return "new human label", ["gold"]
    first, second = old.signs.get(sample, {}), new.signs.get(sample, {})
    moved = {
        name: second.get(name, 0) - first.get(name, 0)
        for name in {*first, *second}
        if second.get(name, 0) != first.get(name, 0)
    }
    direction = (0 if now is None else 1 if now else -1) - (0 if was is None else 1 if was else -1)
    pushing = sorted(name for name, by in moved.items() if by * direction > 0)
    # annotators and vetoes outrank the rest, so where one of these moved it was the cause
    strong = [name for name in pushing if _outranks(new.labelers.get(name) or old.labelers[name])]
    culprits = strong or pushing
    if not culprits:
        return (elsewhere if not moved else "votes that offset one another"), sorted(moved)
    causes = {_vote_cause(old, new, name, sample) for name in culprits}
    return " and ".join(sorted(causes)), culprits


def _outranks(labeler: Labeler) -> bool:
    return labeler.kind == "annotator" or labeler.mode == "veto"


def _vote_cause(old: _Said, new: _Said, name: str, sample: str) -> str:
    first, second = old.labelers.get(name), new.labelers.get(name)
    known = second or first
    assert known is not None, "a vote has a labeler"
    if old.was_asked(name, sample) != new.was_asked(name, sample):
        return f"{known.kind} was asked" if new.was_asked(name, sample) else f"{known.kind} was not asked"
    if known.kind in ("annotator", "feedback"):
        return _CAUSES[known.kind]
    if first is None:
        return f"{known.kind} added"
    if second is None:
        return f"{known.kind} removed"
    if first.version != second.version:
        return _CAUSES[known.kind]
    return "input"  # the same labeler says something else, so what it looks at has changed


def _elsewhere(before: FinishedRun, after: FinishedRun, old: _Said, new: _Said) -> str:
    """Return the cause of flips on samples whose votes are the same."""
    first, second = (run.steps["aggregate"]["options"] for run in (before, after))
    if first != second:
        return "policy"
    if _modes(old) != _modes(new):
        return "policy"  # a weight, mode or group is part of how votes count
    if ("gold" in before.steps) != ("gold" in after.steps) or _outputs(before, "gold") != _outputs(
        after, "gold"
    ):
        return "gold elsewhere"
    return "votes elsewhere"  # the method learned something else from them


def _modes(said: _Said) -> dict[str, tuple[Any, ...]]:
    return {
        name: (lab.mode, lab.weight, lab.group, lab.priority, lab.prior_mean, lab.prior_strength, lab.cap)
        for name, lab in said.labelers.items()
    }


def _outputs(run: FinishedRun, step: str) -> Any:
    return run.steps[step]["outputs"] if step in run.steps else None


def _said(run: FinishedRun, samples: Sequence[str]) -> _Said:
    votes = load_votes(
        run.labelers(),
        samples=run.path("prepare", "kept.parquet"),
        rows=run.rows,
        rule_blocks=run.blocks("rules"),
        vote_blocks=run.blocks("votes"),
    )
    wanted_N = np.zeros(len(votes.sample_ids), dtype=bool)
    at = positions(votes.sample_ids, pa.array(list(samples), type=pa.string()))
    wanted_N[at[at >= 0]] = True
    mine = votes.where(wanted_N[votes.sample_V])
    signs: dict[str, dict[str, int]] = {}
    for s, m, up, down in zip(mine.sample_V, mine.labeler_V, mine.up_V, mine.down_V, strict=True):
        labeler = votes.labelers[int(m)]
        if labeler.mode != "shadow" and up != down:
            signs.setdefault(votes.sample_ids[int(s)], {})[labeler.name] = 1 if up > down else -1
    with duckdb.connect() as con:
        labels = con.execute(
            f"SELECT sample_id, label, decided_by FROM read_parquet({literal(run.path('aggregate', 'labels.parquet'))}) "  # noqa: S608 - quoted
            "WHERE sample_id IN (SELECT unnest(?))",
            [list(samples)],
        ).fetchall()
    gold = run.gold()
    known = (
        dict(zip(gold["sample_id"].to_pylist(), gold["label"].to_pylist(), strict=True))
        if gold is not None
        else {}
    )
    return _Said(
        {labeler.name: labeler for labeler in votes.labelers},
        signs,
        {sample: (label, who) for sample, label, who in labels},
        known,
        run.asked(),
    )


def _balance(before: FinishedRun, after: FinishedRun) -> dict[str, Any]:
    """Return the balance of both train splits and the weights to train with."""
    found: dict[str, Any] = {}
    for name, run in (("before", before), ("after", after)):
        facts = run.steps["balance"]["facts"] if "balance" in run.steps else None
        if facts:
            found[name] = {
                "n_desirable": facts["train"]["n_desirable"],
                "n_undesirable": facts["train"]["n_undesirable"],
                "desirable_weight": facts["weights"]["desirable_weight"],
                "undesirable_weight": facts["weights"]["undesirable_weight"],
            }
    return found
