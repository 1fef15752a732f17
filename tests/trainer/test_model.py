import json

import pytest
import torch
from kto_trainer.errors import TrainerError, UnavailableError
from kto_trainer.model import load, machine, set_template
from kto_trainer.options import RunOptions
from kto_trainer.output import save_model


@pytest.fixture
def saved(tiny, tmp_path):
    save_model(tmp_path / "model", tiny[0].float(), tiny[1], {})
    return tmp_path / "model"


def test_a_saved_model_loads_with_its_tokenizer_and_template(saved, tiny):
    model, tokenizer = load(str(saved), None)
    assert tokenizer.chat_template == tiny[1].chat_template
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), tiny[0].parameters(), strict=True))


@pytest.mark.parametrize("name", ["./no/such/folder", "/nowhere", "a/b/c"])
def test_an_absent_folder_is_unavailable(name):
    with pytest.raises(UnavailableError, match=r"no model folder there") as caught:
        load(name, None)
    assert caught.value.exit_code == 3


def test_weights_that_are_not_safetensors_are_not_loaded(saved):
    torch.save({}, saved / "pytorch_model.bin")
    (saved / "model.safetensors").unlink()
    with pytest.raises(UnavailableError, match="safetensors"):
        load(str(saved), None)


def test_a_tokenizer_that_is_larger_than_the_model_is_refused(saved, tiny):
    tiny[1].add_tokens(["<one>", "<two>"])
    tiny[1].save_pretrained(saved)
    with pytest.raises(TrainerError, match="the tokenizer has 322 tokens but the model only 320 embeddings"):
        load(str(saved), None)


def test_a_tokenizer_without_eos_is_refused(saved):
    path = saved / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token": None}))
    with pytest.raises(TrainerError, match="names no EOS token"):
        load(str(saved), None)


def test_code_that_comes_with_a_model_is_never_run(saved, tmp_path):
    ran = tmp_path / "ran"
    (saved / "evil.py").write_text(f"open({str(ran)!r}, 'w').write('x')\n")
    path = saved / "config.json"
    hook = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | hook))
    with pytest.raises(UnavailableError):
        load(str(saved), None)
    assert not ran.exists()


def test_a_template_can_be_given_by_name_or_file(tiny, tmp_path):
    tokenizer = tiny[1]
    (tmp_path / "t.jinja").write_text("{{ messages[0].content }}")
    set_template(tokenizer, str(tmp_path / "t.jinja"))
    assert tokenizer.chat_template == "{{ messages[0].content }}"
    set_template(tokenizer, "chatml")
    assert "<|im_start|>" in tokenizer.chat_template
    with pytest.raises(TrainerError, match="cannot be read"):
        set_template(tokenizer, str(tmp_path / "absent.jinja"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_cuda_device_that_is_not_there_is_unavailable():
    with pytest.raises(UnavailableError, match="torch sees no CUDA device"):
        machine(RunOptions(device="cuda"))
    assert machine(RunOptions(dtype="bfloat16")).dtype is torch.bfloat16
    assert machine(RunOptions()).dtype is torch.float32


def test_a_model_with_broken_weights_is_refused_by_name(saved, tiny):
    with torch.no_grad():
        tiny[0].model.norm.weight[3] = float("nan")
    save_model(saved, tiny[0].float(), tiny[1], {})
    with pytest.raises(TrainerError, match=r"1 weights hold NaN or infinity \(model\.norm\.weight"):
        load(str(saved), None)
