"""Requests that want a form: JSON with two keys, one word, few words, or three bullet points."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from random import Random

from kto_data.demo.faults import refuse
from kto_data.demo.kinds.how_to import explain
from kto_data.demo.recipes import RECIPES, Recipe
from kto_data.demo.task import Answer, Kind, Task, Writer
from kto_data.demo.words import CITIES, DAYS, NAMES, PRODUCTS, capital


@dataclass(frozen=True, slots=True)
class _Order:
    """What a request for JSON or for one word is about; the fields are the keys."""

    name: str
    city: str
    product: str
    day: str

    def told(self) -> str:
        return f"{self.name} from {self.city} bought a {self.product} on {self.day}."


_KEYS = (("name", "city"), ("name", "product"), ("product", "day"), ("city", "day"), ("name", "day"))
_JSON_WISHES = (
    "Answer as JSON with the keys {0} and {1}.",
    "Give me only JSON with the keys {0} and {1}.",
    "Please reply as JSON with the keys {0} and {1}.",
)
_WORD_QUESTIONS = {
    "name": "Who bought it?",
    "city": "Where does {name} live?",
    "product": "What did {name} buy?",
    "day": "When was that?",
}
_MAX_WORDS = (10, 12, 15)


def _draw_order(rng: Random) -> _Order:
    return _Order(rng.choice(NAMES), rng.choice(CITIES), rng.choice(PRODUCTS), rng.choice(DAYS))


def _task(question: str, topic: str, good: Writer, ignore: Writer) -> Task:
    return Task(question, good, {"format": ignore, "refusal": partial(refuse, topic)})


def _ask_json(rng: Random) -> Task:
    order, keys = _draw_order(rng), rng.choice(_KEYS)
    wanted = {key: value for key, value in asdict(order).items() if key in keys}
    wish = rng.choice(_JSON_WISHES).format(*keys)
    question = rng.choice((f"{order.told()} {wish}", f"{wish} {order.told()}"))

    def good(rng: Random) -> Answer:
        separators = rng.choice(((", ", ": "), (",", ":")))
        return Answer(json.dumps(wanted, separators=separators, indent=rng.choice((None, None, 1))))

    return _task(question, "orders", good, partial(_spoil_json, order, wanted))


def _spoil_json(order: _Order, wanted: dict[str, str], rng: Random) -> Answer:
    whole = json.dumps(wanted)
    (first, one), (second, other) = wanted.items()
    return Answer(
        rng.choice(
            (
                f"The {first} is {one} and the {second} is {other}.",
                f"{order.told()} So the {first} is {one}.",
                f"Sure, here is the JSON: {whole}",
                whole[:-1],
                whole.replace('"', "'"),
                json.dumps({first: one}),
                json.dumps({f"my_{first}": one, f"my_{second}": other}),
            )
        )
    )


def _ask_one_word(rng: Random) -> Task:
    order, key = _draw_order(rng), rng.choice(tuple(_WORD_QUESTIONS))
    question = f"{order.told()} {_WORD_QUESTIONS[key].format(name=order.name)} Answer in one word."
    word = asdict(order)[key]

    def good(rng: Random) -> Answer:
        return Answer(capital(word) + rng.choice(("", ".")))

    def ignore(rng: Random) -> Answer:
        return Answer(
            rng.choice((f"The answer is {word}.", f"It is {word}, I think.", order.told(), f"Well, {word}."))
        )

    return _task(question, "orders", good, ignore)


def _ask_few_words(rng: Random) -> Task:
    recipe, n_max = rng.choice(RECIPES), rng.choice(_MAX_WORDS)
    frames = (
        "Tell {name} in at most {n} words how to {goal}.",
        "How do I {goal}? Answer in at most {n} words, {name} says.",
    )
    question = rng.choice(frames).format(name=rng.choice(NAMES), n=n_max, goal=recipe.goal)
    return _task(
        question, recipe.topic, partial(_answer_shortly, recipe, n_max), partial(explain, recipe, n_steps=4)
    )


def _answer_shortly(recipe: Recipe, n_max: int, rng: Random) -> Answer:
    pairs = [f"{one}, then {other}" for i, one in enumerate(recipe.steps) for other in recipe.steps[i + 1 :]]
    fitting = [text for text in (*pairs, *recipe.steps) if len(text.split()) <= n_max]
    return Answer(capital(rng.choice(fitting)) + ".")


def _ask_bullets(rng: Random) -> Task:
    recipe = rng.choice(RECIPES)
    frames = (
        "{name} asks how to {goal}. Answer as a list of three bullet points.",
        "Give {name} a list of three bullet points on how to {goal}.",
        "In three bullet points, how does {name} {goal}?",
    )
    goal = recipe.goal.replace("my ", "the ").replace("wake me", "ring")
    question = rng.choice(frames).format(name=rng.choice(NAMES), goal=goal)

    def good(rng: Random) -> Answer:
        return Answer(_bullets(recipe, 3, rng))

    def ignore(rng: Random) -> Answer:
        return rng.choice((explain(recipe, rng), Answer(_bullets(recipe, rng.choice((2, 4)), rng))))

    return _task(question, recipe.topic, good, ignore)


def _bullets(recipe: Recipe, n: int, rng: Random) -> str:
    mark = rng.choice(("-", "-", "*"))
    chosen = sorted(rng.sample(range(len(recipe.steps)), n))
    return "\n".join(f"{mark} {capital(recipe.steps[i])}." for i in chosen)


_FORMS = (_ask_json, _ask_one_word, _ask_few_words, _ask_bullets)


def _ask(rng: Random) -> Task:
    return rng.choice(_FORMS)(rng)


KIND = Kind("format", 0.18, _ask)
