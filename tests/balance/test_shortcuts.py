"""The shortcut audit."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.balance.shortcuts import audit_shortcuts
from kto_data.schema import VOTES, rule_votes_schema

WORDS = [
    "the",
    "router",
    "light",
    "window",
    "table",
    "river",
    "garden",
    "paper",
    "music",
    "winter",
    "bread",
    "story",
]


def answer(random, n_words):
    return " ".join(random.choice(WORDS, size=n_words))


@pytest.fixture
def audit(write_selection, tmp_path):
    """Audit rows given as (prompt, label, completion, model)."""

    def run(entries, **more):
        files = write_selection(
            *[
                (prompt, label, {"completion": completion, "model": model})
                for prompt, label, completion, model in entries
            ]
        )
        return audit_shortcuts(**files, seed=3, **more)

    return run


def made(n, length_of, model_of=lambda label: None, prompt_of=lambda label, n: f"p{n // 2}"):
    random = np.random.default_rng(5)
    for number in range(n):
        label = bool(random.random() < 0.5)
        yield prompt_of(label, number), label, answer(random, length_of(label, random)), model_of(label)


def test_labels_that_follow_nothing_have_no_shortcut(audit):
    found = audit(made(600, lambda label, random: random.integers(10, 40)))
    assert 0.35 < found.surface.estimate < 0.62
    assert found.prompt.estimate < 0.62
    assert abs(found.length_gap) < 0.3
    assert found.warnings == ()


def test_long_answers_that_are_always_desirable_are_found(audit):
    found = audit(
        made(400, lambda label, random: random.integers(30, 60) if label else random.integers(5, 28))
    )
    assert found.surface.lower > 0.95
    assert found.length == 1.0
    assert found.length_gap > 2
    assert {feature.name for feature in found.features[:3]} & {"words", "chars"}
    assert found.mean_chars[0] > found.mean_chars[1]
    assert any(sentence.startswith("Surface features alone") for sentence in found.warnings)
    assert any(sentence.startswith("Desirable completions are longer") for sentence in found.warnings)


def test_prompts_that_foretell_the_label_are_found(audit):
    def prompt_of(label, number):
        return f"{'weather in the mountains' if label else 'refund for my order'} number {number}"

    found = audit(made(400, lambda label, random: 20, prompt_of=prompt_of))
    assert found.prompt.lower > 0.95
    assert any(sentence.startswith("The prompt alone") for sentence in found.warnings)


def test_a_prompt_is_never_on_both_sides_of_a_fold(audit):
    # each prompt has one label, and nothing else foretells it: a model that had seen the prompt would know
    random = np.random.default_rng(1)
    side = random.random(80) < 0.5
    entries = [
        (f"{WORDS[n % 12]} {n}", bool(side[n]), answer(random, 20), None) for n in range(80) for _ in range(5)
    ]
    assert audit(entries).prompt.estimate < 0.75


def test_classes_from_different_models_are_called_off_policy(audit):
    found = audit(made(300, lambda label, random: 20, model_of=lambda label: "new" if label else "old"))
    assert any(
        "come from different models" in sentence and "new has 100%" in sentence for sentence in found.warnings
    )
    assert any(feature.name == "model: new" for feature in found.features)


def test_the_labeler_whose_votes_go_with_a_feature_is_named(audit, tmp_path):
    entries = list(
        made(300, lambda label, random: random.integers(30, 60) if label else random.integers(5, 28))
    )
    ids = [f"r{n}" for n in range(300)]
    short = [-1 if len(entry[2]) < 150 else 0 for entry in entries]
    coin = np.random.default_rng(2).integers(-1, 2, 300).astype(np.int8)
    rules = pa.table(
        [ids, ids, pa.array(short, pa.int8()), pa.array(coin)],
        schema=rule_votes_schema(["too-short", "coin"]),
    )
    pq.write_table(rules, tmp_path / "rules.parquet")
    long_votes = [
        {"sample_id": f"r{n}", "labeler": "judge", "version": "1", "vote": 1 if entry[1] else -1}
        for n, entry in enumerate(entries)
    ]
    pq.write_table(pa.Table.from_pylist(long_votes, schema=VOTES), tmp_path / "votes.parquet")
    found = audit(entries, rule_blocks=[tmp_path / "rules.parquet"], vote_blocks=[tmp_path / "votes.parquet"])
    [words] = [feature for feature in found.features if feature.name == "words"]
    assert {cause.labeler for cause in words.causes} == {"too-short", "judge"}
    assert all(0.1 < cause.correlation <= 1 for cause in words.causes)


@pytest.mark.parametrize("n", [0, 1, 10])
def test_few_rows_are_not_judged(audit, n):
    found = audit([(f"p{i}", i % 2 == 0, "text", None) for i in range(n)])
    assert (found.n_rows, found.surface, found.prompt, found.features) == (n, None, None, ())


def test_lengths_that_hardly_vary_make_no_gap(audit):
    found = audit([(f"p{i}", i % 4 != 0, f"answer {i:02}" + "." * (i % 4 == 0), None) for i in range(80)])
    assert -2.5 < found.length_gap < 0
