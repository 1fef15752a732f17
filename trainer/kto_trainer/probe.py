"""Chooses packed or padded passes for a model, by trying whether the packed ones give the same numbers.

A list of architectures would be wrong the day after it was written. Some tokens through both ways are not: state that
leaks from segment to segment (SSM, convolutions), positions that do not start anew, a head that does more than scale
and cap, attention that is not told of segments, all show as different log-probabilities.
"""

from typing import Any

import torch

from kto_trainer.attention import NAME, PackingError, register
from kto_trainer.encoding import Tokens
from kto_trainer.forward import Forward, Limits, PackedForward, PaddedForward
from kto_trainer.head import head_of
from kto_trainer.logps import padded_token_logps
from kto_trainer.model import Machine

# Largest difference in nats of one token's log-probability that arithmetic alone explains, by precision: measured up to
# 1e-5 in float32 and 0.1 in bfloat16, where leaking state gives over 0.5 in trained models.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 0.3, torch.float16: 0.1}
STATELESS = ("full_attention", "sliding_attention", "chunked_attention")
# Tokens in one pass, where the options name none: what a few hundred megabytes of activations take in a small model.
DEFAULT_TOKENS = {"cpu": 8192, "cuda": 16384}


class Choice:
    """A way to run a model, and why it is the padded one, if it is."""

    def __init__(self, forward: Forward, reason: str | None) -> None:
        self.forward = forward
        self.reason = reason


def choose(
    model: Any, machine: Machine, pad: int, tokens: int | None = None, rows: int | None = None
) -> Choice:
    """Packed passes if they reproduce the model's own numbers, else padded ones, and the reason.

    Args:
        model: A causal language model on its device; its attention implementation is changed when it is packed.
        machine: Device and arithmetic.
        pad: Token to fill with.
        tokens: Most tokens in a pass; None takes the device's default.
        rows: Most sequences in a pass; None is any number.
    """
    limits = Limits(tokens or DEFAULT_TOKENS.get(machine.device.type, 8192), rows)
    reason = _why_not(model, machine, pad)
    if reason is None:
        return Choice(PackedForward(model, head_of(model), machine, limits), None)
    return Choice(PaddedForward(model, machine, _PaddedLimits(limits.tokens, rows), pad), reason)


class _PaddedLimits(Limits):
    """Passes of at most so many tokens, filled ones counted; sequences of like length go together."""

    def passes(self, sequences: Any) -> list[list[int]]:
        order = sorted(range(len(sequences)), key=lambda i: _length(sequences[i]))
        groups: list[list[int]] = []
        for i in order:  # ascending: the newest is the longest, and sets the width of its group
            full = not groups or (len(groups[-1]) + 1) * _length(sequences[i]) > self.tokens
            if full or (self.rows is not None and len(groups[-1]) >= self.rows):
                groups.append([])
            groups[-1].append(i)
        return groups


def _length(sequence: Tokens) -> int:
    return len(sequence.prompt) + len(sequence.completion)


@torch.no_grad()
def _why_not(model: Any, machine: Machine, pad: int) -> str | None:
    """Why the model cannot run packed; None if it can, and then its attention is the packed one."""
    config = model.config.get_text_config()
    odd = sorted(set(getattr(config, "layer_types", None) or ()) - set(STATELESS))
    if odd:
        return f"it has layers of type {', '.join(odd)}"
    if model.get_output_embeddings() is None or not hasattr(model, "set_attn_implementation"):
        return "its head or its attention cannot be reached"
    samples = _samples(config.vocab_size)
    before = "sdpa" if config._attn_implementation == NAME else config._attn_implementation
    model.set_attn_implementation(before)
    expected = torch.cat([padded_token_logps(model, [item], pad, machine) for item in samples])
    register()
    try:
        model.set_attn_implementation(NAME)
        packed = PackedForward(model, head_of(model), machine, Limits(1 << 20))
        found = packed.token_logps(samples)
    except (PackingError, TypeError, ValueError, AttributeError) as error:
        model.set_attn_implementation(before)
        return str(error).splitlines()[0]
    dtype = machine.dtype if expected.dtype is torch.float32 else expected.dtype
    difference = (found - expected).abs().max().item()
    if not difference <= TOLERANCE[dtype]:
        model.set_attn_implementation(before)
        return f"packed log-probabilities differ from its own by up to {difference:.2g}"
    return None


def _samples(vocab_size: int) -> list[Tokens]:
    """Three short sequences of unlike tokens."""
    ids = [(7 + 37 * i) % vocab_size for i in range(36)]
    return [Tokens(ids[:5], ids[5:13]), Tokens(ids[13:15], ids[15:18]), Tokens(ids[18:25], ids[25:36])]
