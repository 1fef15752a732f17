"""What rules cost: rows a second, and the processor time of each rule by itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from kto_data.labelers.rules.checks.regex import Regex
from kto_data.labelers.rules.conditions import Leaf
from kto_data.labelers.rules.fast.engine import FastRules
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.labelers.rules.templates import Templated

_ROUNDS = 3
_FEWEST_ROWS = 50


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What one rule costs.

    Attributes:
        rule: Its id.
        file: The rule file.
        line: Its line there.
        ns_a_row: Processor time a row of the rule by itself, reading texts included; the least of three rounds.
        share: Of the sum over all rules; rules together share what they read, so this is the measure that adds up.
        slow: Why it, or a part of it, is decided row by row; empty where many rows are decided at once.
    """

    rule: str
    file: str
    line: int
    ns_a_row: float
    share: float
    slow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Costs:
    """What rules cost, together and one by one.

    Attributes:
        n_rows: Rows that were looked at together.
        n_rows_each: Rows that each rule by itself was measured on.
        rows_a_second: Of all rules together, in one process, without reading files.
        ns_a_row: The same as processor time a row.
        rules: Each rule, in the rules' order.
    """

    n_rows: int
    n_rows_each: int
    rows_a_second: float
    ns_a_row: float
    rules: tuple[RuleCost, ...]


def bench(rules: RuleSet, batches: Sequence[pa.RecordBatch], *, seconds: float) -> Costs:
    """Measure rules on rows.

    Args:
        rules: The rules.
        batches: Rows with the schema of `rows_schema`.
        seconds: About how long it may take; with many rules each is measured on fewer rows.
    """
    n_rows = sum(batch.num_rows for batch in batches)
    if not n_rows or not rules.rules:
        return Costs(n_rows, 0, 0.0, 0.0, tuple(_cost(rule, 0.0, 0.0) for rule in rules.rules))
    together = FastRules(rules)
    together.label(batches[0].slice(0, _FEWEST_ROWS))  # what is compiled at first use is no cost of a row
    started, spent = time.perf_counter(), time.process_time()
    for batch in batches:
        together.label(batch)
    elapsed, used = time.perf_counter() - started, time.process_time() - spent
    some = _some(batches[0], seconds * n_rows / max(used, 1e-6) / _ROUNDS / 4)
    nothing = _least(FastRules(RuleSet((), ())), some)
    each = [max(0.0, _least(FastRules(RuleSet((rule,), ())), some) - nothing) for rule in rules.rules]
    total = sum(each) or 1.0
    costs = (
        _cost(rule, 1e9 * one / some.num_rows, one / total)
        for rule, one in zip(rules.rules, each, strict=True)
    )
    return Costs(n_rows, some.num_rows, n_rows / elapsed, 1e9 * used / n_rows, tuple(costs))


def _some(batch: pa.RecordBatch, n_rows: float) -> pa.RecordBatch:
    """Return as many rows as can be afforded; a rule by itself costs up to four times its part in all of them."""
    return batch.slice(0, max(_FEWEST_ROWS, min(batch.num_rows, int(n_rows))))


def _least(fast: FastRules, batch: pa.RecordBatch) -> float:
    fast.label(batch.slice(0, 1))
    found = []
    for _ in range(_ROUNDS):
        spent = time.process_time()
        fast.label(batch)
        found.append(time.process_time() - spent)
    return min(found)


def _cost(rule: Rule, ns_a_row: float, share: float) -> RuleCost:
    return RuleCost(rule.id, rule.file, rule.line, ns_a_row, share, tuple(dict.fromkeys(slow_parts(rule))))


def slow_parts(rule: Rule) -> list[str]:
    """Return why parts of a rule are decided row by row; nothing where they are decided for many rows at once."""
    found = [f"{leaf.name}: {reason}" for leaf in rule.leaves() if (reason := _slow(leaf))]
    if rule.options.cap:
        found.append("cap: counts votes by a column, so whole rows are read")
    return found


def _slow(leaf: Leaf) -> str | None:
    check = leaf.check
    if isinstance(check, Templated):
        return "options come from the row, so each row has a check of its own"
    if check.batched:
        return "a function outside the engine is asked, a batch at a time"
    if not check.reads_text:
        return "reads columns row by row"
    if check.capture_names():
        return "uses what `when` captured, which differs by row"
    if isinstance(check, Regex) and check.wide() is None:
        return "nothing in the pattern can be looked for by RE2 first, so Python's engine tries every text"
    if not check.evidence():
        return "looks at each text by itself"
    return None
