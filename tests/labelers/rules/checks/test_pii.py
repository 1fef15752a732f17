import time

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.pii import Pii, find
from kto_data.labelers.rules.row import Row

EVERY = ["email", "phone", "credit-card", "iban", "ip", "us-ssn", "mac-address", "coordinates"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Write to ana.b+c@corp.co.uk.", "email"),
        ("ana@corp.io, bo@corp.io", "email email"),
        ("someone@example.com, a@test", ""),
        ("Call +49 30 1234567 now", "phone"),
        ("+1 (555) 123-4567", "phone"),
        ("(555) 123-4567 or 555-123-4568", "phone phone"),
        ("0049 30 12345678", "phone"),
        ("Tel. 030 123 4567.", "phone"),
        ("Pay with 4111 1111 1111 1111.", "credit-card"),
        ("5555-5555-5555-4444", "credit-card"),
        ("378282246310005", "credit-card"),
        ("4111 1111 1111 1112", ""),
        ("order 1234567890123456", ""),
        ("0000 0000 0000 0000", ""),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("GB29NWBK60161331926819", "iban"),
        ("DE89 3704 0044 0532 0130 01", ""),
        ("NO9386011117947", "iban"),
        ("Server 10.1.2.3 and 2a02:8071::1.", "ip ip"),
        ("127.0.0.1, 192.0.2.1, 1.2.3, 999.1.1.1, version 1.2.3.4.5", ""),
        ("My number is 123-45-6789.", "us-ssn"),
        ("000-12-3456, 666-12-3456, 900-12-3456", ""),
        ("00:1B:44:11:3A:B7", "mac-address"),
        ("at 59.3293235, 18.0685808", "coordinates"),
        ("It took 1,234,567 steps on 2024-05-17 at 10:30:25, i.e. 3.14159 and 100-200.", ""),
        ("1234567", ""),
        ("see https://a.b/2024/05/17/1234567890", ""),
        ("", ""),
    ],
)
def test_each_kind_is_found_and_what_looks_like_it_is_not(text, kinds):
    assert " ".join(kind for kind, _, _ in find(EVERY, text)) == kinds


def test_what_the_user_gave_is_no_leak():
    row = Row(prompt=[{"role": "user", "content": "My card is 4111-1111-1111-1111 and mail ANA@corp.io"}])
    check = Pii(types=["email", "credit-card"], not_in="prompt")
    assert not check.decide("Your card 4111 1111 1111 1111, mail ana@corp.io", Context(row)).holds
    found = check.decide("Write to bo@corp.io", Context(row))
    assert (found.holds, found.evidence, found.spans) == (True, "email", ((9, 19),))


def test_what_a_pattern_excepts_does_not_count():
    check = Pii(**{"types": ["email"], "except": ["^(?i:info|support)@"]})
    assert not check.decide("Write to Info@corp.io.", Context()).holds
    assert check.decide("Write to info@corp.io or bo@corp.io.", Context()).spans == ((25, 35),)
    with pytest.raises(ValueError, match="not a pattern that RE2 can read"):
        Pii(**{"except": ["(?=x)"]})


def test_only_the_types_that_are_asked_for_count():
    assert not Pii(types=["phone"]).decide("ana@corp.io", Context()).holds
    assert not Pii().decide("10.1.2.3", Context()).holds


@pytest.mark.parametrize(
    "text", ["1 " * 300_000, "a@" * 300_000, "+1" * 300_000, "a:" * 300_000, "AB12 " * 100_000]
)
def test_hostile_text_is_read_in_time(text):
    start = time.monotonic()
    Pii(types=EVERY).decide(text, Context())
    assert time.monotonic() - start < 5
