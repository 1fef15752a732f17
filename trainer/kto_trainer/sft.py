"""Supervised fine-tuning before KTO: the model that comes out is KTO's reference."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kto_trainer.audit import EncodedRows
from kto_trainer.batching import epoch_batches, micro_batches
from kto_trainer.encoding import Tokens
from kto_trainer.logps import completion_logps
from kto_trainer.model import Machine
from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions


def sft_rows(encoded: EncodedRows, options: TrainOptions) -> list[int]:
    """Numbers of the rows to imitate: the desirable ones, or all (`sft.rows`)."""
    return [i for i, row in enumerate(encoded.rows) if row.label or options.sft.rows == "all"]


def run_sft(
    model: Any,
    encoded: EncodedRows,
    options: TrainOptions,
    machine: Machine,
    pad: int,
    generator: np.random.Generator,
    log: Callable[[dict[str, Any]], None],
) -> int:
    """Minimise the mean negative log-likelihood of the tokens of `sft_rows`; returns the number of steps.

    The loss is the mean over a batch's scored tokens. With `sft.tokens: all` the prompt's tokens count too, all but
    the very first. Labels and row weights play no part.

    Args:
        model: Changed in place.
        encoded: The train rows.
        options: Resolved options.
        machine: Device and arithmetic.
        pad: Token id to fill with.
        generator: Source of the order.
        log: Takes one mapping a step.
    """
    chosen = sft_rows(encoded, options)
    tokens = [_scored(encoded.tokens[i], options.sft.tokens == "all") for i in chosen]
    prompt_keys = [encoded.prompt_keys[i] for i in chosen]
    assert options.sft.epochs is not None
    assert options.sft.learning_rate is not None
    epochs = [
        epoch_batches([True] * len(chosen), prompt_keys, options.batch_size, generator)
        for _ in range(options.sft.epochs)
    ]
    steps = [(epoch, batch) for epoch, batches in enumerate(epochs) for batch in batches]
    optimizer = Optimizer(model, options, learning_rate=options.sft.learning_rate, n_steps=len(steps))
    for number, (epoch, batch) in enumerate(steps, start=1):
        started = time.perf_counter()
        n_tokens = sum(len(tokens[i].completion) for i in batch)
        loss = 0.0
        lengths = [len(tokens[i].prompt) + len(tokens[i].completion) for i in batch]
        for members in micro_batches(lengths, options.micro_batch_size):
            logps = completion_logps(model, [tokens[batch[i]] for i in members], pad, machine)
            part = -logps.sum() / n_tokens
            part.backward()  # type: ignore[no-untyped-call]  # torch publishes no type for it
            loss += part.item()
        grad_norm, rate = optimizer.step()
        log(
            {
                "stage": "sft",
                "step": number,
                "steps": len(steps),
                "epoch": epoch + 1,
                "loss": loss,
                "grad_norm": grad_norm,
                "lr": rate,
                "tokens": n_tokens,
                "seconds": time.perf_counter() - started,
            }
        )
    return len(steps)


def _scored(tokens: Tokens, everything: bool) -> Tokens:
    """With `everything` the border moves to after the first token, so that all others are scored."""
    if not everything:
        return tokens
    return Tokens(tokens.prompt[:1], [*tokens.prompt[1:], *tokens.completion])
