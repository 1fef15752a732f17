"""The forty rules of `rules.py`, in this language and as Python functions: 20 patterns, 5 lists, 15 statistics.

A function takes the prompt and the completion and returns 1 (desirable), 0 (undesirable) or -1 (nothing).
Nothing here needs kto_data: the peers run in an environment of their own.
"""

import json
import random
import re
from collections.abc import Callable

from rules_corpus import vocabulary

_FENCES = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
Function = Callable[[str, str], int]

_Q = "['’]"
PATTERNS: dict[str, str] = {
    "refusal-sorry": rf"(?i)\b(?:i{_Q}m sorry|sorry),? but i (?:can{_Q}?t|cannot|am unable)\b",
    "refusal-cannot": rf"(?i)\bi (?:cannot|can{_Q}t|am unable to|won{_Q}t be able to) (?:help|assist|provide|do)\b",
    "apology": rf"(?i)\b(?:i apologi[sz]e|my apologies|i{_Q}m sorry|sorry,)",
    "as-an-ai": r"(?i)\bas an? (?:ai|large|artificial intelligence)(?: language)?(?: model| assistant)?\b",
    "im-an-ai": rf"(?i)\bi(?:{_Q}m| am) (?:just |only )?an? (?:ai|language model|chatbot|assistant)\b",
    "trained-by": r"(?i)\b(?:trained|developed|created) by (?:openai|anthropic|google|meta|microsoft)\b",
    "cutoff": r"(?i)\bknowledge cut-?off\b|\bmy (?:last|training) (?:update|data)\b",
    "no-opinions": rf"(?i)\bi (?:do not|don{_Q}t) have (?:personal |any )?(?:opinions|feelings|beliefs)\b",
    "opening": rf"(?i)\A(?:sure|certainly|of course|absolutely|great question|i{_Q}d be happy)\b",
    "closing": r"(?i)hope this helps|let me know if|feel free to|anything else i can help|happy to help",
    "url": r"https?://[^\s)>\]]+",
    "email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    "phone": r"(?:\+?[0-9]{1,3}[ .-]?)?\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}",
    "code-fence": r"(?m)^```",
    "heading": r"(?m)^#{1,6} [^\s]",
    "list-item": r"(?m)^[ \t]*(?:[-*+]|[0-9]{1,3}[.)]) +[^\s]",
    "html-tag": r"(?i)</?[a-z][a-z0-9]*(?: [^<>]*)?>",
    "cjk": "[一-鿿぀-ヿ]",
    "marks": r"[!?]{3,}|\.{4,}",
    "placeholder": r"(?i)\[(?:your|insert|name|company)[^\]]{0,40}\]|lorem ipsum|todo:|fixme",
}
DESIRABLE = ("code-fence", "heading", "list-item")
STOPWORDS = frozenset(
    "the a an of to is for in and be or with that this from as are not by it on will can if at has".split()  # noqa: SIM905 - shorter
)

STATISTICS = r"""
  - {id: few-chars, vote: undesirable, match: {length: {chars: {max: 39}}}}
  - {id: many-chars, vote: undesirable, match: {length: {chars: {min: 8001}}}}
  - {id: few-words, vote: undesirable, match: {word-count: {max: 9}}}
  - {id: many-words, vote: undesirable, match: {word-count: {min: 1501}}}
  - {id: json, vote: desirable, otherwise: undesirable, when: {regex: '\A\s*[{\[]'}, match: {is-json: true}}
  - id: repeated-lines
    vote: undesirable
    match: {all: [{length: {lines: {min: 4}}}, {duplicate-lines: {max_ratio: 0.3}}]}
  - {id: repeated-ngrams, vote: undesirable, match: {repetition: {ngram: 4, max_ratio: 0.2}}}
  - {id: echo, vote: undesirable, match: {prompt-echo: {chars: 200, min_chars: 20}}}
  - {id: beyond-ascii, vote: undesirable, match: {character-share: {of: beyond-ascii, min: 0.1}}}
  - {id: cut-off, vote: undesirable, match: {cut-off: {finish_reason: false, fence: false}}}
  - id: other-language
    vote: undesirable
    match: {all: [{word-count: {min: 20}}, {not: {word-share: {list: stopwords, min: 0.08}}}]}
  - {id: digits, vote: undesirable, match: {character-share: {of: digits, min: 0.2}}}
  - {id: upper, vote: undesirable, match: {character-share: {of: upper, min: 0.2}}}
  - {id: word-length, vote: undesirable, match: {not: {word-length: {min: 3, max: 10}}}}
  - {id: open-fence, vote: undesirable, match: {not: {balanced-fences: true}}}
"""


def lists() -> dict[str, list[str]]:
    """Return the lists of 50 to 1000 words and phrases, of which a few are frequent."""
    dice, words = random.Random(5), vocabulary()  # noqa: S311 - nothing secret
    made = {}
    for size in (50, 100, 200, 500, 1000):
        terms: set[str] = set()
        while len(terms) < size:
            kind = dice.random()
            if kind < 0.12:
                terms.add(dice.choice(words[9000:]))
            elif kind < 0.5:
                terms.add(f"{dice.choice(words[150:4000])} {dice.choice(words[150:4000])}")
            else:
                terms.add("".join(dice.choices("bdfgklmnprstvz", k=3)) + dice.choice(("en", "ir", "ox")))
        made[f"list-{size}"] = sorted(terms)
    return made


def rule_file(more: dict[str, str] | None = None) -> str:
    """Return the rules as a rule file, with further patterns after them."""
    out = ["version: 1", "lists:", f"  stopwords: {json.dumps(sorted(STOPWORDS))}"]
    out += [f"  {name}: {json.dumps(terms)}" for name, terms in lists().items()]
    out.append("rules:")
    for name, pattern in (PATTERNS | (more or {})).items():
        vote = "desirable" if name in DESIRABLE else "undesirable"
        out.append(f"  - {{id: {name}, vote: {vote}, match: {{regex: {json.dumps(pattern)}}}}}")
    out += [
        f"  - {{id: {name}, vote: undesirable, match: {{icontains-any: {{list: {name}, word: true}}}}}}"
        for name in lists()
    ]
    return "\n".join(out) + STATISTICS


def functions() -> dict[str, Function]:
    """Return the rules as functions, in the order of the file."""
    found = {name: _pattern(name, pattern) for name, pattern in PATTERNS.items()}
    found |= {name: _terms(terms) for name, terms in lists().items()}
    return found | _STATISTICS


def _pattern(name: str, pattern: str) -> Function:
    search, vote = re.compile(pattern, re.ASCII).search, int(name in DESIRABLE)
    return lambda prompt, completion: vote if search(completion) else -1


_TOKENS: dict[str, frozenset[str]] = {}


def _tokens(text: str) -> frozenset[str]:
    """Return the words of a text, kept for the other lists: the peers need not do it five times."""
    if text not in _TOKENS:
        _TOKENS.clear()
        _TOKENS[text] = frozenset(re.findall(r"\w+", text.lower()))
    return _TOKENS[text]


def _terms(terms: list[str]) -> Function:
    single = frozenset(term for term in terms if " " not in term)
    phrases: dict[str, list[re.Pattern[str]]] = {}
    for term in terms:
        if " " in term:
            phrases.setdefault(term.split()[0], []).append(re.compile(rf"\b{re.escape(term)}\b"))

    def vote(prompt: str, completion: str) -> int:
        tokens = _tokens(completion)
        if not single.isdisjoint(tokens):
            return 0
        lowered = ""
        for first in phrases.keys() & tokens:
            lowered = lowered or completion.lower()
            if any(
                phrase.pattern[2:-2].replace("\\ ", " ") in lowered and phrase.search(lowered)
                for phrase in phrases[first]
            ):
                return 0
        return -1

    return vote


def _fires(test: Callable[[str, str], bool]) -> Function:
    return lambda prompt, completion: 0 if test(prompt, completion) else -1


def _json(prompt: str, completion: str) -> int:
    text = completion.strip()
    if text[:1] not in ("{", "["):
        return -1
    try:
        json.loads(text)
    except ValueError:
        return 0
    return 1


def _repeated_lines(prompt: str, completion: str) -> bool:
    lines = [line for line in map(str.strip, completion.split("\n")) if line]
    enough = completion.removesuffix("\n").count("\n") >= 3
    return enough and bool(lines) and 1 - len(set(lines)) / len(lines) > 0.3


def _repeated_ngrams(prompt: str, completion: str) -> bool:
    words = completion.lower().split()
    grams = list(zip(*(words[start:] for start in range(4)), strict=False))
    return bool(grams) and 1 - len(set(grams)) / len(grams) > 0.2


def _cut_off(prompt: str, completion: str) -> bool:
    text = completion.rstrip()
    line = text[text.rfind("\n") + 1 :]
    bare, words = line.rstrip("*_ \t"), line.split()
    if not words or len(_FENCES.findall(completion)) % 2:
        return False
    if bare.endswith(","):
        return True
    if not bare or not (bare[-1].isalnum() or bare[-1] in ";-–—([{"):
        return False
    if re.match(r"\s*(?:[-*+•]\s|\d+[.)]\s|#|\||>|\$\$)", line):
        return False
    last = words[-1]
    if "@" in last or "www." in last or "://" in last:
        return False
    return sum(any(map(str.isalpha, word)) for word in words) >= 4


def _other_language(prompt: str, completion: str) -> bool:
    words = completion.lower().split()
    return len(words) >= 20 and sum(word in STOPWORDS for word in words) / len(words) < 0.08


def _word_length(prompt: str, completion: str) -> bool:
    words = completion.split()
    return bool(words) and not 3 <= sum(map(len, words)) / len(words) <= 10


def _share(test: Callable[[str], bool], least: float) -> Function:
    return _fires(
        lambda prompt, completion: bool(completion) and sum(map(test, completion)) / len(completion) >= least
    )


_STATISTICS: dict[str, Function] = {
    "few-chars": _fires(lambda prompt, completion: len(completion) < 40),
    "many-chars": _fires(lambda prompt, completion: len(completion) > 8000),
    "few-words": _fires(lambda prompt, completion: len(completion.split()) < 10),
    "many-words": _fires(lambda prompt, completion: len(completion.split()) > 1500),
    "json": _json,
    "repeated-lines": _fires(_repeated_lines),
    "repeated-ngrams": _fires(_repeated_ngrams),
    "echo": _fires(
        lambda prompt, completion: len(prompt) >= 20 and completion.lstrip().startswith(prompt.strip()[:200])
    ),
    "beyond-ascii": _share(lambda character: ord(character) > 127, 0.1),
    "cut-off": _fires(_cut_off),
    "other-language": _fires(_other_language),
    "digits": _share(str.isdigit, 0.2),
    "upper": _share(str.isupper, 0.2),
    "word-length": _fires(_word_length),
    "open-fence": _fires(lambda prompt, completion: len(_FENCES.findall(completion)) % 2 == 1),
}
