"""Records with one list of turns, each with `from` and `value`, as ShareGPT's dumps and many data sets have it."""

from collections.abc import Set

from kto_data.readers.layouts import LAYOUTS
from kto_data.readers.layouts.chat import Chat


@LAYOUTS.register("sharegpt")
class ShareGPT(Chat):
    """`{"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}`; else like `chat`."""

    needs = ("conversations",)
    uses = frozenset({"conversations", "next_turn", "system"})

    def fits(self, present: Set[str]) -> bool:
        """Return whether there are conversations, and nothing that another layout reads."""
        return "conversations" in present and not present & {"messages", "prompt", "completion"}
