"""`train`: from a dataset folder to a checkpoint: read, build or load, SFT, KTO, write."""

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers

import kto_trainer
from kto_trainer.audit import EncodedRows, encode_rows
from kto_trainer.batching import epoch_batches
from kto_trainer.dataset import Split, read_split, require_both_classes
from kto_trainer.encoding import Encoder
from kto_trainer.errors import TrainerError
from kto_trainer.logps import all_completion_logps
from kto_trainer.model import Machine, frozen_copy, load, machine, place, quiet_transformers
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.output import TRAINING_FILE, StepLog, prepare_output, save_model, write_json
from kto_trainer.progress import Progress
from kto_trainer.sft import run_sft, sft_rows
from kto_trainer.step import Batch, LossSettings, StepResult, accumulate
from kto_trainer.tiny import build_model, build_tokenizer

# One independent stream of random numbers a purpose: more SFT epochs must not change KTO's order.
WEIGHTS, SFT_ORDER, KTO_ORDER, PAIRS, LABELS = range(5)

Say = Callable[[str], None]


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The random numbers of one purpose of a run."""
    return np.random.default_rng([seed, purpose])


class Weights(NamedTuple):
    """The class weights of a run and where they come from."""

    desirable: float
    undesirable: float
    source: str


@dataclass(slots=True)
class Tally:
    """What the KTO stage met on its way."""

    n_pairs: int = 0
    n_fallbacks: int = 0
    n_single_class_batches: int = 0


def train(data: Path, output: Path, options: TrainOptions, *, overwrite: bool, say: Say) -> dict[str, Any]:
    """Train, write everything under `output`, and return what `training.json` holds.

    Args:
        data: A dataset folder.
        output: Folder for `checkpoint/`, `reference/`, `log.jsonl` and, last, `training.json`.
        options: Options as the user gave them.
        overwrite: Replace a finished training in `output`.
        say: Takes messages for people.

    Raises:
        TrainerError: The input is wrong; nothing was written, or nothing that looks whole.
    """
    started = time.perf_counter()
    given, options = options, options.resolved()
    split = read_split(data, "train")
    require_both_classes((row.label for row in split.rows), str(data))
    weights = class_weights(split, options)
    computer = machine(options)
    built = options.model == "tiny"
    if built:
        quiet_transformers()
        tokenizer = build_tokenizer(split.rows, options.tiny.vocab_size)
        draw = torch.Generator().manual_seed(int(stream(options.seed, WEIGHTS).integers(2**63)))
        model = build_model(options.tiny, tokenizer, draw)
    else:
        model, tokenizer = load(options.model, options.chat_template)
    # Dropout stays off (eval mode) throughout: policy and reference start equal, and a seed gives the same bytes.
    model = place(model, options, computer)
    assert options.max_length is not None
    encoder = Encoder(tokenizer, options.max_length)
    encoded = encode_rows(split.rows, encoder)
    _say_counts(say, encoded, weights)
    prepare_output(output, overwrite=overwrite)

    saved_options = options.model_dump(mode="json")
    n_sft_steps = 0
    with StepLog(output / "log.jsonl") as step_log:
        entries: list[dict[str, Any]] = []
        progress = Progress(say)

        def log(entry: dict[str, Any]) -> None:
            step_log.write(entry)
            progress.step(entry)
            entries.append(entry)

        if options.sft.epochs:
            _say_sft(say, encoded, given, options)
            order = stream(options.seed, SFT_ORDER)
            n_sft_steps = run_sft(model, encoded, options, computer, encoder.pad, order, log)
        if built or n_sft_steps:
            save_model(output / "reference", model, tokenizer, saved_options)
        tally = run_kto(model, encoded, encoder, options, weights, computer, log)
        save_model(output / "checkpoint", model, tokenizer, saved_options)
        step_log.finish()

    result = {
        "schema_version": 1,
        "model": options.model,
        "reference": "reference" if built or n_sft_steps else options.model,
        "options": saved_options,
        "n_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "weights": weights._asdict(),
        "counts": encoded.counts
        | {
            "sft_rows": len(sft_rows(encoded, options)) if n_sft_steps else 0,
            "kl_pairs": tally.n_pairs,
            "derangement_fallbacks": tally.n_fallbacks,
            "single_class_batches": tally.n_single_class_batches,
        },
        "steps": {"sft": n_sft_steps, "kto": len(entries) - n_sft_steps},
        "final": _final(entries[n_sft_steps:]),
        "dataset": {"manifest_sha256": split.manifest_sha256},
        "versions": {
            "kto_trainer": kto_trainer.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "device": str(computer.device),
        "seconds": time.perf_counter() - started,
    }
    write_json(output / TRAINING_FILE, result)
    return result


def class_weights(split: Split, options: TrainOptions) -> Weights:
    """The class weights: each from the options if given, else from the dataset's manifest."""
    desirable, undesirable = split.class_weights()
    given = (options.desirable_weight is not None, options.undesirable_weight is not None)
    source = "options" if all(given) else "options and manifest" if any(given) else "manifest"
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


def run_kto(
    policy: Any,
    encoded: EncodedRows,
    encoder: Encoder,
    options: TrainOptions,
    weights: Weights,
    computer: Machine,
    log: Callable[[dict[str, Any]], None],
) -> Tally:
    """The KTO stage: changes `policy` in place; the reference is its state at the start."""
    reference = frozen_copy(policy)
    assert options.epochs is not None
    assert options.learning_rate is not None
    settings = LossSettings(
        options.beta, weights.desirable, weights.undesirable, options.micro_batch_size, encoder.pad, computer
    )
    labels = train_labels(encoded, options)
    # Once for all epochs: the reference does not change, and neither do the rows.
    ref_logps_N = all_completion_logps(
        reference, encoded.tokens, encoder.pad, computer, options.micro_batch_size
    )
    order = stream(options.seed, KTO_ORDER)
    epochs = [
        epoch_batches(labels, encoded.prompt_keys, options.batch_size, order) for _ in range(options.epochs)
    ]
    steps = [(epoch, batch) for epoch, batches in enumerate(epochs) for batch in batches]
    optimizer = Optimizer(policy, options, learning_rate=options.learning_rate, n_steps=len(steps))
    tally = Tally()
    batches = make_batches(
        encoded, encoder, labels, ref_logps_N, [batch for _, batch in steps], options.seed, tally
    )
    for number, ((epoch, _), batch) in enumerate(zip(steps, batches, strict=True), start=1):
        started = time.perf_counter()
        result = accumulate(policy, reference, batch, settings)
        grad_norm, rate = optimizer.step()
        log(
            {"stage": "kto", "step": number, "steps": len(steps), "epoch": epoch + 1}
            | _figures(result, batch.labels_B)
            | {
                "grad_norm": grad_norm,
                "lr": rate,
                "tokens": sum(len(item.prompt) + len(item.completion) for item in batch.sequences),
                "seconds": time.perf_counter() - started,
            }
        )
    return tally


def train_labels(encoded: EncodedRows, options: TrainOptions) -> list[bool]:
    """The rows' labels; with `shuffle_labels` the same labels dealt to the rows at random, with the seed."""
    labels = [row.label for row in encoded.rows]
    if options.shuffle_labels:
        labels = [labels[i] for i in stream(options.seed, LABELS).permutation(len(labels))]
    return labels


def make_batches(
    encoded: EncodedRows,
    encoder: Encoder,
    labels: list[bool],
    ref_logps_N: torch.Tensor,
    members: list[list[int]],
    seed: int,
    tally: Tally,
) -> Iterator[Batch]:
    """Batches in order, each with a fresh derangement of its own completions; counts fallbacks into `tally`."""
    from kto_trainer.pairing import mismatched_pairs

    pairs = stream(seed, PAIRS)
    for rows in members:
        pairing = mismatched_pairs(
            [encoded.prompt_keys[i] for i in rows], [encoded.completion_keys[i] for i in rows], pairs
        )
        tally.n_pairs += len(rows)
        tally.n_fallbacks += pairing.n_fallbacks
        tally.n_single_class_batches += len({labels[i] for i in rows}) == 1
        sequences = [encoded.tokens[i] for i in rows]
        kl_sequences = [
            encoder.fit(own._replace(completion=sequences[partner].completion)).tokens
            for own, partner in zip(sequences, pairing.partner, strict=True)
        ]
        yield Batch(
            sequences,
            kl_sequences,
            torch.tensor([labels[i] for i in rows]),
            torch.tensor([encoded.rows[i].weight for i in rows]),
            ref_logps_N[rows],
        )


def _figures(result: StepResult, labels_B: torch.Tensor) -> dict[str, float | None]:
    """The step's loss, z0 (named kl) and rewards by class; None where the batch has none of a class."""
    chosen = result.rewards_B[labels_B].mean().item() if labels_B.any() else None
    rejected = result.rewards_B[~labels_B].mean().item() if not labels_B.all() else None
    return {
        "loss": result.loss,
        "kl": result.z0,
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": None if chosen is None or rejected is None else chosen - rejected,
    }


def _final(entries: list[dict[str, Any]]) -> dict[str, float | None]:
    """Means over the last tenth of the KTO steps (at least one)."""
    last = entries[-max(1, len(entries) // 10) :]
    names = ("loss", "kl", "rewards/chosen", "rewards/rejected", "rewards/margins")
    found = {name: [entry[name] for entry in last if entry[name] is not None] for name in names}
    return {name: sum(values) / len(values) if values else None for name, values in found.items()}


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
