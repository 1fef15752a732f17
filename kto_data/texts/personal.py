"""Personal data in a text, by patterns and checksums."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from kto_data.texts.patterns import compiled

Kind = Literal["email", "phone", "credit-card", "iban", "ip", "us-ssn", "mac-address", "coordinates"]


class Personal(NamedTuple):
    """How one kind is found: a pattern in RE2's syntax whose first group it is, and what else has to be true."""

    pattern: str
    is_real: Callable[[str], bool]


def luhn(digits: str) -> bool:
    """Return whether the last digit is the one that the others ask for (ISO/IEC 7812, Luhn's formula).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def iban_is_right(text: str) -> bool:
    """Return whether an IBAN has its country's length and the remainder 1 by 97 (ISO 13616).

    >>> iban_is_right("DE89370400440532013000"), iban_is_right("DE89370400440532013001")
    (True, False)
    """
    if _IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits)


def _phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2


def _ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # 127.0.0.1, 0.0.0.0, 255.255.255.255 and the addresses kept for examples are nobody's
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or _is_example(address))


def _is_example(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    kept = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001:db8::/32")
    return any(address in ipaddress.ip_network(network) for network in kept)


def _ssn(text: str) -> bool:
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _email(text: str) -> bool:
    domain = text.rpartition("@")[2].lower()
    return not re.search(r"(?:^|\.)(?:example\.(?:com|org|net|edu)|example|invalid|test|localhost)$", domain)


def _coordinates(text: str) -> bool:
    latitude, longitude = (float(part) for part in text.split(","))
    return abs(latitude) <= 90 and abs(longitude) <= 180


_IBAN_LENGTHS = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22"
        "GI23GL18GR27GT28HR21HU28IE22IL23IS26IT27IQ23JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27"
        "MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SD18SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20",
    )
}

_GROUPED = ("phone", "credit-card")
_EDGE_BEFORE, _EDGE_AFTER = r"(?:^|[^\w.+@/-])", r"(?:$|[^\w@-])"
PATTERNS: Mapping[Kind, Personal] = {
    "email": Personal(
        r"(?i)(?:^|[^\w.+%-])([a-z0-9][\w.+%-]{0,63}@(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,8}[a-z]{2,24})\b",
        _email,
    ),
    "phone": Personal(
        r"(?:^|[^\w.+/=-])(\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"  # +49 30 1234567
        r"|\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}"  # (555) 123-4567
        r"|(?:1[ .-])?[2-9]\d{2}[.-]\d{3}[.-]\d{4}"  # 555-123-4567
        r"|00\d{2}[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){2,4}"  # 0049 30 1234567
        r"|0\d{2,4}[ /-]\d{3,4}(?:[ -]?\d{2,4}){1,3})"  # 030 123 4567
        r"(?:$|[^\w-])",
        _phone,
    ),
    "credit-card": Personal(rf"{_EDGE_BEFORE}((?:\d[ -]?){{12,18}}\d){_EDGE_AFTER}", _card),
    "iban": Personal(
        r"(?:^|[^\w-])([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)(?:$|[^\w])",
        lambda text: iban_is_right(text.replace(" ", "")),
    ),
    "ip": Personal(
        r"(?i)(?:^|[^\w.:])((?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
        r"|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6})(?:$|[^\w.:]|[.:](?:$|\s))",
        _ip,
    ),
    "us-ssn": Personal(rf"{_EDGE_BEFORE}(\d{{3}}-\d{{2}}-\d{{4}}){_EDGE_AFTER}", _ssn),
    "mac-address": Personal(
        r"(?i)(?:^|[^\w:-])([0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5}))(?:$|[^\w:-])",
        lambda text: len(set(re.sub(r"\W", "", text.lower()))) > 1,
    ),
    "coordinates": Personal(
        r"(?:^|[^\w.,-])(-?\d{1,2}\.\d{4,10},\s?-?\d{1,3}\.\d{4,10})(?:$|[^\w,])", _coordinates
    ),
}


def find(types: Sequence[Kind], text: str) -> list[tuple[Kind, int, int]]:
    """Return the personal data of a text in order: its kind, and where it starts and ends.

    >>> find(["email", "ip"], "Write to ana@corp.io (10.0.0.7)")
    [('email', 9, 20), ('ip', 22, 30)]
    """
    return sorted((one for kind in types for one in _of_kind(kind, text)), key=lambda one: one[1:])


def _of_kind(kind: Kind, text: str) -> Iterator[tuple[Kind, int, int]]:
    """Yield the data of one kind; two beside one another may share the character between them."""
    pattern, is_real = PATTERNS[kind]
    for match in compiled(pattern).finditer(text):
        start, end = match.span(1)
        if is_real(text[start:end]) and (kind not in _GROUPED or _stands_alone(text, start, end)):
            yield kind, start, end


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether digits in groups are not part of a longer row of groups, such as an account's."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return not re.search(r"\d[ -]\Z", before) and not re.match(r"[ -]\d", after)
