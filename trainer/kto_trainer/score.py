"""`score`: log-probabilities and implicit rewards of a split's rows under a model and its reference."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch

from kto_trainer.audit import encode_rows
from kto_trainer.dataset import Split
from kto_trainer.encoding import Encoder
from kto_trainer.errors import TrainerError
from kto_trainer.heldout import auc
from kto_trainer.kto import class_weights, objective_of
from kto_trainer.losses.kto import reference_point
from kto_trainer.model import Machine, load, machine, place
from kto_trainer.objective import Objective
from kto_trainer.options import ScoreOptions, TrainOptions
from kto_trainer.output import OPTIONS_FILE, write_parquet
from kto_trainer.plan import RunSequences, Tally, fixed_plan
from kto_trainer.probe import choose
from kto_trainer.ranks import Ranks
from kto_trainer.reference_cache import reference_logps
from kto_trainer.token_store import stored_tokens


def training_options(model: str) -> TrainOptions:
    """The options a checkpoint was trained with, from its `kto_options.json`; the defaults for any other model.

    Raises:
        TrainerError: The file is there but cannot be read.
    """
    path = Path(model) / OPTIONS_FILE
    if not path.is_file():
        return TrainOptions(model=model).resolved()
    try:
        return TrainOptions.model_validate(json.loads(path.read_text(encoding="utf-8"))).resolved()
    except ValueError as error:
        raise TrainerError(f"{path}: {str(error).splitlines()[0]}; train again, or remove the file") from None


class Scored(NamedTuple):
    """A model that is loaded, by the folder or hub id that it came from."""

    name: str
    model: Any
    tokenizer: Any


def score(
    split: Split,
    model: str,
    reference: str,
    output: Path,
    options: ScoreOptions,
    *,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write one row for each of the split's rows, as `score_models` does, and return its summary.

    Raises:
        TrainerError: A model is wrong, or the two models do not share their tokens.
    """
    dtype = machine(options).weights_dtype
    policy, ref = (Scored(name, *load(name, options.chat_template, dtype)) for name in (model, reference))
    require_same_tokens(policy, ref)
    return score_models(split, policy, ref, output, options, say=say)


def require_same_tokens(policy: Scored, reference: Scored) -> None:
    """Make sure that one model can be the other's reference.

    Raises:
        TrainerError: Their tokens differ.
    """
    if policy.tokenizer.get_vocab() != reference.tokenizer.get_vocab():
        raise TrainerError(
            f"{reference.name}: its tokenizer differs from that of {policy.name}: it is not the model's reference"
        )


def score_models(
    split: Split,
    policy: Scored,
    reference: Scored,
    output: Path,
    options: ScoreOptions,
    *,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write one row for each of the split's rows, sorted by row_id, and return a summary.

    Columns: row_id, sample_id, prompt_id, label; logp and ref_logp (nats, summed over the completion's tokens, EOS
    included); n_tokens (of the cut completion); reward = beta * (logp - ref_logp). ref_logp / n_tokens is the
    reference's mean token log-probability.

    The summary has the training's loss on the split too (humanline's without its clamp), and `kl`: z0, the clamped mean
    over fixed mismatched pairs, one for each row. None of it depends on the batch size.
    """
    started = time.perf_counter()
    computer = machine(options)
    trained = training_options(policy.name)
    beta = trained.beta if options.beta is None else options.beta
    max_length = options.max_length or trained.max_length
    assert max_length is not None
    encoder = Encoder(policy.tokenizer, max_length)
    tokens = stored_tokens(split, encoder, say)
    say(f"scoring {len(tokens)} rows of {split.name}")
    encoded, tally = encode_rows(split, tokens), Tally()
    objective = replace(objective_of(trained, class_weights(split, trained)), beta=beta)
    plan = fixed_plan(encoded, tally, needs_pairs=objective.needs_pairs)
    sequences = RunSequences(encoded, encoder, plan)
    every = _logps(place(policy.model, options, computer), sequences, options, computer, say)
    ref_every = _logps(place(reference.model, options, computer), sequences, options, computer, say)
    (logps_N, kl_logps), (ref_logps_N, kl_ref_logps) = (
        np.split(item, [len(split)]) for item in (every, ref_every)
    )
    rewards_N = beta * (logps_N - ref_logps_N)
    n_tokens_N = tokens.index_N["completion"]
    table = split.columns(("row_id", "sample_id", "prompt_id"))
    for name, values in (
        ("label", split.labels_N),
        ("logp", logps_N),
        ("ref_logp", ref_logps_N),
        ("n_tokens", n_tokens_N),
        ("reward", rewards_N),
    ):
        table = table.append_column(name, pa.array(values))
    write_parquet(output, table.replace_schema_metadata(None))
    return {
        "output": str(output),
        "split": split.name,
        "n_rows": len(split),
        "beta": beta,
        "max_length": max_length,
        "reward_auc": auc(rewards_N, split.labels_N),
        "ref_mean_logp_auc": auc(ref_logps_N / n_tokens_N, split.labels_N),
        "kl_pairs": tally.n_pairs,
        "derangement_fallbacks": tally.n_fallbacks,
        **_losses(objective, split, logps_N - ref_logps_N, kl_logps - kl_ref_logps),
        "seconds": time.perf_counter() - started,
    }


def _losses(
    objective: Objective, split: Split, ratios_N: np.ndarray, kl_ratios: np.ndarray
) -> dict[str, float | None]:
    """The loss of the training on these rows, with one z0 for all of them, and the rewards by class."""
    ratios, pairs = torch.from_numpy(ratios_N), torch.from_numpy(kl_ratios)
    z0 = reference_point(pairs, torch.zeros_like(pairs)) if len(pairs) else ratios.new_zeros(())
    labels = torch.from_numpy(split.labels_N)
    losses, rewards = objective.losses(ratios, labels, torch.from_numpy(split.weights_N), z0)
    chosen, rejected = (float(rewards[which].mean()) if which.any() else None for which in (labels, ~labels))
    return {
        "loss": float(losses.mean()),
        "kl": float(z0) if len(pairs) else None,
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": None if chosen is None or rejected is None else chosen - rejected,
    }


def _logps(
    model: Any,
    sequences: RunSequences,
    options: ScoreOptions,
    computer: Machine,
    say: Callable[[str], None],
) -> np.ndarray:
    """Log p(completion | prompt) of each sequence, nats; shape [N]. The model is left as it was, fit to generate."""
    attention = model.config.get_text_config()._attn_implementation
    choice = choose(model, computer, sequences.encoder.pad, rows=options.batch_size)
    if choice.reason:
        say(f"scoring in padded batches: {choice.reason}")
    try:
        return reference_logps(choice.forward, sequences, False, None, Ranks()).sums()
    finally:
        if model.config.get_text_config()._attn_implementation != attention:
            model.set_attn_implementation(attention)
