"""What a tokenizer and a length do to rows."""

import pytest

from kto_data.dataset.check.audit import CheckOptions
from kto_data.errors import InputError

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def tokenizer(tmp_path):
    """Save a tokenizer that makes a token of each word, with BOS in front; return its folder."""

    def make(template=CHATML, eos="<|im_end|>"):
        from tokenizers import Tokenizer, models, pre_tokenizers, processors

        words = {word: n for n, word in enumerate(["[UNK]", "<s>", "<|im_start|>", "<|im_end|>", "</s>"])}
        known = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
        known.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        known.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=known, bos_token="<s>", eos_token=eos, unk_token="[UNK]",
            additional_special_tokens=["<|im_start|>", "<|im_end|>", "</s>"],
        )  # fmt: skip
        fast.chat_template = template
        fast.save_pretrained(tmp_path / "tokenizer")
        return tmp_path / "tokenizer"

    return make


def chat(number, label, words=5, prompt_words=3):
    return {
        "prompt": [{"role": "user", "content": " ".join(["ask"] * prompt_words)}],
        "completion": [{"role": "assistant", "content": f"{number} " + " ".join(["say"] * words)}],
        "label": label,
    }


def options(folder, max_length=64):
    return CheckOptions(tokenizer=folder, max_length=max_length, shortcuts=False)


def test_rows_that_fit_are_fine(findings, tokenizer):
    found = findings(options(tokenizer()), train=[chat(n, n % 2 == 0) for n in range(40)])
    assert not found.keys() & {"truncated_completions", "prompts_fill_length", "missing_eos", "double_bos"}


def test_one_label_cut_more_than_the_other_is_an_error(findings, tokenizer):
    rows = [chat(n, n % 2 == 0, words=100 if n % 4 == 0 else 5) for n in range(40)]
    found = findings(options(tokenizer()), train=rows)["truncated_completions"]
    assert found.severity == "error"
    assert (found.figures["desirable"], found.figures["undesirable"]) == (0.5, 0.0)


def test_prompts_that_fill_the_length_are_found(findings, tokenizer):
    rows = [chat(n, n % 2 == 0, prompt_words=100 if n == 0 else 3) for n in range(40)]
    assert findings(options(tokenizer()), train=rows)["prompts_fill_length"].examples == ("train.jsonl:1",)


def test_a_template_that_does_not_write_the_eos_is_an_error(findings, tokenizer):
    found = findings(options(tokenizer(eos="</s>")), train=[chat(n, n % 2 == 0) for n in range(40)])
    assert found["missing_eos"].figures["share"] == 1.0


def test_bos_in_the_text_is_doubled(findings, tokenizer):
    rows = [{"prompt": f"<s> ask {n}", "completion": "say", "label": n % 2 == 0} for n in range(40)]
    found = findings(options(tokenizer(eos="</s>")), train=rows)
    assert found["double_bos"].figures["share"] == 1.0
    assert "missing_eos" not in found  # TRL appends it to plain texts


def test_chats_need_a_chat_template(findings, tokenizer):
    with pytest.raises(InputError, match="no chat template"):
        findings(options(tokenizer(template=None)), train=[chat(0, True), chat(1, False)])


def test_a_folder_that_is_missing_is_refused(findings, tmp_path, make):
    with pytest.raises(InputError, match="no such folder"):
        findings(options(tmp_path / "gone"), train=[make(0, True), make(1, False)])
