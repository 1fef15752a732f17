"""What each rule is worth on data: what `kto rules report` does."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from kto_data.labelers.rules.bench import bench
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.pipeline.rule_tools.firing import Firing, count_firing
from kto_data.pipeline.rule_tools.groups import Groups, by_source, by_time
from kto_data.pipeline.rule_tools.known import Known, Spelling, from_gold, from_votes
from kto_data.pipeline.rule_tools.on_data import RulesOnData, fetch_rows, ids_at, read_rows, vote_on
from kto_data.pipeline.rule_tools.surface import Surface, look_at
from kto_data.pipeline.rule_tools.worth import Judged, Worth, as_json, further_labels, judge
from kto_data.readers import ReadEntry
from kto_data.schema import SCHEMA_VERSION
from kto_data.statistics.intervals import difference_of_shares
from kto_data.votes.block_summary import summarise_block
from kto_data.votes.labelers import from_table
from kto_data.votes.report_card import Side

N_EXAMPLES = 3
_SURFACE_ROWS = 4000
_SURFACE_OF_RULE = 60
_SURFACE_MOST = 12_000
_BENCH_ROWS = 1000
_NEARLY_ALL = 0.95
_FEWEST_TOGETHER = 20
_SHOWN_CHARS = 160
_COMPANIONS = 3


def report(
    refs: Sequence[str],
    files: ReadEntry,
    *,
    gold: str | None = None,
    votes: Path | None = None,
    spelling: Spelling | None = None,
    workers: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what rules do on data files, and how often they are right where that is known, as JSON values.

    Args:
        refs: Rule files or packs.
        files: The data, and how to read it.
        gold: A gold file, or a column of the data.
        votes: A run folder, or vote files, with people's votes.
        spelling: What the gold column's values mean.
        workers: The most processes that may work.
        seed: Of what is drawn: rows for examples and for the surface.

    Raises:
        InputError: A file cannot be read, has mistakes, or holds no labels.
    """
    rules = load_rules(refs, base=Path())
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as name:
        scratch = Path(name)
        rows = read_rows(files, scratch)
        known = (
            from_votes(votes)
            if votes
            else from_gold(gold, rows.path, spelling or Spelling())
            if gold
            else None
        )
        on_data = vote_on(rules, rows.path, scratch, workers=workers)
        groupings = (by_source(rows.path), by_time(rows.path))
        firing = count_firing(on_data, groupings, n_drawn=_SURFACE_OF_RULE, n_others=_SURFACE_ROWS, seed=seed)
        worth = judge(on_data, known, groupings) if known else None
        told = _Told(on_data, firing, groupings, worth).rules()
    return {
        "schema_version": SCHEMA_VERSION,
        "n_rows": rows.n_rows,
        "n_quarantined": rows.n_quarantined,
        "gold": worth and known and _gold(worth, known),
        "rules": told,
        "notes": [*on_data.notes, *(known.notes if known else ())],
    }


def _gold(worth: Worth, known: Known) -> dict[str, Any]:
    weighted = worth.gold.p_selected_G is not None
    return {
        "said_by": known.said_by,
        "n": len(worth.gold),
        "n_desirable": int(worth.gold.label_G.sum()),
        "n_not_among_rows": worth.n_unknown,
        "weighted_by_p_selected": weighted,
    }


class _Told:
    """Everything about the rules, put together."""

    def __init__(
        self, on_data: RulesOnData, firing: Firing, groupings: Sequence[Groups], worth: Worth | None
    ) -> None:
        self._on_data = on_data
        self._firing = firing
        self._groupings = groupings
        self._worth = worth
        self._scratch = on_data.votes.parent

    def rules(self) -> list[dict[str, Any]]:
        """Return what is told of each rule."""
        on_data, rules = self._on_data, self._on_data.rules.rules
        summaries = summarise_block(
            from_table(on_data.rules.labelers()),
            on_data.votes,
            n_rows=on_data.n_rows,
            n_faults=on_data.n_faults,
        )
        surfaces = self._surfaces()
        shares = _time_shares(on_data.rules, on_data.rows)
        examples, wrong = self._examples(), self._wrong()
        faults = self._faults()
        told = []
        for m, (rule, summary) in enumerate(zip(rules, summaries, strict=True)):
            n_fires = int(self._firing.fires_M[m])
            told.append(
                {
                    "rule": rule.id,
                    "file": rule.file,
                    "line": rule.line,
                    "mode": rule.options.mode,
                    "n_fires": n_fires,
                    "share_fires": n_fires / max(1, on_data.n_rows),
                    "n_desirable": summary.n_desirable,
                    "n_undesirable": summary.n_undesirable,
                    "n_abstain": summary.n_abstain,
                    "n_not_applicable": summary.n_not_applicable,
                    "n_faults": summary.n_faults,
                    "coverage": summary.coverage,
                    "overlap": summary.overlap,
                    "conflict": summary.conflict,
                    "time_share": shares[m],
                    **self._judged(m),
                    "by_source": self._by_group(m, 0),
                    "over_time": self._by_group(m, 1),
                    "fires_with": self._companions(m),
                    "redundant_with": self._redundant(m),
                    "surface": _surface_json(surfaces[m]),
                    "examples": examples[m],
                    "wrong_examples": wrong[m],
                    "fault_examples": faults.get(rule.id, []),
                }
            )
        return told

    def _judged(self, m: int) -> dict[str, Any]:
        judged = self._judgement(m)
        if judged is None:
            return {"n_known": 0, "precision": None, "n_further_labels": None}
        card = judged.card
        return {
            "n_known": card.n_gold,
            "n_effective": judged.n_effective,
            "precision": as_json(card.accuracy),
            "n_further_labels": further_labels(judged),
            "desirable": _side(card.desirable),
            "undesirable": _side(card.undesirable),
        }

    def _judgement(self, m: int) -> Judged | None:
        return self._worth.rules[m] if self._worth else None

    def _by_group(self, m: int, which: int) -> list[dict[str, Any]]:
        """Return how often a rule fires in each group, and how often it is right there."""
        groups, judged = self._groupings[which], self._judgement(m)
        fires_G, seen_G = self._firing.fires_GM[which][:, m], self._firing.seen_GM[which][:, m]
        right = {one["group"]: one for one in judged.by_group[which]} if judged else {}
        told = []
        for name, fires, seen in zip(groups.names, fires_G.tolist(), seen_G.tolist(), strict=True):
            rest = difference_of_shares(fires, seen, int(fires_G.sum()) - fires, int(seen_G.sum()) - seen)
            told.append(
                {
                    "group": name,
                    "n_rows": seen,
                    "n_fires": fires,
                    "share_fires": fires / seen if seen else None,
                    "fires_differently": bool(rest and rest.excludes(0.0)),
                    "n_known": right[name]["n"] if name in right else 0,
                    "precision": right[name]["precision"] if name in right else None,
                    "precision_differs": name in right and right[name]["differs"],
                }
            )
        return told

    def _companions(self, m: int) -> list[dict[str, Any]]:
        """Return the rules that fire most often where this one does."""
        together_M = self._firing.together_MM[m].copy()
        together_M[m] = 0
        n = int(self._firing.fires_M[m])
        best = np.argsort(-together_M, kind="stable")[:_COMPANIONS]
        return [
            {
                "rule": self._on_data.rules.ids[other],
                "n_both": int(together_M[other]),
                "share_of_this": float(together_M[other] / n),
                "share_of_other": float(together_M[other] / self._firing.fires_M[other]),
            }
            for other in best.tolist()
            if together_M[other]
        ]

    def _redundant(self, m: int) -> list[str]:
        """Return the rules of the same vote that fire nearly wherever this one does, on enough rows to tell."""
        rules, n = self._on_data.rules.rules, int(self._firing.fires_M[m])
        if n < _FEWEST_TOGETHER:
            return []
        near = np.flatnonzero(self._firing.together_MM[m] >= _NEARLY_ALL * n).tolist()
        return [rules[other].id for other in near if other != m and rules[other].vote == rules[m].vote]

    def _surfaces(self) -> list[Surface | None]:
        """Look at the surface of rows drawn from all, and of some on which each rule fires."""
        drawn = dict.fromkeys(self._firing.others)
        for depth in range(_SURFACE_OF_RULE):
            if len(drawn) >= _SURFACE_MOST:
                break
            drawn.update(dict.fromkeys(rows[depth] for rows in self._firing.drawn if depth < len(rows)))
        places = sorted(drawn)
        ids = ids_at(self._on_data.rows, places)
        rows = fetch_rows(self._on_data.rows, list(ids.values()), self._scratch)
        fires_MN = self._on_data.fires_at(places)
        return look_at([rows[ids[place]] for place in places], fires_MN)

    def _examples(self) -> list[list[dict[str, Any]]]:
        """Return for each rule some rows on which it fires, with what it found there."""
        places = [rows[:N_EXAMPLES] for rows in self._firing.drawn]
        ids = ids_at(self._on_data.rows, [place for some in places for place in some])
        return self._shown([[ids[place] for place in some] for some in places])

    def _wrong(self) -> list[list[dict[str, Any]]]:
        """Return for each rule some rows on which it is wrong."""
        rules = self._on_data.rules.rules
        samples = [self._worth.rules[m].wrong if self._worth else [] for m in range(len(rules))]
        rows = self._on_data.rows_of_samples([sample for some in samples for sample in some])
        return self._shown([[rows[sample] for sample in some if sample in rows] for some in samples])

    def _shown(self, ids: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
        rows = fetch_rows(self._on_data.rows, [one for some in ids for one in some], self._scratch)
        return [
            [example(rule, rows[one]) for one in some]
            for rule, some in zip(self._on_data.rules.rules, ids, strict=True)
        ]

    def _faults(self) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = {}
        for fault in pq.read_table(self._on_data.faults).slice(0, 10_000).to_pylist():
            some = found.setdefault(fault["labeler"], [])
            if len(some) < N_EXAMPLES and fault["error"] not in [one["error"] for one in some]:
                some.append({"row_id": fault["row_id"], "error": fault["error"]})
        return found


def example(rule: Rule, row: Row) -> dict[str, Any]:
    """Return a row as an example of a rule: what it found, and the words around it."""
    decision = decide(rule, row)
    span = decision.spans[0] if decision.spans else None
    text = str(row.completion[-1]["content"]) if row.completion else ""
    start = max(0, span.start - _SHOWN_CHARS // 2) if span and span.scope == "completion" else 0
    piece = " ".join(text[start : start + _SHOWN_CHARS].split())
    return {
        "row_id": row.row_id,
        "sample_id": row.sample_id,
        "found": decision.message or decision.evidence,
        "text": ("... " if start else "") + piece + (" ..." if len(text) > start + _SHOWN_CHARS else ""),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "precision": as_json(side.precision),
        "recall": as_json(side.recall),
        "n_votes": side.n_votes,
        "n_known": side.n_gold,
    }


def _surface_json(surface: Surface | None) -> dict[str, Any] | None:
    if surface is None:
        return None
    return {"kind": surface.kind, "feature": surface.feature, "auc": surface.auc, "alone": surface.alone}


def _time_shares(rules: RuleSet, rows: Path) -> list[float]:
    """Return what share of the processor time each rule takes by itself, measured on the first rows."""
    with pq.ParquetFile(rows) as parquet:
        batch = next(parquet.iter_batches(_BENCH_ROWS, use_threads=False), None)
    return [cost.share for cost in bench(rules, [batch] if batch else [], seconds=2.0).rules]
