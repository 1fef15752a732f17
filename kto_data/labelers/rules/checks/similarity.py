"""How like a text is to a reference: edit distance, BLEU, GLEU, ROUGE, and shared word sequences."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.edit_distance import edit_distance
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.ifeval.tokens import tokens
from kto_data.labelers.rules.row import scope_text

_WORD = re.compile(r"\w+")
_ZERO = 1e-7  # promptfoo's stand-in for a precision of 0, whose logarithm there is none of
_MAX_N = 4  # BLEU and GLEU count sequences of up to four words


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


References = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    Field(min_length=1),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]


@CHECKS.register("levenshtein")
class Levenshtein(Check):
    """The text is few edits away from a reference: `levenshtein: {value: Paris, threshold: 2}`.

    An edit puts in, takes out or changes one character (Levenshtein 1966).
    """

    short: ClassVar[str | None] = "value"

    value: str
    """The reference."""
    threshold: int = Field(default=5, ge=0)
    """The check holds up to this many edits."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the distance is at most the threshold."""
        distance = edit_distance(text, self.value, at_most=self.threshold)
        evidence = f"more than {self.threshold} edits" if distance is None else f"{distance} edits"
        return Found(distance is not None, evidence)


class _References(Check):
    short: ClassVar[str | None] = "value"

    value: References
    """The reference, or several of which the best counts."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """The check holds from this score on."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the score is at least the threshold."""
        words = _words(text)
        score = self._score(words) if words else 0.0
        return Found(score >= self.threshold, f"score {score:.2f}")

    def _score(self, words: Sequence[str]) -> float:
        raise NotImplementedError


@CHECKS.register("bleu")
class Bleu(_References):
    """The text shares sequences of words with a reference: `bleu: {value: "{{meta.reference}}", threshold: 0.5}`.

    BLEU (Papineni et al. 2002, doi 10.3115/1073083.1073135) of one text: the geometric mean of the precisions of
    1 to 4 words in a row, times the penalty for a text shorter than the reference. As in promptfoo, words are the pieces
    between white space in small letters, and a precision of 0 stands as 1e-7; the penalty is the paper's, exp(1 - r/c).
    """

    def _score(self, words: Sequence[str]) -> float:
        references = [_words(reference) for reference in self.value]
        logs = [math.log(_precision(words, references, n) or _ZERO) for n in range(1, _MAX_N + 1)]
        closest = min(map(len, references), key=lambda n: abs(n - len(words)))
        penalty = min(0.0, 1 - closest / len(words))
        return math.exp(penalty + sum(logs) / _MAX_N)


@CHECKS.register("gleu")
class Gleu(_References):
    """The text shares sequences of words with a reference, and says little else: `gleu: {value: ..., threshold: 0.5}`.

    GLEU (Wu et al. 2016, arXiv 1609.08144, section 4.3): of all sequences of 1 to 4 words, the share that both have, of the
    text's or of the reference's, whichever is smaller. Words are the pieces between white space in
    small letters without full stops at their end.
    """

    def _score(self, words: Sequence[str]) -> float:
        return max(_gleu(_bare(words), _bare(_words(reference))) for reference in self.value)


@CHECKS.register("rouge-n")
class RougeN(Check):
    """The text has what a reference says: `rouge-n: {value: "{{meta.reference}}", n: 2, threshold: 0.6}`.

    ROUGE-N (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"): of the reference's sequences of n words
    the share that the text has too, each as often as it is in both. Words and marks are those of the
    Penn Treebank, in upper and lower case. Not applicable if the reference is shorter than n words.
    """

    short: ClassVar[str | None] = "value"

    value: str
    """The reference."""
    n: int = Field(default=1, ge=1)
    """Words in a row."""
    threshold: float = Field(default=0.75, ge=0, le=1)
    """The check holds from this share on."""
    ignore_case: bool = False
    """Whether `A` and `a` are the same."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the share is at least the threshold."""
        given, wanted = (self._grams(part) for part in (text, self.value))
        if not wanted:
            return Found(None)
        score = (given & wanted).total() / wanted.total()
        return Found(score >= self.threshold, f"score {score:.2f}")

    def _grams(self, text: str) -> Counter[tuple[str, ...]]:
        return Counter(_grams(tokens(text.lower() if self.ignore_case else text), self.n))


@CHECKS.register("near-duplicate-of")
class NearDuplicateOf(Check):
    """The text is nearly the same as another of the row: `near-duplicate-of: {column: meta.reference, threshold: 0.8}`.

    The score is the Jaccard similarity of the sets of `n` words in a row (Broder 1997): those that both have over
    those that either has. Words are runs of letters and digits in small letters; a text of fewer words is one
    sequence. Not applicable where the other text is missing or has no word.
    """

    short: ClassVar[str | None] = "column"

    column: Scope
    """The other text: `meta.<column>`, or a scope such as `prompt`."""
    threshold: float = Field(default=0.8, gt=0, le=1)
    """The check holds from this similarity on."""
    n: int = Field(default=3, ge=1)
    """Words in a row."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the similarity is at least the threshold."""
        other = self._shingles(scope_text(context.row, self.column) or "")
        if not other:
            return Found(None)
        given = self._shingles(text)
        score = len(given & other) / len(given | other)
        return Found(score >= self.threshold, f"similarity {score:.2f}")

    def reads(self) -> frozenset[str]:
        """Return the other text's scope."""
        return frozenset({self.column})

    def _shingles(self, text: str) -> set[tuple[str, ...]]:
        words = _WORD.findall(text.lower())
        return set(_grams(words, min(self.n, len(words)))) if words else set()


def _words(text: str) -> list[str]:
    return text.lower().split()


def _bare(words: Sequence[str]) -> list[str]:
    return [word.rstrip(".") for word in words]


def _grams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def _precision(words: Sequence[str], references: Sequence[Sequence[str]], n: int) -> float:
    """Return the share of the text's n-grams that a reference has too, for the reference that has most."""
    given = Counter(_grams(words, n))
    shared = max((given & Counter(_grams(reference, n))).total() for reference in references)
    return shared / given.total() if given else 0.0


def _gleu(words: Sequence[str], reference: Sequence[str]) -> float:
    if not reference:
        return 0.0
    given, wanted = (
        Counter(gram for n in range(1, _MAX_N + 1) for gram in _grams(part, n)) for part in (words, reference)
    )
    return (given & wanted).total() / max(given.total(), wanted.total())
