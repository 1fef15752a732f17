"""Attention within packed segments, as a function that transformers calls in place of its own.

Shapes: T packed tokens, H query heads, G key heads (H is a multiple of G), D their width; a prefix has P keys.
Each segment attends to itself, causally; with prefixes also to all of its own prefix: keys and values that an earlier
pass left. On CUDA in half precision that is `torch.nn.attention.varlen` (one kernel for all segments); everywhere else
one scaled-dot-product call a segment, which needs no T x T mask either.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

NAME = "kto_packed"
KEYWORD = "kto_segments"


class PackingError(Exception):
    """The model asks of attention what packed segments cannot give; it runs padded instead."""


@dataclass(slots=True)
class Segments:
    """How the T tokens of a pass fall into segments, and what its layers keep or take over.

    `keep`: every layer leaves its keys and values in `kept`, by layer number, shapes [1, G, T, D].
    `prefixes`: for each segment (start, length) of its prefix in the T' tokens of the pass that filled `source`.
    """

    lengths: list[int]
    keep: bool = False
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    prefixes: list[tuple[int, int]] | None = None
    source: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    bounds: tuple[Tensor, Tensor] | None = None


def register() -> None:
    """Make the function known to transformers under `NAME`."""
    from transformers import AttentionInterface

    interface: Any = AttentionInterface  # transformers publishes no types for it
    interface.register(NAME, packed_attention)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch publishes no type for it
def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention of [1, H, T, D] queries over [1, G, T, D] keys and values; returns ([1, T, H, D], None).

    Raises:
        PackingError: The model does not pass the segments on, or has soft-capped, biased or sink attention.
    """
    segments: Segments | None = more.get(KEYWORD)
    if segments is None or attention_mask is not None or query.shape[0] != 1:
        raise PackingError("its attention is not told where segments begin")
    for name in ("softcap", "s_aux", "position_bias", "head_mask"):
        if more.get(name) is not None:
            raise PackingError(f"its attention uses {name}")
    assert dropout == 0.0
    window = more.get("sliding_window")
    layer = int(getattr(module, "layer_idx", 0) or 0)
    if segments.keep:
        segments.kept[layer] = (key.detach(), value.detach())
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        return _varlen(query, key, value, segments, layer, scaling, window), None
    return _by_segment(query, key, value, segments, layer, scaling, window), None


def _by_segment(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    layer: int,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    grouped = query.shape[1] != key.shape[1]
    outputs = []
    queries, keys, values = (torch.split(part, segments.lengths, 2) for part in (query, key, value))
    for number, (q, k, v) in enumerate(zip(queries, keys, values, strict=True)):
        prefix = 0
        if segments.prefixes is not None:
            start, prefix = segments.prefixes[number]
            old_key, old_value = segments.source[layer]
            k = torch.cat([old_key[:, :, start : start + prefix], k], 2)
            v = torch.cat([old_value[:, :, start : start + prefix], v], 2)
        mask = _mask(q.shape[2], prefix, window, q.device)
        outputs.append(
            functional.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=grouped
            )
        )
    return torch.cat(outputs, 2).transpose(1, 2)


def _mask(n: int, prefix: int, window: int | None, device: torch.device) -> Tensor | None:
    """True where query i (at position prefix + i) sees key j; None where plain causal attention is the same."""
    if prefix == 0 and (window is None or n <= window):
        return None
    at = torch.arange(prefix, prefix + n, device=device)[:, None]
    of = torch.arange(prefix + n, device=device)[None, :]
    seen = of <= at
    return seen if window is None else seen & (of > at - window)


def _varlen(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    layer: int,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    key_lengths = segments.lengths
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    if segments.prefixes is not None:
        key_lengths = [n + length for n, (_, length) in zip(segments.lengths, segments.prefixes, strict=True)]
        k, v = (
            _with_prefixes(new, old[0].transpose(0, 1), segments)
            for new, old in zip((k, v), segments.source[layer], strict=True)
        )
    if segments.bounds is None:
        segments.bounds = (_bounds(segments.lengths, q.device), _bounds(key_lengths, q.device))
    out = varlen_attn(
        q.contiguous(),
        k.contiguous(),
        v.contiguous(),
        *segments.bounds,
        max(segments.lengths),
        max(key_lengths),
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=q.shape[1] != k.shape[1],
    )
    assert isinstance(out, Tensor)
    return out[None]


def _with_prefixes(new: Tensor, old: Tensor, segments: Segments) -> Tensor:
    assert segments.prefixes is not None
    parts = []
    for (start, length), own in zip(segments.prefixes, torch.split(new, segments.lengths), strict=True):
        parts += [old[start : start + length], own]
    return torch.cat(parts)


def _bounds(lengths: list[int], device: torch.device) -> Tensor:
    return torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32).to(device)
