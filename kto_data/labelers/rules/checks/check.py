"""What a check type is, and the registry of them.

A check type is a frozen model whose fields are its YAML options and whose `decide` looks at one
text. To add one: a file in this package with a class that is registered under its name, and a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, ParamSpec, TypeVar

from pydantic import Field

from kto_data.config.validate import Options
from kto_data.config.yaml_file import KeyPath
from kto_data.errors import UnavailableError
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic
from kto_data.labelers.rules.limits import Captures
from kto_data.labelers.rules.row import Row
from kto_data.registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

    from kto_data.labelers.rules.sources import Sources

P = ParamSpec("P")
T = TypeVar("T")

MAX_SPANS = 100
"""The places that a check notes for one word or pattern: enough for people, and a bound on memory in a
text of many megabytes. It decides on all of the text."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may look at besides its text.

    Attributes:
        row: The row that the text is from.
        scope: Which of its texts it is.
        captures: Values that the rule's `when` captured.
    """

    row: Row = field(default_factory=Row)
    scope: str = "completion"
    captures: Captures = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found in a text.

    Attributes:
        holds: Whether the check holds; None where it is not applicable, because the row lacks what it compares.
        evidence: What `{match}` in a message becomes; also where the check does not hold
            and there is something to say, such as `12 words`.
        spans: Start and end of the pieces that matched, in characters; at most `MAX_SPANS` a word or pattern.
        captures: The values of named groups.
    """

    holds: bool | None
    evidence: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    captures: Mapping[str, str] = field(default_factory=dict)


class Check(Options):
    """The base of check types.

    Attributes:
        short: The option that a plain value goes to (`regex: '...'`); None for a check that
            needs no options and is written `is-json: true`.
        patterns: Options that are patterns, so that the row's values inside them are taken literally.
        takes_words: Whether the option `values` may come from `list: NAME` or `file: PATH`.
        later: Options that belong to the format and not yet to this version.
        fixed: Options that values of the row cannot stand in, because they say what is run.
        reads_text: Whether the check looks at the text of a scope; one that does not applies to every row.
        batched: Whether `decide_batch` is worth more than one `decide` after another.
        revision: Raised when the same options come to mean something else, so that votes
            of the earlier meaning are not taken for the later one's.
    """

    short: ClassVar[str | None] = None
    patterns: ClassVar[frozenset[str]] = frozenset()
    takes_words: ClassVar[bool] = False
    later: ClassVar[frozenset[str]] = frozenset()
    fixed: ClassVar[frozenset[str]] = frozenset()
    reads_text: ClassVar[bool] = True
    batched: ClassVar[bool] = False
    revision: ClassVar[int] = 1

    def decide(self, text: str, context: Context) -> Found:
        """Return whether the check holds for a text, and what it found there."""
        raise NotImplementedError

    def decide_batch(self, texts: Sequence[str], contexts: Sequence[Context]) -> list[Found | Exception]:
        """Return for each text what `decide` would return, or what it would raise."""
        return [attempt(self.decide, text, context) for text, context in zip(texts, contexts, strict=True)]

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: KeyPath) -> Mapping[str, Any]:
        """Return the options with what they name outside the rule file read and put in its place.

        Args:
            options: The options as written.
            sources: The files and plugins that they may name.
            path: Where the options stand in the rule file.

        Raises:
            ConfigError: Something that they name is not there or of no use.
        """
        return options

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return what `settle` wants to know of the texts; nothing for a check that looks at each of them."""
        return ()

    def settle(self, evidence: Evidence) -> Settled | None:
        """Return what the evidence says of many texts; `decide` is asked about those that it leaves open.

        What is sure here must be what `decide` returns without values that `when` captured, and without raising.
        """
        return None

    def misfit(self, meta_type: "pa.StructType") -> str | None:
        """Return why the check fails on every row whose metadata has a type, None if it need not."""
        return None

    def group_names(self) -> frozenset[str]:
        """Return the names that the check captures when it holds."""
        return frozenset()

    def capture_names(self) -> frozenset[str]:
        """Return the captured names that the options use, such as n in `max: "{{n}}"`."""
        return frozenset()

    def reads(self) -> frozenset[str]:
        """Return the columns that the check reads besides its text."""
        return frozenset()


CHECKS: Registry[type[Check]] = Registry(
    "check type", package="kto_data.labelers.rules.checks", group="kto_data.checks"
)
"""The check types by the name they have in rule files."""

Word = Annotated[str, Field(min_length=1)]


def definition(name: str, check: Check) -> dict[str, Any]:
    """Return a check as plain data that is equal exactly if it means the same."""
    return {name: {**check.model_dump(mode="json"), "revision": check.revision}}


def attempt(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Exception:
    """Return what a call returns, or what it raises about one row.

    Raises:
        UnavailableError: What is not there at all is no matter of one row.
    """
    try:
        return work(*args, **kwargs)
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a check raises is that rule's fault on that row alone
        return error
