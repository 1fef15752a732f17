"""A model on this machine: where it is, and a conversation as its tokens."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import PrivateAttr

from kto_data.errors import ConfigError, Mistake
from kto_data.labelers.judges.backends.backend import LocalBackend
from kto_data.labelers.judges.question import Message, Question
from kto_data.labelers.rules.local_models import Loaded, fingerprint, load

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_INVISIBLE = "\u200b"
"""Put into a text where it spells one of the model's control tokens, so that it stays text."""


class LocalModel(LocalBackend):
    """A model folder, or a hub id; no code of the model's own is run."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; `auto` takes a GPU when there is one."""
    _folder: str = PrivateAttr(default="")

    def located(self, folder: Path, model: str) -> Self:
        """Return it with the model's folder found."""
        place = folder / model
        if model and (place / "config.json").is_file():
            self._folder = str(place.resolve())
        elif model and not _HUB_ID.fullmatch(model):
            told = f"no such folder with a model in it: {model}; or give a hub id, such as owner/model"
            raise ConfigError([Mistake(str(folder), 0, "model", told)])
        return self

    def identity(self, model: str) -> str:
        """Return a hash of the folder's files, or the hub id."""
        return f"files:{fingerprint(Path(self._folder))}" if self._folder else f"hub:{model}"

    def loaded(self, kind: str, model: str) -> Loaded:
        """Return the model, loaded once.

        Raises:
            UnavailableError: It cannot be loaded.
        """
        return load(kind, model, self._folder, self._device())

    def _device(self) -> str:
        if self.device != "auto":
            return self.device
        try:
            import torch
        except ImportError:
            return "cpu"  # loading tells what is missing
        return "cuda" if torch.cuda.is_available() else "cpu"


def as_chat(tokenizer: Any, messages: Sequence[Message], *, answer_follows: bool) -> str:
    """Return a conversation as the model's chat template writes it; without one, its texts one after the other."""
    plain = [{**one, "content": _as_text(tokenizer, one["content"])} for one in messages]
    if tokenizer.chat_template:
        text: str = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=answer_follows)
        return text
    return "\n\n".join(one["content"] for one in plain) + ("\n\n" if answer_follows else "")


def batch_of(loaded: Loaded, questions: Sequence[Question], *, answer_follows: bool) -> Any:
    """Return questions as a batch of token ids, padded at the left where an answer follows, on the model's device."""
    tokenizer = loaded.tokenizer
    tokenizer.padding_side = "left" if answer_follows else "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    texts = [as_chat(tokenizer, one.messages, answer_follows=answer_follows) for one in questions]
    templated = bool(tokenizer.chat_template)
    batch = tokenizer(texts, return_tensors="pt", padding=len(texts) > 1, add_special_tokens=not templated)
    batch.pop("token_type_ids", None)
    longest = getattr(loaded.model.config, "max_position_embeddings", None)
    if longest and batch["input_ids"].shape[1] > longest:
        raise ValueError(f"{batch['input_ids'].shape[1]:,} tokens, and the model reads {longest:,}")
    return batch.to(loaded.model.device)


def _as_text(tokenizer: Any, text: str) -> str:
    """Return a text in which nothing is one of the model's control tokens."""
    for token in tokenizer.all_special_tokens:
        if len(token) > 1 and token in text:
            text = text.replace(token, token[0] + _INVISIBLE + token[1:])
    return text
