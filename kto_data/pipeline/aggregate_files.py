"""Votes of any files to labels, without a pipeline and without asking any labeler: what `kto aggregate` does."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from kto_data.aggregators.method import METHODS, Method
from kto_data.aggregators.policy import Policy
from kto_data.config.validate import validate
from kto_data.config.yaml_file import YamlFile
from kto_data.errors import ConfigError, InputError, did_you_mean
from kto_data.pipeline.decision import decide_all, gold_of, labelled
from kto_data.schema import SCHEMA_VERSION
from kto_data.votes.gold import read_gold
from kto_data.votes.summary import summarise
from kto_data.votes.vote_files import find_vote_files

_NEARLY_ALL = 0.9
"""A labeler that says the same of more samples than this is told."""


@dataclass(frozen=True, slots=True)
class AggregatedFiles:
    """What came of it.

    Attributes:
        facts: Counts, who decided, the desirable share, and each labeler with its card; JSON values.
        notes: What the user should know: what was set aside, what the method could not use.
        files: What was written.
    """

    facts: dict[str, Any]
    notes: Sequence[str]
    files: Sequence[Path]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self.facts, "notes": list(self.notes), "files": [str(path) for path in self.files]}


def aggregate_files(
    votes: Sequence[Path],
    *,
    method: str,
    output: Path,
    gold: Sequence[Path] = (),
    options: Mapping[str, Any] | None = None,
    rows: Path | None = None,
    cards: bool = True,
) -> AggregatedFiles:
    """Write the labels of every sample that vote files speak of.

    Args:
        votes: Files or folders, wide or long.
        method: The aggregation method's name.
        output: The labels; `disputes.parquet` goes beside it where there is anything to adjudicate.
        gold: Files of known labels.
        options: The method's options and the policy's.
        rows: Rows, where every sample of these is meant (else those that the votes speak of), and caps
            are to be applied.
        cards: Make each labeler's report card.

    Raises:
        InputError: A file cannot be used, or an option is wrong.
    """
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}; make it first")
    chosen, policy = method_and_policy(method, options or {})
    files = find_vote_files(votes)
    table = files.load(samples=rows, rows=rows)
    known, n_unknown = gold_of(read_gold(gold) if gold else None, table)
    decision = decide_all(
        table,
        chosen,
        policy,
        gold=known,
        n_unknown_gold=n_unknown,
        vote_blocks=files.vote_blocks,
        cards=cards,
    )
    written = _write(decision.decided.labels, output)
    disputes = output.with_name("disputes.parquet")
    if decision.decided.disputes.num_rows:
        written += _write(decision.decided.disputes, disputes)
    else:
        disputes.unlink(missing_ok=True)  # an earlier aggregation's, no longer true
    facts = {"schema_version": SCHEMA_VERSION, **labelled(decision.decided.labels), **decision.facts}
    found_cards = facts.pop("cards", {})
    facts["labelers"] = [
        {**_summary(summary), "card": found_cards.get(summary.labeler)}
        for summary in summarise(
            table,
            n_rows=len(table.sample_ids),
            rule_blocks=files.rule_blocks,
            vote_blocks=files.vote_blocks,
            fault_blocks=[],
        )
    ]
    return AggregatedFiles(facts, _notes(facts, table.set_aside.messages()), written)


def method_and_policy(name: str, options: Mapping[str, Any]) -> tuple[Method, Policy]:
    """Return a method and a policy from their options, mixed as in a pipeline file.

    Raises:
        InputError: The method or an option is unknown or wrong.
    """
    if name not in METHODS:
        raise InputError(f"unknown method {name!r}{did_you_mean(name, METHODS)}")
    cls = METHODS.get(name)
    known = {*cls.model_fields, *Policy.model_fields}
    for key in options:
        if key not in known:
            raise InputError(f"--set {key}: unknown option{did_you_mean(key, known)}")
    file = YamlFile("--set", Path(), {})
    try:
        return (
            validate(cls, {key: value for key, value in options.items() if key in cls.model_fields}, file),
            validate(
                Policy, {key: value for key, value in options.items() if key in Policy.model_fields}, file
            ),
        )
    except ConfigError as error:
        raise InputError("\n".join(f"--set {one.key}: {one.message}" for one in error.mistakes)) from None


def _summary(summary: Any) -> dict[str, Any]:
    names = ("labeler", "kind", "mode", "n_desirable", "n_undesirable", "coverage", "overlap", "conflict")
    return {name: getattr(summary, name) for name in names}


def _write(table: Any, path: Path) -> list[Path]:
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(table, partial, compression="zstd")
    os.replace(partial, path)
    return [path]


def _notes(facts: Mapping[str, Any], set_aside: Any) -> list[str]:
    notes = [*set_aside, *facts["warnings"]]
    n_unknown = facts["gold"]["n_unknown"]
    if n_unknown:
        notes.append(f"{n_unknown:,} gold labels are on samples without votes")
    constant = [
        labeler["labeler"]
        for labeler in facts["labelers"]
        if labeler["card"] and labeler["card"]["constant"] and labeler["coverage"] > _NEARLY_ALL
    ]
    if constant:
        notes.append(
            f"{', '.join(constant)}: says the same of nearly every sample, so its votes tell nothing"
        )
    if facts["n_disputed"]:
        notes.append(f"{facts['n_disputed']:,} samples wait for adjudication: see disputes.parquet")
    return notes
