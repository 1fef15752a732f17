"""Rules on batches of rows: the votes and faults of the row-by-row engine, many rows at a time.

What each check's evidence settles is decided for all rows at once; the rest, row by row, by the
check itself. A rule that fails on a row, or whose `match` uses values that its `when` captured, is
decided there by `decide`, as in the slow engine.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.labelers.rules.checks.check import Context, attempt
from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not
from kto_data.labelers.rules.decide import Decision, decide, decide_batch
from kto_data.labelers.rules.engine import RuleVotes
from kto_data.labelers.rules.fast.evidence import Bools, Evidence, Pattern, Statistic
from kto_data.labelers.rules.fast.gather import Gatherer
from kto_data.labelers.rules.fast.rows import BatchRows, row_groups
from kto_data.labelers.rules.fast.scopes import Texts, column_list, scope_texts
from kto_data.labelers.rules.file_model import LoggedVote
from kto_data.labelers.rules.row import value_text
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.schema import FAULTS, VOTE_NAMES, rule_votes_schema

Codes = npt.NDArray[np.int8]
"""What a condition comes to in each row: 1 and 0, or one of the next three."""

_NONE, _FAULT, _OPEN = np.array([-1, -2, -3], dtype=np.int8)
_CHUNK_ROWS = 1024
_EMPTY = memoryview(b"")


class FastRules:
    """A set of rules, ready to label batches.

    Args:
        rules: The rules.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        wanted: dict[str, list[Pattern | Statistic]] = {}
        for rule in rules.rules:
            for leaf in rule.leaves():
                if _can_settle(leaf):
                    wanted.setdefault(leaf.scope, []).extend(leaf.check.evidence())
        self._gatherers = {scope: Gatherer(evidence) for scope, evidence in wanted.items()}
        self._schema = rule_votes_schema(rules.ids)

    def label(self, batch: pa.RecordBatch) -> RuleVotes:
        """Return the votes and faults of all rules on all rows with the schema of `rows_schema`."""
        work = _Batch(batch, self._gatherers)
        columns = [batch.column("row_id"), batch.column("sample_id")]
        faults: list[tuple[int, int, str]] = []
        for number, rule in enumerate(self.rules.rules):
            votes = work.votes(rule)
            columns.append(pa.array(votes.votes, mask=votes.missing))
            faults += ((row, number, error) for row, error in votes.errors)
        faults.sort()
        names = self.rules.ids
        row_ids = batch.column("row_id")
        told = [
            {"row_id": row_ids[row].as_py(), "labeler": names[number], "error": error}
            for row, number, error in faults
        ]
        return RuleVotes(
            pa.Table.from_arrays([_plain(column) for column in columns], schema=self._schema),
            pa.Table.from_pylist(told, schema=FAULTS),
        )


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


def _can_settle(leaf: Leaf) -> bool:
    return leaf.check.reads_text and not leaf.check.capture_names()


class _Votes:
    """A rule's votes on a batch."""

    def __init__(self, n_rows: int) -> None:
        self.votes: Codes = np.zeros(n_rows, dtype=np.int8)
        self.missing: Bools = np.ones(n_rows, dtype=bool)
        self.errors: list[tuple[int, str]] = []

    def put(self, codes: Codes, vote: int, otherwise: int) -> None:
        """Vote on the rows where a condition holds, and where it does not."""
        # the codes below zero count from the end
        self.votes = np.array([otherwise, vote, 0, 0, 0], dtype=np.int8)[codes]
        self.missing = codes < 0

    def put_decision(self, row: int, decision: Decision) -> None:
        """Vote on one row as it was decided there."""
        if decision.vote is not None:
            self.votes[row] = decision.vote
            self.missing[row] = False
        if decision.error is not None:
            self.errors.append((row, decision.error))


class _Batch:
    """The rules' work on one batch."""

    def __init__(self, batch: pa.RecordBatch, gatherers: dict[str, Gatherer]) -> None:
        self._batch = batch
        self._n = batch.num_rows
        self._gatherers = gatherers
        self._rows = BatchRows(batch)
        self._texts: dict[str, Texts] = {}
        self._evidence: dict[str, Evidence] = {}

    def votes(self, rule: Rule) -> _Votes:
        """Return what a rule votes."""
        votes = _Votes(self._n)
        if rule.batched:
            decisions = [
                decision
                for rows in row_groups(self._rows.all(), _CHUNK_ROWS)
                for decision in decide_batch(rule, rows)
            ]
            for place, decision in enumerate(decisions):
                votes.put_decision(place, decision)
            return votes
        everywhere = np.ones(self._n, dtype=bool)
        gate = self._codes(rule.when, everywhere) if rule.when else everywhere.view(np.int8)
        if isinstance(rule.vote, LoggedVote):
            slow = (gate == _FAULT) | self._logged(rule.vote, gate == 1, votes)
        elif rule.uses_captures:
            slow = (gate == _FAULT) | (gate == 1)
        else:
            assert rule.match is not None, "a rule without a logged vote has a match"
            assert isinstance(rule.vote, int), "rules that stand for judges are kept apart"
            codes = self._codes(rule.match, gate == 1)
            if rule.when:
                codes = np.where(gate == 1, codes, np.where(gate == _FAULT, _FAULT, _NONE))
            votes.put(codes, rule.vote, VOTE_NAMES[rule.options.otherwise])
            slow = codes == _FAULT
        places = np.flatnonzero(slow)
        for place, row in zip(places.tolist(), self._rows.some(places), strict=True):
            votes.put_decision(place, decide(rule, row))
        return votes

    def _logged(self, logged: LoggedVote, where: Bools, votes: _Votes) -> Bools:
        """Pass on the logged votes; return the rows whose value stands for none."""
        unknown = np.zeros(self._n, dtype=bool)
        for row, value in enumerate(map(value_text, column_list(self._batch, logged.column))):
            if value is None or not where[row]:
                continue
            if value in logged.map:
                votes.votes[row] = VOTE_NAMES[logged.map[value]]
                votes.missing[row] = False
            else:
                unknown[row] = True
        return unknown

    def _codes(self, condition: Condition, where: Bools) -> Codes:
        """Return what a condition comes to in the rows that are marked."""
        if isinstance(condition, Leaf):
            return self._leaf(condition, where)
        if isinstance(condition, Not):
            codes = self._codes(condition.part, where)
            return np.where(codes >= 0, 1 - codes, codes)
        assert isinstance(condition, AtLeast), "conditions are checks, not, or at least n of some"
        parts = np.stack([self._codes(part, where) for part in condition.parts])
        true = (parts == 1).sum(axis=0) >= condition.n
        possible = (parts != 0).sum(axis=0) >= condition.n
        codes = np.where(true, 1, np.where(possible, _NONE, 0))
        return np.where((parts == _FAULT).any(axis=0), _FAULT, codes).astype(np.int8)

    def _leaf(self, leaf: Leaf, where: Bools) -> Codes:
        codes = np.full(self._n, _NONE, dtype=np.int8)
        if leaf.check.reads_text:
            texts = self._texts_of(leaf.scope)
        else:
            texts = Texts(np.arange(self._n), [memoryview(b"")] * self._n)
        settled = leaf.check.settle(self._evidence_of(leaf.scope)) if _can_settle(leaf) else None
        if settled is None:
            codes[texts.rows] = _OPEN
        else:
            codes[texts.rows] = np.where(settled.sure, settled.holds.view(np.int8), _OPEN)
        open_rows = where & (codes == _OPEN)
        for place in np.flatnonzero(open_rows[texts.rows]).tolist():
            row = int(texts.rows[place])
            context = Context(self._rows.lazy(row), leaf.scope, {})
            found = attempt(leaf.check.decide, str(texts.texts[place], "utf-8"), context)
            if isinstance(found, Exception):
                codes[row] = _FAULT
            else:
                codes[row] = _NONE if found.holds is None else bool(found.holds)
        return codes

    def _texts_of(self, scope: str) -> Texts:
        if scope not in self._texts:
            self._texts[scope] = scope_texts(self._batch, scope, self._rows.all)
        return self._texts[scope]

    def _evidence_of(self, scope: str) -> Evidence:
        if scope not in self._evidence:
            texts = self._texts_of(scope)

            def beside(other: str) -> list[memoryview]:
                found = self._texts_of(other)
                if np.array_equal(found.rows, texts.rows):
                    return found.texts
                by_row = dict(zip(found.rows.tolist(), found.texts, strict=True))
                return [by_row.get(row, _EMPTY) for row in texts.rows.tolist()]

            self._evidence[scope] = self._gatherers[scope].gather(texts.texts, beside)
        return self._evidence[scope]
