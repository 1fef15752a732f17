"""Code in a text: whether it is there, whether its fences close, whether it can be parsed."""

import ast
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import field_validator

from kto_data.errors import did_you_mean
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.checks.json_schemas import loads
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.fences import Block, code_blocks, plainly_closed
from kto_data.labelers.rules.limits import RowError

_FENCE = Pattern(r"(?m)^[ \t]*(?:```|~~~)")
_ALIASES = {
    "python": ("py", "python3", "py3"),
    "json": (),
    "yaml": ("yml",),
    "toml": (),
    "javascript": ("js", "node", "jsx"),
    "typescript": ("ts", "tsx"),
    "bash": ("sh", "shell", "zsh", "console"),
    "c++": ("cpp", "cxx"),
    "c#": ("csharp", "cs"),
    "go": ("golang",),
    "rust": ("rs",),
    "ruby": ("rb",),
    "html": ("htm",),
    "markdown": ("md",),
}


def _is(block: Block, lang: str) -> bool:
    names = {lang, *_ALIASES.get(lang, ())}
    names.update(*({main, *others} for main, others in _ALIASES.items() if lang in others))
    return block.lang in names


@CHECKS.register("contains-code")
class ContainsCode(Check):
    """The text has a fenced code block: `contains-code: true`, or of one language: `contains-code: {lang: python}`."""

    lang: str | None = None
    """The language in the fence's first line, under any of its usual names (`py` is `python`); without it, any block."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if there is such a block."""
        blocks = code_blocks(text)
        lang = self.lang.lower() if self.lang else None
        wanted = [block for block in blocks if lang is None or _is(block, lang)]
        spans = tuple((block.start, block.end) for block in wanted)
        langs = ", ".join(dict.fromkeys(block.lang or "no language" for block in blocks))
        return Found(bool(wanted), f"code in {langs}" if blocks else "", spans)


@CHECKS.register("balanced-fences")
class BalancedFences(Check):
    """Every code fence that opens is closed: `balanced-fences: true`; a text without fences holds."""

    short: ClassVar[str | None] = None

    def decide(self, text: str, context: Context) -> Found:
        """Hold if no block is open at the end."""
        opened = [block for block in code_blocks(text) if not block.closed]
        spans = tuple((block.start, block.end) for block in opened)
        return Found(not opened, "an open code fence" if opened else "", spans)

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return whether there is a fence."""
        return (_FENCE,)

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of texts without fences, and of those with plain ones."""
        sure = ~evidence.matches(_FENCE)
        holds = sure.copy()
        for index in (~sure).nonzero()[0].tolist():
            closed = plainly_closed(bytes(evidence.raw(index)))
            sure[index], holds[index] = closed is not None, bool(closed)
        return Settled(holds, sure)


@CHECKS.register("is-valid-code")
class IsValidCode(Check):
    """The code in the text can be parsed: `is-valid-code: {lang: python, blocks: all}`.

    It looks at the fenced blocks of that language, and is not applicable in a text without one; `blocks: text` takes
    the whole text as code, for a scope such as `code_blocks`. Nothing is run. Python is parsed by
    the Python that kto runs on; set-in code is moved to the left first.
    """

    short: ClassVar[str | None] = "lang"

    lang: str
    """The language: python, json, yaml or toml, under any of its usual names."""
    blocks: Literal["all", "any", "text"] = "all"
    """Whether `all` blocks have to be right, or `any` one; or `text`: the text itself is the code."""

    @field_validator("lang")
    @classmethod
    def _known(cls, lang: str) -> str:
        name = next((main for main in _PARSERS if lang.lower() in (main, *_ALIASES[main])), None)
        if name is None:
            raise ValueError(f"cannot parse {lang!r}{did_you_mean(lang, _PARSERS)}")
        return name

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the code parses."""
        if self.blocks == "text":
            problem = _problem(self.lang, text)
            return Found(problem is None, problem or self.lang)
        blocks = [block for block in code_blocks(text) if _is(block, self.lang)]
        if not blocks:
            return Found(None, f"no {self.lang} code")
        problems = {block: problem for block in blocks if (problem := _problem(self.lang, block.code))}
        spans = tuple((block.start, block.end) for block in problems)
        holds = not problems if self.blocks == "all" else len(problems) < len(blocks)
        return Found(holds, next(iter(problems.values()), self.lang), () if holds else spans)


def _problem(lang: str, code: str) -> str | None:
    """Return why code cannot be parsed, None if it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in other people's code
            _PARSERS[lang](code)
    except (RecursionError, MemoryError):
        raise RowError(f"the {lang} code is nested too deeply to parse") from None
    except (SyntaxError, ValueError) as error:
        if isinstance(error, SyntaxError):
            return f"{lang}, line {error.lineno}: {error.msg}"
        return f"{lang}: " + str(error).strip().partition("\n")[0]
    return None


def _parse_yaml(code: str) -> None:
    from ruamel.yaml import YAML  # slow to import, and few rules look for YAML
    from ruamel.yaml.error import YAMLError

    try:
        for _ in YAML(typ="safe", pure=True).compose_all(code):  # the tree only: aliases are not followed
            pass
    except YAMLError as error:
        raise ValueError(str(error)) from None


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "python": lambda code: ast.parse(textwrap.dedent(code)),
    "json": loads,
    "yaml": _parse_yaml,
    "toml": tomllib.loads,
}
