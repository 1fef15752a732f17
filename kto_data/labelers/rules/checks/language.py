"""Whether a text is in the language that it should be in."""

import re
from collections import Counter

from pydantic import Field, model_validator

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.file_model import Scope
from kto_data.labelers.rules.row import scope_text
from kto_data.texts.languages import Languages, language_of

_SEGMENT = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MIN_LETTERS = 20
_MAX_SEGMENTS = 500


@CHECKS.register("language")
class LanguageIs(Check):
    """The text is in a language: `language: {is: en}`, `language: {is: [en, de]}`, `language: {same_as: last_user}`.

    Where it cannot be told which one (too few letters, code alone, or less sure than `min_confidence`), the check
    is not applicable, so that `not: {language: ...}` does not fire on a short answer. Languages are ISO 639
    codes; 176 are known. Near ones (Norwegian and Danish, Serbian and Croatian) are told apart less surely.
    """

    is_: Languages | None = Field(default=None, alias="is", min_length=1)
    """The language, or languages of which one is enough."""
    same_as: Scope | None = None
    """A scope whose language it has to be, such as `last_user`."""
    min_confidence: float = Field(default=0.6, ge=0, le=1)
    """How sure it has to be, of both texts with `same_as`."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "LanguageIs":
        if (self.is_ is None) == (self.same_as is None):
            raise ValueError("needs either is or same_as")
        return self

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text's language is one that it should be."""
        found = language_of(text)
        if found is None or found[1] < self.min_confidence:
            return Found(None, "the language cannot be told")
        evidence = f"{found[0]} ({found[1]:.2f})"
        if self.is_ is not None:
            return Found(found[0] in self.is_, evidence)
        other = scope_text(context.row, self.same_as or "")
        wanted = None if other is None else language_of(other)
        if wanted is None or wanted[1] < self.min_confidence:
            return Found(None, f"the language of {self.same_as} cannot be told")
        return Found(found[0] == wanted[0], f"{evidence}, and {self.same_as} is {wanted[0]}")

    def reads(self) -> frozenset[str]:
        """Return the other scope."""
        return frozenset({self.same_as}) if self.same_as else frozenset()


@CHECKS.register("mixed-language")
class MixedLanguage(Check):
    """The text switches between languages: `mixed-language: true`, `mixed-language: {allow: [en], min_share: 0.2}`.

    Its sentences of some length are looked at one by one, the first 500; it holds where those that are surely in
    another language than most make up `min_share` of the letters. Code is left out. A text with quotations or
    translations asked for is mixed, too: give the rule a `when`.
    """

    allow: Languages = ()
    """Languages that do not count as a switch."""
    min_share: float = Field(default=0.1, gt=0, le=0.5)
    """The share of the letters from which it counts."""
    min_confidence: float = Field(default=0.8, ge=0, le=1)
    """How sure a sentence's language has to be."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if enough of the text is in another language than most of it."""
        letters: Counter[str] = Counter()
        spans: dict[str, list[tuple[int, int]]] = {}
        outside = _FENCED.sub(lambda match: " " * len(match[0]), text)
        for n, match in enumerate(_SEGMENT.finditer(outside)):
            if n >= _MAX_SEGMENTS:
                break
            n_letters = sum(map(str.isalpha, match[0]))
            found = language_of(match[0]) if n_letters >= _MIN_LETTERS else None
            if found and found[1] >= self.min_confidence:
                letters[found[0]] += n_letters
                spans.setdefault(found[0], []).append(match.span())
        if not letters:
            return Found(None, "the language cannot be told")
        most = letters.most_common(1)[0][0]
        others = [name for name in letters if name != most and name not in self.allow]
        share = sum(letters[name] for name in others) / letters.total()
        told = ", ".join(f"{name} {n / letters.total():.2f}" for name, n in letters.most_common())
        places = sorted(span for name in others for span in spans[name])
        return Found(
            share >= self.min_share, told, tuple(places[:MAX_SPANS]) if share >= self.min_share else ()
        )
