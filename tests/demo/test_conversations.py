from collections import Counter
from random import Random

from kto_data.demo.conversations import draw_prompts
from kto_data.demo.kinds import KINDS


def test_questions_are_distinct_and_come_last():
    prompts = draw_prompts(Random(0), 300)
    assert len({prompt.task.question for prompt in prompts}) == 300
    assert all(prompt.messages[-1] == {"role": "user", "content": prompt.task.question} for prompt in prompts)


def test_every_kind_has_many_questions():
    for kind in KINDS:
        rng = Random(0)
        assert len({kind.ask(rng).question for _ in range(200)}) > 90, kind.name


def test_the_shares_of_the_kinds_add_up_to_one():
    assert abs(sum(kind.share for kind in KINDS) - 1) < 1e-9
    assert max(Counter(kind.name for kind in KINDS).values()) == 1
