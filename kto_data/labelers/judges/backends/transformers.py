"""A language model on this machine, through Hugging Face's transformers."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import xxhash

from kto_data.labelers.judges.backends.backend import BACKENDS
from kto_data.labelers.judges.backends.local_chat import LocalModel, batch_of
from kto_data.labelers.judges.question import Answer, Question
from kto_data.labelers.rules.local_models import Loaded

_MAX_TOKENS = 512


@BACKENDS.register("transformers")
class Transformers(LocalModel):
    """A causal language model: texts by generation, or the probability of words as the next token.

    Of the parameters it knows `max_tokens`, `temperature` and `top_p`; temperature 0 takes the likeliest token.
    """

    gives_words: ClassVar[bool] = True

    def answer(self, model: str, questions: Sequence[Question]) -> list[Answer]:
        """Return the answers to questions that are asked in the same way; others are asked apart."""
        loaded = self.loaded("AutoModelForCausalLM", model)
        groups: dict[str, list[int]] = {}
        for number, question in enumerate(questions):
            groups.setdefault(repr((question.words, sorted(question.parameters.items()))), []).append(number)
        answers: dict[int, Answer] = {}
        for numbers in groups.values():
            same = [questions[number] for number in numbers]
            found = _words(loaded, same) if same[0].words else _texts(loaded, same)
            answers.update(zip(numbers, found, strict=True))
        return [answers[number] for number in range(len(questions))]


def _words(loaded: Loaded, questions: Sequence[Question]) -> list[Answer]:
    import torch

    batch = batch_of(loaded, questions, answer_follows=True)
    with torch.inference_mode():
        logits = loaded.model(**batch, logits_to_keep=1).logits[:, -1].float()
    p_BV = torch.softmax(logits, dim=-1)
    words = questions[0].words
    ids = {word: _tokens_saying(loaded.tokenizer, word) for word in words}
    n_tokens = batch["attention_mask"].sum(dim=1).tolist()
    return [
        Answer(
            word_p={word: float(p_V[list(found)].sum()) if found else 0.0 for word, found in ids.items()},
            tokens_in=int(n),
            tokens_out=1,
        )
        for p_V, n in zip(p_BV.cpu(), n_tokens, strict=True)
    ]


@lru_cache(maxsize=64)
def _tokens_saying(tokenizer: Any, word: str) -> tuple[int, ...]:
    """Return the tokens that say a word, whatever its case and the spaces around it."""
    wanted = word.strip().casefold()
    return tuple(
        number for number in range(len(tokenizer)) if tokenizer.decode([number]).strip().casefold() == wanted
    )


def _texts(loaded: Loaded, questions: Sequence[Question]) -> list[Answer]:
    import torch

    batch = batch_of(loaded, questions, answer_follows=True)
    given = questions[0].parameters
    temperature = float(given.get("temperature", 0.0))
    options: dict[str, Any] = {
        "do_sample": temperature > 0,
        "max_new_tokens": given.get("max_tokens", _MAX_TOKENS),
    }
    if temperature > 0:
        options |= {"temperature": temperature, "top_p": float(given.get("top_p", 1.0))}
    seed = xxhash.xxh3_64_intdigest(repr([(one.number, one.messages) for one in questions]).encode()) % 2**63
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(seed)
        ids = loaded.model.generate(**batch, pad_token_id=loaded.tokenizer.pad_token_id, **options)
    start = batch["input_ids"].shape[1]
    n_tokens = batch["attention_mask"].sum(dim=1).tolist()
    return [_read(loaded, row[start:].tolist(), int(n)) for row, n in zip(ids, n_tokens, strict=True)]


def _read(loaded: Loaded, ids: list[int], tokens_in: int) -> Answer:
    """Return the text up to the token that ends it; without one it was cut off."""
    ends = loaded.model.generation_config.eos_token_id
    stops = set(ends if isinstance(ends, list) else [ends]) - {None}
    length = next((place for place, token in enumerate(ids) if token in stops), None)
    said = ids if length is None else ids[:length]
    text = loaded.tokenizer.decode(said, skip_special_tokens=True)
    reason = "length" if length is None else "stop"
    return Answer(
        text=text, finish_reason=reason, tokens_in=tokens_in, tokens_out=len(said) + (length is not None)
    )
