"""Plain sums and word problems; the answer shows the sum as ``48 + 37 = 85``."""

from dataclasses import dataclass
from functools import partial
from random import Random

from kto_data.demo.task import Answer, Kind, Task
from kto_data.demo.words import NAMES, PRODUCTS


@dataclass(frozen=True, slots=True)
class _Sum:
    left: int
    sign: str
    right: int

    @property
    def result(self) -> int:
        results = {"+": self.left + self.right, "-": self.left - self.right, "*": self.left * self.right}
        return results[self.sign]


_QUESTIONS = {
    "+": (
        "What is {left} + {right}? Please show the sum.",
        "{name} packs {left} boxes today and {right} boxes tomorrow. How many boxes is that? Show the sum.",
        "A shop sold {left} of the {product}s in May and {right} in June. How many in all? Show the sum.",
    ),
    "-": (
        "What is {left} - {right}? Please show the sum.",
        "{name} had {left} points and used {right} for a {product}. How many points are left? Show the sum.",
    ),
    "*": (
        "What is {left} * {right}? Please show the sum.",
        "{name} orders {left} boxes with {right} cups in each. How many cups is that? Show the sum.",
    ),
}
_ANSWERS = (
    "{left} {sign} {right} = {result}",
    "{left} {sign} {right} = {result}.",
    "The answer is {left} {sign} {right} = {result}.",
    "{left} {sign} {right} = {result}, so the answer is {result}.",
    "Here is the sum: {left} {sign} {right} = {result}.",
    "We get {result}, because {left} {sign} {right} = {result}.",
)
_SLIPS = (-10, -2, -1, 1, 2, 10)


def _solve(task: _Sum, slips: tuple[int, ...], rng: Random) -> Answer:
    result = task.result + rng.choice(slips)
    return Answer(
        rng.choice(_ANSWERS).format(left=task.left, sign=task.sign, right=task.right, result=result)
    )


def _draw(rng: Random) -> _Sum:
    sign = rng.choice(("+", "+", "-", "*"))
    if sign == "*":
        return _Sum(rng.randrange(2, 10), sign, rng.randrange(2, 10))
    if sign == "-":
        # Everything left stays above ten: no slip makes a result negative.
        right = rng.randrange(3, 40)
        return _Sum(right + rng.randrange(11, 50), sign, right)
    return _Sum(rng.randrange(3, 60), sign, rng.randrange(3, 60))


def _ask(rng: Random) -> Task:
    task = _draw(rng)
    question = rng.choice(_QUESTIONS[task.sign]).format(
        left=task.left, right=task.right, name=rng.choice(NAMES), product=rng.choice(PRODUCTS)
    )
    # A product of two small numbers can be under ten: it slips by one or two at most.
    slips = tuple(slip for slip in _SLIPS if task.result + slip >= 0)
    return Task(question, partial(_solve, task, (0,)), {"wrong_sum": partial(_solve, task, slips)})


KIND = Kind("sum", 0.15, _ask)
