"""The conversation around a question: sometimes a system message, sometimes an earlier turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from kto_data.demo.kinds import KINDS
from kto_data.demo.task import Task
from kto_data.demo.words import COMPANY, PRODUCTS

Message = dict[str, str]

_P_SYSTEM = 0.12
_P_EARLIER_TURN = 0.08
_MAX_DRAWS = 50  # in a row without a new question: then there are few left, and the log has fewer prompts

_SYSTEMS = (
    f"You are the assistant of {COMPANY}. Answer in a few words.",
    f"You help the customers of {COMPANY}. Be kind and clear.",
    f"You work for {COMPANY}, a maker of things for the kitchen.",
)
_GREETINGS = (
    ("Hello, do you have a minute for me?", "Hello! Of course, what would you like to know?"),
    ("Hi, I bought a {product} from you.", "Thank you for that! How can I help you with it?"),
    ("Good morning, are you a person?", "Good morning! I am an assistant. What can I do for you?"),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A task and the messages that lead up to its answer, the last one being the question."""

    task: Task
    messages: tuple[Message, ...]


def draw_prompts(rng: Random, n_prompts: int) -> Sequence[Prompt]:
    """Prompts with distinct questions, of all kinds by their shares; fewer than asked if questions run out."""
    prompts: dict[str, Prompt] = {}
    n_in_vain = 0
    while len(prompts) < n_prompts and n_in_vain < _MAX_DRAWS:
        kind = rng.choices(KINDS, [kind.share for kind in KINDS])[0]
        prompt = _surround(rng, kind.ask(rng))
        n_in_vain = n_in_vain + 1 if prompt.task.question in prompts else 0
        prompts.setdefault(prompt.task.question, prompt)
    return list(prompts.values())


def _surround(rng: Random, task: Task) -> Prompt:
    messages: list[Message] = []
    if rng.random() < _P_SYSTEM:
        messages.append({"role": "system", "content": rng.choice(_SYSTEMS)})
    if rng.random() < _P_EARLIER_TURN:
        hello, reply = rng.choice(_GREETINGS)
        messages.append({"role": "user", "content": hello.format(product=rng.choice(PRODUCTS))})
        messages.append({"role": "assistant", "content": reply})
    messages.append({"role": "user", "content": task.question})
    return Prompt(task, tuple(messages))
