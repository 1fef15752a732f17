"""The dataset folder as everybody else reads it: `datasets.load_dataset` and TRL's own trainer."""

import pytest

from kto_data.dataset.export.export import ExportOptions, export_dataset
from kto_data.dataset.foreign.opened import open_dataset

pytestmark = pytest.mark.slow

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(
        datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache"
    )  # read from the environment only once
    return lambda folder: datasets.load_dataset(str(folder))


def test_load_dataset_needs_nothing_but_the_path(row, write, load):
    rows = [row(n, label=n % 2 == 0, split="test" if n < 2 else "train", p_desirable=0.5) for n in range(8)]
    folder, _ = write(rows, max_rows_per_shard=4)
    loaded = load(folder)
    assert {split: len(data) for split, data in loaded.items()} == {"train": 6, "test": 2}
    kinds = {name: getattr(kind, "dtype", None) for name, kind in loaded["train"].features.items()}
    assert (kinds["label"], kinds["weight"], kinds["p_desirable"], kinds["row_id"]) == (
        "bool",
        "float32",
        "float64",
        "string",
    )
    first = min(loaded["test"], key=lambda found: found["row_id"])
    assert first["prompt"] == [{"role": "user", "content": "question 0"}]
    assert first["completion"] == [{"role": "assistant", "content": "answer 0"}]
    assert first["label"] is True


def test_a_folder_of_one_split_loads_too(row, write, load):
    folder, _ = write([row(n, split="test") for n in range(3)], allow_empty_train=True)
    assert {split: len(data) for split, data in load(folder).items()} == {"test": 3}


@pytest.fixture
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE(unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<unk>", "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        ["question answer"],
        trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet),
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", pad_token="<|pad|>", eos_token="<|end|>"
    )
    made.chat_template = TEMPLATE
    return made


# TRL 1.16 itself uses names that transformers 5 has deprecated; nothing here does
@pytest.mark.filterwarnings(r"ignore:`\w*gradient_checkpointing\w*` is deprecated:FutureWarning")
def test_trl_trains_a_step_on_it_without_mapping(row, write, load, tokenizer, tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import KTOConfig, KTOTrainer

    folder, manifest = write([row(n, label=n % 2 == 0) for n in range(8)])
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, bos_token_id=None, **size)
    model = (
        tmp_path / "model"
    )  # a folder, because TRL loads its reference model from where the model came from
    LlamaForCausalLM(config).save_pretrained(model)
    settings = KTOConfig(
        output_dir=str(tmp_path / "checkpoint"),
        max_steps=1,
        per_device_train_batch_size=4,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        desirable_weight=manifest.weights.desirable_weight,
        undesirable_weight=manifest.weights.undesirable_weight,
    )
    trainer = KTOTrainer(
        model=str(model), args=settings, train_dataset=load(folder)["train"], processing_class=tokenizer
    )
    done = trainer.train()
    assert done.global_step == 1
    assert 0 < done.training_loss < 1


@pytest.mark.filterwarnings(r"ignore:`\w*gradient_checkpointing\w*` is deprecated:FutureWarning")
def test_trl_trains_a_step_on_an_export_with_the_settings_that_come_with_it(
    row, write, tokenizer, tmp_path, monkeypatch
):
    from datasets import load_dataset
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import KTOConfig, KTOTrainer, ModelConfig, ScriptArguments, TrlParser

    folder, _ = write([row(n, label=n % 4 > 0) for n in range(16)])
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, bos_token_id=None, **size)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    (tmp_path / "scratch").mkdir()
    opened = open_dataset(str(folder), tmp_path / "scratch")
    export_dataset(
        rows=opened.rows,
        selection=opened.selection,
        out=tmp_path / "out",
        name="x",
        stated=(1.0, 3.0),
        options=ExportOptions("trl", model=str(tmp_path / "model"), batch_rows=4),
    )
    monkeypatch.chdir(tmp_path / "out")
    parser = TrlParser((ScriptArguments, KTOConfig, ModelConfig))
    more = [
        "--use_cpu",
        "true",
        "--bf16",
        "false",
        "--max_steps",
        "1",
        "--save_strategy",
        "no",
        "--report_to",
        "none",
    ]
    script, settings, model = parser.parse_args_and_config(["--config", "kto.yaml", *more])
    assert (settings.desirable_weight, settings.undesirable_weight) == (1.0, 3.0)
    rows = load_dataset(script.dataset_name, cache_dir=str(tmp_path / "cache"))
    trainer = KTOTrainer(
        model=model.model_name_or_path,
        args=settings,
        train_dataset=rows[script.dataset_train_split],
        processing_class=tokenizer,
    )
    assert trainer.train().global_step == 1
