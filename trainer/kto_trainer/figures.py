"""A stage's figures, step by step: read from the device in groups, so that the host does not wait for every step."""

import math
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from kto_trainer.errors import TrainerError
from kto_trainer.options import TrainOptions

FINAL = ("loss", "kl", "rewards/chosen", "rewards/rejected", "rewards/margins")


class Final:
    """Means of figures over the last KTO steps: a tenth of those that were planned, at least one."""

    def __init__(self) -> None:
        self.n_steps = 0
        self.held_out: dict[str, float | None] = {}  # as it was told last
        self._last: deque[Mapping[str, Any]] = deque(maxlen=1)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take one step's entry; those of other stages are passed over."""
        if entry["stage"] != "kto":
            return
        if not self.n_steps:
            self._last = deque(maxlen=max(1, entry["steps"] // 10))
        self.n_steps += 1
        self._last.append({name: entry[name] for name in FINAL})
        if "eval/auc" in entry:
            self.held_out = {
                name.removeprefix("eval/"): entry[name] for name in entry if name.startswith("eval/")
            }

    def means(self) -> dict[str, float | None]:
        """The mean of each figure; None where no step had it."""
        found = {name: [entry[name] for entry in self._last if entry[name] is not None] for name in FINAL}
        return {name: sum(values) / len(values) if values else None for name, values in found.items()}


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
        name_rows: Callable[[Sequence[int]], str] = str,
    ) -> None:
        self._stage = stage
        self._n_steps = n_steps
        self._log = log
        self._every = options.log_every
        self._name_rows = name_rows
        self._waiting: list[_Step] = []
        self._read = time.perf_counter()
        self._number = done  # steps that an earlier process made

    def add(
        self,
        fixed: Mapping[str, Any],
        measured: Mapping[str, Any],
        started: float,
        rows: Sequence[int] = (),
        rewards_B: torch.Tensor | None = None,
    ) -> None:
        """Take one step: what is known, what lies on the device, and when the step began (`time.perf_counter`).

        The step's rows, and their rewards where it has any, are there to be named if its figures are not finite.

        Raises:
            TrainerError: A loss or a gradient norm of the steps read now is not finite.
        """
        self._number += 1
        values = torch.stack([torch.as_tensor(value).detach().double() for value in measured.values()])
        entry = {"stage": self._stage, "step": self._number, "steps": self._n_steps, **fixed}
        every = self._every or (10 if values.is_cuda else 1)
        entry |= {"seconds": time.perf_counter() - started}
        self._waiting.append(_Step(entry, list(measured), values, rows, rewards_B))
        if len(self._waiting) >= every:
            self.flush()

    def flush(self) -> None:
        """Hand on all steps that wait."""
        if not self._waiting:
            return
        table = torch.stack([step.values for step in self._waiting]).tolist()
        waiting, self._waiting = self._waiting, []
        # A device works on while the host goes ahead: only over all steps since the last look is the clock right.
        now = time.perf_counter()
        rate = sum(step.entry.get("tokens", 0) for step in waiting) / max(now - self._read, 1e-9)
        self._read = now
        used = {"tokens_per_s": rate, "memory_bytes": memory_bytes(waiting[0].values.device)}
        for step, row in zip(waiting, table, strict=True):
            found = dict(zip(step.names, row, strict=True))
            for name in ("grad_norm", "loss"):
                if not math.isfinite(found[name]):
                    raise TrainerError(self._not_finite(name, found[name], step))
            figures = {name: value if math.isfinite(value) else None for name, value in found.items()}
            self._log(step.entry | used | figures)

    def _not_finite(self, name: str, value: float, step: "_Step") -> str:
        what = "gradients are" if name == "grad_norm" else "loss is"
        rows, which = list(step.rows), "the batch's rows"
        if step.rewards_B is not None:
            broken = [
                row for row, fine in zip(rows, step.rewards_B.isfinite().tolist(), strict=True) if not fine
            ]
            if 0 < len(broken) < len(rows):
                rows, which = broken, "at the rows"
        named = f" ({which} {self._name_rows(rows)})" if rows else ""
        return (
            f"{self._stage} step {step.entry['step']}: the {what} not finite ({value}){named}; lower the learning "
            "rate, or check the model's weights, these rows' texts and the row weights"
        )


class _Step(NamedTuple):
    """A step whose figures still lie on the device."""

    entry: dict[str, Any]
    names: list[str]
    values: torch.Tensor
    rows: Sequence[int]
    rewards_B: torch.Tensor | None


def memory_bytes(device: torch.device) -> int:
    """The most memory that this process has taken: of a CUDA device by tensors, else of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
