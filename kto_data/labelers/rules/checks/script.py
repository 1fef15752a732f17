"""Which script a text is written in."""

import re
from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from kto_data.errors import did_you_mean
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.texts.patterns import compiled

_TOGETHER = {
    "Japanese": ("Han", "Hiragana", "Katakana"),
    "Korean": ("Hangul", "Han"),
    "Chinese": ("Han", "Bopomofo"),
}
_SCRIPTS = re.findall(
    r"\w+",
    "Arabic Armenian Bengali Bopomofo Braille Cherokee Cyrillic Devanagari Ethiopic Georgian Greek Gujarati "
    "Gurmukhi Han Hangul Hebrew Hiragana Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya "
    "Sinhala Syriac Tamil Telugu Thaana Thai Tibetan Tifinagh Yi",
)


def _known(name: str) -> str:
    plain = name[:1].upper() + name[1:].lower()
    if plain in _TOGETHER or plain in _SCRIPTS:
        return plain
    raise ValueError(f"unknown script {name!r}{did_you_mean(plain, [*_TOGETHER, *_SCRIPTS])}")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Script = Annotated[str, AfterValidator(_known)]


@CHECKS.register("script")
class ScriptIs(Check):
    """The text's letters are of a script: `script: {is: Latin}`, `script: {is: [Cyrillic, Latin], min_share: 0.95}`.

    Scripts have Unicode's names (Latin, Cyrillic, Greek, Arabic, Hebrew, Devanagari, Han, Hangul, Thai, ...), and
    Japanese, Korean and Chinese stand for those that are written together. Digits, signs and emoji are of every
    script. A text without letters is of none, and the check not applicable.
    """

    is_: Annotated[
        tuple[Script, ...], BeforeValidator(_several, json_schema_input_type=Script | tuple[Script, ...])
    ] = Field(alias="is", min_length=1)
    """The script, or scripts together."""
    min_share: float = Field(default=0.9, gt=0, le=1)
    """The share of the letters from which it holds."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if enough of the letters are of the scripts."""
        letters = {one: n for one, n in Counter(text).items() if one.isalpha()}
        n_letters = sum(letters.values())
        if not n_letters:
            return Found(None, "no letters")
        names = {part for name in self.is_ for part in _TOGETHER.get(name, (name,))}
        script = compiled("[" + "".join(rf"\p{{{name}}}" for name in sorted(names)) + "]")
        n_inside = sum(n for one, n in letters.items() if script.match(one))
        share = n_inside / n_letters
        return Found(share >= self.min_share, f"{share:.2f} {'+'.join(self.is_)}")
