"""`train`: from a dataset folder to a checkpoint: read, build or load, SFT, KTO, write."""

import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial as partial_of
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

import kto_trainer
from kto_trainer.card import card
from kto_trainer.checkpoints import Checkpoints, put_weights
from kto_trainer.dataset import Split
from kto_trainer.events import TensorBoard
from kto_trainer.figures import Final
from kto_trainer.forward import Forward
from kto_trainer.heldout import EarlyStopping
from kto_trainer.kto import Learned, run_kto
from kto_trainer.lora import merged, save_adapters
from kto_trainer.losses import LOSSES
from kto_trainer.model import weights_of
from kto_trainer.options import TrainOptions
from kto_trainer.output import (
    CHECKPOINT,
    LOG,
    REFERENCE,
    SATURATION,
    STATES,
    TRAINING_FILE,
    NoLog,
    StepLog,
    prepare_output,
    save_model,
    write_json,
    write_parquet,
)
from kto_trainer.plan import Plan, RunSequences, Tally
from kto_trainer.progress import Progress
from kto_trainer.reference_cache import reference_logps
from kto_trainer.saturation import saturation
from kto_trainer.setup import Prepared, Say, adapt, make_forward, prepare
from kto_trainer.sft import n_steps_of, run_sft, sft_rows
from kto_trainer.sharding import whole_weights
from kto_trainer.streams import SFT_ORDER, stream
from kto_trainer.watch import Watch

Log = Callable[[dict[str, Any]], None]
NAMED = 8  # rows that a message names


def train(
    split: Split,
    output: Path,
    options: TrainOptions,
    *,
    say: Say,
    show: Callable[[str], None] | None = None,
    held_out: Split | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Train, write everything under `output`, and return what `training.json` holds.

    Args:
        split: The train rows, verified.
        output: Folder for `checkpoint/`, `reference/`, `log.jsonl`, `saturation.parquet` and, last, `training.json`.
        options: Options as the user gave them.
        say: Takes messages for people.
        show: Draws a line over the last one it drew; for a terminal.
        held_out: Rows whose reward AUC is told while training.
        resume: Go on from the last good checkpoint in `output`, if it has one.

    Raises:
        TrainerError: The input is wrong; nothing was written, or nothing that looks whole.
    """
    started = time.perf_counter()
    run = prepare(split, output, options, say, held_out=held_out, resume=resume)
    if run.first and run.state is None:
        prepare_output(output)
    with _step_log(output, run) as step_log:
        final = Final()
        for entry in step_log.earlier:
            final.add(entry)
        takers = [step_log.write, final.add]
        if run.first:
            takers += [Progress(run.say, show).step, _watch(run).step]
        board = TensorBoard(output, step_log.earlier) if run.options.tensorboard and run.first else None
        if board is not None:
            takers.append(board.write)

        def log(entry: dict[str, Any]) -> None:
            for take in takers:
                take(entry)

        checkpoints = Checkpoints(output, run.options, run.ranks, run.identity, step_log, run.state)
        forward, n_trained = _first_stage(run, output, log, checkpoints, _names(split))
        learned = run_kto(
            forward, run.encoded, run.encoder, run.options, run.weights, log,
            cache=run.cache, ranks=run.ranks, checkpoints=checkpoints, held_out=run.held_out, name_rows=_names(split),
            say=run.say,
        )  # fmt: skip
        contradicted = _saturation(run, split, output, forward, learned, final)
        result = _result(run, split, final, learned) | contradicted | {"n_trained_parameters": n_trained}
        save(run, output / CHECKPOINT, result)
        if board is not None:
            board.close()
        step_log.finish()
    result["seconds"] = time.perf_counter() - started
    if run.first:
        write_json(output / TRAINING_FILE, result)
        shutil.rmtree(output / STATES, ignore_errors=True)
    return result


def _first_stage(
    run: Prepared, output: Path, log: Log, checkpoints: Checkpoints, name_rows: Callable[[Sequence[int]], str]
) -> tuple[Forward, int]:
    """SFT, and the reference that comes of it: how the model runs from here on, and its number of trained weights."""
    options, model, ranks = run.options, run.model, run.ranks
    past_sft = checkpoints.is_past("sft") and run.saves_reference
    if past_sft:
        put_weights(model, weights_of(output / REFERENCE, model))
    forward = make_forward(model, options, run.computer, run.encoder.pad, run.say, ranks)
    if options.sft.epochs and not past_sft:
        order = stream(options.seed, SFT_ORDER)
        run_sft(forward, run.encoded, options, order, log, ranks, checkpoints, name_rows)
    if run.saves_reference and not past_sft:
        save(run, output / REFERENCE)
        checkpoints.save("kto", 0, model, None, {})
    adapt(forward, options)
    return forward, sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _names(split: Split) -> Callable[[Sequence[int]], str]:
    """Names rows by their numbers; the ids are read only when they are needed."""

    def named(rows: Sequence[int]) -> str:
        ids = split.columns(("row_id",)).column("row_id")
        told = ", ".join(str(ids[row].as_py()) for row in rows[:NAMED])
        return told + (f" and {len(rows) - NAMED} more" if len(rows) > NAMED else "")

    return named


def _watch(run: Prepared) -> Watch:
    assert run.options.learning_rate is not None
    return Watch(run.say, run.options.learning_rate, has_pairs=LOSSES[run.options.loss_type].needs_pairs)


def _saturation(
    run: Prepared, split: Split, output: Path, forward: Forward, learned: Learned, final: Final
) -> dict[str, Any]:
    """Write `saturation.parquet`, unless the options leave it out; what `training.json` holds of it."""
    options = run.options
    if not options.saturation or options.shuffle_labels:
        return {}
    plain = Plan(np.arange(len(run.encoded)), np.empty(0, np.int32), np.array([0, len(run.encoded)]), 1)
    sequences = RunSequences(run.encoded, run.encoder, plan=plain)
    logps_N = reference_logps(forward, sequences, False, None, run.ranks).sums()
    rewards_N = options.beta * (logps_N - learned.ref_logps_N)
    found = saturation(split, run.encoded.labels_N, rewards_N, options.beta, final.means()["kl"] or 0.0)
    if run.first:
        write_parquet(output / SATURATION, found.table)
    n_vanished = sum(found.counts["saturated"].values())
    run.say(
        f"{found.counts['against_label']} rows whose reward contradicts their label, of {n_vanished} the gradient has "
        f"vanished: {SATURATION}"
    )
    return {"saturation": found.counts}


def save(run: Prepared, folder: Path, result: Mapping[str, Any] | None = None) -> None:
    """Save the model as a folder that `from_pretrained` loads; all processes must call it.

    With `result`, what training.json holds, it is the trained model: its adapters are merged or kept apart, and it has a card.
    """
    options, adapters = run.options, None
    if result is not None and options.lora.r:
        if options.merge or (options.merge is None and options.lora.quantize == "none"):
            merged(run.model)
        else:
            base = str((folder.parent / REFERENCE).resolve()) if run.saves_reference else options.model
            adapters = partial_of(save_adapters, model=run.model, base=base)
    weights = whole_weights(run.model, run.first)
    if run.first:
        text = None if result is None else card(result)
        save_model(
            folder,
            run.model,
            run.tokenizer,
            options.model_dump(mode="json"),
            weights,
            card=text,
            write=adapters,
        )


def _result(run: Prepared, split: Split, final: Final, learned: Learned) -> dict[str, Any]:
    """The content of `training.json`."""
    options, encoded = run.options, run.encoded
    n_sft_steps = n_steps_of(encoded, options) if options.sft.epochs else 0
    return {
        "schema_version": 1,
        "model": options.model,
        "reference": REFERENCE if run.saves_reference else options.model,
        "options": options.model_dump(mode="json"),
        "n_parameters": sum(
            parameter.numel() for name, parameter in run.model.named_parameters() if "lora_" not in name
        ),
        "weights": run.weights._asdict(),
        "counts": encoded.counts
        | {"sft_rows": len(sft_rows(encoded, options)) if n_sft_steps else 0}
        | _pair_counts(learned.tally),
        "steps": {"sft": n_sft_steps, "kto": final.n_steps},
        "final": final.means(),
        "held_out": final.held_out | _best(learned.stopping),
        "held_out_rows": _held_out_rows(run),
        "dataset": {"manifest_sha256": split.manifest_sha256},
        "versions": _versions(),
        "device": str(run.computer.device),
    }


def _held_out_rows(run: Prepared) -> dict[str, Any] | None:
    """Which rows the held-out figures are of, and whether they chose the checkpoint."""
    if run.held_out is None:
        return None
    chose = run.options.early_stopping_patience is not None
    return {"split": run.held_out.name, "rows": len(run.held_out.labels_N), "chose_checkpoint": chose}


def _best(stopping: EarlyStopping) -> dict[str, Any]:
    return {"best_step": stopping.best_step, "best_auc": stopping.best_auc} if stopping.best_step else {}


def _step_log(output: Path, run: Prepared) -> StepLog | NoLog:
    if not run.first:
        return NoLog()
    return StepLog(output / LOG, None if run.state is None else run.state.log_bytes)


def _pair_counts(tally: Tally) -> dict[str, int]:
    return {
        "kl_pairs": tally.n_pairs,
        "derangement_fallbacks": tally.n_fallbacks,
        "single_class_batches": tally.n_single_class_batches,
        "reference_computed": tally.n_reference_computed,
        "reference_cached": tally.n_reference_cached,
    }


def _versions() -> dict[str, str]:
    return {
        "kto_trainer": kto_trainer.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }
