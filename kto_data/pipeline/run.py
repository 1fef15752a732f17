"""A pipeline from its file to its report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kto_data.errors import FindingsError
from kto_data.pipeline.context import Context
from kto_data.pipeline.facts import gather
from kto_data.pipeline.spec import Pipeline
from kto_data.pipeline.steps.answers import split_as_before
from kto_data.pipeline.steps.balance import balance
from kto_data.pipeline.steps.demo_log import make_demo_log
from kto_data.pipeline.steps.evaluate import EVALUATION, check_limits, evaluate, evaluation_of
from kto_data.pipeline.steps.gold import find_gold
from kto_data.pipeline.steps.held_out import hold_out
from kto_data.pipeline.steps.label import check_faults, label_by_record, label_by_rules, recorded_labelers
from kto_data.pipeline.steps.prepare import curate, prepare
from kto_data.pipeline.steps.read import FORGOTTEN, read
from kto_data.pipeline.steps.rounds import aggregate_in_rounds
from kto_data.pipeline.steps.split import split
from kto_data.pipeline.steps.tests import check_data
from kto_data.pipeline.steps.train import train, train_control
from kto_data.pipeline.steps.truth import compare_with_truth
from kto_data.pipeline.steps.voters import voters_of
from kto_data.pipeline.steps.write import write
from kto_data.pipeline.trainer import check_installed
from kto_data.pipeline.training_rounds import add_round_facts, next_round
from kto_data.report.facts.run import Facts
from kto_data.report.render import write_report
from kto_data.runs.files import write_json
from kto_data.runs.folder import MANIFEST, RunFolder
from kto_data.runs.progress import Progress, StepResult
from kto_data.votes.log import VoteLog


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A finished run.

    Attributes:
        folder: The run folder, with `dataset/`, `report.html`, and `checkpoint/` where something was trained.
        facts: What `report.json` holds.
    """

    folder: Path
    facts: Facts


def run_pipeline(
    pipeline: Pipeline, *, runs: Path, progress: Progress | None = None, wait: bool = False
) -> RunSummary:
    """Run a pipeline, or what of it is not done yet, in the folder `runs/<name>`.

    Args:
        pipeline: The checked pipeline file.
        runs: Where run folders are.
        progress: Told of every step.
        wait: Wait for annotators, instead of ending while too little is answered.

    Raises:
        WaitingError: Annotators have decisions to make first; running again goes on.
        InputError: The input cannot be used.
        FindingsError: A limit is exceeded.
        UnavailableError: The trainer cannot run or failed, or another run is at work in this folder.
    """
    if pipeline.train is not None:
        check_installed()
    run = RunFolder(runs / pipeline.file.name, progress)
    with run.locked():
        context = Context(pipeline, run, VoteLog(run.path / "votes"), wait=wait)
        make_dataset(context)
        rounds = [context]
        if pipeline.train is not None:
            _train_and_evaluate(context)
            for _ in range(1, pipeline.file.rounds.n):
                context = next_round(rounds[-1])
                label_and_write(context, before=rounds[-1])
                _train_and_evaluate(context)
                rounds.append(context)
        facts = gather(context)
        if len(rounds) > 1:
            add_round_facts(facts, rounds)
        write_report(run.path, facts)
        _write_manifest(rounds)
    return RunSummary(run.path, facts)


def make_dataset(context: Context) -> StepResult:
    """Do the steps from the input to the dataset folder."""
    if context.pipeline.file.demo_log:
        make_demo_log(context)
    _check_quarantined(context, read(context))
    return label_and_write(context)


def label_and_write(context: Context, before: Context | None = None) -> StepResult:
    """Do the steps from rows to the dataset folder.

    Args:
        context: A round whose rows are read.
        before: The round before, whose rows stay on their side of the split.
    """
    prepare(context)
    find_gold(context)
    if context.pipeline.rules.rules:
        label_by_rules(context)
    if recorded_labelers(context.pipeline):
        label_by_record(context)
    check_faults(context)
    aggregate_in_rounds(context, voters_of(context), check_faults)
    compare_with_truth(context)
    curate(context)
    if before is None:
        split(context)
    else:
        split_as_before(context, before)
    balance(context)
    check_data(context)
    written = write(context)
    context.run.publish("dataset", written.folder / "dataset")
    return written


def _train_and_evaluate(context: Context) -> None:
    options = context.pipeline.file.evaluate
    if options is not None and context.round == 1:
        hold_out(context)  # first: with nothing to evaluate on, hours of training would be for nothing
    train(context)
    context.run.publish("checkpoint", context.path("train", "train/checkpoint"))
    suspects = context.path("train", "train/saturation.parquet")
    if suspects.is_file():
        context.run.publish(suspects.name, suspects)
    else:  # an earlier training's do not stand for this one's
        (context.run.path / suspects.name).unlink(missing_ok=True)
    if options is not None:
        if options.control and context.round == 1:
            train_control(context)
        evaluate(context)
        check_limits(context)
        found = evaluation_of(context)
        assert found is not None
        context.run.publish(EVALUATION, found[0])


def _check_quarantined(context: Context, result: StepResult) -> None:
    limit = context.pipeline.file.limits.quarantined
    n_forgotten = result.facts["quarantined"].get(FORGOTTEN, 0)
    n_records, n_quarantined = result.counts["n_records"], result.counts["n_quarantined"] - n_forgotten
    if n_quarantined > limit * n_records:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in result.facts["quarantined"].items())
        raise FindingsError(
            f"{n_quarantined:,} of {n_records:,} records could not be read, over the limit of {limit:.1%} "
            f"(limits.quarantined): {reasons}; each is listed, with file and line, in "
            f"{result.folder / 'quarantined.parquet'}"
        )


def _write_manifest(rounds: Sequence[Context]) -> None:
    """Write which steps were done, each with its round; a later round's stand in for those of the same name."""
    context = rounds[0]
    named = {result.name: (name, one.round) for one in reversed(rounds) for name, result in one.done.items()}
    steps: list[dict[str, Any]] = [
        {
            "step": named[result.name][0],
            "round": named[result.name][1],
            "folder": result.folder.name,
            "hash": result.hash,
            "counts": result.counts,
        }
        for result in context.run.results
    ]
    write_json(
        context.run.path / MANIFEST,
        {
            "pipeline": context.pipeline.file.name,
            "file": str(context.pipeline.path.resolve()),
            "seed": context.pipeline.file.seed,
            "steps": steps,
        },
    )
