import pytest
import torch
from kto_trainer.errors import TrainerError
from kto_trainer.figures import Figures
from kto_trainer.options import TrainOptions


def collect(n_steps, every, measured):
    entries = []
    figures = Figures("kto", n_steps, TrainOptions(log_every=every), entries.append)
    seen = []
    for figure in measured:
        figures.add({"lr": 0.1}, figure, 0.0)
        seen.append(len(entries))
    figures.flush()
    return entries, seen


def figure(loss, margin=0.0):
    return {
        "loss": torch.tensor(loss),
        "rewards/margins": torch.tensor(margin),
        "grad_norm": torch.tensor(1.0),
    }


def test_steps_are_handed_on_in_groups_and_none_is_lost():
    entries, seen = collect(5, 2, [figure(0.1 * n) for n in range(5)])
    assert seen == [0, 2, 2, 4, 4]
    assert [entry["step"] for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[3]["loss"] == pytest.approx(0.3)
    assert {"stage", "step", "steps", "lr", "seconds"} <= set(entries[0])


def test_a_figure_of_a_class_that_a_batch_lacks_is_none():
    entries, _ = collect(1, 1, [figure(0.5, float("nan"))])
    assert entries[0]["rewards/margins"] is None


@pytest.mark.parametrize(
    ("name", "words"), [("loss", "the loss is not"), ("grad_norm", "the gradients are not")]
)
def test_a_loss_or_gradient_that_is_not_finite_stops_the_run(name, words):
    with pytest.raises(TrainerError, match=f"kto step 1: {words} finite.*lower the learning rate"):
        collect(1, 1, [figure(0.5) | {name: torch.tensor(float("nan"))}])
