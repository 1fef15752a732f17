"""Every strategy draws exactly as many as asked for, each with the probability that it says."""

import numpy as np
import pytest

from kto_data.errors import InputError
from kto_data.labelers.humans.sampling.disagreement import Disagreement
from kto_data.labelers.humans.sampling.draw import draw
from kto_data.labelers.humans.sampling.mixed import Mixed
from kto_data.labelers.humans.sampling.neyman import Neyman, neyman_allocation
from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Candidates, allocate, proportional
from kto_data.labelers.humans.sampling.stratified import Stratified
from kto_data.labelers.humans.sampling.uncertain import Uncertain


def candidates(n, seed=0, strata=4):
    generator = np.random.default_rng(seed)
    p = generator.random(n)
    p[generator.random(n) < 0.1] = np.nan
    conflict = np.where(generator.random(n) < 0.2, generator.random(n) / 2, 0.0)
    # one large stratum, and ever smaller ones
    stratum = np.minimum(generator.geometric(0.6, size=n) - 1, strata - 1)
    return Candidates([f"s{i}" for i in range(n)], p, conflict, stratum, [f"h{i}" for i in range(strata)])


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "listed"])
@pytest.mark.parametrize("n", [0, 1, 7, 60, 99, 100, 130])
def test_the_probabilities_add_up_and_as_many_are_drawn(name, n):
    some = candidates(100)
    strategy = STRATEGIES.get(name)()
    wanted = min(n, 100)
    p = strategy.probabilities(some, n)
    assert p.sum() == pytest.approx(wanted)
    assert p.min() >= 0
    assert p.max() <= 1 + 1e-9
    drawn = draw(strategy, some, n, np.random.default_rng(1))
    assert len(set(drawn.at.tolist())) == len(drawn.at) == wanted
    assert drawn.p_selected == pytest.approx(p[drawn.at])
    assert len(drawn.chosen_by) == wanted


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "listed"])
def test_each_sample_is_drawn_as_often_as_its_probability_says(name):
    some = candidates(30, seed=2)
    strategy = STRATEGIES.get(name)()
    p = strategy.probabilities(some, 9)
    counts = np.zeros(30)
    generator = np.random.default_rng(4)
    n_draws = 1500
    for _ in range(n_draws):
        counts[draw(strategy, some, 9, generator).at] += 1
    error = np.sqrt(p * (1 - p) / n_draws)
    assert np.all(np.abs(counts / n_draws - p) <= 4.5 * error + 1e-9)


def test_weighing_by_the_inverse_probability_undoes_the_choice():
    some = candidates(400, seed=5)
    truth = np.nan_to_num(some.p_desirable_N, nan=0.5) > 0.6
    for name in STRATEGIES:
        if name in ("disagreement", "listed"):
            continue  # it leaves samples without a chance, which nothing can undo; it needs a file
        strategy = STRATEGIES.get(name)()
        estimates = []
        generator = np.random.default_rng(6)
        for _ in range(300):
            drawn = draw(strategy, some, 80, generator)
            estimates.append((truth[drawn.at] / drawn.p_selected).sum() / 400)
        error = np.std(estimates) / np.sqrt(len(estimates))
        assert abs(np.mean(estimates) - truth.mean()) < 4 * error, name


def test_a_mixed_batch_always_holds_a_fair_random_share():
    some = candidates(200, seed=3)
    assert Mixed().probabilities(some, 50).min() >= 0.4 * 50 / 200 - 1e-12
    generator = np.random.default_rng(7)
    by_random, n_random = np.zeros(200), []
    for _ in range(800):
        drawn = draw(Mixed(), some, 50, generator)
        mine = np.array(drawn.chosen_by) == "random"
        by_random[drawn.at[mine]] += 1
        n_random.append(mine.sum())
    assert np.mean(n_random) == pytest.approx(0.4 * 50, abs=0.5)
    share = by_random / 800  # those chosen by `random` are a fair sample: .1 each
    assert np.all(np.abs(share - 0.1) < 4.5 * np.sqrt(0.1 * 0.9 / 800))
    assert {"random", "uncertain", "disagreement", "stratified"} == set(Mixed().parts(some, 50))


def test_uncertain_prefers_what_is_near_the_decision():
    p = np.array([0.5, 0.7, 0.99, np.nan])
    some = Candidates(list("abcd"), p, np.zeros(4), np.zeros(4, dtype=np.int64), ["all"])
    found = Uncertain().probabilities(some, 1)
    assert found[0] == found[3] > found[1] > found[2] > 0


def test_disagreement_takes_conflicts_first_and_needs_votes():
    conflict = np.array([0.5, 0.25, 0.0, 0.0])
    some = Candidates(list("abcd"), np.full(4, 0.5), conflict, np.zeros(4, dtype=np.int64), ["all"])
    assert Disagreement().probabilities(some, 1).tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert Disagreement().probabilities(some, 3).tolist() == pytest.approx([1, 1, 0.5, 0.5])
    unknown = Candidates(
        list("abcd"), np.full(4, 0.5), conflict, np.zeros(4, dtype=np.int64), ["all"], has_votes=False
    )
    with pytest.raises(InputError, match="name the run"):
        Disagreement().probabilities(unknown, 1)


def test_stratified_gives_rare_strata_more_than_their_share_and_never_more_than_they_have():
    stratum = np.array([0] * 900 + [1] * 99 + [2])
    some = Candidates(
        [str(i) for i in range(1000)], np.full(1000, 0.5), np.zeros(1000), stratum, ["a", "b", "c"]
    )
    p = Stratified().probabilities(some, 100)
    sums = np.bincount(stratum, weights=p)
    assert sums.tolist() == pytest.approx([73, 26, 1], abs=2)  # by square roots: 30 to 9.9 to 1


def test_neyman_gives_by_size_times_spread():
    stratum = np.array([0] * 500 + [1] * 500)
    p = np.array([0.5] * 500 + [0.9] * 500)  # standard deviations .5 and .3
    some = Candidates([str(i) for i in range(1000)], p, np.zeros(1000), stratum, ["a", "b"])
    assert neyman_allocation(some, 80).tolist() == [50, 30]
    assert Neyman(random_share=0.2).probabilities(some, 100).min() >= 0.2 * 100 / 1000


@pytest.mark.parametrize("seed", range(20))
def test_allocations_are_whole_exact_and_within_the_sizes(seed):
    generator = np.random.default_rng(seed)
    size = generator.integers(0, 30, size=8)
    n = int(generator.integers(0, size.sum() + 5))
    found = allocate(generator.random(8), size, n)
    assert found.sum() == min(n, size.sum())
    assert np.all(found <= size)
    assert np.all(found >= 0)


def test_no_probability_is_above_one_however_unequal_the_weights():
    assert proportional(np.array([1e9, 1.0, 1.0, 1.0]), 3).tolist() == pytest.approx([1, 2 / 3, 2 / 3, 2 / 3])
    assert proportional(np.zeros(4), 2).tolist() == [0.5] * 4
    assert proportional(np.zeros(0), 2).tolist() == []
