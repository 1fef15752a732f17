"""Supervised fine-tuning before KTO: the model that comes out is KTO's reference."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kto_trainer.audit import EncodedRows
from kto_trainer.batching import batch_sizes, epoch_batches
from kto_trainer.checkpoints import Checkpoints
from kto_trainer.encoding import Tokens
from kto_trainer.figures import Figures
from kto_trainer.forward import Forward
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.packing import n_read
from kto_trainer.ranks import Ranks


def sft_rows(encoded: EncodedRows, options: TrainOptions) -> np.ndarray:
    """Numbers of the rows to imitate: the desirable ones, or all (`sft.rows`)."""
    return np.flatnonzero(encoded.labels_N | (options.sft.rows == "all"))


def n_steps_of(encoded: EncodedRows, options: TrainOptions) -> int:
    """The stage's number of steps."""
    assert options.sft.epochs is not None
    return options.sft.epochs * len(batch_sizes(len(sft_rows(encoded, options)), options.batch_size))


def run_sft(
    forward: Forward,
    encoded: EncodedRows,
    options: TrainOptions,
    generator: np.random.Generator,
    log: Callable[[dict[str, Any]], None],
    ranks: Ranks = Ranks(),  # noqa: B008  # frozen
    checkpoints: Checkpoints | None = None,
    name_rows: Callable[[Sequence[int]], str] = str,
) -> int:
    """Minimise the mean negative log-likelihood of the tokens of `sft_rows`; returns the number of steps.

    The loss is the mean over a batch's scored tokens. With `sft.tokens: all` the prompt's tokens count too, all but
    the very first. Labels and row weights play no part.

    Args:
        forward: The model; changed in place.
        encoded: The train rows.
        options: Resolved options.
        generator: Source of the order.
        log: Takes one mapping a step.
        ranks: The processes that train together.
        checkpoints: Where the stage is saved, and resumed from.
        name_rows: Names rows by their numbers, for messages.
    """
    checkpoints = checkpoints or Checkpoints.none()
    chosen = sft_rows(encoded, options)
    everything = options.sft.tokens == "all"
    prompt_keys = encoded.prompt_keys_N[chosen]
    assert options.sft.epochs is not None
    assert options.sft.learning_rate is not None
    n_steps = n_steps_of(encoded, options)
    optimizer = Optimizer(forward.model, options, learning_rate=options.sft.learning_rate, n_steps=n_steps)
    done, _ = checkpoints.restore("sft", forward.model, optimizer)
    figures = Figures("sft", n_steps, options, log, done, name_rows)
    step = 0
    for epoch in range(options.sft.epochs):
        batches = epoch_batches(np.ones(len(chosen), bool), prompt_keys, options.batch_size, generator)
        for number, batch in enumerate(batches, 1):
            step += 1
            if step <= done:
                continue
            started = time.perf_counter()
            sequences = [_scored(encoded.tokens[int(i)], everything) for i in chosen[batch]]
            n_tokens = sum(len(item.completion) for item in sequences)
            loss = _accumulate(forward, sequences, n_tokens, ranks)
            grad_norm, rate = optimizer.step()
            fixed = {"epoch": epoch + 1, "lr": rate, "tokens": n_tokens}
            figures.add(fixed, {"loss": loss, "grad_norm": grad_norm}, started, chosen[batch].tolist())
            checkpoints.after_step(
                "sft", step, n_steps, forward.model, optimizer, epoch_ends=number == len(batches), flush=figures.flush
            )  # fmt: skip
    figures.flush()
    return n_steps


def _accumulate(forward: Forward, sequences: list[Tokens], n_tokens: int, ranks: Ranks) -> Tensor:
    """Add the gradients of the batch's mean loss a token; returns the loss."""
    mine = [sequences[i] for i in ranks.share([n_read(item) for item in sequences])]
    loss = torch.zeros((), dtype=torch.float64, device=forward.machine.device)
    for members in ranks.even(forward.limits.passes(mine)):
        part, _ = forward.backward([mine[i] for i in members], lambda logps_M, *_: -logps_M.sum() / n_tokens)
        loss += part
    ranks.sum_gradients(forward.model)
    return ranks.sum(loss)


def _scored(tokens: Tokens, everything: bool) -> Tokens:
    """With `everything` the border moves to after the first token, so that all others are scored."""
    if not everything:
        return tokens
    return Tokens(tokens.prompt[:1], [*tokens.prompt[1:], *tokens.completion])
