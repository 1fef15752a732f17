"""`train`: from a dataset folder to a checkpoint: read, build or load, SFT, KTO, write."""

import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers

import kto_trainer
from kto_trainer.checkpoints import Checkpoints, put_weights
from kto_trainer.dataset import Split
from kto_trainer.figures import Final
from kto_trainer.kto import run_kto
from kto_trainer.lora import merged
from kto_trainer.model import weights_of
from kto_trainer.options import TrainOptions
from kto_trainer.output import (
    CHECKPOINT,
    LOG,
    REFERENCE,
    STATES,
    TRAINING_FILE,
    NoLog,
    StepLog,
    prepare_output,
    save_model,
    write_json,
)
from kto_trainer.plan import Tally
from kto_trainer.progress import Progress
from kto_trainer.setup import Prepared, Say, adapt, make_forward, prepare
from kto_trainer.sft import n_steps_of, run_sft, sft_rows
from kto_trainer.streams import SFT_ORDER, stream

Log = Callable[[dict[str, Any]], None]


def train(
    split: Split, output: Path, options: TrainOptions, *, say: Say, resume: bool = False
) -> dict[str, Any]:
    """Train, write everything under `output`, and return what `training.json` holds.

    Args:
        split: The train rows, verified.
        output: Folder for `checkpoint/`, `reference/`, `log.jsonl` and, last, `training.json`.
        options: Options as the user gave them.
        say: Takes messages for people.
        resume: Go on from the last good checkpoint in `output`, if it has one.

    Raises:
        TrainerError: The input is wrong; nothing was written, or nothing that looks whole.
    """
    started = time.perf_counter()
    run = prepare(split, output, options, say, resume=resume)
    if run.first and run.state is None:
        prepare_output(output)
    with _step_log(output, run) as step_log:
        progress, final = Progress(run.say), Final()
        for entry in step_log.earlier:
            final.add(entry)

        def log(entry: dict[str, Any]) -> None:
            step_log.write(entry)
            progress.step(entry)
            final.add(entry)

        checkpoints = Checkpoints(output, run.options, run.ranks, run.identity, step_log, run.state)
        learned = _stages(run, output, log, checkpoints)
        if run.first:
            save_model(output / CHECKPOINT, run.model, run.tokenizer, run.options.model_dump(mode="json"))
        step_log.finish()
    result = _result(run, split, final, learned)
    result["seconds"] = time.perf_counter() - started
    if run.first:
        write_json(output / TRAINING_FILE, result)
        shutil.rmtree(output / STATES, ignore_errors=True)
    return result


class _Learned(NamedTuple):
    """What the stages leave besides the model."""

    n_trained: int
    tally: Tally


def _stages(run: Prepared, output: Path, log: Log, checkpoints: Checkpoints) -> _Learned:
    """SFT, the reference, KTO; changes the model in place, which ends without adapters."""
    options, model, ranks = run.options, run.model, run.ranks
    past_sft = checkpoints.is_past("sft") and run.saves_reference
    if past_sft:
        put_weights(model, weights_of(output / REFERENCE, model))
    forward = make_forward(model, options, run.computer, run.encoder.pad, run.say)
    if options.sft.epochs and not past_sft:
        run_sft(forward, run.encoded, options, stream(options.seed, SFT_ORDER), log, ranks, checkpoints)
    if run.saves_reference and not past_sft:
        if run.first:
            save_model(output / REFERENCE, model, run.tokenizer, options.model_dump(mode="json"))
        checkpoints.save("kto", 0, model, None, {})
    adapt(forward, options)
    n_trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    tally = run_kto(
        forward, run.encoded, run.encoder, options, run.weights, log,
        cache=run.cache, ranks=ranks, checkpoints=checkpoints, say=run.say,
    )  # fmt: skip
    merged(model)
    return _Learned(n_trained, tally)


def _result(run: Prepared, split: Split, final: Final, learned: _Learned) -> dict[str, Any]:
    """The content of `training.json`."""
    options, encoded = run.options, run.encoded
    n_sft_steps = n_steps_of(encoded, options) if options.sft.epochs else 0
    return {
        "schema_version": 1,
        "model": options.model,
        "reference": REFERENCE if run.saves_reference else options.model,
        "options": options.model_dump(mode="json"),
        "n_parameters": sum(parameter.numel() for parameter in run.model.parameters()),
        "n_trained_parameters": learned.n_trained,
        "weights": run.weights._asdict(),
        "counts": encoded.counts
        | {"sft_rows": len(sft_rows(encoded, options)) if n_sft_steps else 0}
        | _pair_counts(learned.tally),
        "steps": {"sft": n_sft_steps, "kto": final.n_steps},
        "final": final.means(),
        "dataset": {"manifest_sha256": split.manifest_sha256},
        "versions": _versions(),
        "device": str(run.computer.device),
    }


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
