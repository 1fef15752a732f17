"""The command line: `python -m kto_trainer train|score|generate|evaluate`. The only place that prints.

torch is imported only after all arguments, the config file and the data have been checked.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from kto_trainer.dataset import read_split
from kto_trainer.errors import TrainerError, machine_failure
from kto_trainer.flags import add_flags, read_options
from kto_trainer.options import GenerateOptions, ScoreOptions, TrainOptions
from kto_trainer.output import check_output
from kto_trainer.prompts import read_prompts
from kto_trainer.resume import resumable
from kto_trainer.train_rows import read_rows


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m kto_trainer", description=(__doc__ or "").splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, model: type[BaseModel], output: str) -> argparse.ArgumentParser:
        # Abbreviated flags would change their meaning whenever an option is added.
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.add_argument("--output", type=Path, required=True, metavar="OUT", help=output)
        sub.add_argument("--json", action="store_true", help="print one JSON document on stdout")
        sub.add_argument(
            "--config", type=Path, metavar="FILE", help="options in YAML or JSON; flags win over it"
        )
        add_flags(sub, model)
        return sub

    train = command(
        "train", "Train a checkpoint on a dataset folder.", TrainOptions, "folder for the results"
    )
    train.add_argument("--data", type=Path, required=True, metavar="DATASET", help="the dataset folder")
    train.add_argument("--overwrite", action="store_true", help="replace what a training left in OUT")
    train.add_argument(
        "--resume", action="store_true", help="go on from the last good checkpoint in OUT; with none, begin"
    )

    score = command(
        "score", "Score a split's rows under a model and its reference.", ScoreOptions, "scores.parquet"
    )
    score.add_argument("--data", type=Path, required=True, metavar="DATASET", help="the dataset folder")
    score.add_argument("--model", required=True, metavar="CKPT", help="the trained model: a folder or hub id")
    score.add_argument("--reference", required=True, metavar="REF", help="the model that it was trained from")

    generate = command("generate", "Answer prompts with a model.", GenerateOptions, "generations.parquet")
    source = generate.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data", type=Path, metavar="DATASET", help="answer the distinct prompts of its split"
    )
    source.add_argument(
        "--prompts", type=Path, metavar="FILE", help="answer a Parquet file's prompt_id, prompt"
    )
    generate.add_argument("--model", required=True, metavar="CKPT", help="the model: a folder or hub id")

    evaluate = command(
        "evaluate",
        "Score a split and answer its prompts with a model and its reference.",
        GenerateOptions,
        "a folder",
    )
    evaluate.add_argument("--data", type=Path, required=True, metavar="DATASET", help="the dataset folder")
    evaluate.add_argument(
        "--model", required=True, metavar="CKPT", help="the trained model: a folder or hub id"
    )
    evaluate.add_argument(
        "--reference", required=True, metavar="REF", help="the model that it was trained from"
    )
    evaluate.add_argument("--control", metavar="CKPT", help="a model trained on shuffled labels, scored too")
    return parser


def run_command(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check arguments and data, then import torch and do the work; returns the command's JSON document."""
    if arguments.command == "train":
        options = read_options(TrainOptions, arguments)
        check_output(arguments.output, overwrite=arguments.overwrite, resume=arguments.resume)
        split, held_out = read_rows(arguments.data, options)
        if arguments.resume:
            finished = resumable(arguments.output, options.resolved(), split.manifest_sha256)
            if finished is not None:
                _say(f"{arguments.output}: the training is finished already")
                return finished
        from kto_trainer.loop import train

        show = _show if sys.stderr.isatty() else None
        return train(
            split, arguments.output, options, say=_say, show=show, held_out=held_out, resume=arguments.resume
        )
    if arguments.command == "score":
        score_options = read_options(ScoreOptions, arguments)
        split = read_split(arguments.data, score_options.split)
        from kto_trainer.score import score

        return score(split, arguments.model, arguments.reference, arguments.output, score_options, say=_say)
    generate_options = read_options(GenerateOptions, arguments)
    if arguments.command == "evaluate":
        split = read_split(arguments.data, generate_options.split)
        prompts = read_prompts(arguments.data, None, generate_options)
        from kto_trainer.evaluate import evaluate

        models = (arguments.model, arguments.reference, arguments.control)
        return evaluate(split, prompts, *models, arguments.output, generate_options, say=_say)
    prompts = read_prompts(arguments.data, arguments.prompts, generate_options)
    from kto_trainer.generate import generate

    return generate(prompts, arguments.model, arguments.output, generate_options, say=_say)


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 wrong input, 3 something needed is not there."""
    arguments = make_parser().parse_args(argv)
    try:
        result = run_command(arguments)
    except TrainerError as error:
        for line in str(error).splitlines():
            _say(f"error: {line}")
        return error.exit_code
    except OSError as error:  # a full disk, a folder that may not be written
        _say(f"error: {error}")
        return 3
    except (RuntimeError, MemoryError) as error:
        told = machine_failure(error)
        if told is None:
            raise
        _say(f"error: {told}")
        return 3
    if os.environ.get("RANK", "0") != "0":
        return 0  # the other processes of a training would say the same
    for line in _summary(arguments.command, result, arguments.output):
        _say(line)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    return 0


def _say(message: str) -> None:
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""  # a bar may stand there
    print(f"{clear}{message}", file=sys.stderr, flush=True)


def _show(line: str) -> None:
    width = shutil.get_terminal_size().columns - 1
    print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)


def _summary(command: str, result: dict[str, Any], output: Path) -> Iterator[str]:
    if command == "train":
        final, counts = result["final"], result["counts"]
        figures = ", ".join(f"{name} {value:.3f}" for name, value in final.items() if value is not None)
        yield f"end of training: {figures}"
        yield (
            f"{counts['derangement_fallbacks']} of {counts['kl_pairs']} KL pairs not mismatched, "
            f"{counts['single_class_batches']} batches of one class"
        )
        yield f"{result['n_parameters']} parameters, {result['seconds']:.1f} s: {output / 'checkpoint'}"
    elif command == "score":
        areas = {
            "reward AUC": result["reward_auc"],
            "reference's mean log-probability AUC": result["ref_mean_logp_auc"],
        }
        told = ", ".join(f"{name} {value:.3f}" for name, value in areas.items() if value is not None)
        yield f"{result['n_rows']} rows in {result['seconds']:.1f} s: {output}" + (
            f"; {told}" if told else ""
        )
    elif command == "evaluate":
        yield f"scores and {result['n_prompts']} answers of each model in {result['seconds']:.1f} s: {output}"
    else:
        yield (
            f"{result['n_prompts']} answers, {result['n_tokens']} tokens, {result['stopped']} ended by themselves, "
            f"{result['seconds']:.1f} s: {output}"
        )
