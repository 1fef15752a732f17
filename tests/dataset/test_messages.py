"""Message lists with the fields that are used."""

import pyarrow as pa

from kto_data.dataset.messages import messages_type, narrow_messages
from kto_data.schema import MESSAGES

CONVERSATIONS = [
    [
        {"role": "user", "content": "a", "name": "Ann"},
        {"role": "assistant", "content": "b", "reasoning": "c"},
    ],
    [],
    [{"role": "user", "content": "d"}],
]


def test_only_the_fields_of_the_type_are_kept():
    found = narrow_messages(pa.chunked_array([pa.array(CONVERSATIONS, MESSAGES)]), messages_type(["name"]))
    assert found.type == messages_type(["name"])
    assert found.to_pylist() == [
        [
            {"role": "user", "content": "a", "name": "Ann"},
            {"role": "assistant", "content": "b", "name": None},
        ],
        [],
        [{"role": "user", "content": "d", "name": None}],
    ]


def test_slices_and_several_chunks_keep_their_rows():
    array = pa.array(CONVERSATIONS, MESSAGES)
    found = narrow_messages(pa.chunked_array([array.slice(2), array.slice(1, 1)]), messages_type([]))
    assert found.to_pylist() == [[{"role": "user", "content": "d"}], []]


def test_no_rows_stay_no_rows():
    assert len(narrow_messages(pa.chunked_array([], type=MESSAGES), messages_type([]))) == 0
    assert narrow_messages(pa.chunked_array([pa.array([], MESSAGES)]), messages_type([])).to_pylist() == []
