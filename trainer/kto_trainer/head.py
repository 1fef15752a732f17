"""The model's head on scored tokens only, a tile of tokens at a time: no [tokens, vocabulary] tensor outlives its tile.

Shapes: M scored tokens, H width of the hidden states, V tokens of the vocabulary, B sequences.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# A tile of logits in float32 takes at most this many bytes: it stays small beside a model, yet keeps matrix products large.
TILE_BYTES = {"cpu": 64 * 2**20, "cuda": 512 * 2**20}

# From the log-probabilities of whole sequences' tokens, and the number of the first and after the last of these sequences,
# to a scalar loss.
LossOf = Callable[[Tensor, int, int], Tensor]


@dataclass(frozen=True, slots=True)
class Head:
    """logits = cap * tanh(scale * (hidden @ weight.T + bias) / cap); no cap where it is None."""

    weight_VH: Tensor
    bias_V: Tensor | None
    scale: float = 1.0
    cap: float | None = None

    @property
    def tile(self) -> int:
        """Tokens in a tile."""
        n_bytes = TILE_BYTES.get(self.weight_VH.device.type, TILE_BYTES["cpu"])
        return max(16, n_bytes // (4 * self.weight_VH.shape[0]))


def head_of(model: Any) -> Head:
    """The head of a causal language model, with the scale and the soft cap that its configuration names."""
    layer = model.get_output_embeddings()
    config = model.config.get_text_config()
    scale = next(
        (
            float(found)
            for name in ("logit_scale", "output_multiplier", "lm_head_multiplier")
            if (found := getattr(config, name, None)) is not None
        ),
        1.0,
    )
    divisor = getattr(config, "logits_scaling", None)
    if divisor is not None:
        scale = float(divisor) if config.model_type == "hyperclovax" else 1.0 / float(divisor)
    return Head(
        layer.weight, getattr(layer, "bias", None), scale, getattr(config, "final_logit_softcapping", None)
    )


def _logits(hidden_MH: Tensor, head: Head) -> tuple[Tensor, Tensor | None]:
    """Logits in at least float32, and their slope under the cap (None without one)."""
    logits_MV = hidden_MH @ head.weight_VH.to(hidden_MH.dtype).t()
    if logits_MV.dtype not in (torch.float32, torch.float64):
        logits_MV = logits_MV.float()
    if head.bias_V is not None:
        logits_MV += head.bias_V
    if head.scale != 1.0:
        logits_MV *= head.scale
    if head.cap is None:
        return logits_MV, None
    logits_MV.div_(head.cap).tanh_()
    slope_MV = 1.0 - logits_MV.square()
    return logits_MV.mul_(head.cap), slope_MV


def _softmax(logits_MV: Tensor, targets_M: Tensor) -> Tensor:
    """Turn logits into probabilities in place; returns the targets' log-probabilities.

    log p = x - max - log(sum exp(x - max)), where the sum is 1 / max p: no second pass over the exponentials.
    """
    chosen_M = logits_MV.gather(1, targets_M[:, None])[:, 0]
    largest_M = logits_MV.amax(-1)
    torch.softmax(logits_MV, -1, out=logits_MV)
    return chosen_M - largest_M + logits_MV.amax(-1).log()


@torch.no_grad()
def token_logps(hidden_MH: Tensor, targets_M: Tensor, head: Head) -> Tensor:
    """The log-probability of each target, nats, [M], float32 (float64 for a float64 model); without gradients."""
    parts = [
        _softmax(_logits(hidden, head)[0], targets)
        for hidden, targets in zip(
            torch.split(hidden_MH, head.tile), torch.split(targets_M, head.tile), strict=True
        )
    ]
    return torch.cat(parts) if parts else hidden_MH.new_zeros(0)


def scored_loss(
    hidden_MH: Tensor, targets_M: Tensor, counts: Sequence[int], head: Head, loss_of: LossOf
) -> tuple[Tensor, Tensor]:
    """A loss on the log-probabilities of sequences' tokens: (the scalar loss, the log-probabilities [M], detached).

    A tile holds whole sequences, so that their share of the loss, and its derivative, is known while the tile's
    probabilities are: 3 matrix products with the head instead of 4. A sequence that is longer than a tile is computed twice.

    Args:
        hidden_MH: Hidden states that predict the scored tokens, sequence after sequence; differentiable.
        targets_M: The scored tokens.
        counts: Scored tokens of each of the B sequences; their sum is M.
        head: The model's head; takes gradients where its weight does.
        loss_of: The loss of a run of sequences, from all their tokens' log-probabilities; the whole loss is the sum
            over runs.
    """
    loss, logps_M = _ScoredLoss.apply(  # type: ignore[no-untyped-call]  # torch publishes no type for it
        hidden_MH, head.weight_VH, head.bias_V, targets_M, list(counts), head, loss_of
    )
    return loss, logps_M


class _ScoredLoss(torch.autograd.Function):
    """Gradients are made in the forward, tile by tile, and scaled in the backward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_MH: Tensor,
        weight_VH: Tensor,
        bias_V: Tensor | None,
        targets_M: Tensor,
        counts: list[int],
        head: Head,
        loss_of: LossOf,
    ) -> tuple[Tensor, Tensor]:
        wide = torch.float64 if hidden_MH.dtype is torch.float64 else torch.float32
        grads = _Gradients(
            torch.empty_like(hidden_MH),
            torch.zeros_like(weight_VH, dtype=wide) if ctx.needs_input_grad[1] else None,
            torch.zeros_like(bias_V, dtype=wide) if bias_V is not None and ctx.needs_input_grad[2] else None,
        )
        logps_M = torch.empty(len(targets_M), dtype=wide, device=hidden_MH.device)
        loss = torch.zeros((), dtype=wide, device=hidden_MH.device)
        for first, last, start, end in _runs(counts, head.tile):
            single = end - start <= head.tile
            for at in range(start, end, head.tile):
                part = slice(at, min(at + head.tile, end))
                probs_MV, slope_MV = _logits(hidden_MH[part], head)
                logps_M[part] = _softmax(probs_MV, targets_M[part])
            share, slope_M = _derivative(logps_M[start:end], first, last, loss_of)
            loss += share
            for at in range(start, end, head.tile):
                part = slice(at, min(at + head.tile, end))
                if not single:
                    probs_MV, slope_MV = _logits(hidden_MH[part], head)
                    _softmax(probs_MV, targets_M[part])
                _backward(
                    probs_MV,
                    slope_MV,
                    slope_M[at - start : part.stop - start],
                    targets_M[part],
                    hidden_MH,
                    part,
                    head,
                    grads,
                )
        ctx.grads = grads
        ctx.mark_non_differentiable(logps_M)
        return loss, logps_M

    @staticmethod
    def backward(ctx: Any, factor: Tensor, _: Tensor) -> tuple[Any, ...]:
        grads: _Gradients = ctx.grads
        ctx.grads = None
        return (*(None if grad is None else grad.mul_(factor) for grad in grads.all()), *[None] * 4)


@dataclass(slots=True)
class _Gradients:
    hidden_MH: Tensor
    weight_VH: Tensor | None
    bias_V: Tensor | None

    def all(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        return self.hidden_MH, self.weight_VH, self.bias_V


def _runs(counts: Sequence[int], tile: int) -> Iterator[tuple[int, int, int, int]]:
    """Runs of sequences of at most a tile in sum: (first, after the last, first token, after the last token)."""
    first = start = end = 0
    for number, count in enumerate(counts):
        if number > first and end + count - start > tile:
            yield first, number, start, end
            first, start = number, end
        end += count
    if len(counts) > first:
        yield first, len(counts), start, end


def _derivative(logps_M: Tensor, first: int, last: int, loss_of: LossOf) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf_M = logps_M.detach().clone().requires_grad_()
        share = loss_of(leaf_M, first, last)
        (slope_M,) = torch.autograd.grad(share, leaf_M)
    return share.detach(), slope_M


def _backward(
    probs_MV: Tensor,
    cap_slope_MV: Tensor | None,
    slope_M: Tensor,
    targets_M: Tensor,
    hidden_MH: Tensor,
    part: slice,
    head: Head,
    grads: _Gradients,
) -> None:
    """D logp / d logits = onehot - p, times the loss's slope; overwrites `probs_MV`."""
    probs_MV.mul_(-slope_M[:, None])
    probs_MV.scatter_add_(1, targets_M[:, None], slope_M[:, None])
    if cap_slope_MV is not None:
        probs_MV.mul_(cap_slope_MV)
    if head.scale != 1.0:
        probs_MV.mul_(head.scale)
    if grads.bias_V is not None:
        grads.bias_V += probs_MV.sum(0)
    narrow_MV = probs_MV.to(hidden_MH.dtype)
    torch.mm(narrow_MV, head.weight_VH.to(hidden_MH.dtype), out=grads.hidden_MH[part])
    if grads.weight_VH is not None:
        if narrow_MV.dtype is grads.weight_VH.dtype:
            grads.weight_VH.addmm_(narrow_MV.t(), hidden_MH[part])
        else:
            grads.weight_VH += narrow_MV.t() @ hidden_MH[part]
