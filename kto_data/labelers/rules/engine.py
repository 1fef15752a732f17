"""Rules on rows, one row after another: slow, plain, and what every faster engine has to agree with."""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from kto_data.errors import ConfigError, Mistake, did_you_mean
from kto_data.labelers.rules.decide import Decision, decide, decide_batch
from kto_data.labelers.rules.file_model import JudgeVote
from kto_data.labelers.rules.row import Row, rows_of
from kto_data.labelers.rules.rule import RuleSet

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK_ROWS = 1024  # rows that a check that works on many sees at a time: bounds memory, changes no result


class RuleVotes(NamedTuple):
    """What the rules said of some rows.

    Attributes:
        votes: One row each, in order, with one column a rule; see `rule_votes_schema`.
        faults: One row for each rule that failed on a row; see `FAULTS`.
    """

    votes: "pa.Table"
    faults: "pa.Table"


def label_batch(rules: RuleSet, batch: "pa.RecordBatch | pa.Table") -> RuleVotes:
    """Return the votes of all rules on all rows of a table with the schema of `rows_schema`."""
    import pyarrow as pa  # rules are read without it

    from kto_data.schema import FAULTS, rule_votes_schema

    block: dict[str, list[Any]] = {name: [] for name in ("row_id", "sample_id", *rules.ids)}
    faults: list[dict[str, str]] = []
    rows = rows_of(batch)
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        by_rule = [decide_batch(rule, chunk) for rule in rules.rules]
        for n, row in enumerate(chunk):
            block["row_id"].append(row.row_id)
            block["sample_id"].append(row.sample_id)
            for decision in (decisions[n] for decisions in by_rule):
                block[decision.rule].append(decision.vote)
                if decision.error is not None:
                    faults.append({"row_id": row.row_id, "labeler": decision.rule, "error": decision.error})
    return RuleVotes(
        pa.Table.from_pydict(block, schema=rule_votes_schema(rules.ids)),
        pa.Table.from_pylist(faults, schema=FAULTS),
    )


def explain_row(rules: RuleSet, row: Row) -> list[Decision]:
    """Return what each rule did with a row, in the order of the rules."""
    return [decide(rule, row) for rule in rules.rules]


def refuse_misfits(rules: RuleSet, schema: "pa.Schema") -> None:
    """Make sure that no check fails on every row of a schema, before any work.

    Raises:
        ConfigError: With each rule that would, and why.
    """
    import pyarrow as pa

    index = schema.get_field_index("meta")
    meta_type = schema.field(index).type if index >= 0 else pa.struct([])
    mistakes = [
        Mistake(rule.file, rule.line, rule.id, f"{leaf.name}: {problem}")
        for rule in rules.rules
        for leaf in rule.leaves()
        if (problem := leaf.check.misfit(meta_type))
    ]
    if mistakes:
        raise ConfigError(mistakes)


def missing_columns(rules: RuleSet, schema: "pa.Schema") -> Sequence[str]:
    """Return a message for each `meta` column that a rule reads and the rows do not have.

    In such rows the rule is nowhere applicable; that is right for a pack written for several logs, and
    a mistake in a rule that was written for this one, so the caller decides what to make of it. A rule that
    stands for a judge has a message, too: it votes nothing here.
    """
    index = schema.get_field_index("meta")
    known = [f"meta.{field.name}" for field in schema.field(index).type] if index >= 0 else []
    messages = []
    for rule in rules.rules:
        for name in sorted(rule.reads):
            column = ".".join(name.split(".")[:2])
            if name.startswith("meta.") and column not in known:
                hint = did_you_mean(column, known) or "; they have no metadata"
                messages.append(f"{rule.file}:{rule.line}: {rule.id}: the rows have no column {column}{hint}")
    messages += (
        f"{rule.file}:{rule.line}: {rule.id}: stands for the judge {rule.vote.judge!r}; rules do not ask "
        "judges, so it has no votes here"
        for rule in rules.for_judges
        if isinstance(rule.vote, JudgeVote)
    )
    return messages
