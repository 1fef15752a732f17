"""The log's figures as TensorBoard events, in `OUT/tensorboard/`; `tensorboard --logdir OUT` shows them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kto_trainer.errors import UnavailableError

FOLDER = "tensorboard"
NOT_FIGURES = ("step", "steps", "epoch", "stage")


class TensorBoard:
    """Writes each figure of each step.

    Args:
        output: The training's output folder.
        earlier: The log of the run that is resumed; what it wrote after its checkpoint is hidden.

    Raises:
        UnavailableError: The package is not installed.
    """

    def __init__(self, output: Path, earlier: list[dict[str, Any]]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UnavailableError(
                "tensorboard needs the package of that name: pip install 'kto-data[train]', or leave the option out"
            ) from None
        make: Any = SummaryWriter  # torch publishes no types for it
        self._offset = max((entry["steps"] for entry in earlier if entry["stage"] == "sft"), default=0)
        self._writer: Any = make(str(output / FOLDER), purge_step=len(earlier) + 1 if earlier else None)

    def write(self, entry: Mapping[str, Any]) -> None:
        """Add one step; the steps of KTO come after those of SFT."""
        if entry["stage"] == "sft":
            self._offset = entry["steps"]
        at = entry["step"] + (self._offset if entry["stage"] == "kto" else 0)
        for name, value in entry.items():
            if name not in NOT_FIGURES and value is not None:
                self._writer.add_scalar(f"{entry['stage']}/{name}", value, at)

    def close(self) -> None:
        """Bring everything to the disk."""
        self._writer.close()
