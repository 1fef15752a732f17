"""The ways a record can hold a conversation; one file each. To add one: a class like those here, and a test."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

from kto_data.readers.messages import Message
from kto_data.readers.record import Fields
from kto_data.registry import Registry


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a record says: what was asked, what was answered, and what came after."""

    prompt: list[Message]
    completion: list[Message]
    next_turn: list[Message] = field(default_factory=list)


class Layout(Protocol):
    """A way a record can hold a conversation."""

    needs: tuple[str, ...]
    """Our names of what a record must have."""

    uses: frozenset[str]
    """Our names of all that it reads; what a record has besides becomes metadata."""

    def fits(self, present: Set[str]) -> bool:
        """Return whether a record with these of our names is laid out so; for `format: auto`."""
        ...

    def parse(self, fields: Fields) -> Conversation:
        """Return the conversation.

        Raises:
            Defect: The record has none, with the reason.
        """
        ...


LAYOUTS: Registry[type[Layout]] = Registry(
    "record format", package="kto_data.readers.layouts", group="kto_data.layouts"
)
