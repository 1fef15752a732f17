import json

import pytest

from kto_data.demo.unreadable import SPOILERS

RECORD = {
    "id": "c-000001",
    "created_at": "2026-03-02T06:00:00Z",
    "messages": [
        {"role": "user", "content": "How do I cook rice?"},
        {"role": "assistant", "content": "In a pot."},
    ],
}


def is_readable(line: bytes) -> bool:
    try:
        last = json.loads(line)["messages"][-1]
    except (ValueError, TypeError):
        return False
    return last["role"] == "assistant" and isinstance(last["content"], str)


def test_the_record_itself_is_readable():
    assert is_readable(json.dumps(RECORD).encode())


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_a_spoilt_record_is_unreadable_and_stays_one_line(spoil):
    line = spoil(RECORD)
    assert not is_readable(line)
    assert line
    assert b"\n" not in line


def test_only_one_kind_of_line_is_not_text():
    n_not_text = 0
    for spoil in SPOILERS:
        try:
            spoil(RECORD).decode()
        except UnicodeDecodeError:
            n_not_text += 1
    assert n_not_text == 1


def test_the_default_log_has_every_kind_of_unreadable_line(made):
    lines = made.log.read_bytes().splitlines()
    assert sum(not is_readable(line) for line in lines) == made.n_unreadable == len(SPOILERS)
