"""The trainer as a subprocess: how it ends becomes our error."""

import json

import psutil
import pytest

from kto_data.errors import InputError, UnavailableError
from kto_data.pipeline.trainer import call_trainer, write_config

MIXED = [(f"question {i}", f"{'please' if i % 2 else 'rude'} {i}") for i in range(40)]


@pytest.fixture
def dataset(work):
    work.log(*MIXED)
    return work.run().folder / "dataset"


def trainers():
    """The trainers that this process started and that have not ended."""
    children = psutil.Process().children()
    return [
        child
        for child in children
        if child.status() != psutil.STATUS_ZOMBIE and "kto_trainer" in child.cmdline()
    ]


def test_options_are_written_as_json(tmp_path):
    path = write_config(tmp_path / "train.json", {"epochs": 2, "model": "tiny", "sft": {"epochs": None}})
    assert json.loads(path.read_text()) == {"epochs": 2, "model": "tiny", "sft": {"epochs": None}}


@pytest.mark.slow
def test_a_refusal_of_the_trainer_is_told_in_its_own_words(tmp_path):
    said = []
    with pytest.raises(InputError, match="gone") as caught:
        call_trainer("train", ["--data", tmp_path / "gone", "--output", tmp_path / "out"], said.append)
    assert not str(caught.value).startswith("error:")
    assert not [line for line in said if "gone" in line]  # else it would be told twice
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_every_wrong_option_is_told(tmp_path, dataset):
    config = write_config(tmp_path / "c.json", {"epochs": 0, "modle": "tiny"})
    with pytest.raises(InputError) as caught:
        call_trainer(
            "train", ["--data", dataset, "--output", tmp_path / "out", "--config", config], lambda text: None
        )
    assert "epochs" in str(caught.value)
    assert "did you mean model?" in str(caught.value)


@pytest.mark.slow
def test_a_model_that_is_not_there_is_unavailable(tmp_path, dataset):
    with pytest.raises(UnavailableError, match="no model folder there"):
        call_trainer(
            "train",
            ["--data", dataset, "--output", tmp_path / "out", "--model", tmp_path / "gone"],
            lambda text: None,
        )


@pytest.mark.slow
def test_a_wrong_option_is_told_in_the_trainers_words(tmp_path):
    with pytest.raises(InputError, match=r"^unrecognized arguments: --nope$"):
        call_trainer("train", ["--data", tmp_path, "--output", tmp_path / "out", "--nope"], lambda text: None)


@pytest.mark.slow
def test_a_killed_training_names_the_signal(tmp_path, dataset):
    def kill(text):
        for trainer in trainers():
            trainer.kill()

    with pytest.raises(
        UnavailableError, match=r"the trainer \(train\) was ended by SIGKILL \(often: out of memory"
    ):
        call_trainer("train", ["--data", dataset, "--output", tmp_path / "out"], kill)


@pytest.mark.slow
def test_an_interrupt_ends_the_trainer_too(tmp_path, dataset):
    def interrupt(text):
        assert len(trainers()) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_trainer("train", ["--data", dataset, "--output", tmp_path / "out"], interrupt)
    assert trainers() == []
