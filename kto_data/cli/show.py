"""How runs are shown: progress to stderr, a bar only on a terminal."""

import sys
import time

from kto_data.runs.progress import StepResult

_REFRESH_S = 0.1
_SAID_EVERY_S = 5.0


class ShownProgress:
    """Writes a line for every step to stderr; on a terminal, the step at work counts in place."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._step = ""
        self._n_rows = 0
        self._started = 0.0
        self._shown = 0.0
        self._said = 0.0

    def started(self, step: str) -> None:
        """Note that a step begins."""
        self._step, self._n_rows = step, 0
        self._started = self._shown = self._said = time.monotonic()
        self._in_place(f"  {step} ...")

    def advanced(self, n_rows: int) -> None:
        """Count rows."""
        self._n_rows += n_rows
        now = time.monotonic()
        if now - self._shown > _REFRESH_S:
            self._shown = now
            self._in_place(f"  {self._step} {self._n_rows:,} rows, {rate(self._n_rows, now - self._started)}")

    def said(self, text: str) -> None:
        """Pass on what the trainer says: in place on a terminal, now and then elsewhere."""
        now = time.monotonic()
        if self._terminal:
            self._in_place(f"  {self._step}: {text}")
        elif now - self._said > _SAID_EVERY_S:
            self._said = now
            print(f"  {self._step}: {text}", file=sys.stderr, flush=True)

    def finished(self, result: StepResult) -> None:
        """Write the step's line."""
        n_rows = result.counts.get("n_rows")
        rows = "" if n_rows is None else f"{n_rows:>9,} rows"
        speed = "reused" if result.reused else f"{result.seconds:7.1f} s"
        if n_rows and not result.reused:
            speed += f"  {rate(n_rows, result.seconds)}"
        self._in_place("")
        print(
            f"  {result.folder.name[:2]} {result.name:<10} {rows:>14}  {speed}", file=sys.stderr, flush=True
        )

    def _in_place(self, text: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)


def rate(n_rows: int, seconds: float) -> str:
    """Return rows a second in words.

    >>> rate(3000, 2.0)
    '1,500 rows/s'
    """
    return f"{n_rows / max(seconds, 1e-3):,.0f} rows/s"
