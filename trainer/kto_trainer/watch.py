"""What a training's figures say that people should know while it runs; each is said once."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

WINDOW = 10  # steps whose mean is taken: single batches are noisy


class Watch:
    """Reads the KTO stage's entries and warns of a reference point that stays at 0, and of rewards that fall together.

    Args:
        say: Takes messages for people.
        learning_rate: The peak, for the message.
        has_pairs: Whether the loss estimates z0.
    """

    def __init__(self, say: Callable[[str], None], learning_rate: float, *, has_pairs: bool) -> None:
        self._say = say
        self._rate = learning_rate
        self._has_pairs = has_pairs
        self._n_zero = 0
        self._rewards: deque[tuple[float, float]] = deque(maxlen=2 * WINDOW)
        self._told: set[str] = set()

    def step(self, entry: Mapping[str, Any]) -> None:
        """Take the entry of one step, as it is written to the log."""
        if entry["stage"] != "kto":
            return
        self._n_zero = self._n_zero + 1 if entry["kl"] == 0 else 0
        if self._has_pairs and self._n_zero >= max(2 * WINDOW, entry["steps"] // 2):
            self._once(
                "z0",
                f"z0 has stayed at 0 for {self._n_zero} steps: unrelated answers are no likelier than under the reference, so "
                "the loss works without its reference point; a lower learning_rate or a larger beta keeps the model nearer",
            )
        chosen, rejected = entry["rewards/chosen"], entry["rewards/rejected"]
        if chosen is None or rejected is None:
            return
        self._rewards.append((chosen, rejected))
        if len(self._rewards) == 2 * WINDOW and self._fall():
            self._once(
                "fall",
                f"the rewards of desirable and of undesirable rows fall together (step {entry['step']}): the learning rate "
                f"is too high, says the paper; {self._rate:g} is the peak now, try a half to a tenth of it, or a larger beta",
            )

    def _fall(self) -> bool:
        """Whether both classes' means are below 0, and below what they were a window ago."""
        rows = list(self._rewards)
        before, now = (
            [sum(pair[k] for pair in part) / WINDOW for k in (0, 1)]
            for part in (rows[:WINDOW], rows[WINDOW:])
        )
        return all(new < min(old, 0.0) for old, new in zip(before, now, strict=True))

    def _once(self, name: str, message: str) -> None:
        if name not in self._told:
            self._told.add(name)
            self._say(f"warning: {message}")
