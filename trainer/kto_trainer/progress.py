"""Progress in words: a line every few seconds, so that logs stay short and people see that it lives."""

import time
from collections.abc import Callable, Mapping
from typing import Any

EVERY_S = 3.0


BAR = 24


class Progress:
    """Says a step's figures through `say`, at most every `EVERY_S` seconds, and always the first and last step.

    With `show`, which draws over its last line, a bar moves instead; a stage's last step is said all the same.
    """

    def __init__(self, say: Callable[[str], None], show: Callable[[str], None] | None = None) -> None:
        self._say = say
        self._show = show
        self._last = -EVERY_S

    def step(self, entry: Mapping[str, Any]) -> None:
        """Take the entry of one step, as it is written to the log."""
        names = {"loss": "loss", "kl": "kl", "rewards/margins": "margin", "eval/auc": "held-out AUC"}
        figures = " ".join(
            f"{short} {entry[name]:.3f}" for name, short in names.items() if entry.get(name) is not None
        )
        step, steps = entry["step"], entry["steps"]
        text = f"{entry['stage']} {step}/{steps} {figures}"
        now = time.monotonic()
        if self._show is not None and step < steps:
            full = BAR * step // steps
            left = entry["seconds"] * (steps - step)
            self._show(f"[{'=' * full}{' ' * (BAR - full)}] {text} {left / 60:.0f} min left")
        elif step in (1, steps) or "eval/auc" in entry or now - self._last >= EVERY_S:
            self._last = now
            self._say(text)
