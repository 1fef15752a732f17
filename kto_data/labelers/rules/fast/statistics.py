"""Numbers that follow from a text's bytes, for checks to name as evidence.

What it takes to count them is imported when they are counted: rules are read, linted and tested without NumPy.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kto_data.labelers.rules.fast.evidence import Ints

if TYPE_CHECKING:
    from kto_data.labelers.rules.fast.block import Block

Unit = Literal["bytes", "chars", "words", "lines", "beyond_ascii", "digits", "upper", "spaces"]


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something a text has.

    `chars` and `beyond_ascii` are exact for every text, `lines` too; `words` and `spaces` are those of
    Python where the text is plain; `digits` and `upper` are those of ASCII.
    """

    unit: Unit

    def of(self, block: "Block") -> Ints:
        """Return the number for each text."""
        from kto_data.labelers.rules.fast.counting import units

        return units(block, self.unit)


@dataclass(frozen=True, slots=True)
class EdgeByte:
    """The first or last byte that is no ASCII white space or control character; 0 for a text without any."""

    end: Literal["first", "last"]

    def of(self, block: "Block") -> Ints:
        """Return the byte for each text."""
        from kto_data.labelers.rules.fast.counting import edge_bytes

        return edge_bytes(block, last=self.end == "last")


@dataclass(frozen=True, slots=True)
class Repeats:
    """Whether more than a share of a text's n-grams of words, in lower case, were said before, if the text is plain.

    It is 1 where they surely were, 0 where they surely were not, and -1 where somebody has to count them.

    Attributes:
        n: Words in an n-gram.
        max_ratio: The share.
    """

    n: int
    max_ratio: float

    def of(self, block: "Block") -> Ints:
        """Return the number for each text."""
        from kto_data.labelers.rules.fast.counting import repeats

        return repeats(block, self.n, self.max_ratio)


@dataclass(frozen=True, slots=True)
class FilledLines:
    """Lines that are not blank, where the text is plain; or at least how many different ones.

    Attributes:
        distinct: Whether to count equal lines, the white space around them apart, once.
    """

    distinct: bool = False

    def of(self, block: "Block") -> Ints:
        """Return the number for each text."""
        from kto_data.labelers.rules.fast.counting import filled_lines

        return filled_lines(block, distinct=self.distinct)


@dataclass(frozen=True, slots=True)
class ListedWords:
    """How many of a text's words, in lower case, are in a list, where the text is plain.

    Attributes:
        words: The list, in lower case.
    """

    words: frozenset[str]

    def of(self, block: "Block") -> Ints:
        """Return the number for each text."""
        from kto_data.labelers.rules.fast.counting import listed_words

        return listed_words(block, self.words)
