"""A pipeline file that has been checked, with everything it names: what a run starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kto_trainer.options import TrainOptions

from kto_data.aggregators.method import Method
from kto_data.aggregators.policy import Policy
from kto_data.config.validate import validate
from kto_data.config.yaml_file import YamlFile, load_yaml
from kto_data.curation.parse import parse_steps
from kto_data.curation.step import PlannedStep
from kto_data.dataset.data_tests.data_test import PlannedTest, parse_tests
from kto_data.errors import ConfigError, InputError, Mistake
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.rules.rule import RuleSet
from kto_data.pipeline.sections.aggregate import read_aggregate
from kto_data.pipeline.sections.evaluate import is_judge_file, voting_judges_among, voting_rules_among
from kto_data.pipeline.sections.file import PipelineFile, keys_that_do_not_go_together
from kto_data.pipeline.sections.known import TruthFile
from kto_data.pipeline.sections.label import names_taken_twice
from kto_data.pipeline.sections.labelers import narrowed, read_judges, read_rules
from kto_data.pipeline.sections.train import read_train

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline file that has been checked, with everything it names.

    Attributes:
        path: The file.
        folder: What its relative paths are relative to.
        file: Its keys.
        prepare: The steps before labelling.
        curate: The steps after it.
        tests: The data tests.
        rules: The rules that vote.
        held_out_rules: Rules that judge generated outputs alone.
        held_out_judges: Judges that judge generated outputs alone.
        method: The aggregation method.
        policy: How its probabilities become labels.
        train: The trainer's options, with those defaults filled in that depend on the model.
        judges: The judges that vote.
    """

    path: Path
    folder: Path
    file: PipelineFile
    prepare: tuple[PlannedStep, ...]
    curate: tuple[PlannedStep, ...]
    tests: tuple[PlannedTest, ...]
    rules: RuleSet
    held_out_rules: RuleSet
    method: Method
    policy: Policy
    train: TrainOptions | None
    judges: tuple[Judge, ...] = ()
    held_out_judges: tuple[Judge, ...] = ()


def load_pipeline(path: Path, *, seed: int | None = None, rounds: int | None = None) -> Pipeline:
    """Read and check a pipeline file and the rule files it names.

    Args:
        path: The file.
        seed: Used instead of the file's own.
        rounds: Rounds of training, instead of the file's `rounds.n`.

    Raises:
        InputError: The file cannot be read.
        ConfigError: With every mistake in it and in the files it names.
    """
    yaml = load_yaml(path)
    mistakes = _Mistakes()
    spec = mistakes.of(lambda: validate(PipelineFile, yaml.data, yaml))
    data = yaml.data if isinstance(yaml.data, dict) else {}
    label = _dict(data, "label")
    mistakes.note(keys_that_do_not_go_together(data, yaml))
    prepare = mistakes.of(
        lambda: parse_steps(_list(data, "prepare"), yaml, ("prepare",), labels_available=False)
    )
    curate = mistakes.of(lambda: parse_steps(_list(data, "curate"), yaml, ("curate",), labels_available=True))
    tests = mistakes.of(lambda: parse_tests(_list(data, "tests"), yaml, ("tests",)))
    decided = mistakes.of(lambda: read_aggregate(_dict(data, "aggregate"), yaml))
    train = mistakes.of(lambda: read_train(data.get("train"), yaml))
    rules = mistakes.of(lambda: read_rules(_list(label, "rules"), ("label", "rules"), yaml))
    held_out = mistakes.of(lambda: _held_out(_dict(data, "evaluate"), yaml))
    judges = mistakes.of(lambda: read_judges(_list(label, "judges"), ("label", "judges"), yaml))
    if rules and judges is not None:
        judges = mistakes.of(lambda: narrowed(judges or (), rules))
    if rules and held_out:
        mistakes.note(voting_rules_among(rules, held_out[0], yaml))
        mistakes.note(voting_judges_among(judges or (), held_out[1], yaml))
    if rules and spec:
        mistakes.note(names_taken_twice(rules, spec.label, judges or (), yaml))
    if spec and isinstance(spec.truth, TruthFile) and not (path.parent / spec.truth.file).is_file():
        mistakes.note([yaml.mistake(("truth", "file"), f"{spec.truth.file}: no such file")])
    mistakes.raise_if_any()
    assert spec and rules and held_out and decided and judges is not None  # noqa: PT018 - one statement: no mistakes, so nothing is missing
    assert prepare is not None and curate is not None and tests is not None  # noqa: PT018 - likewise
    if seed is not None:
        spec = spec.model_copy(update={"seed": seed})
    if rounds is not None:
        if train is None:
            raise InputError(f"{path}: trains nothing, so there are no rounds; add `train:` to it")
        spec = spec.model_copy(update={"rounds": spec.rounds.model_copy(update={"n": rounds})})
    if train is not None:
        named = path.parent / train.model  # relative paths are relative to the pipeline file, as all others
        model = str(named) if named.is_dir() else train.model
        train = train.model_copy(update={"seed": spec.seed, "model": model})
    return Pipeline(
        path,
        path.parent,
        spec,
        prepare,
        curate,
        tests,
        rules,
        held_out[0],
        *decided,
        train,
        judges,
        held_out[1],
    )


def _held_out(evaluate: dict[str, Any], yaml: YamlFile) -> tuple[RuleSet, tuple[Judge, ...]]:
    """Load the labelers that only judge generated outputs."""
    listed, place = _list(evaluate, "labelers"), ("evaluate", "labelers")
    judging = [is_judge_file(name, yaml.folder) for name in listed]
    # what is of the other kind becomes None, so that the places of the rest stay
    rules = read_rules(
        [None if judges else name for name, judges in zip(listed, judging, strict=True)], place, yaml
    )
    more = read_rules(_list(evaluate, "rules"), ("evaluate", "rules"), yaml)
    judges = read_judges(
        [name if judges else None for name, judges in zip(listed, judging, strict=True)], place, yaml
    )
    return RuleSet((*rules.rules, *more.rules), (*rules.files, *more.files)), judges


class _Mistakes:
    """Collects the mistakes of several parts, so that all are reported at once."""

    def __init__(self) -> None:
        self._mistakes: list[Mistake] = []
        self._others: list[str] = []

    def of(self, part: Callable[[], T]) -> T | None:
        try:
            return part()
        except ConfigError as error:
            self._mistakes.extend(error.mistakes)
        except InputError as error:
            self._others.append(str(error))
        return None

    def note(self, mistakes: list[Mistake]) -> None:
        self._mistakes.extend(mistakes)

    def raise_if_any(self) -> None:
        if self._others:
            raise InputError("\n".join([*self._others, *map(str, sorted(set(self._mistakes)))]))
        if self._mistakes:
            raise ConfigError(self._mistakes)


def _dict(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []
