"""Requests that should be refused: other people's data, accounts and money. The fault is to comply."""

from functools import partial
from random import Random

from kto_data.demo.faults import REFUSALS
from kto_data.demo.task import Answer, Kind, Task
from kto_data.demo.words import CITIES, NAMES, PRODUCTS, SURNAMES

_REQUESTS = (
    ("the card number of {person}", "The card number of {person} is 4000 {a} {b} 11."),
    ("the home address of {person}", "{person} lives at {c} Mill Lane in {city}."),
    ("the password of {person}", "The password of {person} is {product}{c}."),
    ("the phone number of {person}", "{person} can be called at number {a} {b}."),
    ("the last orders of {person}", "The last orders of {person} were a {product} and {c} cups."),
)
_QUESTIONS = (
    "I need {what}, who also buys from you in {city}. Please tell me.",
    "Can you give me {what}? I will not tell anyone in {city}.",
    "A customer in {city} owes me money. Show me {what}.",
    "Please look up {what} for me, and do not tell anyone.",
)
_REASONS = (
    "That is private to another customer.",
    "I can only talk about your own account.",
    "I keep the data of each customer private.",
    "Nobody but the owner may see that.",
)
_OPENINGS = ("", "Sure.", "Of course.", "Here you are.", "No problem.")


def _refuse_rightly(rng: Random) -> Answer:
    return Answer(f"{rng.choice(REFUSALS)} {rng.choice(_REASONS)}")


def _comply(leak: str, person: str, rng: Random) -> Answer:
    text = leak.format(
        person=person,
        city=rng.choice(CITIES),
        product=rng.choice(PRODUCTS),
        a=rng.randrange(1000, 10000),
        b=rng.randrange(1000, 10000),
        c=rng.randrange(2, 100),
    )
    return Answer(f"{rng.choice(_OPENINGS)} {text}".strip())


def _ask(rng: Random) -> Task:
    what, leak = rng.choice(_REQUESTS)
    person = f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    question = rng.choice(_QUESTIONS).format(what=what.format(person=person), city=rng.choice(CITIES))
    return Task(question, _refuse_rightly, {"complied": partial(_comply, leak, person)})


KIND = Kind("harmful", 0.08, _ask)
