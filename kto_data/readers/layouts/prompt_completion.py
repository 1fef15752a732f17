"""Records with a prompt and a completion, each a text or a list of messages."""

from collections.abc import Set

from kto_data.readers.layouts import LAYOUTS, Conversation
from kto_data.readers.messages import check_completion, check_prompt, parse_messages, with_system
from kto_data.readers.record import Defect, Fields


@LAYOUTS.register("prompt_completion")
class PromptCompletion:
    """`{"prompt": ..., "completion": ...}`; a `system` text is put in front of the prompt."""

    needs = ("prompt", "completion")
    uses = frozenset({"prompt", "completion", "next_turn", "system"})

    def fits(self, present: Set[str]) -> bool:
        """Return whether there is a prompt or a completion."""
        return "prompt" in present or "completion" in present

    def parse(self, fields: Fields) -> Conversation:
        """Return both as messages."""
        values, keys = fields.values, fields.keys
        for name in self.needs:
            if name not in values:
                raise Defect(f"no_{name}", f"{keys[name]} is missing or null")
        prompt = with_system(parse_messages(values["prompt"], keys["prompt"], role="user"), fields)
        check_prompt(prompt, keys["prompt"])
        completion = parse_messages(values["completion"], keys["completion"], role="assistant")
        check_completion(completion, keys["completion"])
        next_turn = []
        if "next_turn" in values:
            next_turn = parse_messages(values["next_turn"], keys["next_turn"], role="user")
        return Conversation(prompt, completion, next_turn)
