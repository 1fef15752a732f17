"""How something is done in the kitchen, in the house, or with a thing of Tillowby."""

from functools import partial
from random import Random

from kto_data.demo.faults import prose_faults
from kto_data.demo.recipes import RECIPES, Recipe
from kto_data.demo.task import Answer, Kind, Task
from kto_data.demo.words import capital, context

_QUESTIONS = (
    "{context} How do I {goal}?",
    "{context} Can you tell me how to {goal}?",
    "{context} What is a good way to {goal}?",
    "Please explain how to {goal}. {context}",
)
_OPENINGS = (
    "",
    "",
    "",
    "Sure.",
    "Gladly.",
    "This is easy.",
    # A polite "sorry" is no refusal: rules that look for the word alone are wrong here.
    "I'm sorry to hear that it gave you trouble.",
)


def explain(recipe: Recipe, rng: Random, *, n_steps: int | None = None) -> Answer:
    """The steps in order, in prose; ``n_steps`` of them, or three or four."""
    n_steps = n_steps or rng.choice((3, 4))
    chosen = sorted(rng.sample(range(len(recipe.steps)), n_steps))
    first, *middle, last = (recipe.steps[i] for i in chosen)
    sentences = [rng.choice(_OPENINGS), f"{rng.choice(('First', 'To begin'))}, {first}."]
    sentences += [f"{word} {step}." for word, step in zip(("Then", "Next,"), middle, strict=False)]
    sentences += [f"{rng.choice(('Finally', 'At the end'))}, {last}.", rng.choice(("", *recipe.tips))]
    return Answer(" ".join(filter(None, sentences)))


def _ask(rng: Random) -> Task:
    recipe = rng.choice(RECIPES)
    question = rng.choice(_QUESTIONS).format(context=context(rng), goal=recipe.goal)
    good = partial(explain, recipe)
    return Task(capital(question), good, prose_faults(good, recipe.topic))


KIND = Kind("how_to", 0.27, _ask)
