"""Judge files, read and checked, with every mistake at once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kto_data.config.validate import validate
from kto_data.config.yaml_file import YamlFile, load_yaml
from kto_data.errors import ConfigError, InputError, Mistake, did_you_mean
from kto_data.labelers.judges.backends.backend import BACKENDS, Backend
from kto_data.labelers.judges.file_model import JudgeOptions
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.prompts import DEFAULT_PROMPT, NAMES, Prompts
from kto_data.labelers.judges.when import When, read_when


def load_judges(names: Sequence[str], *, base: Path) -> list[Judge]:
    """Load judge files.

    Args:
        names: Paths.
        base: The folder that they are relative to.

    Raises:
        ConfigError: With every mistake in every file, and every file that is missing.
    """
    judges: list[Judge] = []
    mistakes: list[Mistake] = []
    for name in names:
        try:
            judges.append(load_judge(base / name, name=name))
        except ConfigError as error:
            mistakes += error.mistakes
        except InputError as error:
            mistakes.append(Mistake(name, 0, "", str(error).removeprefix(f"{name}: ")))
    first: dict[str, Judge] = {}
    for judge in judges:
        other = first.setdefault(judge.options.id, judge)
        if other is not judge:
            taken = f"the id {judge.options.id!r} is taken by {other.file}:{other.line}"
            mistakes.append(Mistake(judge.file, judge.line, "id", taken))
    if mistakes:
        raise ConfigError(mistakes)
    return judges


def load_judge(path: Path, *, name: str | None = None) -> Judge:
    """Load one judge file; see `load_judges`."""
    return read_judge(load_yaml(path, name=name), path)


def read_judge(file: YamlFile, path: Path) -> Judge:
    """Return the judge of a judge file.

    Raises:
        ConfigError: With every mistake in it.
    """
    mistakes: list[Mistake] = []

    def part(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except ConfigError as error:
            mistakes.extend(error.mistakes)
            return None

    options: JudgeOptions | None = part(lambda: validate(JudgeOptions, file.data, file))
    data: Mapping[str, Any] = file.data if isinstance(file.data, Mapping) else {}
    backend_name, backend = part(lambda: _backend(data, file)) or ("", None)
    as_it_is = backend is not None and (backend.gives_score or not backend.asks)
    prompts = part(lambda: _prompts(data, file, as_it_is=as_it_is))
    scope = str(data.get("scope", "completion"))
    when: When | None = part(lambda: read_when(data.get("when"), file, scope if options else "completion"))
    if options and backend:
        mistakes += _do_not_go_together(options, backend, backend_name, file)
    if mistakes or options is None or backend is None or prompts is None or when is None:
        raise ConfigError(mistakes)
    test_lines = tuple(file.line_of(("tests", n)) for n in range(len(options.tests)))
    return Judge(
        options, backend, backend_name, prompts, when, path, file.name, file.line_of(("id",)), test_lines
    )


def _backend(data: Mapping[str, Any], file: YamlFile) -> tuple[str, Backend]:
    given = data.get("backend")
    if isinstance(given, Mapping):
        if len(given) != 1:
            message = f"needs exactly one backend, not {len(given)}"
            raise ConfigError([file.mistake(("backend",), message)])
        [(name, options)] = given.items()
    else:
        name, options = given, {}
    if not isinstance(name, str):
        return "", Backend()  # missing or no name: the file's own check tells
    if name not in BACKENDS:
        raise ConfigError(
            [file.mistake(("backend",), f"unknown backend {name!r}{did_you_mean(name, BACKENDS)}")]
        )
    kind = BACKENDS.get(name)
    backend = validate(kind, options or {}, file, ("backend", name))
    try:
        return name, backend.located(file.folder, str(data.get("model", "")))
    except ConfigError as error:
        raise ConfigError(
            file.mistake(
                ("model",) if one.key == "model" else ("backend", name, *one.key.split(".")), one.message
            )
            for one in error.mistakes
        ) from None


def _prompts(data: Mapping[str, Any], file: YamlFile, *, as_it_is: bool) -> Prompts | None:
    texts = {"prompt": data.get("prompt") or DEFAULT_PROMPT, "system": data.get("system") or ""}
    mistakes = []
    for key, text in texts.items():
        if not isinstance(text, str):
            return None  # the file's own check tells
        try:
            unknown = sorted(Prompts(text, "").names - NAMES)
        except ValueError as error:
            mistakes.append(file.mistake((key,), f"is no template: {error}"))
            continue
        mistakes += [
            file.mistake((key,), f"there is no variable {name!r}{did_you_mean(name, NAMES)}")
            for name in unknown
        ]
        if key == "prompt" and not unknown and not {"completion", "conversation"} & Prompts(text, "").names:
            mistakes.append(
                file.mistake((key,), "shows no completion: print {{ completion }} or the conversation")
            )
    if mistakes:
        raise ConfigError(mistakes)
    return Prompts(texts["prompt"], texts["system"], as_it_is=as_it_is)


def _do_not_go_together(options: JudgeOptions, backend: Backend, name: str, file: YamlFile) -> list[Mistake]:
    found: list[Mistake] = []
    if backend.asks and not options.model:
        found.append(file.mistake(("model",), "is missing"))
    if options.output.logprobs is not None and not backend.gives_words:
        giving = ", ".join(one for one in BACKENDS if BACKENDS.get(one).gives_words)
        message = f"{name} gives no probabilities of words; ask for a verdict in JSON, or use {giving}"
        found.append(file.mistake(("output", "logprobs"), message))
    if backend.gives_score and options.threshold is None:
        found.append(file.mistake(("threshold",), f"is missing: what a score of {name} means is not known"))
    if backend.gives_score or not backend.asks:
        unused = [key for key in ("prompt", "system", "rubric", "principles") if getattr(options, key)]
        found += [file.mistake((key,), f"{name} reads no prompt; leave it out") for key in unused]
    elif options.threshold is not None:
        found.append(file.mistake(("threshold",), "is for a reward model; here it stands under `output`"))
    return found
