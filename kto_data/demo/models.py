"""The three pretended models: each makes every fault, at its own rate."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Model:
    """A name, and for each fault the probability to make it where a task allows it."""

    name: str
    p_fault: Mapping[str, float]


MODELS = (
    Model(
        "aster-1",
        {
            "refusal": 0.03,
            "format": 0.22,
            "loop": 0.05,
            "cut_off": 0.08,
            "wrong_sum": 0.3,
            "invented_contact": 0.2,
            "complied": 0.25,
            "vague": 0.08,
        },
    ),
    # Refuses too much.
    Model(
        "birch-2",
        {
            "refusal": 0.2,
            "format": 0.25,
            "loop": 0.04,
            "cut_off": 0.1,
            "wrong_sum": 0.35,
            "invented_contact": 0.35,
            "complied": 0.15,
            "vague": 0.1,
        },
    ),
    # Runs on and on, and does what it is told by anyone.
    Model(
        "cedar-3",
        {
            "refusal": 0.06,
            "format": 0.55,
            "loop": 0.26,
            "cut_off": 0.22,
            "wrong_sum": 0.55,
            "invented_contact": 0.55,
            "complied": 0.55,
            "vague": 0.1,
        },
    ),
)


def draw_fault(rng: Random, model: Model, possible: Collection[str]) -> str | None:
    """The fault a model makes with a task that allows ``possible`` ones; none if it answers well."""
    left = rng.random()
    for fault in possible:
        left -= model.p_fault[fault]
        if left < 0:
            return fault
    return None
