r"""Patterns in Python's syntax, searched under a time limit.

Such patterns backtrack, so a text can make one take for ever. They run in the `regex` package, which reads
Python's syntax and Unicode's classes (`\p{L}`) and gives up at a deadline that it looks at while it
matches; Python's own `re` could be stopped only by ending its process.
"""

import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from kto_data.labelers.rules.limits import RowError

_MAX_CHARS = 10_000


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Return a compiled pattern.

    Raises:
        ValueError: It cannot be read.
    """
    import regex

    if len(pattern) > _MAX_CHARS:
        raise ValueError(f"the pattern has more than {_MAX_CHARS:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints about sets inside sets, which later versions will read
            return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(f"not a pattern that Python can read: {error or type(error).__name__}") from None


def matches(pattern: str, text: str, timeout_s: float) -> Iterator[Any]:
    """Yield the matches that do not overlap.

    Raises:
        RowError: They took longer than the time limit together.
    """
    try:
        yield from compiled(pattern).finditer(text, timeout=timeout_s)
    except TimeoutError:
        raise RowError(
            f"the pattern took longer than {timeout_s:g} s on a text of {len(text):,} characters"
        ) from None
