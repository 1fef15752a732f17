"""Records of other trainers' formats."""

import pytest

from kto_data.dataset.foreign.layouts import parse
from kto_data.readers.record import Defect

ASKED, ANSWERED = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
SYSTEM = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("record", "layout", "prompt", "label", "plain"),
    [
        ({"prompt": "q", "completion": "a", "label": True}, "trl", [ASKED], True, True),
        ({"prompt": [ASKED], "completion": [ANSWERED], "label": False}, "trl", [ASKED], False, False),
        ({"completion": [ASKED, ANSWERED], "label": True}, "trl", [ASKED], True, False),
        ({"messages": [ASKED, ANSWERED], "label": True}, "messages", [ASKED], True, False),
        (
            {"messages": [SYSTEM, ASKED, ANSWERED], "kto_tag": False},
            "messages",
            [SYSTEM, ASKED],
            False,
            False,
        ),
        (
            {
                "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
                "kto_tag": True,
                "system": "s",
            },
            "llama-factory (sharegpt)",
            [SYSTEM, ASKED],
            True,
            False,
        ),
        (
            {"instruction": "q", "input": "", "output": "a", "kto_tag": True},
            "llama-factory (alpaca)",
            [ASKED],
            True,
            True,
        ),
        ({"instruction": "q", "completion": "a", "label": False}, "axolotl", [ASKED], False, True),
        (
            {"question": "q", "completion": "a", "label": True, "system": "s"},
            "axolotl",
            [SYSTEM, ASKED],
            True,
            False,
        ),
        (
            {"prompt": [ASKED], "output": [ANSWERED], "label": 1, "type": "binary_feedback", "reward": 0.5},
            "halos",
            [ASKED],
            1,
            False,
        ),
    ],
)
def test_a_record_is_taken_apart(record, layout, prompt, label, plain):
    name, [output] = parse(record)
    assert (name, output.prompt, output.completion, output.label, output.plain) == (
        layout,
        prompt,
        [ANSWERED],
        label,
        plain,
    )


def test_a_pair_is_two_outputs():
    name, outputs = parse({"prompt": "q", "chosen": "a", "rejected": "b"})
    assert name == "pairs"
    assert [(one.side, one.label, one.completion[0]["content"]) for one in outputs] == [
        ("chosen", True, "a"),
        ("rejected", False, "b"),
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"text": "x"}, "unknown_format"),
        ({"messages": [ASKED], "label": True}, "no_completion"),
        ({"conversations": "x", "label": True}, "wrong_type"),
        ({"prompt": 7, "completion": "a", "label": True}, "wrong_type"),
    ],
)
def test_what_cannot_be_read_has_a_reason(record, reason):
    with pytest.raises(Defect) as caught:
        parse(record)
    assert caught.value.reason == reason
