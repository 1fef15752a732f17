"""Log-probabilities of completions in padded batches, from the model's own logits: the plain way, for any causal model.

Shapes: N sequences of a pass, T their padded length, V tokens of the vocabulary, M scored tokens in all.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from kto_trainer.encoding import Tokens
from kto_trainer.model import Machine


def padded_token_logps(model: Any, sequences: Sequence[Tokens], pad: int, machine: Machine) -> Tensor:
    """Log p of each token of each completion given what comes before it, EOS included; sequence after sequence.

    One forward pass, differentiable. Sequences are padded on the right and no attention mask is passed: under causal
    attention a scored position never sees what comes after it, and without a mask the fast attention kernel runs.

    Args:
        model: A causal language model of transformers.
        sequences: N prompts and completions; each prompt has at least one token.
        pad: Token id to fill with.
        machine: Device and arithmetic.

    Returns:
        Shape [M], nats, in float32 (float64 for a float64 model).
    """
    starts = [len(item.prompt) for item in sequences]
    ends = [len(item.prompt) + len(item.completion) for item in sequences]
    longest = max(ends)
    ids_NT = torch.tensor(
        [
            [*item.prompt, *item.completion] + [pad] * (longest - end)
            for item, end in zip(sequences, ends, strict=True)
        ],
        device=machine.device,
    )
    # The position before a token predicts it; nothing is predicted before the earliest completion starts.
    first = min(starts) - 1
    kept = torch.arange(first, longest - 1, device=machine.device)
    with machine.autocast():
        logits_NTV = _logits(model, ids_NT, kept)
    position_T = kept + 1
    scored_NT = (position_T >= torch.tensor(starts, device=machine.device)[:, None]) & (
        position_T < torch.tensor(ends, device=machine.device)[:, None]
    )
    logits_MV = logits_NTV[scored_NT]
    if logits_MV.dtype is not torch.float64:
        logits_MV = logits_MV.float()
    return -functional.cross_entropy(logits_MV, ids_NT[:, position_T][scored_NT], reduction="none")


def _logits(model: Any, ids_NT: Tensor, kept: Tensor) -> Tensor:
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        logits: Tensor = model(input_ids=ids_NT, use_cache=False, logits_to_keep=kept).logits
        return logits
    every: Tensor = model(input_ids=ids_NT, use_cache=False).logits
    return every[:, kept]
