"""AdamW, the learning rate's course, and one clipped step."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kto_trainer.errors import UnavailableError
from kto_trainer.options import TrainOptions
from kto_trainer.ranks import is_sharded, local


def learning_rate_factor(step: int, n_steps: int, warmup_ratio: float, kind: str) -> float:
    """The share of the peak learning rate at a step, in (0, 1]: a linear warm-up, then linear, cosine or constant.

    Args:
        step: From 0 to n_steps - 1.
        n_steps: Steps of the stage.
        warmup_ratio: Share of the steps that warm up.
        kind: `linear`, `cosine` (both down to almost 0 at the end) or `constant`.

    Example:
        >>> [learning_rate_factor(step, 4, 0.5, "linear") for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    warmup = math.ceil(n_steps * warmup_ratio)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, n_steps - warmup)
    if kind == "linear":
        return 1.0 - done
    return 0.5 * (1.0 + math.cos(math.pi * done)) if kind == "cosine" else 1.0


PART = 1 << 26  # numbers of a weight that are updated at a time


class Stepped(NamedTuple):
    """The gradients' norm before clipping (on the device), and the learning rate used."""

    norm: Tensor
    rate: float


class Optimizer:
    """AdamW over a model's trainable parameters for a stage of known length.

    Weights in bfloat16 are rounded at random (see `RoundingAdamW`); all others take torch's fused AdamW. With `optim:
    adamw_8bit` both take torchao's.
    """

    def __init__(self, model: Any, options: TrainOptions, *, learning_rate: float, n_steps: int) -> None:
        self._trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        # The optimiser works on this process's shares, as on weights of their own: it needs no other process.
        self._sharded = [is_sharded(parameter) for parameter in self._trained]
        self._parameters = [
            local(parameter).detach().requires_grad_() if own else parameter
            for parameter, own in zip(self._trained, self._sharded, strict=True)
        ]
        self.device = self._parameters[0].device
        narrow = any(parameter.dtype is torch.bfloat16 for parameter in self._parameters)
        kinds = {parameter.device.type for parameter in self._parameters}
        self._adamw: torch.optim.Optimizer
        if options.optim == "adamw_8bit":
            self._adamw = _eight_bit(self._parameters, learning_rate, options.weight_decay)
        elif narrow:
            self._adamw = RoundingAdamW(self._parameters, learning_rate, options.weight_decay, options.seed)
        else:
            self._adamw = torch.optim.AdamW(
                self._parameters,
                lr=learning_rate,
                weight_decay=options.weight_decay,
                fused=kinds <= {"cpu", "cuda"},
            )
        self._peak = learning_rate
        self._n_steps = n_steps
        self._options = options
        self._step = 0

    def step(self) -> Stepped:
        """Clip, update and clear the gradients. Whether they are finite is for the reader of the norm to say."""
        rate = self._peak * learning_rate_factor(
            self._step, self._n_steps, self._options.warmup_ratio, self._options.lr_scheduler_type
        )
        for parameter, trained, own in zip(self._parameters, self._trained, self._sharded, strict=True):
            if own:
                parameter.grad = None if trained.grad is None else local(trained.grad)
                trained.grad = None
        norm = clip(self._parameters, self._sharded, self._options.max_grad_norm)
        for group in self._adamw.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)  # a compiled step would be compiled anew for every number
            else:
                group["lr"] = rate
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        self._step += 1
        return Stepped(norm, rate)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, for `load`: tensors and plain numbers."""
        moments = [dict(self._adamw.state[parameter]) for parameter in self._parameters]
        rounding = self._adamw.rounding_state() if isinstance(self._adamw, RoundingAdamW) else None
        return {"step": self._step, "moments": moments, "rounding": rounding}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken. Moments keep their dtype, which torch's own way would not let them."""
        self._step = state["step"]
        for parameter, moments in zip(self._parameters, state["moments"], strict=True):
            old = self._adamw.state[parameter]
            for name, value in moments.items():
                stays = name == "step" and not getattr(self._adamw, "defaults", {}).get("fused")
                old[name] = value.to(parameter.device) if isinstance(value, Tensor) and not stays else value
        if isinstance(self._adamw, RoundingAdamW):
            self._adamw.load_rounding_state(state["rounding"])


def clip(parameters: Sequence[Tensor], sharded: Sequence[bool], limit: float) -> Tensor:
    """Scale gradients down to a norm over all processes; returns the norm before.

    Args:
        parameters: Of this process.
        sharded: Which of them are shares of ones that lie in shares over the processes.
        limit: The largest norm.
    """
    if not any(sharded):
        return torch.nn.utils.clip_grad_norm_(parameters, limit)
    squares = parameters[0].new_zeros(2, dtype=torch.float64)
    gradients = [parameter.grad for parameter in parameters]
    for gradient, own in zip(gradients, sharded, strict=True):
        if gradient is not None:
            squares[int(own)] += torch.linalg.vector_norm(gradient, dtype=torch.float64).square()
    whole, shares = squares[0], squares[1].clone()
    torch.distributed.all_reduce(shares)
    norm = (whole + shares).sqrt()
    factor = (limit / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        if gradient is not None:
            gradient.mul_(factor.to(gradient.dtype))
    return norm


def _eight_bit(parameters: list[Any], learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW with moments of 8 bits in blocks; bfloat16 weights are rounded at random.

    Source: Dettmers et al., "8-bit Optimizers via Block-wise Quantization", 2021, https://arxiv.org/abs/2110.02861, as in
    torchao: bitsandbytes' rounds bfloat16 weights to the nearest, which loses steps as small as fine-tuning's.

    Raises:
        UnavailableError: torchao is not installed, or the weights are not on a CUDA device.
    """
    if any(parameter.device.type != "cuda" for parameter in parameters):
        raise UnavailableError("optim: adamw_8bit needs a CUDA device; take adamw here")
    try:
        from torchao.optim import AdamW8bit
    except ImportError:
        raise UnavailableError("optim: adamw_8bit needs torchao: pip install torchao") from None
    made: torch.optim.Optimizer = AdamW8bit(
        parameters, lr=torch.tensor(learning_rate), weight_decay=weight_decay, bf16_stochastic_round=True
    )
    return made


class RoundingAdamW(torch.optim.Optimizer):
    """AdamW for bfloat16 weights, without a float32 copy of them.

    bfloat16 has 8 bits of precision: a step of less than 1/512 of a weight, as every step of fine-tuning is, would be
    rounded away each time. Rounded up or down at random, with the chance that keeps the mean, steps add up. The moments
    are float32. Source: Zamirai et al., "Revisiting BFloat16 Training", 2020, https://arxiv.org/abs/2010.06192.
    """

    def __init__(self, parameters: list[Any], learning_rate: float, weight_decay: float, seed: int) -> None:
        super().__init__(parameters, {"lr": learning_rate, "weight_decay": weight_decay})
        self._generator = torch.Generator(parameters[0].device).manual_seed(seed)
        self._count = 0

    def rounding_state(self) -> dict[str, Any]:
        """The number of steps, and the state of the random numbers."""
        return {"count": self._count, "generator": self._generator.get_state()}

    def load_rounding_state(self, state: dict[str, Any]) -> None:
        """Go on from `rounding_state`."""
        self._count = state["count"]
        self._generator.set_state(state["generator"])

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update, with betas 0.9 and 0.999 and epsilon 1e-8."""
        assert closure is None
        self._count += 1
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["weight_decay"])

    def _update(self, parameter: Tensor, rate: float, weight_decay: float) -> None:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["mean"], state["square"] = (
                torch.zeros_like(parameter, dtype=torch.float32) for _ in range(2)
            )
        whole = (parameter, parameter.grad.contiguous(), state["mean"], state["square"])
        # A part at a time: an embedding's float32 copies together would be as large as a small model.
        for part, grad, mean, square in zip(*(item.view(-1).split(PART) for item in whole), strict=True):
            gradient = grad.float()
            mean.lerp_(gradient, 0.1)
            square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            root = (square / (1 - 0.999**self._count)).sqrt_().add_(1e-8)
            new = part.float().mul_(1 - rate * weight_decay)
            new.addcdiv_(mean, root, value=-rate / (1 - 0.9**self._count))
            if parameter.dtype is torch.bfloat16:
                round_at_random_(new, self._generator)
            part.copy_(new)


def round_at_random_(values: Tensor, generator: torch.Generator) -> Tensor:
    """Round float32 numbers in place to ones that bfloat16 holds, up or down so that the mean stays.

    A bfloat16 is the upper half of a float32: a uniform number added to the lower half carries over with just the
    chance that the lower half stands for.
    """
    bits = values.view(torch.int32)
    noise = torch.randint(0, 1 << 16, bits.shape, dtype=torch.int32, device=bits.device, generator=generator)
    bits.add_(noise).bitwise_and_(-(1 << 16))
    return values
