"""`model: tiny`: a small causal language model from random weights, with a tokenizer trained on the run's own texts.

For quickstarts, tests and real small problems: no download, and a whole run in seconds on a CPU.
"""

from collections.abc import Iterable
from typing import Any

import torch

from kto_trainer.dataset import Row, Text
from kto_trainer.errors import TrainerError
from kto_trainer.options import TinyOptions

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
PAD = "<|endoftext|>"
EOS = "<|im_end|>"
MAX_POSITIONS = 32768  # rotary positions need no table; this only bounds generation


def build_tokenizer(rows: Iterable[Row], vocab_size: int) -> Any:
    """A byte-level BPE tokenizer with a ChatML template, trained on the rows' texts and nothing else.

    Any text can be encoded (all 256 bytes are tokens). `<|im_end|>` ends a turn and a completion.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[PAD, "<|im_start|>", EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(rows), trainer)
    make: Any = PreTrainedTokenizerFast  # transformers publishes no types for it
    return make(tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS, chat_template=CHATML)


def build_model(options: TinyOptions, tokenizer: Any, generator: torch.Generator) -> Any:
    """A Llama-architecture model with tied embeddings and no dropout, its weights drawn from `generator`.

    Weights are normal with standard deviation 0.02 (embeddings) or 1/sqrt(inputs); norms start at 1.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    if options.hidden_size % (2 * options.heads):
        raise TrainerError(
            f"tiny.hidden_size {options.hidden_size} must be an even multiple of tiny.heads {options.heads}"
        )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.hidden_size,
        intermediate_size=options.intermediate_size,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        num_key_value_heads=options.heads,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    embedding = model.get_input_embeddings().weight
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter is embedding:
                parameter.normal_(0.0, 0.02, generator=generator)
            elif parameter.dim() > 1:
                parameter.normal_(0.0, parameter.shape[1] ** -0.5, generator=generator)
            else:
                parameter.fill_(1.0)
    return model


def _texts(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        yield from _contents(row.prompt)
        yield from _contents(row.completion)


def _contents(text: Text) -> Iterable[str]:
    return [text] if isinstance(text, str) else [message.get("content") or "" for message in text]
