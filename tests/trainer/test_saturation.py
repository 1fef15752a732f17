import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from kto_trainer.dataset import read_split
from kto_trainer.saturation import SCHEMA, VANISHED, gradient_weights, saturation


def test_the_weight_is_the_losses_own_slope_as_a_share_of_its_largest():
    import torch
    from kto_trainer.losses.kto import kto_loss

    beta, z0 = 0.3, 2.0
    labels = torch.tensor([True, False, True, False])
    ratio = torch.tensor([-9.0, 9.0, 4.0, 2.0], dtype=torch.float64, requires_grad=True)
    losses = kto_loss(ratio, torch.zeros(4).double(), labels, torch.tensor(z0), beta=beta).losses_B
    (slope,) = torch.autograd.grad(losses.sum(), ratio)
    found = gradient_weights(beta * ratio.detach().numpy(), labels.numpy(), beta, z0)
    assert found == pytest.approx(slope.abs().numpy() / (beta / 4))
    assert gradient_weights(np.array([2000.0]), np.array([False]), 0.1, 0.0) == pytest.approx(0.0)


def test_rows_that_the_model_contradicts_are_listed_the_firmest_first(make, tmp_path):
    split = read_split(make.dataset(tmp_path / "data", [make.row(n, n < 3) for n in range(6)]), "train")
    rewards = np.array([5.0, -1.0, -7.0, -5.0, 8.0, 0.05])  # desirable: 0, 1, 2; z0 * beta is 0.1
    found = saturation(split, split.labels_N, rewards, 0.1, 1.0)
    assert found.table.schema == SCHEMA
    assert found.table.column("row_id").to_pylist() == ["log#0004", "log#0002", "log#0001"]
    assert found.table.column("label").to_pylist() == [False, True, True]
    assert found.table.column("saturated").to_pylist() == [True, True, False]
    assert found.table.column("gradient_weight").to_pylist()[1] < VANISHED
    assert found.counts == {"against_label": 3, "saturated": {"desirable": 1, "undesirable": 1}}


@pytest.mark.slow
def test_mislabelled_rows_come_first_in_the_list_of_a_real_training(make, tmp_path):
    rows = make.polite_rows(160)
    wrong = [rows[number] for number in (10, 51, 92, 133)]
    for row in wrong:
        row["label"] = not row["label"]
    data = make.dataset(tmp_path / "data", rows)
    options = ("--epochs", 4, "--learning-rate", 3e-3, *make.fast)
    done = make.run("train", "--data", data, "--output", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    found = pq.read_table(tmp_path / "out" / "saturation.parquet").to_pylist()
    assert {row["row_id"] for row in wrong} <= {row["row_id"] for row in found[:8]}
    counts = json.loads((tmp_path / "out" / "training.json").read_text())["saturation"]
    assert counts["against_label"] == len(found)
    control = make.run("train", "--data", data, "--output", tmp_path / "no", *options, "--no-saturation")
    assert control.returncode == 0
    assert not (tmp_path / "no" / "saturation.parquet").exists()
