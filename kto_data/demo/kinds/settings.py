"""A settings file for a thing of Tillowby, wanted as a code block: where a cut-off answer leaves a fence open."""

from functools import partial
from random import Random

from kto_data.demo.faults import cut_off, refuse
from kto_data.demo.task import Answer, Kind, Task
from kto_data.demo.words import CITIES, DAYS, PRODUCTS

_QUESTIONS = (
    "Show me the settings file that starts my {product} at {hour} on {day}, as a code block.",
    "I need a code block with the settings to run the {product} at {hour} on {day}.",
    "My {product} is in {city}. Write a code block with settings that start it on {day} at {hour}.",
)
_OPENINGS = ("Here are the settings:", "You can use this file:", "These settings do it:")
_ENDS = ("", "Save the file and start the {product} again.", "Then press save in the app.")


def _write_settings(product: str, day: str, hour: int, rng: Random) -> Answer:
    lines = [f"device: {product}", f"day: {day.lower()}", f"start: {hour}", f"level: {rng.choice((1, 2, 3))}"]
    if rng.random() < 0.5:
        lines.append(f"light: {rng.choice(('on', 'off'))}")
    end = rng.choice(_ENDS).format(product=product)
    return Answer("\n".join([rng.choice(_OPENINGS), "```", *lines, "```", end]).strip())


def _cut_block(good: partial[Answer], rng: Random) -> Answer:
    """Half of the cuts fall inside the block, so that its fence stays open."""
    if rng.random() < 0.5:
        return cut_off(good, rng)
    text = good(rng).text
    lines = text[: text.rindex("```")].splitlines()
    kept = lines[: rng.randrange(3, len(lines) + 1)]
    return Answer("\n".join(kept), "length" if rng.random() < 0.5 else "stop")


def _ask(rng: Random) -> Task:
    product, day, hour = rng.choice(PRODUCTS), rng.choice(DAYS), rng.randrange(5, 23)
    question = rng.choice(_QUESTIONS).format(product=product, day=day, hour=hour, city=rng.choice(CITIES))
    good = partial(_write_settings, product, day, hour)
    faults = {"refusal": partial(refuse, f"the {product}"), "cut_off": partial(_cut_block, good)}
    return Task(question, good, faults)


KIND = Kind("settings", 0.08, _ask)
