"""Tiny models of random weights."""

import pytest


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a causal model, a reward model and a classifier of two labels, with one tokenizer."""
    pytest.importorskip("torch")
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        LlamaForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("models")
    words = [
        "<unk>",
        "<pad>",
        "<eos>",
        "Yes",
        "No",
        "yes",
        "no",
        "good",
        "bad",
        "text",
        "the",
        "a",
        "is",
        "user",
        "assistant",
        "system",
    ]
    core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>"
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}assistant {% endif %}"
    sizes = {"vocab_size": len(words), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    sizes |= {"num_attention_heads": 2, "max_position_embeddings": 400, "eos_token_id": 2, "pad_token_id": 1}
    torch.manual_seed(0)
    made = {
        "causal": LlamaForCausalLM(LlamaConfig(**sizes)),
        "reward": LlamaForSequenceClassification(LlamaConfig(**sizes, num_labels=1)),
        "classes": LlamaForSequenceClassification(LlamaConfig(**sizes, id2label={0: "bad", 1: "good"})),
    }
    for name, model in made.items():
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder
