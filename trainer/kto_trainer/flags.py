"""Options from the command line and a config file: every field of an option model is a flag.

`sft.learning_rate` is `--sft-learning-rate`; flags win over the config file, which wins over the defaults.
"""

import argparse
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from kto_trainer.errors import TrainerError
from kto_trainer.options import Options

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


def add_flags(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    """Give a parser a flag for each option."""
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
