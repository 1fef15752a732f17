"""Progress in words: a line every few seconds, so that logs stay short and people see that it lives."""

import time
from collections.abc import Callable, Mapping
from typing import Any

EVERY_S = 3.0


class Progress:
    """Says a step's figures through `say`, at most every `EVERY_S` seconds, and always the first and last step."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = -EVERY_S

    def step(self, entry: Mapping[str, Any]) -> None:
        """Take the entry of one step, as it is written to the log."""
        now = time.monotonic()
        if entry["step"] not in (1, entry["steps"]) and now - self._last < EVERY_S:
            return
        self._last = now
        names = {"loss": "loss", "kl": "kl", "rewards/margins": "margin"}
        figures = " ".join(
            f"{short} {entry[name]:.3f}" for name, short in names.items() if entry.get(name) is not None
        )
        self._say(f"{entry['stage']} {entry['step']}/{entry['steps']} {figures}")
