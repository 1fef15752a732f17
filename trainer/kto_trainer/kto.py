"""The KTO stage: epochs of batches, each with fresh mismatched pairs, against the starting model."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from kto_trainer.audit import EncodedRows
from kto_trainer.checkpoints import Checkpoints
from kto_trainer.dataset import Split
from kto_trainer.encoding import Encoder
from kto_trainer.errors import TrainerError
from kto_trainer.figures import Figures
from kto_trainer.forward import Forward
from kto_trainer.heldout import EarlyStopping, HeldOut
from kto_trainer.lora import adapters_off
from kto_trainer.objective import Objective
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.plan import Plan, RunSequences, Tally, make_plan
from kto_trainer.ranks import Ranks
from kto_trainer.reference_cache import ReferenceLogps, reference_logps
from kto_trainer.step import Batch, StepResult, accumulate
from kto_trainer.streams import LABELS, stream


class Weights(NamedTuple):
    """The class weights of a run and where they come from."""

    desirable: float
    undesirable: float
    source: str


def class_weights(split: Split, options: TrainOptions) -> Weights:
    """The class weights: each from its own option if given, else as `weights` says."""
    desirable, undesirable, source = _named_weights(split, options)
    given = (options.desirable_weight is not None, options.undesirable_weight is not None)
    source = (
        "options" if all(given) else f"options and {source}" if any(given) and source != "options" else source
    )
    weights = Weights(
        desirable if options.desirable_weight is None else options.desirable_weight,
        undesirable if options.undesirable_weight is None else options.undesirable_weight,
        source,
    )
    if weights.desirable == weights.undesirable == 0:
        raise TrainerError(
            "desirable_weight and undesirable_weight are both 0: there is nothing to learn; set one"
        )
    return weights


def _named_weights(split: Split, options: TrainOptions) -> Weights:
    """What the option `weights` says. `auto` sets the larger class's weight to 1, as the paper asks for."""
    if options.weights == "manifest":
        return Weights(*split.class_weights(), "manifest")
    if options.weights != "auto":
        desirable, undesirable = map(float, options.weights.split(","))
        return Weights(desirable, undesirable, "options")
    masses = [float(split.weights_N[split.labels_N == label].sum()) for label in (True, False)]
    if min(masses) <= 0:
        raise TrainerError("weights: auto: all rows of one label have the weight 0; pass two numbers")
    largest = max(masses)
    return Weights(largest / masses[0], largest / masses[1], "row counts (auto)")


def objective_of(options: TrainOptions, weights: Weights) -> Objective:
    """The loss that the options ask for."""
    return Objective(
        options.loss_type,
        options.beta,
        weights.desirable,
        weights.undesirable,
        options.log_epsilon_p,
        options.log_epsilon_r,
    )


class Learned(NamedTuple):
    """What the KTO stage met, where its held-out AUC was best, and the reference's log-probabilities of the rows."""

    tally: Tally
    stopping: EarlyStopping
    ref_logps_N: np.ndarray


def run_kto(
    forward: Forward,
    encoded: EncodedRows,
    encoder: Encoder,
    options: TrainOptions,
    weights: Weights,
    log: Callable[[dict[str, Any]], None],
    *,
    cache: Path | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008  # frozen
    checkpoints: Checkpoints | None = None,
    held_out: HeldOut | None = None,
    name_rows: Callable[[Sequence[int]], str] = str,
    say: Callable[[str], None] = lambda _: None,
) -> Learned:
    """The KTO stage: changes the model in place; the reference is its state at the start.

    Args:
        forward: The model that learns.
        encoded: The train rows.
        encoder: What made their tokens.
        options: Resolved options.
        weights: The class weights.
        log: Takes one mapping a step.
        cache: Folder of the reference's kept log-probabilities; None keeps none.
        ranks: The processes that train together.
        checkpoints: Where the stage is saved, and resumed from.
        held_out: Rows whose AUC is told at epochs' ends.
        name_rows: Names rows by their numbers, for messages.
        say: Takes messages for people.
    """
    checkpoints = checkpoints or Checkpoints.none()
    objective = objective_of(options, weights)
    tally = Tally()
    labels_N = train_labels(encoded, options)
    plan = make_plan(encoded, labels_N, options, tally, needs_pairs=objective.needs_pairs)
    sequences = RunSequences(encoded, encoder, plan)
    with adapters_off(forward.model):
        logps = reference_logps(forward, sequences, objective.by_token, cache, ranks, say)
    held_ref_logps = None if held_out is None else held_out.reference(forward, cache, ranks)
    tally.n_reference_computed, tally.n_reference_cached = logps.n_computed, logps.n_cached
    if cache:
        say(f"reference: {logps.n_computed} sequences computed, {logps.n_cached} taken from {cache.parent}")
    assert options.learning_rate is not None
    optimizer = Optimizer(forward.model, options, learning_rate=options.learning_rate, n_steps=len(plan))
    stopping = EarlyStopping(options.early_stopping_patience)
    done, notes = checkpoints.restore("kto", forward.model, optimizer)
    if done:
        tally, stopping = Tally(**notes["tally"]), EarlyStopping(**notes["stopping"])
    figures = Figures("kto", len(plan), options, log, done, name_rows)
    last = done
    for step in range(done, len(plan)):
        if stopping.stops:
            say(
                f"stopped early after step {step}: the held-out AUC has not grown for {stopping.n_since} evaluations"
            )
            break
        started = time.perf_counter()
        batch = make_batch(sequences, labels_N, step, logps)
        result = accumulate(forward, batch, objective, ranks)
        grad_norm, rate = optimizer.step()
        n_tokens = sum(len(item.prompt) + len(item.completion) for item in batch.sequences)
        fixed: dict[str, Any] = {"epoch": plan.epoch(step), "lr": rate, "tokens": n_tokens}
        if held_out is not None and held_ref_logps is not None and _evaluates(plan, step, options):
            fixed |= held_out.measure(forward, held_ref_logps, ranks)
            if stopping.add(step + 1, fixed["eval/auc"]):
                checkpoints.save_best(step + 1, forward.model)
        measured = _figures(result, batch.labels_B) | {"grad_norm": grad_norm}
        rows = plan.rows_J[plan.starts[step] : plan.starts[step + 1]]
        figures.add(fixed, measured, started, rows.tolist(), result.rewards_B)
        checkpoints.after_step(
            "kto", step + 1, len(plan), forward.model, optimizer, epoch_ends=plan.ends_epoch(step),
            flush=figures.flush, notes=lambda: {"tally": asdict(tally), "stopping": stopping.notes()},
        )  # fmt: skip
        last = step + 1
    figures.flush()
    if stopping.best_step and stopping.best_step != last:
        checkpoints.restore_best(stopping.best_step, forward.model)
        say(f"the checkpoint is that of step {stopping.best_step}: held-out AUC {stopping.best_auc:.3f}")
    return Learned(tally, stopping, logps.sums()[: len(encoded)])


def _evaluates(plan: Plan, step: int, options: TrainOptions) -> bool:
    """Whether the held-out rows are looked at after a step."""
    every = options.eval_steps
    return plan.ends_epoch(step) or (every is not None and (step + 1) % every == 0)


def train_labels(encoded: EncodedRows, options: TrainOptions) -> np.ndarray:
    """The rows' labels; with `shuffle_labels` the same labels dealt to the rows at random, with the seed; [N]."""
    if not options.shuffle_labels:
        return encoded.labels_N
    return encoded.labels_N[stream(options.seed, LABELS).permutation(len(encoded))]


def make_batch(sequences: RunSequences, labels_N: np.ndarray, step: int, logps: ReferenceLogps) -> Batch:
    """One step's batch."""
    encoded, plan = sequences.encoded, sequences.plan
    at = slice(plan.starts[step], plan.starts[step + 1])
    rows_B = plan.rows_J[at]
    pairs_B = np.arange(at.start, at.stop)[: len(plan.partners_J[at])] + len(encoded)
    return Batch(
        [sequences[i] for i in rows_B.tolist()],
        [sequences[i] for i in pairs_B.tolist()],
        torch.from_numpy(labels_N[rows_B]),
        torch.from_numpy(encoded.weights_N[rows_B]),
        logps.pick(rows_B),
        logps.pick(pairs_B),
    )


def _figures(result: StepResult, labels_B: torch.Tensor) -> dict[str, torch.Tensor | None]:
    """The step's loss, z0 (named kl) and rewards by class; None where the batch has none of a class."""
    labels_B = labels_B.to(result.rewards_B.device, non_blocking=True)
    n_desirable, n_rows = labels_B.sum(), len(labels_B)
    desirable = (result.rewards_B * labels_B).sum() / n_desirable
    undesirable = (result.rewards_B * ~labels_B).sum() / (n_rows - n_desirable)
    return {
        "loss": result.loss,
        "kl": result.z0,
        "rewards/chosen": desirable,
        "rewards/rejected": undesirable,
        "rewards/margins": desirable - undesirable,
    }
