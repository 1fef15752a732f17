"""The processes that train together: each takes a share of every batch, and sums are over all of them.

The only place with distributed calls. One process is the plain case: nothing is sent.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
# The others wait while the first process tokenises a large dataset; a process that ends is noticed at once all the same.
PATIENCE = timedelta(hours=6)


def join(device: torch.device) -> "Ranks":
    """The processes that `torchrun` started, connected; a single process where it did not."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Ranks()
    if not torch.distributed.is_initialized():
        on_cuda = device.type == "cuda"
        torch.distributed.init_process_group(
            "nccl" if on_cuda else "gloo",
            timeout=PATIENCE,
            device_id=device if on_cuda else None,
        )
    return Ranks(torch.distributed.get_rank(), size)


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process's number and how many there are."""

    number: int = 0
    size: int = 1
    sharded: bool = False  # the model's layers lie in shares over the processes

    def share(self, sizes: Sequence[int]) -> list[int]:
        """The items that fall to this process: by size, dealt out back and forth, so that sums are alike.

        Example:
            >>> [Ranks(k, 2).share([5, 1, 4, 2]) for k in (0, 1)]
            [[0, 1], [2, 3]]
        """
        order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        mine = []
        for place, item in enumerate(order):
            turn, at = divmod(place, self.size)
            if (at if turn % 2 == 0 else self.size - 1 - at) == self.number:
                mine.append(item)
        return mine

    def sum(self, values: Tensor) -> Tensor:
        """The elementwise sum over all processes; the values themselves in a single one."""
        if self.size > 1:
            values = values.clone()
            torch.distributed.all_reduce(values)
        return values

    def even(self, passes: list[list[int]]) -> list[list[int]]:
        """As many passes as the process that has most, empty ones at the end, where each takes all processes."""
        if not self.sharded or self.size == 1:
            return passes
        most = max(self.gather(len(passes)))
        return passes + [[]] * (most - len(passes))

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            torch.distributed.barrier()

    def in_turn(self, work: Callable[[], T]) -> T:
        """What `work` returns: the first process does it before the others, which find its files."""
        if self.number:
            self.barrier()
            return work()
        result = work()
        self.barrier()
        return result

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, in every process."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, value)
        return found

    def sum_gradients(self, model: Any) -> None:
        """Add up the gradients of all processes, one flat buffer a dtype; a missing gradient counts as 0.

        Those of sharded parameters are summed already.
        """
        if self.size == 1:
            return
        by_dtype: dict[torch.dtype, list[torch.nn.Parameter]] = {}
        for parameter in model.parameters():
            if parameter.requires_grad and not is_sharded(parameter):
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                by_dtype.setdefault(parameter.dtype, []).append(parameter)
        for parameters in by_dtype.values():
            flat = torch.cat(
                [parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]
            )
            torch.distributed.all_reduce(flat)
            at = 0
            for parameter in parameters:
                assert parameter.grad is not None
                parameter.grad.copy_(flat[at : at + parameter.numel()].view_as(parameter))
                at += parameter.numel()


def is_sharded(parameter: Any) -> bool:
    """Whether a parameter lies in shares over the processes."""
    return hasattr(parameter, "to_local")


def local(parameter: Any) -> Any:
    """A parameter, or of a sharded one the share of this process, in the same memory."""
    return parameter.to_local() if is_sharded(parameter) else parameter
