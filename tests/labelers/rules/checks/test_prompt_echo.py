import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.prompt_echo import PromptEcho
from kto_data.labelers.rules.row import Row

LONG = "Tell me how a router is reset. " * 10


@pytest.mark.parametrize(
    ("prompt", "completion", "holds"),
    [
        (LONG, LONG + "Press it.", True),
        (LONG, "\n " + LONG[:200] + "Press it.", True),
        (LONG, LONG[:199] + "!", False),
        (LONG, "You asked: " + LONG, False),
        ("Hi", "Hi", False),
        ("  How is a router reset?\n", "How is a router reset? So:", True),
    ],
)
def test_the_beginning_of_the_prompt_is_compared(prompt, completion, holds):
    row = Row(prompt=[{"role": "user", "content": prompt}])
    assert PromptEcho().decide(completion, Context(row)).holds is holds
