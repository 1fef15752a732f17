"""The command line: `python -m kto_trainer train|score|generate|evaluate`. The only place that prints.

Every field of the option models is a flag: `sft.learning_rate` is `--sft-learning-rate`. torch is imported only after
all arguments, the config file and the data have been checked.
"""

import argparse
import difflib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from kto_trainer.dataset import Split, has_rows, read_split, require_both_classes
from kto_trainer.errors import TrainerError
from kto_trainer.options import GenerateOptions, Options, ScoreOptions, TrainOptions
from kto_trainer.output import check_output
from kto_trainer.prompts import read_prompts
from kto_trainer.resume import resumable

O = TypeVar("O", bound=Options)  # noqa: E741  # one letter is the habit for a type variable


class Flag(NamedTuple):
    """A field of an option model, by its dotted name."""

    key: str
    field: FieldInfo

    @property
    def name(self) -> str:
        """The flag, such as `--sft-learning-rate`."""
        return "--" + self.key.replace(".", "-").replace("_", "-")


def flags(model: type[BaseModel], prefix: str = "") -> Iterator[Flag]:
    """All flags of an option model, nested models included."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from flags(annotation, f"{prefix}{name}.")
        else:
            yield Flag(prefix + name, field)


def _add_flags(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    for flag in flags(model):
        default = "" if flag.field.default is None else f" [default: {flag.field.default}]"
        settings: dict[str, Any] = {"dest": flag.key, "default": argparse.SUPPRESS}
        settings["help"] = ((flag.field.description or "") + default).replace("%", "%%")
        if flag.field.annotation in (bool, bool | None):
            settings["action"] = argparse.BooleanOptionalAction
        else:
            settings["metavar"] = _metavar(flag)
        parser.add_argument(flag.name, **settings)


def _metavar(flag: Flag) -> str:
    choices = [
        value
        for part in (flag.field.annotation, *get_args(flag.field.annotation))
        for value in get_args(part)
    ]
    if choices and all(isinstance(choice, str) for choice in choices):
        return "{" + ",".join(choices) + "}"
    return flag.key.rpartition(".")[2].upper()


def read_options(model: type[O], arguments: argparse.Namespace) -> O:
    """The options: defaults, then the config file, then flags.

    Raises:
        TrainerError: Every mistake at once, one a line, naming the flag or the file and key.
    """
    config: Path | None = getattr(arguments, "config", None)
    values = read_config(config) if config else {}
    given = {flag.key: getattr(arguments, flag.key) for flag in flags(model) if hasattr(arguments, flag.key)}
    for key, value in given.items():
        target = values
        *parents, last = key.split(".")
        for parent in parents:
            if not isinstance(target.setdefault(parent, {}), dict):
                break  # the model reports the wrong type below
            target = target[parent]
        else:
            target[last] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise TrainerError("\n".join(_mistakes(model, error, given, config))) from None


def read_config(path: Path) -> dict[str, Any]:
    """A config file's mapping: YAML, or JSON, which YAML includes; loaded safely.

    Raises:
        TrainerError: No such file, or not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainerError(f"{path}: the config file cannot be read ({error})") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise TrainerError(f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise TrainerError(f"{path}: holds a {type(content).__name__}, not a mapping of options")
    return content


def _mistakes(
    model: type[BaseModel], error: ValidationError, given: dict[str, Any], config: Path | None
) -> Iterator[str]:
    known = {flag.key: flag for flag in flags(model)}
    for mistake in error.errors():
        key = ".".join(str(part) for part in mistake["loc"])
        place = known[key].name if key in given else f"{config}: {key}"
        if mistake["type"] == "extra_forbidden":
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known are: {', '.join(known)}"
            yield f"{place}: unknown option{hint}"
        else:
            yield f"{place}: {mistake['input']!r}: {mistake['msg'].lower()}"


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
        _add_flags(sub, model)
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
        split = read_split(arguments.data, "train")
        require_both_classes(split.labels_N, str(arguments.data))
        if arguments.resume:
            finished = resumable(arguments.output, options.resolved(), split.manifest_sha256)
            if finished is not None:
                _say(f"{arguments.output}: the training is finished already")
                return finished
        held_out = held_out_split(arguments.data, options)
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


def machine_failure(error: BaseException) -> str | None:
    """What torch's error says of the machine, in words and with a remedy; None if it is a defect."""
    text = str(error)
    kind = type(error).__name__
    if kind in ("OutOfMemoryError", "MemoryError") or "allocate memory" in text or "out of memory" in text:
        return (
            f"out of memory ({text.splitlines()[0][:200] if text else kind}); lower max_tokens_per_pass (batch_size does "
            "not matter), then set gradient_checkpointing, or train adapters with lora.r"
        )
    lost = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")
    if kind == "DistBackendError" or any(words in text for words in lost):
        return f"another process of this training ended or cannot be reached ({text.splitlines()[0][:200]}); start all of them again"
    return None


def held_out_split(data: Path, options: TrainOptions) -> Split | None:
    """The split whose AUC is told while training; None where it has no rows, or the options want none.

    Raises:
        TrainerError: Training is to stop early by it, and it cannot tell an AUC.
    """
    if not options.eval_rows:
        wanting = "eval_rows is 0"
    elif not has_rows(data, options.eval_split):
        wanting = f"the split {options.eval_split!r} (eval_split) has no rows"
    else:
        split = read_split(data, options.eval_split)
        if split.labels_N.any() and not split.labels_N.all():
            return split
        wanting = f"all rows of the split {options.eval_split!r} (eval_split) have one label"
        if options.early_stopping_patience is None:
            return split
    if options.early_stopping_patience is not None:
        raise TrainerError(
            f"early_stopping_patience: {wanting}, so there is no held-out AUC to stop by; hold rows out (`split:` in the "
            "pipeline), or leave the option out"
        )
    return None


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
