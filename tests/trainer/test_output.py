import json

import pytest
from kto_trainer.errors import TrainerError
from kto_trainer.output import StepLog, check_output, prepare_output, save_model, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_training_is_not_overwritten_unless_asked(tmp_path):
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(TrainerError, match=r"holds a finished training.*--overwrite"):
        check_output(tmp_path, overwrite=False)
    check_output(tmp_path, overwrite=True)
    prepare_output(tmp_path)
    assert names(tmp_path) == []


def test_what_a_killed_run_left_is_cleared_and_other_files_stay(tmp_path):
    (tmp_path / "reference").mkdir()
    (tmp_path / "checkpoint.partial").mkdir()
    (tmp_path / "log.jsonl.partial").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    prepare_output(tmp_path)
    assert names(tmp_path) == ["notes.txt"]


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainerError, match="is a file"):
        check_output(tmp_path / "file", overwrite=True)


def test_the_log_has_its_name_only_when_it_is_finished(tmp_path):
    with StepLog(tmp_path / "log.jsonl") as log:
        log.write({"step": 1})
        assert names(tmp_path) == ["log.jsonl.partial"]
        log.finish()
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {"step": 1}


def test_json_that_no_other_program_could_read_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not (tmp_path / "x.json").exists()


def test_a_model_is_saved_with_the_options_it_was_trained_with(tiny, tmp_path):
    save_model(tmp_path / "out" / "checkpoint", tiny[0], tiny[1], {"beta": 0.2})
    assert names(tmp_path / "out") == ["checkpoint"]
    assert json.loads((tmp_path / "out" / "checkpoint" / "kto_options.json").read_text()) == {"beta": 0.2}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(
        names(tmp_path / "out" / "checkpoint")
    )


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_nothing_that_looks_whole(make, tmp_path):
    import resource

    data, out = make.dataset(tmp_path / "data", make.polite_rows(16)), tmp_path / "out"

    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = make.run("train", "--data", data, "--output", out, *make.fast, preexec_fn=small_files_only)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr
    assert not {"checkpoint", "reference", "training.json", "log.jsonl"} & set(names(out))
