import pytest
import torch
from kto_trainer.errors import TrainerError
from kto_trainer.figures import Figures, Final
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


def test_rows_whose_figures_are_not_finite_are_named():
    figures = Figures(
        "kto", 1, TrainOptions(), print, name_rows=lambda rows: ", ".join(f"log#{row}" for row in rows)
    )
    rewards = torch.tensor([0.0, float("nan"), 1.0])
    broken = figure(float("nan"))
    with pytest.raises(TrainerError, match=r"at the rows log#8\); lower"):
        figures.add({}, broken, 0.0, [7, 8, 9], rewards)
    with pytest.raises(TrainerError, match=r"the batch's rows log#7, log#8\); lower"):
        figures.add({}, figure(0.5) | {"grad_norm": torch.tensor(float("inf"))}, 0.0, [7, 8], torch.zeros(2))


def test_speed_and_memory_are_told():
    entries = []
    figures = Figures("kto", 2, TrainOptions(log_every=2), entries.append)
    for _ in range(2):
        figures.add({"tokens": 100}, figure(0.5), 0.0)
    assert entries[0]["tokens_per_s"] == entries[1]["tokens_per_s"] > 0
    assert entries[0]["memory_bytes"] > 1_000_000


def test_the_final_figures_are_those_of_the_last_steps_that_were_made():
    final = Final()
    for step in range(1, 31):  # of 40: it was stopped early
        entry = dict.fromkeys(("kl", "rewards/chosen", "rewards/rejected", "rewards/margins"))
        final.add(entry | {"stage": "kto", "step": step, "steps": 40, "loss": float(step)})
    assert final.means()["loss"] == pytest.approx(28.5)  # of 27, 28, 29 and 30
    assert final.means()["kl"] is None
