"""Whether the letter that a text chooses is the right one."""

import re
from typing import ClassVar

from pydantic import Field

from kto_data.labelers.rules.answers.extract import choice
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.limits import RowError

_VALUE = re.compile(r"\s*[(\[]?\s*([A-Za-z])(?![A-Za-z])")


@CHECKS.register("multiple-choice")
class MultipleChoice(Check):
    r"""The text chooses the right letter: `multiple-choice: {value: "{{meta.answer}}"}`.

    What it chooses is, in this order: the last `\boxed{C}`; the last `answer is (C)`, `Answer: C` or `option C`; a text
    that begins with the letter (`C`, `(C)`, `C. Paris`); the last `(C)`; the last line that is a letter and nothing
    else. A text that chooses none is wrong.
    """

    short: ClassVar[str | None] = "value"

    value: str = Field(min_length=1)
    """The right letter: `C`, `(C)`, `C. Paris`."""
    letters: str = Field(default="ABCDE", pattern="^[A-Z]+$")
    """The letters there are to choose from."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the letter is the right one."""
        stated = _VALUE.match(self.value)
        right = stated[1].upper() if stated else ""
        if right not in self.letters or not right:
            raise RowError(f"value is {self.value[:60]!r}, which is not one of {', '.join(self.letters)}")
        given = choice(text, self.letters)
        if given is None:
            return Found(False, f"no choice found; the right one is {right}")
        return Found(given == right, given if given == right else f"{given}, not {right}")
