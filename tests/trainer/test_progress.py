from kto_trainer import progress
from kto_trainer.progress import Progress


def entry(step, **more):
    return {"stage": "kto", "step": step, "steps": 4, "loss": 0.5, "seconds": 60.0} | more


def test_without_a_terminal_the_first_and_last_step_and_evaluations_are_said(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 1e9)
    said = []
    shown = Progress(said.append)
    for step in (1, 2, 3, 4):
        shown.step(entry(step, **({"eval/auc": 0.75} if step == 3 else {})))
    assert said == ["kto 1/4 loss 0.500", "kto 3/4 loss 0.500 held-out AUC 0.750", "kto 4/4 loss 0.500"]


def test_on_a_terminal_a_bar_moves_and_the_last_step_is_said():
    said, drawn = [], []
    shown = Progress(said.append, drawn.append)
    for step in (1, 2, 4):
        shown.step(entry(step))
    assert drawn[0].startswith("[======                  ] kto 1/4")
    assert drawn[1] == "[============            ] kto 2/4 loss 0.500 2 min left"
    assert said == ["kto 4/4 loss 0.500"]
