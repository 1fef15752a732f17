"""The facts of a finished run, gathered from its steps: what the report and the summary show."""

import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq

from kto_data.pipeline.conflicts import conflicts
from kto_data.pipeline.context import Context
from kto_data.pipeline.dropped_rows import dropped_examples
from kto_data.pipeline.steps.evaluate import evaluation_of
from kto_data.report.facts.accounting import Accounting, Lineage
from kto_data.report.facts.balance import Balance, Named
from kto_data.report.facts.figure import Figure
from kto_data.report.facts.labels import Labeler, Labels
from kto_data.report.facts.run import Facts
from kto_data.report.facts.training import CurvePoint, Training
from kto_data.runs.code import code_version
from kto_data.statistics.intervals import wilson
from kto_data.votes.set_aside import SetAside

MAX_CURVE_POINTS = 200
"""Points a training curve is thinned to; a picture shows no more."""

MAX_QUARANTINED_EXAMPLES = 20


def gather(context: Context) -> Facts:
    """Return the facts of a run whose steps are done."""
    facts: Facts = {
        "title": context.pipeline.file.name,
        "pipeline": context.pipeline.path.name,
        "seed": context.pipeline.file.seed,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(context),
        "accounting": _accounting(context),
        "quarantined_examples": cast("Any", _quarantined_examples(context)),
        "balance": _balance(context),
        "shortcuts": context.done["balance"].facts["shortcuts"],
        "conflicts": cast("Any", conflicts(context)),
        "dropped_examples": cast("Any", dropped_examples(context)),
        "labelers": _labelers(context),
        "labels": _labels(context),
        "lineage": _lineage(context),
    }
    if "humans" in context.done:
        facts["annotators"] = context.done["humans"].facts["agreement"]
    if "tests" in context.done:
        facts["tests"] = context.done["tests"].facts["tests"]
    if "train" in context.done:
        facts["training"] = _training(context)
    if evaluation := evaluation_of(context):
        facts["evaluation"] = cast("Any", evaluation[1])
    return facts


def _versions(context: Context) -> dict[str, str]:
    names = ["pyarrow", "duckdb"] + (["torch", "transformers"] if context.pipeline.train else [])
    found = {"kto-data": code_version("kto_data", "kto_trainer"), "python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a package that was put on the path without being installed
            found[name] = "unknown"
    return found


def _accounting(context: Context) -> Accounting:
    read, aggregate, balance = (context.done[name] for name in ("read", "aggregate", "balance"))
    dropped: dict[str, dict[str, int]] = {}
    for name in ("prepare", "curate", "balance"):
        for step, reasons in context.done[name].facts["dropped"].items():
            if reasons:
                dropped[f"{name}: {step}"] = reasons
    accounting: Accounting = {
        "n_records": read.counts["n_records"],
        "n_quarantined": read.counts["n_quarantined"],
        "quarantined": read.facts["quarantined"],
        "n_rows": read.counts["n_rows"],
        "n_dataset": {"train": balance.counts["n_train"], "test": balance.counts["n_test"]},
        "dropped": dropped,
        "n_undecided": aggregate.counts["n_undecided"],
    }
    n_dropped = sum(sum(reasons.values()) for reasons in dropped.values())
    in_dataset = sum(accounting["n_dataset"].values())  # type: ignore[arg-type]  # a TypedDict of numbers alone
    assert accounting["n_records"] == accounting["n_rows"] + accounting["n_quarantined"], (
        "a record is unaccounted for"
    )
    assert accounting["n_rows"] == in_dataset + n_dropped + accounting["n_undecided"], (
        "a row is unaccounted for"
    )
    return accounting


def _quarantined_examples(context: Context) -> list[dict[str, Any]]:
    table = pq.read_table(context.path("read", "quarantined.parquet")).slice(0, MAX_QUARANTINED_EXAMPLES)
    examples: list[dict[str, Any]] = table.to_pylist()
    return examples


def _balance(context: Context) -> Balance:
    result = context.done["balance"]
    weights, train, test = (result.facts[name] for name in ("weights", "train", "test"))

    def named(groups: list[dict[str, Any]]) -> list[Named]:
        return [
            {"name": group["name"], "desirable": group["n_desirable"], "undesirable": group["n_undesirable"]}
            for group in groups
        ]

    return {
        "train": {
            "rows": train["n_rows"],
            "desirable": train["n_desirable"],
            "undesirable": train["n_undesirable"],
        },
        "test": {
            "rows": test["n_rows"],
            "desirable": test["n_desirable"],
            "undesirable": test["n_undesirable"],
        },
        "ratio_before": weights["ratio_before"],
        "ratio_after": weights["ratio_after"],
        "desirable_weight": weights["desirable_weight"],
        "undesirable_weight": weights["undesirable_weight"],
        "reason": weights["reason"],
        **{
            key: named(train[key])
            for key in ("by_source", "by_model", "by_language", "by_cluster", "by_time")
        },  # type: ignore[typeddict-item]  # keys of ours
        "lengths": result.facts["histograms"]["lengths"],
        "scores": result.facts["histograms"]["scores"],
        "measures": {key: train[key] for key in ("weight", "confidence", "tokens", "effective_rows")},
        "prompts": {
            "n": train["n_prompts"],
            "both": train["n_prompts_both"],
            "only_desirable": train["n_prompts_only_desirable"],
            "only_undesirable": train["n_prompts_only_undesirable"],
        },
        "weights": weights,
        "order": train["order"],
    }


def _labelers(context: Context) -> list[Labeler]:
    known = context.done["truth"].facts["labelers"] if "truth" in context.done else {}
    labelers = []
    for summary in context.done["aggregate"].facts["labelers"]:
        labeler = cast("Labeler", dict(summary))
        counted = known.get(summary["labeler"])
        interval = wilson(counted["agree"], counted["n"]) if counted else None
        if counted and interval:
            labeler["agreement_with_truth"] = cast("Figure", {**asdict(interval), "n": counted["n"]})
        labelers.append(labeler)
    return labelers


def _labels(context: Context) -> Labels:
    result = context.done["aggregate"]
    counts = result.counts
    labels: Labels = {
        "decided_by": result.facts["decided_by"],
        "n_desirable": counts["n_desirable"],
        "n_undesirable": counts["n_samples"] - counts["n_desirable"] - counts["n_undecided_samples"],
        "n_undecided": counts["n_undecided_samples"],
    }
    share = result.facts["desirable_share"]
    if share:
        labels["desirable_share"] = cast("Figure", {**share["interval"], "n": share["n_gold"]})
    labels["method"] = result.facts["method"]
    labels["n_gold"] = result.facts["gold"]["n"]
    labels["n_disputed"] = result.facts["n_disputed"]
    labels["rounds"] = result.facts.get("rounds", [])
    labels["notes"] = [
        *SetAside(**result.facts["set_aside"]).messages(),
        *result.facts["warnings"],
        *_judge_notes(context),
    ]
    if "truth" in context.done and context.done["truth"].facts["interval"]:
        truth = context.done["truth"].facts
        labels["truth"] = {"n": truth["n"], "agree": truth["agree"], "interval": truth["interval"]}
    return labels


def _judge_notes(context: Context) -> list[str]:
    """Return what judges left open: abstentions with a cause, and rows that nobody asked about."""
    told = context.done["judges"].facts.get("judges", {}) if "judges" in context.done else {}
    notes = []
    for name, counts in told.items():
        for what, found in (("abstained", counts["causes"]), ("was not asked", counts["unsent"])):
            if found:
                listed = ", ".join(f"{cause} {n:,}" for cause, n in sorted(found.items()))
                notes.append(f"{name} {what}: {listed}")
    return notes


def _training(context: Context) -> Training:
    report = context.done["train"].facts["training"]
    options = context.pipeline.train
    assert options is not None
    curves = _curves(context.path("train", "train/log.jsonl"), None)
    if "control" in context.done:
        curves += _curves(context.path("control", "train/log.jsonl"), "control")
    return {
        "model": options.model,
        "n_parameters": report["n_parameters"],
        "seconds": context.done["train"].seconds,
        "curves": curves,
    }


def _curves(log: Path, stage: str | None) -> list[CurvePoint]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    by_stage: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_stage.setdefault(line["stage"], []).append(line)
    points: list[CurvePoint] = []
    for name, steps in by_stage.items():
        every = max(1, -(-len(steps) // MAX_CURVE_POINTS))
        points += [
            {
                "stage": stage or name,
                "step": step["step"],
                "loss": step.get("loss"),
                "kl": step.get("kl"),
                "rewards_chosen": step.get("rewards/chosen"),
                "rewards_rejected": step.get("rewards/rejected"),
            }
            for step in steps[::every]
        ]
    return points


def _lineage(context: Context) -> Lineage:
    return {
        "inputs": [
            {
                "file": file["name"],
                "bytes": file["n_bytes"],
                "hash": file["xxh3_128"],
                "records": file["n_records"],
            }
            for file in context.done["read"].facts["files"]
        ],
        "steps": [
            {
                "step": result.name,
                "hash": result.hash,
                "rows": result.counts.get("n_rows"),
                "seconds": result.seconds,
                "reused": result.reused,
            }
            for result in context.run.results
        ],
    }
