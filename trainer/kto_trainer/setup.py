"""Everything between the options and a training's first step: the machine, the model, the tokens, what is resumed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kto_trainer.audit import EncodedRows, encode_rows
from kto_trainer.checkpoints import find_state
from kto_trainer.dataset import Split
from kto_trainer.encoding import Encoder
from kto_trainer.errors import TrainerError, UnavailableError
from kto_trainer.forward import Forward
from kto_trainer.heldout import HeldOut
from kto_trainer.identity import reference_folder
from kto_trainer.kto import Weights, class_weights
from kto_trainer.lora import adapter_dropouts, add_adapters, quantization
from kto_trainer.memory import check_memory, shape_of
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
from kto_trainer.output import STATES
from kto_trainer.probe import choose
from kto_trainer.ranks import Ranks, join
from kto_trainer.resume import identity_of
from kto_trainer.sft import sft_rows
from kto_trainer.sharding import shard
from kto_trainer.states import State
from kto_trainer.streams import WEIGHTS, stream
from kto_trainer.tiny import build_model, build_tokenizer
from kto_trainer.token_store import stored_tokens

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A training that is ready to begin, or to go on from `state`."""

    options: TrainOptions  # resolved
    weights: Weights
    computer: Machine
    ranks: Ranks
    model: Any
    tokenizer: Any
    encoder: Encoder
    encoded: EncodedRows
    cache: Path  # of the reference's log-probabilities
    identity: dict[str, Any]
    state: State | None
    saves_reference: bool
    held_out: HeldOut | None
    say: Say

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.ranks.number == 0


def prepare(
    split: Split, output: Path, options: TrainOptions, say: Say, *, held_out: Split | None, resume: bool
) -> Prepared:
    """Build or load everything; see `train` for the arguments. Writes nothing but tokens, beside the dataset."""
    given, options = options, options.resolved()
    weights = class_weights(split, options)
    computer = machine(options)
    ranks = join(computer.device)
    if ranks.size > 1:
        ranks = replace(ranks, sharded=shards(options))
    if ranks.number:
        say = _silent
    if options.lora.quantize != "none" and (options.merge or options.sft.epochs or options.model == "tiny"):
        raise TrainerError(
            "lora.quantize: 4bit keeps adapters apart from weights that stay as they are: leave out merge, sft.epochs and "
            "`model: tiny`"
        )
    shape = None if options.model == "tiny" else shape_of(options.model)
    if shape is not None:
        n_sharing = ranks.size if ranks.sharded else 1
        check_memory(shape, options, computer, say, n_sharing=n_sharing)
    model, tokenizer = _start(split, options, computer)
    assert options.max_length is not None
    encoder = Encoder(tokenizer, options.max_length)
    # A tiny model's tokenizer is made of the run's own rows: no other run would ask for its tokens.
    keep = options.model != "tiny"
    encoded = encode_rows(split, ranks.in_turn(lambda: stored_tokens(split, encoder, say, keep=keep)))
    _say_counts(say, encoded, weights)
    if options.sft.epochs:
        _say_sft(say, encoded, given, options)
    identity = identity_of(options, split.manifest_sha256) | {"processes": ranks.size}
    saves_reference = options.model == "tiny" or bool(options.sft.epochs)
    shared = None if options.model == "tiny" else _cache(split, options, model, computer, say)
    if shared is not None:
        identity["model"] = shared.name
    own = output / STATES / "reference"  # for this run alone, should it be resumed
    cache = own if shared is None or saves_reference else shared
    rows = None
    if held_out is not None and options.eval_rows:
        rows = ranks.in_turn(lambda: HeldOut.of(held_out, encoder, options, say, keep=keep))
        chooses = ", which chooses the checkpoint" if options.early_stopping_patience else ""
        say(f"held-out AUC{chooses}: on {len(rows.labels_N)} rows of the split `{rows.name}`")
    state = find_state(output, identity, ranks, say) if resume else None
    return Prepared(
        options, weights, computer, ranks, model, tokenizer, encoder, encoded, cache, identity, state, saves_reference, rows, say
    )  # fmt: skip


def shards(options: TrainOptions) -> bool:
    """Whether several processes share the layers.

    Raises:
        TrainerError: They are to, but adapters are trained.
    """
    if options.parallel == "shard" and options.lora.r:
        raise TrainerError(
            "parallel: shard is for training all weights; adapters are small: pass `parallel: replicate` or auto"
        )
    return options.parallel == "shard" or (options.parallel == "auto" and not options.lora.r)


def _silent(_: str) -> None:
    """The other processes say nothing: they would say the same."""


def make_forward(
    model: Any,
    options: TrainOptions,
    computer: Machine,
    pad: int,
    say: Say,
    ranks: Ranks = Ranks(),  # noqa: B008  # frozen
) -> Forward:
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
    return shard(forward) if ranks.sharded else forward


def adapt(forward: Forward, options: TrainOptions) -> None:
    """Add adapters where the options ask for them."""
    add_adapters(forward.model, options.lora, options.seed)
    if options.lora.r and options.lora.dropout:
        forward.dropouts = adapter_dropouts(forward.model)
        torch.manual_seed(options.seed)  # dropout draws from torch's global numbers


def _cache(split: Split, options: TrainOptions, model: Any, computer: Machine, say: Say) -> Path | None:
    """The folder that keeps this reference's log-probabilities; None where the dataset folder cannot be written."""
    try:
        folder = reference_folder(split.folder, options.model, model, computer, options.lora.quantize)
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
        quantized = quantization(options.lora, computer.device)
        model, tokenizer = load(options.model, options.chat_template, computer.weights_dtype, quantized)
    else:
        quiet_transformers()
        tokenizer = build_tokenizer(split.texts(), options.tiny.vocab_size)
        set_template(tokenizer, options.chat_template)
        draw = torch.Generator().manual_seed(int(stream(options.seed, WEIGHTS).integers(2**63)))
        model = build_model(options.tiny, tokenizer, draw)
    return place(model, options, computer), tokenizer


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
