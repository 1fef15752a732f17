"""What a server says about when to send again."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_S = 3600.0
_PARTS = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long `Retry-After` (seconds or a date) or `retry-after-ms` asks to wait, at most an hour.

    >>> retry_after_s({"retry-after": "2"}), retry_after_s({"retry-after-ms": "250"}), retry_after_s({})
    (2.0, 0.25, None)
    """
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return min(max(exact / 1000.0, 0.0), _MOST_S)
    given = headers.get("retry-after")
    if given is None:
        return None
    seconds = _number(given)
    if seconds is None:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _MOST_S)


def pause_s(headers: Mapping[str, str]) -> float | None:
    """Return how long to send nothing because a limit has nothing left; None where something is left.

    Read are OpenAI's `x-ratelimit-remaining-*` with `x-ratelimit-reset-*` (a duration such as `6m0s`), and
    Anthropic's `anthropic-ratelimit-*-remaining` with `-reset` (a date).

    >>> pause_s({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m0.5s"})
    60.5
    """
    waits = []
    for kind in _KINDS:
        for left, reset in (
            (f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}"),
            (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset"),
        ):
            remaining = _number(headers.get(left))
            if remaining is not None and remaining <= 0 and reset in headers:
                waits.append(_until(headers[reset]))
    known = [wait for wait in waits if wait is not None]
    return min(max(known), _MOST_S) if known else None


def _until(given: str) -> float | None:
    parts = _PARTS.findall(given)
    if parts and "".join(number + unit for number, unit in parts) == given.strip():
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    seconds = _number(given)
    if seconds is not None:
        return max(seconds, 0.0)
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(at.timestamp() - time.time(), 0.0)


def _number(given: str | None) -> float | None:
    try:
        found = float(given) if given is not None else None
    except ValueError:
        return None
    return found if found is not None and found == found and abs(found) < 1e12 else None
