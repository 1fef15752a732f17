"""What an unquoted word of a YAML file means: YAML 1.2's plain types, and nothing of YAML 1.1's surprises.

`no`, `on` and `12:30` are texts; `true`, `null`, numbers and dates are what they look like.
"""

import datetime as dt
import re
from collections.abc import Callable

Scalar = str | int | float | bool | dt.date | None

_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_STARTS = frozenset("+-.0123456789")
_BASES = {"0b": 2, "0o": 8, "0x": 16}

_INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(
    r"(\d{4}-\d\d?-\d\d?)(?:[Tt]|[ \t]+)(\d\d?:\d\d:\d\d)(?:\.(\d*))?[ \t]*(Z|[-+]\d\d?(?::?\d\d)?)?"
)


def plain(text: str) -> Scalar:
    """Return what an unquoted word stands for.

    Raises:
        ValueError: It looks like a number or a date and is none, such as 2024-13-01.

    >>> [plain(word) for word in ("no", "true", "~", "1_000", "0x1f", "1e3", "12:30")]
    ['no', True, None, 1000, 31, 1000.0, '12:30']
    """
    if text in _BOOLS:
        return _BOOLS[text]
    if text in _NULLS:
        return None
    if text[0] not in _STARTS:
        return text
    for form, convert in _FORMS:
        if form.fullmatch(text):
            return convert(text)
    return text


def tagged(tag: str, text: str) -> Scalar:
    """Return what a text stands for under one of YAML's own tags, such as `!!int "5"`.

    Raises:
        ValueError: It cannot be that.
        KeyError: There is no such plain type.
    """
    kind = _TYPES[tag.removeprefix(_OWN) if tag.startswith(_OWN) else ""]
    if kind is str:
        return text
    value = plain(text)
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise ValueError(f"{text!r} is no {tag.removeprefix(_OWN)}")
    return float(value) if isinstance(value, int) and kind == _TYPES["float"] else value


_OWN = "tag:yaml.org,2002:"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (float, int),
    "bool": bool,
    "null": type(None),
    "timestamp": dt.date,
}


def _integer(text: str) -> Scalar:
    digits = text.replace("_", "").lstrip("+-")
    if not digits:
        return text  # underscores alone are a word
    value = int(digits[2:], _BASES[digits[:2]]) if digits[:2] in _BASES else int(digits)
    return -value if text.startswith("-") else value


def _number(text: str) -> Scalar:
    digits = text.replace("_", "")
    return float(digits.replace(".", "", 1) if digits.lstrip("+-")[:2].lower() in (".i", ".n") else digits)


def _moment(text: str) -> Scalar:
    found = _TIME.fullmatch(text)
    assert found is not None, "the caller has looked"
    day, time, fraction, zone = found.groups()
    year, month, date = map(int, day.split("-"))
    hour, minute, second = map(int, time.split(":"))
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    moment = dt.datetime(year, month, date, hour, minute, second, micro)
    return moment if zone is None else moment.replace(tzinfo=_zone(zone))


def _zone(zone: str) -> dt.timezone:
    if zone == "Z":
        return dt.UTC
    hours, _, minutes = zone[1:].partition(":")
    if len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    offset = dt.timedelta(hours=int(hours), minutes=int(minutes or 0))
    return dt.timezone(-offset if zone[0] == "-" else offset)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...] = (
    (_INT, _integer),
    (_FLOAT, _number),
    (_DATE, dt.date.fromisoformat),
    (_TIME, _moment),
)
