"""AdamW, the learning rate's course, and one clipped step."""

import math
from typing import Any

import torch

from kto_trainer.errors import TrainerError
from kto_trainer.options import TrainOptions


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


class Optimizer:
    """AdamW over a model's trainable parameters for a stage of known length."""

    def __init__(self, model: Any, options: TrainOptions, *, learning_rate: float, n_steps: int) -> None:
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._adamw = torch.optim.AdamW(self._parameters, lr=learning_rate, weight_decay=options.weight_decay)
        self._peak = learning_rate
        self._n_steps = n_steps
        self._options = options
        self._step = 0

    def step(self) -> tuple[float, float]:
        """Clip, update and clear the gradients; returns the norm before clipping, and the learning rate used.

        Raises:
            TrainerError: The gradients are not finite.
        """
        rate = self._peak * learning_rate_factor(
            self._step, self._n_steps, self._options.warmup_ratio, self._options.lr_scheduler_type
        )
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._options.max_grad_norm).item()
        if not math.isfinite(norm):
            raise TrainerError(
                f"step {self._step + 1}: the gradients are not finite (norm {norm}); lower the learning rate, or "
                "check the row weights"
            )
        for group in self._adamw.param_groups:
            group["lr"] = rate
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        self._step += 1
        return norm, rate
