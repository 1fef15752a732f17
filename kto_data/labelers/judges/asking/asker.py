"""Who is asked where nothing is stored, and the ways in which that fails."""

from collections import Counter
from typing import Protocol

from kto_data.labelers.judges.question import Answer, Question


class QuestionFault(Exception):  # noqa: N818 - a fault is what the tables call it
    """This question has no answer; the text says why. Others may have.

    Attributes:
        may_pass: Asking again later may help: it failed on the way, and was not refused for what it is.
    """

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


class StopAskingError(Exception):
    """No question will get an answer; the text says why, without any secret."""


class Asker(Protocol):
    """A server or a model on this machine; used within one event loop.

    Attributes:
        events: How often what happened: `sent`, `answered`, `put off (429)`, `timed out`, ...
    """

    events: Counter[str]

    async def ask(self, question: Question) -> Answer:
        """Return the answer.

        Raises:
            QuestionFault: This question has none.
            StopAskingError: None will have any.
        """

    async def close(self) -> None:
        """End."""
