"""Faults that any answer in prose can have: a refusal, a loop, a cut-off end, a vague nothing."""

from collections.abc import Mapping
from functools import partial
from random import Random

from kto_data.demo.task import Answer, Writer
from kto_data.demo.words import capital

REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I am sorry, but I cannot assist with this request.",
    "Sorry, I'm not able to help with that.",
    "I can't help with that request.",
    "Unfortunately, I cannot answer this question.",
    "I'm unable to assist with that.",
    "As an assistant, I cannot help with that.",
    "That is not something I can talk about.",
)
_AFTER_REFUSAL = (
    "Please ask me something else.",
    "Is there anything else I can do for you?",
    "It is against my rules to talk about {topic}.",
    "I do not have advice about {topic}.",
    "Please ask an expert about {topic}.",
)

_VAGUE_OPENINGS = (
    "That depends on many things.",
    "There are many ways to look at this.",
    "This is a very good question.",
    "People often ask about {topic}.",
    "With {topic} it can be simple or hard.",
)
_VAGUE_MIDDLES = (
    "Some people do it one way and some do it another way.",
    "It is best to do what works for you.",
    "In general it is good to take your time with it.",
    "You may want to try a few things and see.",
    "All of it can be right in its own way.",
)
_VAGUE_ENDS = (
    "I hope this helps.",
    "In the end it is up to you.",
    "There is a lot more to say about {topic}.",
    "It will be fine.",
)

_P_LENGTH_AFTER_CUT = 0.75  # the other cut-off answers claim to have ended by themselves
_P_CUT_INSIDE_WORD = 0.3
_MAX_LOOP_WORDS = 60
_MIN_TIMES = 4


def prose_faults(good: Writer, topic: str) -> Mapping[str, Writer]:
    """The faults of an answer in prose, by name; loops and cut-offs spoil an answer drawn from ``good``."""
    return {
        "refusal": partial(refuse, topic),
        "loop": partial(loop, good),
        "cut_off": partial(cut_off, good),
        "vague": partial(be_vague, topic),
    }


def refuse(topic: str, rng: Random) -> Answer:
    """Decline a harmless request."""
    opening = rng.choice(REFUSALS)
    if rng.random() < 0.2:
        return Answer(opening)
    return Answer(f"{opening} {rng.choice(_AFTER_REFUSAL).format(topic=topic)}")


def be_vague(topic: str, rng: Random) -> Answer:
    """Say nothing, in good sentences: no rule about form can see it."""
    middle = rng.sample(_VAGUE_MIDDLES, rng.choice((1, 2)))
    parts = [rng.choice(_VAGUE_OPENINGS), *middle, rng.choice(_VAGUE_ENDS)]
    return Answer(" ".join(parts).format(topic=topic))


def cut_off(good: Writer, rng: Random) -> Answer:
    """Stop in the middle of a sentence, sometimes of a word."""
    # Split at blanks only: line ends are part of lists and code fences and have to stay.
    words = good(rng).text.split(" ")
    n_kept = max(3, rng.randrange(len(words) * 2 // 5, len(words) * 9 // 10))
    while n_kept > 1 and words[n_kept - 1][-1] in ".!?:`":
        n_kept -= 1
    *kept, last = words[:n_kept]
    if len(last) > 4 and last.isalpha() and rng.random() < _P_CUT_INSIDE_WORD:
        last = last[: rng.randrange(2, len(last) - 1)]
    reason = "length" if rng.random() < _P_LENGTH_AFTER_CUT else "stop"
    return Answer(" ".join([*kept, last]), reason)


def loop(good: Writer, rng: Random) -> Answer:
    """Begin well, then say one phrase again and again."""
    sentences = good(rng).text.replace("\n", " ").split(". ")
    # An opening such as "Sure" is no phrase to get stuck in.
    n_before = rng.choice([i for i, sentence in enumerate(sentences) if len(sentence.split()) > 2])
    phrase = sentences[n_before].rstrip(".")
    before = "".join(f"{sentence}. " for sentence in sentences[:n_before])
    n_words = max(16, _MAX_LOOP_WORDS - len(before.split()))
    fits_whole = _MIN_TIMES * len(phrase.split()) <= n_words
    spoil = rng.choice((_repeat_ending, _repeat_word, _repeat_sentence if fits_whole else _repeat_ending))
    reason = "length" if rng.random() < 0.6 else "stop"
    return Answer(before + spoil(rng, phrase, n_words), reason)


def _times(rng: Random, n_phrase_words: int, n_words: int) -> int:
    """How often a phrase is said, so that it fills the words that are left."""
    return max(_MIN_TIMES, rng.randrange(n_words // 2, n_words) // n_phrase_words)


def _repeat_sentence(rng: Random, phrase: str, n_words: int) -> str:
    return " ".join([f"{capital(phrase)}."] * _times(rng, len(phrase.split()), n_words))


def _repeat_ending(rng: Random, phrase: str, n_words: int) -> str:
    ending = " ".join(phrase.split()[-3:])
    return phrase + f" and {ending}" * _times(rng, len(ending.split()) + 1, n_words)


def _repeat_word(rng: Random, phrase: str, n_words: int) -> str:
    word = rng.choice(("very", "then", "again", "and", "so"))
    n_times = min(25, max(8, _times(rng, 1, n_words)))
    return " ".join([phrase, *[word] * n_times])
