"""Bias probes are really asked, tell how many verdicts flip, and stay within their budget."""

import json

import pytest

from kto_data.labelers.judges.measured import Judged, biases
from kto_data.labelers.judges.probes import run_probes
from kto_data.labelers.judges.rows import flagged_rows

pytestmark = pytest.mark.slow

PLAIN = [f"One {n}. Two. Three." for n in range(6)]
MARKED = [f"**Bold {n}**" for n in range(4)]


def verdict(word):
    return json.dumps({"reason": "x", "verdict": word})


@pytest.fixture
def probed(judge_server, judge_of, rows_of_texts, ask, cache):
    """Let a judge vote, then probe it; return the probes by name and the requests that they took."""

    def probe(script, budget, more="", texts=(*PLAIN, *MARKED)):
        judge_server.script = lambda request, n: verdict(script(request["messages"][-1]["content"]))
        judge = judge_of(more, url=judge_server.url)
        rows = rows_of_texts(list(texts))
        ask(judge, rows)
        before = sum(judge_server.came.values())
        found = run_probes(judge, [row for row, _ in flagged_rows(iter([rows]))], cache, budget=budget)
        return {one.name: one for one in found}, sum(judge_server.came.values()) - before

    return probe


def test_a_judge_that_likes_padding_is_told_from_one_that_likes_markdown(probed):
    found, _ = probed(lambda text: "desirable" if "To summarise" in text else "undesirable", 1000)
    padded = found["padded"]
    assert (padded.n, padded.flips.estimate, padded.n_to_desirable, padded.n_to_undesirable) == (
        10,
        1.0,
        10,
        0,
    )
    assert (found["markdown stripped"].n, found["markdown stripped"].flips.estimate) == (4, 0.0)
    assert (found["re-flowed"].n, found["re-flowed"].flips.estimate) == (6, 0.0)
    assert found["asked again"].flips.estimate == 0.0


def test_a_judge_that_likes_markdown_flips_without_it(probed):
    found, _ = probed(lambda text: "desirable" if "**" in text else "undesirable", 1000)
    assert (found["markdown stripped"].n_to_undesirable, found["markdown stripped"].flips.estimate) == (
        4,
        1.0,
    )
    assert found["padded"].flips.estimate == 0.0


@pytest.mark.parametrize(
    "more",
    [
        "",
        "samples: {k: 2}\n",
        "principles: [{id: a, text: A}, {id: b, text: B}, {id: c, text: C}]\njudge_principles: each\n",
    ],
)
@pytest.mark.parametrize("budget", [3, 20])
def test_the_budget_holds_for_every_kind_of_judge(probed, budget, more):
    found, n_sent = probed(lambda text: "desirable", budget, more)
    assert n_sent <= budget
    assert n_sent == sum(one.n_requests for one in found.values())
    assert budget < 20 or n_sent > 0


def test_outputs_of_its_own_family_and_longer_ones_are_compared():
    """It calls all of its family desirable, half of the others; gold says half of each is."""
    judged = [
        Judged(f"p{n}", 1 if n % 2 == 0 or n % 4 == 1 else -1, None, [1, 1], n % 4 < 2, 10 + n, model)
        for n in range(40)
        for model in ["gpt-4.1" if n % 2 == 0 else "llama-3"]
    ]
    found = biases(judged, "gpt*")
    assert found.own_family.estimate == pytest.approx(0.5)
    assert found.own_family_gold.estimate == pytest.approx(0.0)
    assert found.itself.estimate == 1.0
