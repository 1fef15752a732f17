"""Attention within packed segments, as a function that transformers calls in place of its own.

Shapes: T packed tokens, H query heads, G key heads (H is a multiple of G), D their width; a prefix has P keys.
Each segment attends to itself, causally; with prefixes also to all of its own prefix: keys and values that an earlier
pass left. `kernels` lists the ways that a device has, the best first; none of them needs a T x T mask.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
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
    kernel: str = "by segment"
    keep: bool = False
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    prefixes: list[tuple[int, int]] | None = None
    source: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    bounds: tuple[Tensor, Tensor] | None = None
    blocks: Any = None

    def key_lengths(self) -> list[int]:
        """Keys of each segment, its prefix's included."""
        if self.prefixes is None:
            return self.lengths
        return [n + length for n, (_, length) in zip(self.lengths, self.prefixes, strict=True)]

    def ends(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Where segments begin and end among the queries and among the keys; made once for all layers."""
        if self.bounds is None:
            self.bounds = (_bounds(self.lengths, device), _bounds(self.key_lengths(), device))
        return self.bounds


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
    return KERNELS[segments.kernel](query, key, value, segments, layer, scaling, window), None


def kernels(device: torch.device, dtype: torch.dtype) -> tuple[str, ...]:
    """Names of the ways to compute that a device may have, the best first; which of them work is for a trial to say.

    On CUDA in half precision `torch.nn.attention.varlen`, else the package flash-attn: one kernel for all segments. On
    other devices and in float32 flex attention, compiled. On a CPU one scaled-dot-product call a segment.
    """
    if device.type == "cpu":
        return ("by segment",)
    whole = (
        ("varlen", "flash-attn") if device.type == "cuda" and dtype in (torch.float16, torch.bfloat16) else ()
    )
    return (*whole, "flex", "by segment")


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

    q, k, v = _whole(query, key, value, segments, layer)
    key_lengths = segments.key_lengths()
    out = varlen_attn(
        q,
        k,
        v,
        *segments.ends(q.device),
        max(segments.lengths),
        max(key_lengths),
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=q.shape[1] != k.shape[1],
    )
    assert isinstance(out, Tensor)
    return out[None]


def _flash(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    layer: int,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    from flash_attn import flash_attn_varlen_func

    q, k, v = _whole(query, key, value, segments, layer)
    out: Tensor = flash_attn_varlen_func(
        q,
        k,
        v,
        *segments.ends(q.device),
        max(segments.lengths),
        max(segments.key_lengths()),
        softmax_scale=scaling,
        causal=True,
        window_size=(-1 if window is None else window - 1, 0),
    )
    return out[None]


def _flex(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    layer: int,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    _, k, v = _whole(query, key, value, segments, layer)
    if segments.blocks is None:
        segments.blocks = {}
    if window not in segments.blocks:  # layers of a model may differ in it
        segments.blocks[window] = _block_mask(segments, window, query.device)
    run = _flex_attention(query.device.type)
    out: Tensor = run(
        query,
        k.transpose(0, 1)[None],
        v.transpose(0, 1)[None],
        block_mask=segments.blocks[window],
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.transpose(1, 2)


@cache
def _flex_attention(device_type: str) -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention

    # Uncompiled it makes a T x T matrix: for tests on a CPU.
    run: Any = flex_attention
    return run if device_type == "cpu" else torch.compile(run, dynamic=True)


def _block_mask(segments: Segments, window: int | None, device: torch.device) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    lengths, key_lengths = segments.lengths, segments.key_lengths()
    prefixes = [keys - own for keys, own in zip(key_lengths, lengths, strict=True)]
    numbers = [torch.repeat_interleave(torch.tensor(item)) for item in (lengths, key_lengths)]
    places = [
        torch.cat([torch.arange(n) for n in key_lengths]),
        torch.cat([torch.arange(start, start + n) for start, n in zip(prefixes, lengths, strict=True)]),
    ]
    segment_Q, segment_K = (item.to(device, non_blocking=True) for item in numbers)
    place_K, place_Q = (item.to(device, non_blocking=True) for item in places)

    def seen(_b: Tensor, _h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        before = (segment_Q[q] == segment_K[k]) & (place_K[k] <= place_Q[q])
        return before if window is None else before & (place_K[k] > place_Q[q] - window)

    compiled = device.type != "cpu"
    return create_block_mask(
        seen, None, None, sum(lengths), sum(key_lengths), device=str(device), _compile=compiled
    )


def _whole(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, layer: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of all segments one after the other, [tokens, heads, width]; prefixes put before them."""
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    if segments.prefixes is not None:
        k, v = (
            _with_prefixes(new, old[0].transpose(0, 1), segments)
            for new, old in zip((k, v), segments.source[layer], strict=True)
        )
    return q.contiguous(), k.contiguous(), v.contiguous()


def _with_prefixes(new: Tensor, old: Tensor, segments: Segments) -> Tensor:
    assert segments.prefixes is not None
    parts = []
    for (start, length), own in zip(segments.prefixes, torch.split(new, segments.lengths), strict=True):
        parts += [old[start : start + length], own]
    return torch.cat(parts)


def _bounds(lengths: list[int], device: torch.device) -> Tensor:
    return (
        torch.tensor([0, *lengths], dtype=torch.int32)
        .cumsum(0, dtype=torch.int32)
        .to(device, non_blocking=True)
    )


KERNELS: dict[str, Callable[..., Tensor]] = {
    "varlen": _varlen,
    "flash-attn": _flash,
    "flex": _flex,
    "by segment": _by_segment,
}
