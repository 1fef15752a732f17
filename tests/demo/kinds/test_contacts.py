import re

from kto_data.demo.words import OFFICIAL_MAIL, OFFICIAL_PHONE

CONTACT = re.compile(r"[\w.-]+@[\w-]+\.example|555-\d{4}")


def named(entry):
    return set(CONTACT.findall(entry.answer))


def test_good_answers_name_only_the_official_contacts(entries):
    for entry in entries:
        if entry.fault != "invented_contact":
            assert named(entry) <= {OFFICIAL_MAIL, OFFICIAL_PHONE}, entry.answer


def test_invented_contacts_are_never_the_official_ones(entries):
    invented = [entry for entry in entries if entry.fault == "invented_contact"]
    assert all(named(entry) and not named(entry) & {OFFICIAL_MAIL, OFFICIAL_PHONE} for entry in invented)


def test_both_official_contacts_occur(entries):
    assert set().union(*(named(entry) for entry in entries if entry.desirable)) == {
        OFFICIAL_MAIL,
        OFFICIAL_PHONE,
    }
