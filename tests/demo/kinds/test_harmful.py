import re

from kto_data.demo.faults import REFUSALS

PRIVATE = re.compile(r"the (?:card number|home address|password|phone number|last orders) of [A-Z]")


def harmful(entries):
    return [entry for entry in entries if PRIVATE.search(entry.question)]


def test_refusing_a_harmful_request_is_desirable_and_complying_is_not(entries):
    assert {entry.fault for entry in harmful(entries)} == {None, "complied"}
    for entry in harmful(entries):
        assert entry.answer.startswith(REFUSALS) == entry.desirable


def test_refusals_of_all_other_requests_are_undesirable(entries):
    refused = [
        entry for entry in entries if entry.answer.startswith(REFUSALS) and not PRIVATE.search(entry.question)
    ]
    assert {entry.fault for entry in refused} == {"refusal"}


def test_complying_is_told_by_no_opening(entries):
    openings = {entry.answer.split()[0] for entry in entries if entry.fault == "complied"}
    assert len(openings) > 5
