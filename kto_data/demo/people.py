"""The users: who they are, the thumb they give and what they say next; noisy, and some of them always grumpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Thumb = Literal["up", "down"]

P_THUMB = 0.4
P_NEXT_TURN = 0.12
_P_FAIR = 0.86  # a fair user's thumb agrees with the truth
_P_GRUMPY_DOWN = 0.92  # a grumpy one's is down, whatever the answer
_P_APT = 0.8  # the next turn suits the answer

_PLEASED = (
    "Thanks, that helps a lot.",
    "Great, it worked.",
    "Perfect, thank you.",
    "Good. And how long does it take?",
)
_DISPLEASED = (
    "That is not what I asked.",
    "This does not help me.",
    "No, that is wrong. Try again.",
    "Hello? I need a real answer.",
)


@dataclass(frozen=True, slots=True)
class User:
    """A user's id, and whether nothing pleases them."""

    id: str
    grumpy: bool = False


def make_users(rng: Random, *, n_users: int = 40, n_grumpy: int = 3) -> Sequence[User]:
    """Users u-001 to u-040, a few of whom are grumpy."""
    grumpy = rng.sample(range(n_users), n_grumpy)
    return [User(f"u-{i + 1:03d}", i in grumpy) for i in range(n_users)]


def give_thumb(rng: Random, user: User, *, desirable: bool) -> Thumb:
    """The thumb of a user who gives one."""
    if user.grumpy:
        return "down" if rng.random() < _P_GRUMPY_DOWN else "up"
    fair = rng.random() < _P_FAIR
    return "up" if desirable == fair else "down"


def say_next(rng: Random, *, desirable: bool) -> str:
    """What a user who goes on says after the answer."""
    apt = rng.random() < _P_APT
    return rng.choice(_PLEASED if desirable == apt else _DISPLEASED)


def opposite(thumb: Thumb) -> Thumb:
    """The other thumb."""
    return "down" if thumb == "up" else "up"
