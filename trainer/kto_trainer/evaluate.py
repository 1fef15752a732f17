"""`evaluate`: all of an evaluation that needs models, in one process, as starting one takes longer than small models do."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from kto_trainer.dataset import Split
from kto_trainer.generate import Answered, answer_prompts, answers_table
from kto_trainer.kl import answers_kl
from kto_trainer.model import load, machine
from kto_trainer.options import GenerateOptions, ScoreOptions
from kto_trainer.output import write_parquet
from kto_trainer.prompts import Prompt
from kto_trainer.score import Scored, require_same_tokens, score_models


def evaluate(
    split: Split,
    prompts: Sequence[Prompt],
    model: str,
    reference: str,
    control: str | None,
    output: Path,
    options: GenerateOptions,
    *,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write into `output` what is to be compared, and sum up.

    `scores-trained.parquet` and `scores-control.parquet` are as `score` writes them; `generations-reference.parquet`
    and `generations-trained.parquet` as `generate` does, the latter with a column `kl` (see `kl.answers_kl`).

    Args:
        split: The held-out rows.
        prompts: The prompts that both models answer.
        model: The trained model.
        reference: The model that it was trained from.
        control: A model to compare with, trained from the same reference.
        output: A folder.
        options: How to answer.
        say: Takes messages for people.
    """
    started = time.perf_counter()
    computer = machine(options)

    def loaded(name: str) -> Scored:
        return Scored(name, *load(name, options.chat_template, computer.weights_dtype))

    common = options.model_dump(include={"device", "dtype", "threads", "chat_template", "split"})
    score_options = ScoreOptions(**common)
    ref, trained = loaded(reference), loaded(model)
    require_same_tokens(trained, ref)
    output.mkdir(parents=True, exist_ok=True)
    scores = {}
    for name, scored in (("trained", trained), ("control", loaded(control) if control else None)):
        if scored is not None:
            path = output / f"scores-{name}.parquet"
            scores[name] = score_models(split, scored, ref, path, score_options, say=say)
    answered = {}
    for name, answering in (("reference", ref), ("trained", trained)):
        say(f"answers of the {name} model")
        # both are cut to the same length, whatever the reference was trained with
        answered[name] = answer_prompts(
            prompts, answering.model, answering.tokenizer, model, options, computer, say=say
        )
        table = answers_table(prompts, answered[name])
        if name == "trained":
            table = table.append_column("kl", _kl(trained, ref, answered[name], computer))
        write_parquet(output / f"generations-{name}.parquet", table)
    return {
        "output": str(output),
        "scores": scores,
        "n_prompts": len(prompts),
        "n_tokens": {name: found.n_tokens for name, found in answered.items()},
        "seconds": time.perf_counter() - started,
    }


def _kl(trained: Scored, reference: Scored, answered: Answered, computer: Any) -> pa.Array:
    pad = answered.pad
    found = answers_kl(trained.model, reference.model, answered.prompts, answered.answers, pad, computer)
    return pa.array(found, pa.float64())
