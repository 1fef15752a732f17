"""The cases computed with TRL 1.16 and HALOs, in the folder `shared` beside the project or where KTO_SHARED says."""

import json
import os
from pathlib import Path

import pytest
import torch
from kto_trainer.losses import LOSSES
from kto_trainer.losses.kto import reference_point
from kto_trainer.objective import Objective, Reference
from kto_trainer.options import TrainOptions


def t(*values):
    return torch.tensor(values, dtype=torch.float64)


def reference_cases(key):
    beside = Path(__file__).resolve().parents[2].parent / "shared"
    path = Path(os.environ.get("KTO_SHARED", beside)) / "reference" / "kto_reference_cases.json"
    if not path.is_file():
        reason = (
            "no shared/reference/kto_reference_cases.json beside the project; KTO_SHARED can name the folder"
        )
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="absent")]
    return [pytest.param(case, id=case["name"]) for case in json.loads(path.read_text())[key]]


def objective_of(case, loss_type):
    return Objective(loss_type, case["beta"], case["w_d"], case["w_u"], *case.get("humanline", ()))


def z0_of(objective, case):
    """The reference point of a case; a second rank's pairs enter as ratios: ours is the mean over all pairs."""
    if not objective.needs_pairs:
        return t(0.0)[0]
    own = t(*case["policy_kl_logps"]) - t(*case["ref_kl_logps"])
    other = [ratio for rank in case.get("other_rank_kl_ratios") or [] for ratio in rank]
    ratios = torch.cat([own, t(*other)])
    return reference_point(ratios, torch.zeros_like(ratios))


@pytest.mark.parametrize("case", reference_cases("cases"))
def test_the_cases_computed_with_trl_agree(case):
    objective = objective_of(case, case["loss_type"])
    policy = t(*case["policy_logps"]).requires_grad_()
    n = len(case["labels"])
    ratios = objective.ratios(policy, [1] * n, Reference(t(*case["ref_logps"])))
    z0 = z0_of(objective, case)
    result = objective.losses(ratios, torch.tensor(case["labels"]), torch.ones(n, dtype=torch.float64), z0)
    loss = result.losses_B.mean()
    loss.backward()
    # TRL takes the mean of the ranks' means; HALOs the exact mean, as we do.
    if case["name"] == "two_ranks_uneven":
        assert z0.item() == pytest.approx(case["halos"]["kl"], abs=1e-12)
        assert result.losses_B.tolist() == pytest.approx(case["halos"]["losses"], abs=1e-12)
        return
    trl = case["trl"]
    assert z0.item() == pytest.approx(trl["kl"], abs=1e-12)
    assert result.losses_B.tolist() == pytest.approx(trl["losses"], abs=1e-12)
    assert loss.item() == pytest.approx(trl["loss"], abs=1e-12)
    assert result.rewards_B.tolist() == pytest.approx(trl["rewards"], abs=1e-12)
    assert policy.grad.tolist() == pytest.approx(trl["grad_policy_logps"], abs=1e-12)


@pytest.mark.parametrize("case", reference_cases("humanline_cases"))
def test_the_humanline_cases_of_halos_agree(case):
    objective = objective_of(case, "humanline")

    def ratios(policy, ref):
        reference = Reference(torch.empty(0), [t(*row) for row in ref])
        return objective.ratios(
            t(*[x for row in policy for x in row]), [len(row) for row in policy], reference
        )

    kl = ratios(case["policy_kl_logps"], case["ref_kl_logps"])
    halos = case["halos"]
    # HALOs divides by the pairs whose ratio is not 0; ours is the mean over all: 2 / 2 in place of 2 / 1.
    n_not_zero = max(1, int((kl != 0).sum()))
    assert (kl.sum() / n_not_zero).clamp(min=0).item() == pytest.approx(halos["kl"], abs=1e-12)
    own = ratios(case["policy_logps"], case["ref_logps"])
    assert own.tolist() == pytest.approx(halos["rewards_unscaled"], abs=1e-12)
    z0 = t(halos["kl"])[0]
    found = objective.losses(own, torch.tensor(case["labels"]), torch.ones(2, dtype=torch.float64), z0)
    assert found.losses_B.tolist() == pytest.approx(halos["losses"], abs=1e-12)


def test_every_loss_is_an_option_and_every_option_a_loss():
    names = TrainOptions.model_fields["loss_type"].annotation.__args__
    assert sorted(names) == sorted(LOSSES)
