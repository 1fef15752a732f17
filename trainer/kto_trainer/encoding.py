"""Texts to tokens: chat template, end of sequence, truncation.

A prompt keeps its end when it must be cut (the question is there), a completion its beginning, and always a final end
of sequence token: a model that never sees it learns not to stop.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kto_trainer.dataset import Message, Text
from kto_trainer.errors import TrainerError

CHUNK = 1000  # texts that the tokenizer takes at a time, at most
CHUNK_CHARS = 64_000  # ... and their characters, about: memory does not depend on how long texts are


class Tokens(NamedTuple):
    """One prompt and one completion in token ids; the prompt has at least one token."""

    prompt: list[int]
    completion: list[int]


class _Texts(NamedTuple):
    """A row's texts as they are tokenised; `plain` ones come without a chat template."""

    prompt: str
    completion: str
    plain: bool


class Fitted(NamedTuple):
    """Tokens that fit the length, and which side was cut for it."""

    tokens: Tokens
    prompt_cut: bool
    completion_cut: bool


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns rows into tokens with one tokenizer; `max_length` counts prompt and completion together."""

    tokenizer: Any
    max_length: int

    @property
    def eos(self) -> int:
        """The token that ends every completion."""
        return int(self.tokenizer.eos_token_id)

    @property
    def pad(self) -> int:
        """A token for filling up; its positions are never scored, so any will do."""
        pad = self.tokenizer.pad_token_id
        return self.eos if pad is None else int(pad)

    def encode(self, prompt: Text, completion: Text) -> Tokens:
        """The tokens of a prompt and its completion, uncut, each tokenised by itself.

        Apart, because generation sees the prompt alone: a token that reaches over the border would be one that the
        model can never be asked to write.
        """
        return next(self.encode_all([(prompt, completion)]))

    def encode_all(self, pairs: Iterable[tuple[Text, Text]]) -> Iterator[Tokens]:
        """`encode` for many: the tokenizer takes a thousand texts at a time, several times faster than one by one."""
        for texts in _chunks(self._texts(prompt, completion) for prompt, completion in pairs):
            prompts = self._ids_of([item.prompt for item in texts], [item.plain for item in texts])
            completions = self._ids_of([item.completion for item in texts], [False] * len(texts))
            for item, prompt_ids, completion_ids in zip(texts, prompts, completions, strict=True):
                if item.plain:
                    yield Tokens(self._started(prompt_ids), [*completion_ids, self.eos])
                else:
                    yield Tokens(prompt_ids or [self._first()], self._ended(completion_ids))

    def _texts(self, prompt: Text, completion: Text) -> "_Texts":
        if isinstance(prompt, str) and isinstance(completion, str):
            return _Texts(prompt, completion, plain=True)
        start, end = _messages(prompt, "user"), _messages(completion, "assistant")
        prompt_text = self._render(start, add_generation_prompt=True)
        full_text = self._render([*start, *end], add_generation_prompt=False)
        # Templates exist whose generation prompt is not how they render a finished turn: split where the two part.
        border = len(os.path.commonprefix([prompt_text, full_text]))  # noqa: RUF071  # by character is what is meant
        # The template writes its own BOS: adding special tokens would double it.
        return _Texts(full_text[:border], full_text[border:], plain=False)

    def _ids_of(self, texts: Sequence[str], special: Sequence[bool]) -> list[list[int]]:
        """Token ids of texts, with the tokenizer's own special tokens where `special` says so."""
        found: list[list[int]] = [[] for _ in texts]
        for kind in (True, False):
            numbers = [i for i, wanted in enumerate(special) if wanted is kind]
            if numbers:
                ids = self.tokenizer(
                    [texts[i] for i in numbers],
                    add_special_tokens=kind,
                    return_attention_mask=False,
                    return_token_type_ids=False,
                    verbose=False,
                )
                for i, row in zip(numbers, ids["input_ids"], strict=True):
                    found[i] = list(row)
        return found

    def encode_prompt(self, prompt: Text, max_prompt_length: int) -> list[int]:
        """The tokens that a generation starts from: the last `max_prompt_length` of them."""
        if isinstance(prompt, str):
            ids = self._plain_prompt(prompt)
        else:
            ids = self._chat_prompt(self._render(_messages(prompt, "user"), add_generation_prompt=True))
        return self._keep_end(ids, max_prompt_length)

    def fit(self, tokens: Tokens) -> Fitted:
        """Cut to `max_length`: a prompt gives way down to half of it, then the completion loses its end.

        A cut prompt keeps its first token if that begins every sequence (BOS); a cut completion ends with EOS.
        """
        prompt, completion = tokens
        room = self.max_length - min(len(prompt), self.max_length // 2)
        completion_cut = len(completion) > room
        if completion_cut:
            completion = [*completion[: room - 1], self.eos]
        kept = self._keep_end(prompt, self.max_length - len(completion))
        return Fitted(Tokens(kept, completion), len(kept) < len(prompt), completion_cut)

    def _keep_end(self, ids: list[int], length: int) -> list[int]:
        if len(ids) <= length:
            return ids
        if length > 1 and ids[0] == self.tokenizer.bos_token_id:
            return [ids[0], *ids[len(ids) - length + 1 :]]
        return ids[len(ids) - length :]

    def _ids(self, text: str, *, special: bool = False) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"])

    def _plain_prompt(self, text: str) -> list[int]:
        return self._started(self._ids(text, special=True))

    def _started(self, ids: list[int]) -> list[int]:
        while ids and ids[-1] == self.eos:  # some tokenizers end every text; this one goes on
            ids.pop()
        return ids or [self._first()]

    def _chat_prompt(self, text: str) -> list[int]:
        # The template writes its own BOS: adding special tokens would double it.
        return self._ids(text) or [self._first()]

    def _first(self) -> int:
        """A token to predict the first one from, where a prompt is empty."""
        bos = self.tokenizer.bos_token_id
        return self.eos if bos is None else int(bos)

    def _ended(self, ids: list[int]) -> list[int]:
        """Completion tokens that end with EOS: after it, templates write only a line break."""
        for last in range(len(ids) - 1, max(len(ids) - 4, -1), -1):
            if ids[last] == self.eos:
                return ids[: last + 1]
        return [*ids, self.eos]

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        # jinja2 comes with transformers; a template may refuse some roles by raising.
        from jinja2 import TemplateError

        if not self.tokenizer.chat_template:
            raise TrainerError(
                "the prompts are chat messages and the model's tokenizer has no chat template; take an instruct model, "
                "or pass `chat_template: chatml` (a plain ChatML template) or a Jinja file"
            )
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    [_for_template(message) for message in messages],
                    tokenize=False,
                    add_generation_prompt=add_generation_prompt,
                )
            )
        except TemplateError as error:
            roles = ", ".join(str(message.get("role")) for message in messages)
            raise TrainerError(
                f"the model's chat template refuses messages with the roles {roles} ({error}); "
                "pass another one with `chat_template`"
            ) from None


def _chunks(texts: Iterable[_Texts]) -> Iterator[list[_Texts]]:
    chunk: list[_Texts] = []
    n_chars = 0
    for item in texts:
        chunk.append(item)
        n_chars += len(item.prompt) + len(item.completion)
        if len(chunk) == CHUNK or n_chars > CHUNK_CHARS:
            yield chunk
            chunk, n_chars = [], 0
    if chunk:
        yield chunk


def _messages(text: Text, role: str) -> Sequence[Message]:
    return [{"role": role, "content": text}] if isinstance(text, str) else text


def _for_template(message: Message) -> dict[str, Any]:
    """A message as templates expect it: no empty fields, tool calls parsed, reasoning under its usual name."""
    fields: dict[str, Any] = {name: value for name, value in message.items() if value is not None}
    fields.setdefault("content", "")
    if isinstance(fields.get("tool_calls"), str):
        fields["tool_calls"] = json.loads(fields["tool_calls"])
    if "reasoning" in fields:
        fields["reasoning_content"] = fields.pop("reasoning")
    return fields
