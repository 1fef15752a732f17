"""Clusters of prompts."""

from kto_data.balance.clusters import PromptClusters

PROMPTS = [f"How do I bake bread with {n} loaves of flour" for n in "abcdefgh" * 10] + [
    f"Which train leaves for the station at {n}" for n in "abcdefgh" * 10
]


def test_prompts_about_different_things_fall_into_clusters_named_by_their_words():
    clusters = PromptClusters.of(PROMPTS, seed=7)
    bread, train = set(clusters.names_of(PROMPTS[:80])), set(clusters.names_of(PROMPTS[80:]))
    assert not bread & train
    assert all("bread" in name or "flour" in name for name in bread)
    assert clusters.names_of(["Is this train late at the station?"])[0] in train


def test_the_same_prompts_give_the_same_clusters():
    assert PromptClusters.of(PROMPTS, seed=7).names == PromptClusters.of(PROMPTS, seed=7).names


def test_few_prompts_or_prompts_without_words_are_one_cluster():
    for prompts in ([], ["one"] * 20, ["1"] * 500, ["the"] * 500):
        assert PromptClusters.of(prompts, seed=7).names_of(["anything", ""]) == ["all", "all"]
