import json
import subprocess
import sys

import pytest
from kto_trainer.cli import main


def test_a_wrong_argument_exits_with_2(capsys):
    for wrong in (["train"], ["bake"], ["train", "--data", "d", "--output", "o", "--epoch", "1"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2


def one_class(make, folder):
    return make.dataset(folder, [make.row(n, True) for n in range(4)])


def four(make, folder):
    return make.dataset(folder, make.polite_rows(4))


def finished(make, folder):
    (folder.parent / "out").mkdir()
    (folder.parent / "out" / "training.json").write_text("{}")
    return four(make, folder)


def changed(make, folder):
    path = four(make, folder) / "train-00000.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    return folder


@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "message"),
    [
        (lambda make, folder: folder / "absent", (), 2, "no such dataset folder"),
        (one_class, (), 2, "aggregate.when_no_evidence"),
        (changed, (), 2, "sha256 differs"),
        (finished, (), 2, "--overwrite"),
        (
            lambda make, folder: make.dataset(folder, make.polite_rows(4), shards=[]),
            (),
            2,
            "'train' is empty",
        ),
        (
            lambda make, folder: make.dataset(folder, make.polite_rows(4), schema_version=9),
            (),
            2,
            "schema_version is 9",
        ),
        (four, ("--beta", "0"), 2, "--beta: '0'"),
        (four, ("--tiny-heads", "5"), 2, "tiny.heads 5"),
        (four, ("--model", "./absent"), 3, "no model folder"),
        (four, ("--config", "absent.yaml"), 2, "cannot be read"),
    ],
)
def test_bad_input_gives_a_message_and_an_exit_code(make, tmp_path, capsys, spoil, arguments, code, message):
    data = spoil(make, tmp_path / "data")
    assert main(["train", "--data", str(data), "--output", str(tmp_path / "out"), *arguments]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert not (tmp_path / "out" / "checkpoint").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "message"),
    [
        (one_class, (), 2, "aggregate.when_no_evidence"),
        (four, ("--model", "no/hub-id"), 3, "the hub reachable"),
    ],
)
def test_a_process_that_refuses_shows_no_traceback(make, tmp_path, spoil, arguments, code, message):
    done = make.run(
        "train", "--data", spoil(make, tmp_path / "data"), "--output", tmp_path / "out", *arguments
    )
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_chat_prompts_and_a_model_without_template_name_the_remedy(make, tmp_path, tiny):
    from kto_trainer.output import save_model

    tiny[1].chat_template = None
    save_model(tmp_path / "model", tiny[0].float(), tiny[1], {})
    data = make.dataset(tmp_path / "data", make.polite_rows(8))
    arguments = ("train", "--data", data, "--output", tmp_path / "out", "--model", tmp_path / "model")
    refused = make.run(*arguments)
    assert refused.returncode == 2
    assert "chat_template: chatml" in refused.stderr
    assert "Traceback" not in refused.stderr
    accepted = make.run(*arguments, "--chat-template", "chatml", "--json")
    assert accepted.returncode == 0, accepted.stderr
    result = json.loads(accepted.stdout)
    assert result["steps"] == {"sft": 0, "kto": 1}
    assert result["options"]["learning_rate"] == 5e-6


LITTLE_MEMORY = """
import resource, sys
import scipy.optimize, tokenizers
from transformers import LlamaForCausalLM
import kto_trainer.loop
from kto_trainer.cli import main
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (500 << 20),) * 2)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_model_that_is_too_large_for_the_memory_ends_with_a_remedy(make, tmp_path):
    data = make.dataset(tmp_path / "data", make.polite_rows(8))
    size = ("--tiny-hidden-size", "2048", "--tiny-intermediate-size", "8192", "--tiny-layers", "12")
    arguments = ("train", "--data", data, "--output", tmp_path / "out", *size)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LITTLE_MEMORY, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 3, done.stderr
    assert "out of memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "checkpoint").exists()
