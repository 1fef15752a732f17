"""What scores come to, against cases worked out by hand."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.pipeline.evaluation.scores import judge_scores, over_control, read_scores


@pytest.fixture
def scores(tmp_path):
    def written(rewards, labels, *, logps=None, ref_logps=None, prompts=None):
        n = len(rewards)
        path = tmp_path / "scores.parquet"
        table = {
            "prompt_id": prompts or [f"p{i // 2}" for i in range(n)],
            "label": labels,
            "logp": logps or [-2.0] * n,
            "ref_logp": ref_logps or [-2.0] * n,
            "n_tokens": [2] * n,
            "reward": [float(one) for one in rewards],
        }
        pq.write_table(pa.table(table), path)
        return read_scores(path)

    return written


def test_the_reference_is_ranked_by_mean_log_probability_and_the_others_by_reward(scores):
    labels = [True, False] * 4
    trained = scores([1, 0] * 4, labels, ref_logps=[-4.0, -2.0] * 4)
    control = scores([0, 1] * 4, labels)
    found = judge_scores(trained, control, {"beta": 0.1, "kl": 0.0}, seed=0)
    assert found["trained"]["auc"]["estimate"] == 1.0
    assert found["trained"]["pair_accuracy"]["estimate"] == 1.0
    assert found["reference"]["auc"]["estimate"] == 0.0
    assert found["control"]["auc"]["estimate"] == 0.0
    assert over_control(found)["estimate"] == 1.0
    assert over_control({"trained": found["trained"]}) is None


def test_calibration_takes_the_reward_over_the_reference_point(scores):
    # reward 1 and z0 = 10 nats at beta 0.1: sigma(1 - 1) = 1/2, and half of the rows are desirable
    labels = [True, False] * 5
    found = judge_scores(scores([1] * 10, labels), None, {"beta": 0.1, "kl": 10.0}, seed=0)["calibration"]
    assert found["mean_stated"] == pytest.approx(0.5)
    assert found["brier"] == pytest.approx(0.25)
    assert sum(one["n"] for one in found["bins"]) == 10


def test_a_loss_without_reference_point_has_none(scores):
    found = judge_scores(scores([0] * 4, [True, False] * 2), None, {"beta": 0.1, "kl": None}, seed=0)
    assert found["calibration"]["mean_stated"] == pytest.approx(0.5)


def test_perplexity_is_that_of_desirable_rows_alone(scores):
    # two tokens a row: the reference gives each 1/e, the trained model 1/e^2; undesirable rows do not count
    found = judge_scores(
        scores([0] * 4, [True, False] * 2, logps=[-4.0, -99.0] * 2, ref_logps=[-2.0, -1.0] * 2),
        None,
        {"beta": 0.1, "kl": 0.0},
        seed=0,
    )["perplexity"]
    assert found["n"] == 2
    assert found["reference"] == pytest.approx(np.e)
    assert found["trained"] == pytest.approx(np.e**2)
    assert found["ratio"]["estimate"] == pytest.approx(np.e)
    undesirable = judge_scores(scores([0, 1], [False, False]), None, {"beta": 0.1, "kl": 0.0}, seed=0)
    assert undesirable["perplexity"] is None
