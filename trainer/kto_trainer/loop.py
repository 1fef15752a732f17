"""`train`: from a dataset folder to a checkpoint: read, build or load, SFT, KTO, write."""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

import kto_trainer
from kto_trainer.audit import EncodedRows, encode_rows
from kto_trainer.dataset import Split
from kto_trainer.encoding import Encoder
from kto_trainer.errors import UnavailableError
from kto_trainer.figures import Final
from kto_trainer.forward import Forward
from kto_trainer.identity import reference_folder
from kto_trainer.kto import Weights, class_weights, run_kto
from kto_trainer.lora import adapter_dropouts, add_adapters, merged
from kto_trainer.model import (
    Machine,
    load,
    machine,
    place,
    quiet_transformers,
    recomputable_layers,
    set_template,
)
from kto_trainer.options import TrainOptions
from kto_trainer.output import TRAINING_FILE, NoLog, StepLog, prepare_output, save_model, write_json
from kto_trainer.plan import Tally
from kto_trainer.probe import choose
from kto_trainer.progress import Progress
from kto_trainer.ranks import join
from kto_trainer.sft import run_sft, sft_rows
from kto_trainer.streams import SFT_ORDER, WEIGHTS, stream
from kto_trainer.tiny import build_model, build_tokenizer
from kto_trainer.token_store import stored_tokens

Say = Callable[[str], None]


def train(split: Split, output: Path, options: TrainOptions, *, say: Say) -> dict[str, Any]:
    """Train, write everything under `output`, and return what `training.json` holds.

    Args:
        split: The train rows, verified.
        output: Folder for `checkpoint/`, `reference/`, `log.jsonl` and, last, `training.json`.
        options: Options as the user gave them.
        say: Takes messages for people.

    Raises:
        TrainerError: The input is wrong; nothing was written, or nothing that looks whole.
    """
    started = time.perf_counter()
    given, options = options, options.resolved()
    weights = class_weights(split, options)
    computer = machine(options)
    ranks = join(computer.device)
    first = ranks.number == 0
    if not first:
        say = _silent
    model, tokenizer = _start(split, options, computer)
    assert options.max_length is not None
    encoder = Encoder(tokenizer, options.max_length)
    # A tiny model's tokenizer is made of the run's own rows: no other run would ask for its tokens.
    keep = options.model != "tiny"
    encoded = encode_rows(split, ranks.in_turn(lambda: stored_tokens(split, encoder, say, keep=keep)))
    _say_counts(say, encoded, weights)
    if first:
        prepare_output(output)

    saved_options = options.model_dump(mode="json")
    n_sft_steps = 0
    with StepLog(output / "log.jsonl") if first else NoLog() as step_log:
        progress, final = Progress(say), Final()

        def log(entry: dict[str, Any]) -> None:
            step_log.write(entry)
            progress.step(entry)
            final.add(entry)

        forward = make_forward(model, options, computer, encoder.pad, say)
        if options.sft.epochs:
            _say_sft(say, encoded, given, options)
            order = stream(options.seed, SFT_ORDER)
            n_sft_steps = run_sft(forward, encoded, options, order, log, ranks)
        saves_reference = options.model == "tiny" or n_sft_steps > 0
        if saves_reference and first:
            save_model(output / "reference", model, tokenizer, saved_options)
        cache = None if saves_reference else _cache(split, options, model, computer, say)
        _adapt(forward, options)
        n_trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        tally = run_kto(forward, encoded, encoder, options, weights, log, cache=cache, ranks=ranks, say=say)
        model = merged(model)
        if first:
            save_model(output / "checkpoint", model, tokenizer, saved_options)
        step_log.finish()

    result = {
        "schema_version": 1,
        "model": options.model,
        "reference": "reference" if saves_reference else options.model,
        "options": saved_options,
        "n_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "n_trained_parameters": n_trained,
        "weights": weights._asdict(),
        "counts": encoded.counts
        | {"sft_rows": len(sft_rows(encoded, options)) if n_sft_steps else 0}
        | _pair_counts(tally),
        "steps": {"sft": n_sft_steps, "kto": final.n_steps},
        "final": final.means(),
        "dataset": {"manifest_sha256": split.manifest_sha256},
        "versions": _versions(),
        "device": str(computer.device),
        "seconds": time.perf_counter() - started,
    }
    if first:
        write_json(output / TRAINING_FILE, result)
    return result


def _silent(_: str) -> None:
    """The other processes say nothing: they would say the same."""


def make_forward(model: Any, options: TrainOptions, computer: Machine, pad: int, say: Say) -> Forward:
    """How the model runs, packed if it can, with the options that save memory or time."""
    choice = choose(model, computer, pad, options.max_tokens_per_pass, options.micro_batch_size)
    if choice.reason:
        say(f"the model cannot run packed, so its batches are padded: {choice.reason}")
    if choice.note:
        say(choice.note)
    forward = choice.forward
    try:
        forward.layers = recomputable_layers(model)
    except UnavailableError:  # a pass over the limit then takes what it takes
        if options.gradient_checkpointing:
            raise
    forward.always_recompute = options.gradient_checkpointing
    if options.compile:
        model.base_model.compile(dynamic=True)
    return forward


def _adapt(forward: Forward, options: TrainOptions) -> None:
    """Add adapters where the options ask for them."""
    add_adapters(forward.model, options.lora, options.seed)
    if options.lora.r and options.lora.dropout:
        forward.dropouts = adapter_dropouts(forward.model)
        torch.manual_seed(options.seed)  # dropout draws from torch's global numbers


def _cache(split: Split, options: TrainOptions, model: Any, computer: Machine, say: Say) -> Path | None:
    """The folder that keeps this reference's log-probabilities; None where the dataset folder cannot be written."""
    try:
        folder = reference_folder(split.folder, options.model, model, computer)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        say(f"the reference's log-probabilities are not kept: {error}")
        return None
    return folder


def _start(split: Split, options: TrainOptions, computer: Machine) -> tuple[Any, Any]:
    """The (model, tokenizer) that the run starts from, built or loaded.

    Dropout stays off (eval mode) throughout: policy and reference start equal, and a seed gives the same bytes.
    """
    if options.model != "tiny":
        model, tokenizer = load(options.model, options.chat_template, computer.weights_dtype)
    else:
        quiet_transformers()
        tokenizer = build_tokenizer(split.texts(), options.tiny.vocab_size)
        set_template(tokenizer, options.chat_template)
        draw = torch.Generator().manual_seed(int(stream(options.seed, WEIGHTS).integers(2**63)))
        model = build_model(options.tiny, tokenizer, draw)
    return place(model, options, computer), tokenizer


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


def _say_counts(say: Say, encoded: EncodedRows, weights: Weights) -> None:
    counts = encoded.counts
    rows = counts["rows"]
    say(
        f"rows {rows['train']}: {rows['desirable']} desirable (weight {weights.desirable:g}), {rows['undesirable']} "
        f"undesirable (weight {weights.undesirable:g}); weights from the {weights.source}"
    )
    found = [
        f"{sum(counts[name].values()) if isinstance(counts[name], dict) else counts[name]} {name.replace('_', ' ')}"
        for name in (
            "completions_truncated",
            "prompts_truncated",
            "empty_completions",
            "duplicates",
            "rows_with_both_labels",
        )
    ]
    say(", ".join(found))


def _say_sft(say: Say, encoded: EncodedRows, given: TrainOptions, options: TrainOptions) -> None:
    n_rows = len(sft_rows(encoded, options))
    why = ""
    if options.model == "tiny" and given.sft.rows is None:
        why = ": a model from random weights knows no language, so it learns from all rows first"
    say(
        f"SFT on {options.sft.rows} rows ({n_rows}), {options.sft.tokens} tokens, {options.sft.epochs} epochs{why}"
    )
