"""The lists `prepare:` and `curate:` of a pipeline file as steps with their options."""

from collections.abc import Mapping
from typing import Any

from kto_data.config.validate import validate
from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.curation.step import STEPS, PlannedStep
from kto_data.errors import ConfigError, InputError, Mistake, did_you_mean


def parse_steps(
    data: Any, file: YamlFile, path: KeyPath, *, labels_available: bool
) -> tuple[PlannedStep, ...]:
    """Return the steps of a list such as `[exact_dedup, {length: {max_chars: 20000}}]`.

    Args:
        data: The list; None for a key that is not given.
        file: The file that it came from.
        path: Where in the file it stands.
        labels_available: False for `prepare`, which refuses steps that need labels or votes.

    Raises:
        ConfigError: With every mistake in the list.
    """
    if data is None:
        return ()
    if not isinstance(data, list):
        raise ConfigError([file.mistake(path, "must be a list of steps, such as [exact_dedup]")])
    steps: list[PlannedStep] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(data):
        try:
            steps.append(_parse_step(item, file, (*path, index), labels_available))
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(steps)


def _parse_step(item: Any, file: YamlFile, path: KeyPath, labels_available: bool) -> PlannedStep:
    name, options, place = _name_and_options(item, file, path)
    if name not in STEPS:
        raise ConfigError([file.mistake(place, f"unknown {STEPS.kind} {name!r}{did_you_mean(name, STEPS)}")])
    kind = STEPS.get(name)
    if kind.shorthand and options is not None and not isinstance(options, Mapping):
        options = {kind.shorthand: options}
    step = validate(kind, {} if options is None else options, file, place)
    if step.needs_labels and not labels_available:
        why = "needs the votes or labels, which come later: list it under `curate`"
        raise ConfigError([file.mistake(place, f"{name} {why}")])
    if step.rewrites and labels_available:
        why = "changes texts that were labelled as they are: list it under `prepare`"
        raise ConfigError([file.mistake(place, f"{name} {why}")])
    try:
        return PlannedStep(name, step.find_files(file.folder))
    except InputError as error:
        raise ConfigError([file.mistake(place, str(error))]) from None


def _name_and_options(item: Any, file: YamlFile, path: KeyPath) -> tuple[str, Any, KeyPath]:
    if isinstance(item, str):
        return item, None, path
    if isinstance(item, Mapping) and len(item) == 1:
        [(name, options)] = item.items()
        return name, options, (*path, name)
    raise ConfigError(
        [
            file.mistake(
                path, "must be a step's name, or one name with its options: {length: {max_chars: 20000}}"
            )
        ]
    )
