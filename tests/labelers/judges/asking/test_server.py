"""Replies that come twice: none is taken for the answer to another question."""

import json
import random
import re

import pytest


@pytest.mark.slow
def test_a_reply_that_is_sent_twice_is_never_the_answer_to_another_question(
    judge_server, ask, judge_of, rows_of_texts
):
    dice = random.Random(3)

    def script(request, n):
        said = re.search(r"sample (\d+) ", request["messages"][-1]["content"])[1]
        twice = n == 0 and dice.random() < 0.2
        return "twice" if twice else json.dumps({"reason": f"sample {said}", "verdict": "desirable"})

    judge_server.script, judge_server.latency_s = script, 0.005
    judge = judge_of("limits: {start: 32, concurrency: 64}\n", url=judge_server.url)
    votes, faults, run = ask(judge, rows_of_texts([f"sample {n} said" for n in range(1500)]))
    assert not faults
    assert [vote["reason"] for vote in votes] == [f"sample {n}" for n in range(1500)]
    assert judge_server.replies["twice"] > 100
    assert sum(judge_server.paid.values()) <= 1500 + run.counts.events["repeated reply"]
