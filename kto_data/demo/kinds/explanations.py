"""What something means or why it happens."""

from functools import partial
from random import Random

from kto_data.demo.faults import prose_faults
from kto_data.demo.recipes import FACTS, Fact
from kto_data.demo.task import Answer, Kind, Task
from kto_data.demo.words import CITIES, NAMES, PRODUCTS

_QUESTIONS = (
    "{name} wants to know: {question}",
    "Hello from {city}. {question}",
    "I have a {product} and a question for you. {question}",
    "{question} {name} could not tell me.",
    "{question} Please explain it to {name} and me.",
)


def _explain(fact: Fact, rng: Random) -> Answer:
    n_more = rng.choice((1, 2, 3))
    chosen = sorted(rng.sample(range(len(fact.more)), n_more))
    return Answer(" ".join([fact.answer, *(fact.more[i] for i in chosen)]))


def _ask(rng: Random) -> Task:
    fact = rng.choice(FACTS)
    frame = rng.choice(_QUESTIONS)
    question = frame.format(
        question=fact.question, name=rng.choice(NAMES), city=rng.choice(CITIES), product=rng.choice(PRODUCTS)
    )
    good = partial(_explain, fact)
    return Task(question, good, prose_faults(good, fact.topic))


KIND = Kind("explanation", 0.15, _ask)
