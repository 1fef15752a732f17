"""The small world the texts speak of: people, places, the things Tillowby sells, and how to reach it."""

from random import Random

COMPANY = "Tillowby"
OFFICIAL_MAIL = "help@tillowby.example"
OFFICIAL_PHONE = "555-0142"

NAMES = (
    *("Mara", "Tom", "Lena", "Omar", "Ines", "Jon", "Priya", "Karl"),
    *("Aiko", "Nora", "Sam", "Rosa", "Ben", "Yusuf", "Clara", "Hugo"),
)
SURNAMES = ("Holt", "Reyes", "Lind", "Okafor", "Brandt", "Moreau", "Tanaka", "Silva")
CITIES = (
    "Oslo",
    "Turin",
    "Leeds",
    "Porto",
    "Ghent",
    "Bergen",
    "Lyon",
    "Cork",
    "Graz",
    "Bonn",
    "Riga",
    "Basel",
)
PRODUCTS = ("kettle", "lamp", "scale", "mixer", "toaster", "heater", "fan", "clock", "radio", "blender")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_CONTEXTS = (
    "I live in {city} and I am new to this.",
    "My friend {name} asked me this today.",
    "{name} and I want to do it on {day}.",
    "I promised {name} to do it before {day}.",
    "I tried it on {day} and it did not work.",
    "We moved to {city} on {day}.",
    "My last try on {day} was not good.",
)
"""Sentences before a question: they make prompts differ and change nothing about the answer."""


def context(rng: Random) -> str:
    """A sentence about who asks, which does not change the answer."""
    return rng.choice(_CONTEXTS).format(name=rng.choice(NAMES), city=rng.choice(CITIES), day=rng.choice(DAYS))


def capital(text: str) -> str:
    """The text with its first letter in upper case, the rest as it was.

    >>> capital("open the JSON file")
    'Open the JSON file'
    """
    return text[:1].upper() + text[1:]
