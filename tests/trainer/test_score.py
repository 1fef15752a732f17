import json
import math

import pyarrow.parquet as pq
import pytest
from kto_trainer.score import auc, training_options


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([1, 2, 3, 4], [False, False, True, True], 1.0),
        ([4, 3, 2, 1], [False, False, True, True], 0.0),
        ([1, 1, 1], [True, False, True], 0.5),
        # pairs (desirable, undesirable): 2>1 yes, 2=2 half, 3>1 yes, 3>2 yes: 3.5 of 4
        ([2, 3, 1, 2], [True, True, False, False], 0.875),
        ([1, 2], [True, True], None),
    ],
)
def test_the_area_counts_pairs_and_halves_ties(scores, labels, expected):
    assert auc(scores, labels) == expected


def test_a_model_without_the_trainers_options_takes_the_defaults(tmp_path):
    assert training_options(str(tmp_path)).max_length == 1024


@pytest.mark.slow
@pytest.mark.xdist_group("trained")  # one worker makes the training that they share
def test_scores_hold_every_row_of_the_split_and_do_not_depend_on_the_batch_size(trained, make, tmp_path):
    data, out, _ = trained
    tables, summaries = [], []
    for size in (1, 16):
        path = tmp_path / f"{size}.parquet"
        model = ("--model", out / "checkpoint", "--reference", out / "reference")
        done = make.run("score", "--data", data, *model, "--output", path, "--batch-size", size, "--json")
        assert done.returncode == 0, done.stderr
        summaries.append(json.loads(done.stdout))
        tables.append(pq.read_table(path).to_pydict())
    one, other = tables
    assert list(one) == [
        "row_id",
        "sample_id",
        "prompt_id",
        "label",
        "logp",
        "ref_logp",
        "n_tokens",
        "reward",
    ]
    assert one["row_id"] == [f"log#{n:04d}" for n in range(400, 448)]
    for name in ("logp", "ref_logp", "reward"):
        assert other[name] == pytest.approx(one[name], abs=1e-3)
    for name in ("loss", "kl", "rewards/margins"):
        assert summaries[1][name] == pytest.approx(summaries[0][name], abs=1e-4)
    rewards = [0.1 * (a - b) for a, b in zip(one["logp"], one["ref_logp"], strict=True)]
    assert one["reward"] == pytest.approx(rewards, abs=1e-9)
    # 1 - sigmoid(reward - beta * z0) for desirable rows, and the same turned round for the others.
    kl = summaries[0]["kl"]
    signs = [1 if label else -1 for label in one["label"]]
    losses = [1 / (1 + math.exp(sign * (r - 0.1 * kl))) for sign, r in zip(signs, one["reward"], strict=True)]
    assert summaries[0]["loss"] == pytest.approx(sum(losses) / len(losses), abs=1e-6)
    assert kl >= 0
    assert summaries[0]["kl_pairs"] == 48
    assert summaries[0]["derangement_fallbacks"] == 0


@pytest.mark.slow
@pytest.mark.xdist_group("trained")  # one worker makes the training that they share
def test_a_reference_with_another_tokenizer_is_refused(trained, make, tmp_path, tiny):
    from kto_trainer.output import save_model

    save_model(tmp_path / "stranger", tiny[0].float(), tiny[1], {})
    arguments = ("--model", trained[1] / "checkpoint", "--reference", tmp_path / "stranger")
    done = make.run("score", "--data", trained[0], *arguments, "--output", tmp_path / "s.parquet")
    assert done.returncode == 2
    assert "it is not the model's reference" in done.stderr
    assert not (tmp_path / "s.parquet").exists()
