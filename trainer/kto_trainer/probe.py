"""Chooses packed or padded passes for a model, by trying whether the packed ones give the same numbers.

A list of architectures would be wrong the day after it was written. Some tokens through both ways are not: state that
leaks from segment to segment (SSM, convolutions), positions that do not start anew, a head that does more than scale
and cap, attention that is not told of segments, all show as different log-probabilities.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from kto_trainer.attention import NAME, PackingError, kernels, register
from kto_trainer.encoding import Tokens
from kto_trainer.forward import Forward, Limits, PackedForward, PaddedForward
from kto_trainer.head import head_of, token_logps
from kto_trainer.logps import padded_token_logps
from kto_trainer.model import Machine

# Largest difference in nats of one token's log-probability that arithmetic alone explains, by precision: measured up to
# 1e-5 in float32 and 0.1 in bfloat16, where leaking state gives over 0.5 in trained models.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 0.3, torch.float16: 0.1}
STATELESS = ("full_attention", "sliding_attention", "chunked_attention")
# Tokens in one pass, where the options name none: what a few hundred megabytes of activations take in a small model.
DEFAULT_TOKENS = {"cpu": 8192, "cuda": 16384}


class Choice(NamedTuple):
    """A way to run a model, and what people should know of it: why it is padded, or why a slower kernel is used."""

    forward: Forward
    reason: str | None
    note: str | None = None


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
    reason = _unfit(model)
    if reason is None:
        samples = _samples(model.config.get_text_config().vocab_size)
        implementation = model.config.get_text_config()._attn_implementation
        before = "sdpa" if implementation == NAME else implementation
        model.set_attn_implementation(before)
        expected = torch.cat([padded_token_logps(model, [item], pad, machine) for item in samples])
        register()
        failed: list[str] = []
        for kernel in kernels(machine.device, machine.dtype):
            packed = PackedForward(model, head_of(model), machine, limits, kernel)
            reason = _why_not(packed, samples, expected)
            if reason is None:
                return Choice(packed, None, f"attention by {kernel}: {'; '.join(failed)}" if failed else None)
            failed.append(f"{kernel} does not work here ({reason})")
        model.set_attn_implementation(before)
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


def _unfit(model: Any) -> str | None:
    """What of the model itself keeps it from running packed; None if nothing is known."""
    odd = sorted(set(getattr(model.config.get_text_config(), "layer_types", None) or ()) - set(STATELESS))
    if odd:
        return f"it has layers of type {', '.join(odd)}"
    if model.get_output_embeddings() is None or not hasattr(model, "set_attn_implementation"):
        return "its head or its attention cannot be reached"
    return None


@torch.no_grad()
def _why_not(packed: PackedForward, samples: list[Tokens], expected: Tensor) -> str | None:
    """What goes wrong in packed passes, and in passes that build on their keys and values; None if nothing does."""
    own, pairs = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    try:
        packed.model.set_attn_implementation(NAME)
        lead = packed.lead(own, keep=True)
        parts = [
            token_logps(lead.hidden_MH, lead.targets_M, packed.head),
            packed.continuation_logps(lead, [(k, item.completion) for k, item in enumerate(pairs)]),
        ]
        found = torch.cat(parts)
    except (PackingError, ImportError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0][:200]
    dtype = packed.machine.dtype if expected.dtype is torch.float32 else expected.dtype
    difference = (found - expected).abs().max().item()
    if not difference <= TOLERANCE[dtype]:
        return f"packed log-probabilities differ from its own by up to {difference:.2g}"
    return None


def _samples(vocab_size: int) -> list[Tokens]:
    """Three short sequences of unlike tokens, then each one's prompt with another one's completion."""
    ids = [(7 + 37 * i) % vocab_size for i in range(36)]
    own = [Tokens(ids[:5], ids[5:13]), Tokens(ids[13:15], ids[15:18]), Tokens(ids[18:25], ids[25:36])]
    return own + [item._replace(completion=own[k - 1].completion) for k, item in enumerate(own)]
