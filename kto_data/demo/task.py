"""What the log is made of: a task, the answers to it, and the kinds of task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, and why the pretended model says it stopped."""

    text: str
    finish_reason: str = "stop"


Writer = Callable[[Random], Answer]
"""Draws one answer; called again, it draws another wording of the same answer."""


@dataclass(frozen=True, slots=True)
class Task:
    """A question, how it is answered well, and each fault that can be made with it, by the fault's name."""

    question: str
    good: Writer
    faults: Mapping[str, Writer]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task: its name, its share among the prompts, and how to draw one of it."""

    name: str
    share: float
    ask: Callable[[Random], Task]
