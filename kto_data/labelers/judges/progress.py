"""What a judge at work tells: rate, money spent and expected, time left."""

import time
from collections.abc import Callable

from kto_data.labelers.judges.cost import Estimate
from kto_data.labelers.judges.counts import JudgeCounts

Say = Callable[[str], None]

_EVERY_S = 0.5


class JudgeProgress:
    """Follows one judge.

    Args:
        name: The judge's.
        plan: What it would come to.
        say: Told a line now and then; None for nobody.
    """

    def __init__(self, name: str, plan: Estimate, say: Say | None) -> None:
        self._name, self._plan, self._say = name, plan, say
        self._n_rows = 0
        self._started = self._said = time.monotonic()
        self._counts = JudgeCounts()

    def watch(self, counts: JudgeCounts) -> None:
        """Take the figures from these counts."""
        self._counts = counts

    def advance(self, n_rows: int) -> None:
        """Note that rows are done."""
        self._n_rows += n_rows
        now = time.monotonic()
        if self._say is not None and now - self._said >= _EVERY_S:
            self._said = now
            self._say(self.text(now - self._started))

    def done(self) -> None:
        """Tell how it ended."""
        if self._say is not None:
            self._say(self.text(time.monotonic() - self._started))

    def text(self, seconds: float) -> str:
        """Return a line about it after so many seconds of work.

        >>> JudgeProgress("judge:x", Estimate(n_rows=4, n_requests=4, cost_usd=1.0), None).text(2.0)
        'judge:x: 0 of 4 rows, 0 of 4 requests'
        """
        counts, plan = self._counts, self._plan
        parts = [f"{self._name}: {self._n_rows:,} of {plan.n_rows:,} rows"]
        if plan.n_requests:
            parts.append(f"{counts.n_new:,} of {plan.n_requests:,} requests")
        if counts.n_new and seconds > 0:
            rate = counts.n_new / seconds
            parts.append(f"{rate:,.1f}/s")
            if plan.cost_usd is not None:
                expected = max(plan.n_requests, counts.n_new) * counts.cost_usd / counts.n_new
                parts.append(f"${counts.cost_usd:,.4f} of about ${expected:,.4f}")
            left_s = max(0, plan.n_requests - counts.n_new) / rate
            parts.append(f"{_duration(left_s)} left")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
