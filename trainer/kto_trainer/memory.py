"""What a training will take of memory, told before any work; and what would fit where it is too much.

Weights, gradients and AdamW's moments are counted exactly. Activations are an estimate, so they alone only warn.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from kto_trainer.errors import UnavailableError
from kto_trainer.model import Machine
from kto_trainer.options import LoraOptions, TrainOptions
from kto_trainer.probe import DEFAULT_TOKENS

GIB = 2**30
# What a layer keeps of a token for its backward, in widths of the residual stream and of the feed-forward layer: measured
# with autograd's hooks for Llama's kind (21 to 28 widths in all, 22.4 where the feed-forward layer is 2.7 times as wide).
KEPT_WIDTHS, KEPT_INNER_WIDTHS = 12, 4


class Need(NamedTuple):
    """Bytes in one process: what is certain, and about what activations take."""

    fixed: int
    activations: int


def need(shape: Any, options: TrainOptions, computer: Machine, n_sharing: int = 1) -> Need:
    """The memory that a training takes.

    Args:
        shape: The model, or one of its kind without content (on the device `meta`).
        options: Resolved options.
        computer: Device and arithmetic.
        n_sharing: Processes that share the layers.
    """
    width = computer.weights_dtype.itemsize
    n_weights = sum(parameter.numel() for parameter in shape.parameters())
    config = shape.config.get_text_config()
    hidden, layers = config.hidden_size, config.num_hidden_layers
    if options.lora.r:
        n_trained = sum(
            options.lora.r * sum(layer.weight.shape)
            for layer in shape.modules()
            if isinstance(layer, torch.nn.Linear) and layer is not shape.get_output_embeddings()
        )
        fixed = n_weights * (1 if options.lora.quantize == "4bit" else width) + n_trained * 16
        if options.sft.epochs:  # SFT comes first, and trains all weights
            fixed = max(fixed, n_weights * (2 * width + 8))
    else:
        fixed = n_weights * (2 * width + (2 if options.optim == "adamw_8bit" else 8)) // n_sharing
    tokens = max(
        options.max_tokens_per_pass or DEFAULT_TOKENS.get(computer.device.type, 8192), options.max_length or 0
    )
    inner = getattr(config, "intermediate_size", None)
    inner = inner if isinstance(inner, int) else 4 * hidden
    kept = hidden if options.gradient_checkpointing else KEPT_WIDTHS * hidden + KEPT_INNER_WIDTHS * inner
    return Need(fixed, tokens * layers * kept * computer.dtype.itemsize)


def there(computer: Machine) -> int | None:
    """Bytes that are free: of the card, else of the machine or what the process may take of it; None if unknown."""
    if computer.device.type == "cuda":
        return int(torch.cuda.mem_get_info(computer.device)[0])
    found = []
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            found += [int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:")]
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            limit = file.read().strip()
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as file:
            found += [] if limit == "max" else [max(0, int(limit) - int(file.read()))]
    except (OSError, ValueError):
        pass  # another system, or none of its limits
    return min(found, default=None)


def check_memory(
    shape: Any,
    options: TrainOptions,
    computer: Machine,
    say: Callable[[str], None],
    *,
    n_sharing: int = 1,
    free: int | None = None,
) -> None:
    """Compare what a training takes with what is there, and say what would fit.

    Args:
        shape: See `need`.
        options: Resolved options.
        computer: Device and arithmetic.
        say: Takes a warning.
        n_sharing: Processes that share the layers.
        free: Bytes that are there; None looks.

    Raises:
        UnavailableError: Weights, gradients and optimiser alone are too large.
    """
    free = there(computer) if free is None else free
    wanted = need(shape, options, computer, n_sharing)
    if free is None or sum(wanted) <= free:
        return
    would = [
        f"{name} ({sum(found) / GIB:.1f} GiB)"
        for name, other in _smaller(options, computer)
        if sum(found := need(shape, other, computer, n_sharing)) <= free
    ]
    advice = f"would fit: {', '.join(would)}" if would else "a smaller model or a larger machine is needed"
    where = "the card" if computer.device.type == "cuda" else "this machine"
    text = (
        f"this training takes about {sum(wanted) / GIB:.1f} GiB ({wanted.fixed / GIB:.1f} for weights, gradients and "
        f"optimiser), {where} has {free / GIB:.1f} GiB free; {advice}"
    )
    if wanted.fixed > free:
        raise UnavailableError(f"out of memory before it began: {text}")
    say(f"warning: {text}")


def _smaller(options: TrainOptions, computer: Machine) -> Iterator[tuple[str, TrainOptions]]:
    """Other options that take less, the mildest first."""
    tokens = options.max_tokens_per_pass or DEFAULT_TOKENS.get(computer.device.type, 8192)
    least = options.model_copy(update={"max_tokens_per_pass": max(tokens // 8, 16)})
    yield f"max_tokens_per_pass {max(tokens // 8, 16)}", least
    if computer.device.type == "cuda" and not options.lora.r and options.optim == "adamw":
        yield "optim adamw_8bit and fewer tokens", least.model_copy(update={"optim": "adamw_8bit"})
    if not options.lora.r:
        yield "lora.r 16 and fewer tokens", least.model_copy(update={"lora": LoraOptions(r=16)})
    if computer.device.type == "cuda" and options.lora.quantize == "none":
        quantized = LoraOptions(r=options.lora.r or 16, quantize="4bit")
        yield (
            "lora.r 16 with lora.quantize 4bit and fewer tokens",
            least.model_copy(update={"lora": quantized}),
        )


def shape_of(name: str) -> Any:
    """A model without content, from its configuration alone; None where that cannot tell."""
    from transformers import AutoConfig, AutoModelForCausalLM

    name = os.path.expanduser(name)
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        with torch.device("meta"):
            make: Any = AutoModelForCausalLM  # transformers publishes no types for it
            return make.from_config(config, trust_remote_code=False)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError):
        return None  # loading it will tell what is wrong
