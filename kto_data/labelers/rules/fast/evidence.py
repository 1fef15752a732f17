"""What can be told of many texts at once, so that a check need not look at each of them.

A check that wants to be fast names its evidence (patterns, and statistics of the bytes) and says in
`settle` what follows from it. It may leave open what it likes: an open text is decided by `decide`,
so that evidence never changes a result, only what it costs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Bools: TypeAlias = "npt.NDArray[np.bool_]"
Ints: TypeAlias = "npt.NDArray[np.int64]"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Whether a pattern in RE2's syntax is found in a text."""

    pattern: str


class Statistic(Protocol):
    """A number that follows from a text's bytes; equal ones (as dataclasses are) are counted once."""

    def of(self, block: Any) -> Ints:
        """Return the number for each text of a `Block`."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of N texts.

    Attributes:
        holds: Whether the check holds; of no meaning where it is not sure.
        sure: Whether that is known.
    """

    holds: Bools
    sure: Bools


class Evidence:
    """What was found in N texts.

    Args:
        texts: The texts as UTF-8.
        found: For each pattern, whether it is found in each text; for each statistic, its number.
        ascii_only: Whether a text is ASCII.
        measured: Whether a text's statistics were taken: not those of very long ones.
        plain: Whether it was measured, and its white space and lines are those that its bytes show:
            there are no white space beyond ASCII and no control characters other than white space.
        scope: Gives another scope's text of each of the same rows, empty where a row has none.
    """

    def __init__(
        self,
        texts: Sequence[memoryview],
        found: Mapping[Pattern | Statistic, Any],
        *,
        ascii_only: Bools,
        measured: Bools,
        plain: Bools,
        scope: Callable[[str], Sequence[memoryview]] = lambda name: (),
    ) -> None:
        self._texts = texts
        self._found = found
        self.ascii_only = ascii_only
        self.measured = measured
        self.plain = plain
        self.scope = scope

    def matches(self, pattern: Pattern) -> Bools:
        """Return whether each text has a match."""
        found: Bools = self._found[pattern]
        return found

    def numbers(self, statistic: Statistic) -> Ints:
        """Return the statistic of each text; of no meaning where it was not measured."""
        found: Ints = self._found[statistic]
        return found

    def is_one_of(self, statistic: Statistic, numbers: Iterable[int]) -> Bools:
        """Return whether the statistic of each text is one of some numbers."""
        import numpy as np  # rules are read without it

        return np.isin(self.numbers(statistic), list(numbers))

    def constant(self, holds: bool) -> Bools:
        """Return the same for each text."""
        import numpy as np

        return np.full(len(self.measured), holds)

    def text(self, index: int) -> str:
        """Return a text."""
        return str(self._texts[index], "utf-8")

    def raw(self, index: int) -> memoryview:
        """Return a text's bytes."""
        return self._texts[index]


def all_sure(holds: Bools) -> Settled:
    """Return that as what is known of every text."""
    return Settled(holds, holds | ~holds)  # true everywhere, without importing NumPy where rules are read
