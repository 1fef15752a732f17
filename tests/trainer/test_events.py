import sys

import pytest
from kto_trainer.errors import UnavailableError
from kto_trainer.events import TensorBoard


def entry(stage, step, **figures):
    return {"stage": stage, "step": step, "steps": 3, "epoch": 1} | figures


def test_every_figure_of_every_step_is_an_event(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path, [])
    for step in (1, 2, 3):
        board.write(entry("sft", step, loss=1.0 / step))
    board.write(entry("kto", 1, loss=0.5, **{"rewards/chosen": None}))
    board.close()
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert found.Tags()["scalars"] == ["sft/loss", "kto/loss"]
    assert [(event.step, event.value) for event in found.Scalars("kto/loss")] == [(4, 0.5)]


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UnavailableError, match="pip install"):
        TensorBoard(tmp_path, [])
