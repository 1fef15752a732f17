import random

import pytest

from kto_data.labelers.rules.fences import code_blocks, plainly_closed


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no code", []),
        ("a ```b``` c", []),
        ("```\nx\n```", [("", "x\n", True)]),
        ("```Python title=a\nx\n```", [("python", "x\n", True)]),
        ("``` {.c}\nx\n```", [("", "x\n", True)]),
        ("````md\n```\nx\n```\n````", [("md", "```\nx\n```\n", True)]),
        ("~~~\n```\n~~~", [("", "```\n", True)]),
        ("```\nx\n```python\ny\n```", [("", "x\n```python\ny\n", True)]),
        ("1. a\n   ```js\n   x\n     y\n   ```\n", [("js", "x\n  y\n", True)]),
        ("```\nx", [("", "x", False)]),
        ("```", [("", "", False)]),
        ("```a\n1\n```\n```b\n2\n```", [("a", "1\n", True), ("b", "2\n", True)]),
        ("```\r\nx\r\n```\r\n", [("", "x\r\n", True)]),
    ],
)
def test_blocks_stand_between_fences(text, blocks):
    assert [(block.lang, block.code, block.closed) for block in code_blocks(text)] == blocks


def test_a_block_knows_its_place():
    text = "a\n```\nx\n```\nb"
    (block,) = code_blocks(text)
    assert text[block.start : block.end] == "```\nx\n```\n"


def test_plain_fences_are_told_as_the_closer_look_tells_them():
    dice = random.Random(1)
    parts = [
        "```",
        "```py",
        "````",
        "~~~",
        "\n",
        " ",
        "x",
        "``",
        "\r\n",
        "\n```\n",
        "\n```c++\n",
        "a\n",
        "``` \n",
        "\t",
    ]
    n_told = 0
    for _ in range(5000):
        text = "".join(dice.choices(parts, k=dice.randrange(9)))
        told = plainly_closed(text.encode())
        if told is not None:
            n_told += 1
            assert told == all(block.closed for block in code_blocks(text)), text
    assert n_told > 1000
