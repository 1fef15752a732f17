"""A stage's figures, step by step: read from the device in groups, so that the host does not wait for every step."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from kto_trainer.errors import TrainerError
from kto_trainer.options import TrainOptions

FINAL = ("loss", "kl", "rewards/chosen", "rewards/rejected", "rewards/margins")


class Final:
    """Means of figures over the last tenth of the KTO steps (at least one)."""

    def __init__(self) -> None:
        self.n_steps = 0
        self._sums = dict.fromkeys(FINAL, 0.0)
        self._counts = dict.fromkeys(FINAL, 0)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take one step's entry; those of other stages are passed over."""
        if entry["stage"] != "kto":
            return
        self.n_steps += 1
        if entry["step"] <= entry["steps"] - max(1, entry["steps"] // 10):
            return
        for name in FINAL:
            if entry[name] is not None:
                self._sums[name] += entry[name]
                self._counts[name] += 1

    def means(self) -> dict[str, float | None]:
        """The mean of each figure; None where no step had it."""
        return {name: self._sums[name] / n if n else None for name, n in self._counts.items()}


class Figures:
    """Collects steps and hands them on as plain mappings, every `log_every` steps.

    A figure that is NaN because a batch has no row of a class becomes None.
    """

    def __init__(
        self,
        stage: str,
        n_steps: int,
        options: TrainOptions,
        log: Callable[[dict[str, Any]], None],
        done: int = 0,
    ) -> None:
        self._stage = stage
        self._n_steps = n_steps
        self._log = log
        self._every = options.log_every
        self._waiting: list[tuple[dict[str, Any], list[str], torch.Tensor]] = []
        self._number = done  # steps that an earlier process made

    def add(self, fixed: Mapping[str, Any], measured: Mapping[str, Any], started: float) -> None:
        """Take one step: what is known, what lies on the device, and when the step began (`time.perf_counter`).

        Raises:
            TrainerError: A loss or a gradient norm of the steps read now is not finite.
        """
        self._number += 1
        values = torch.stack([torch.as_tensor(value).detach().double() for value in measured.values()])
        entry = {"stage": self._stage, "step": self._number, "steps": self._n_steps, **fixed}
        every = self._every or (10 if values.is_cuda else 1)
        self._waiting.append((entry | {"seconds": time.perf_counter() - started}, list(measured), values))
        if len(self._waiting) >= every:
            self.flush()

    def flush(self) -> None:
        """Hand on all steps that wait."""
        if not self._waiting:
            return
        table = torch.stack([values for _, _, values in self._waiting]).tolist()
        waiting, self._waiting = self._waiting, []
        for (entry, names, _), row in zip(waiting, table, strict=True):
            found = dict(zip(names, row, strict=True))
            for name in ("grad_norm", "loss"):
                if not math.isfinite(found[name]):
                    what = "gradients are" if name == "grad_norm" else "loss is"
                    raise TrainerError(
                        f"{self._stage} step {entry['step']}: the {what} not finite ({found[name]}); lower the learning "
                        "rate, or check the model's weights and the row weights"
                    )
            self._log(
                entry | {name: value if math.isfinite(value) else None for name, value in found.items()}
            )
