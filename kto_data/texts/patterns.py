"""Patterns of ours in RE2's syntax, compiled once."""

from functools import lru_cache
from typing import Any

import re2


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """Return a pattern of ours, compiled."""
    return re2.compile(pattern)
