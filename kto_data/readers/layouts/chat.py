"""Records with one list of messages: the last answer is the completion, what stands before it the prompt."""

from collections.abc import Set
from typing import Any

from kto_data.readers.json_text import parse_value
from kto_data.readers.layouts import LAYOUTS, Conversation
from kto_data.readers.messages import check_completion, check_prompt, parse_messages, with_system
from kto_data.readers.record import Defect, Fields


@LAYOUTS.register("chat")
class Chat:
    """`{"messages": [...]}`; messages after the last answer, and a `next_turn` key, are the next turn."""

    needs: tuple[str, ...] = ("messages",)
    uses = frozenset({"messages", "next_turn", "system"})

    def fits(self, present: Set[str]) -> bool:
        """Return whether there are messages, and not a prompt and a completion beside them."""
        return "messages" in present and not present >= {"prompt", "completion"}

    def parse(self, fields: Fields) -> Conversation:
        """Split the messages at the last answer."""
        (name,) = self.needs
        key = fields.keys[name]
        if name not in fields.values:
            raise Defect("no_messages", f"{key} is missing or null")
        messages = parse_messages(_from_text(fields.values[name], key), key, role=None)
        answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
        if not answers:
            raise Defect("no_completion", f"{key} has no message whose role is 'assistant'")
        last = answers[-1]
        completion = [messages[last]]
        check_completion(completion, f"{key}[{last}]")
        prompt = with_system(messages[:last], fields)
        check_prompt(prompt, key)
        next_turn = messages[last + 1 :]
        if "next_turn" in fields.values:
            next_turn += parse_messages(fields.values["next_turn"], fields.keys["next_turn"], role="user")
        return Conversation(prompt, completion, next_turn)


def _from_text(value: Any, key: str) -> Any:
    """Return messages that stand as JSON in a text, as a CSV cell must hold them."""
    if not isinstance(value, str):
        return value
    try:
        return parse_value(value.encode("utf-8"))
    except Defect as defect:
        raise Defect(
            "wrong_type", f"{key} must be a list of messages, not a text that is no JSON: {defect.detail}"
        ) from None
