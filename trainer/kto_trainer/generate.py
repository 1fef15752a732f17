"""`generate`: answers to prompts, in batches with left padding and a key-value cache.

Shapes: N prompts of a batch, T padded prompt length, V tokens of the vocabulary.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from kto_trainer.encoding import Encoder
from kto_trainer.model import Machine, load, machine, place
from kto_trainer.options import GenerateOptions
from kto_trainer.output import write_parquet
from kto_trainer.prompts import Prompt
from kto_trainer.score import training_options

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def sample(logits_NV: Tensor, temperature: float, uniform_N: Tensor) -> Tensor:
    """One token a row: the likeliest at temperature 0, else drawn by inverting the distribution at `uniform_N`.

    Drawing from given uniform numbers makes a row's answer independent of which rows share its batch.
    """
    if temperature == 0:
        return logits_NV.argmax(-1)
    cumulative_NV = torch.softmax(logits_NV.double() / temperature, -1).cumsum(-1)
    drawn_N = torch.searchsorted(cumulative_NV, uniform_N[:, None] * cumulative_NV[:, -1:], right=True)[:, 0]
    return drawn_N.clamp(max=logits_NV.shape[1] - 1)


def pad_left(rows: Sequence[list[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The token ids of N rows filled up on the left, which of them are real, and their positions; each [N, T]."""
    longest = max(map(len, rows))
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask, (mask.cumsum(-1) - 1).clamp(min=0)


@torch.no_grad()
def answer(
    model: Any,
    prompts: Sequence[list[int]],
    stops: frozenset[int],
    pad: int,
    uniform_NL: Tensor,
    temperature: float,
    computer: Machine,
) -> list[list[int]]:
    """Continue N prompts by at most L tokens each; a row ends with a token of `stops`, which is included.

    Args:
        model: A causal language model.
        prompts: N lists of at least one token.
        stops: Tokens that end an answer.
        pad: Token to fill with on the left; masked.
        uniform_NL: Uniform numbers in [0, 1), one a row and new token.
        temperature: See `sample`.
        computer: Device and arithmetic.
    """
    ids, mask, positions = pad_left(prompts, pad, computer.device)
    uniform_NL = uniform_NL.to(computer.device)
    answers: list[list[int]] = [[] for _ in prompts]
    open_rows = set(range(len(prompts)))
    cache = None
    for step in range(uniform_NL.shape[1]):
        with computer.autocast():
            out = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        cache = out.past_key_values
        chosen_N = sample(out.logits[:, -1].float(), temperature, uniform_NL[:, step])
        for row, token in enumerate(chosen_N.tolist()):
            if row in open_rows:
                answers[row].append(token)
                if token in stops:
                    open_rows.discard(row)
        if not open_rows:
            break
        ids = chosen_N[:, None]
        mask = torch.cat([mask, mask.new_ones(len(prompts), 1)], -1)
        positions = positions[:, -1:] + 1
    return answers


def stop_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokenizer's EOS and whatever else the model's generation settings name."""
    named = getattr(model.generation_config, "eos_token_id", None)
    extra = named if isinstance(named, list) else [] if named is None else [named]
    return frozenset({int(tokenizer.eos_token_id), *map(int, extra)})


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers to N prompts.

    Attributes:
        prompts: The prompts' tokens, cut.
        answers: The answers' tokens, the stop token included.
        texts: The answers.
        stopped: Which ended by themselves.
        pad: Token that the model fills with.
    """

    prompts: list[list[int]]
    answers: list[list[int]]
    texts: list[str]
    stopped: list[bool]
    pad: int

    @property
    def n_tokens(self) -> int:
        """Tokens of all answers."""
        return sum(map(len, self.answers))


def generate(
    todo: Sequence[Prompt], model: str, output: Path, options: GenerateOptions, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Answer the prompts, write one row each (prompt_id, prompt, completion, n_tokens, finish_reason), and sum up.

    `n_tokens` counts the stop token; `finish_reason` is `stop` or `length` (max_new_tokens reached).
    """
    started = time.perf_counter()
    computer = machine(options)
    network, tokenizer = load(model, options.chat_template, computer.weights_dtype)
    answered = answer_prompts(todo, network, tokenizer, model, options, computer, say=say)
    write_parquet(output, answers_table(todo, answered))
    return {
        "output": str(output),
        "n_prompts": len(todo),
        "n_tokens": answered.n_tokens,
        "stopped": sum(answered.stopped),
        "seconds": time.perf_counter() - started,
    }


def answer_prompts(
    todo: Sequence[Prompt],
    network: Any,
    tokenizer: Any,
    trained_as: str,
    options: GenerateOptions,
    computer: Machine,
    *,
    say: Callable[[str], None],
) -> Answered:
    """Answer prompts in batches of about equal length.

    Args:
        todo: The prompts.
        network: The model.
        tokenizer: Its tokenizer.
        trained_as: The checkpoint whose training says how long a prompt may be.
        options: How to answer.
        computer: Device and arithmetic.
        say: Told of the progress.
    """
    network = place(network, options, computer)
    trained_length = training_options(trained_as).max_length
    assert trained_length is not None
    encoder = Encoder(tokenizer, trained_length)
    limit = options.max_prompt_length or trained_length // 2
    ids = [encoder.encode_prompt(item.prompt, limit) for item in todo]
    stops = stop_tokens(network, tokenizer)
    # One stream a prompt: an answer depends neither on the batch nor on how many other prompts there are.
    uniform = np.stack(
        [np.random.default_rng([options.seed, i]).random(options.max_new_tokens) for i in range(len(todo))]
    )
    answers: list[list[int]] = [[] for _ in todo]
    order = sorted(range(len(todo)), key=lambda i: len(ids[i]))
    for start in range(0, len(order), options.batch_size):
        members = order[start : start + options.batch_size]
        drawn = torch.from_numpy(uniform[members])
        texts = answer(
            network, [ids[i] for i in members], stops, encoder.pad, drawn, options.temperature, computer
        )
        for i, tokens in zip(members, texts, strict=True):
            answers[i] = tokens
        say(f"generated {min(start + options.batch_size, len(order))}/{len(order)}")
    ended = [bool(tokens) and tokens[-1] in stops for tokens in answers]
    texts_out = [tokenizer.decode(tokens, skip_special_tokens=True) for tokens in answers]
    return Answered(ids, answers, texts_out, ended, encoder.pad)


def answers_table(todo: Sequence[Prompt], answered: Answered) -> pa.Table:
    """The answers as `generate` writes them."""
    return pa.table(
        {
            "prompt_id": [item.prompt_id for item in todo],
            "prompt": [item.prompt for item in todo],
            "completion": pa.array(
                [[{"role": "assistant", "content": text}] for text in answered.texts], MESSAGES
            ),
            "n_tokens": pa.array([len(tokens) for tokens in answered.answers], pa.int32()),
            "finish_reason": ["stop" if done else "length" for done in answered.stopped],
        }
    )
