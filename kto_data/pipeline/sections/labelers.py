"""The rule files and judge files that sections name."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError, Mistake, did_you_mean
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.load import load_judges
from kto_data.labelers.judges.when import for_rules
from kto_data.labelers.rules.file_model import JudgeVote
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.rule import Rule, RuleSet

T = TypeVar("T")


def read_rules(listed: Sequence[Any], place: KeyPath, file: YamlFile) -> RuleSet:
    """Load the rule files that the list at `place` names; one that is missing is a mistake in its line there."""
    return _read(lambda names: load_rules(names, base=file.folder), listed, place, file)


def read_judges(listed: Sequence[Any], place: KeyPath, file: YamlFile) -> tuple[Judge, ...]:
    """Load judge files, as `read_rules` does rule files."""
    return _read(lambda names: tuple(load_judges(names, base=file.folder)), listed, place, file)


def _read(load: Callable[[list[str]], T], listed: Sequence[Any], place: KeyPath, file: YamlFile) -> T:
    places: dict[str, KeyPath] = {
        name: (*place, index) for index, name in enumerate(listed) if isinstance(name, str)
    }
    try:
        return load(list(places))
    except ConfigError as error:
        raise ConfigError(
            file.mistake(places[mistake.file], f"{mistake.file}: {mistake.message}")
            if mistake.file in places and not mistake.line
            else mistake
            for mistake in error.mistakes
        ) from None


def narrowed(judges: Sequence[Judge], rules: RuleSet) -> tuple[Judge, ...]:
    """Return the judges, each asked only about what the rules that stand for it say."""
    known = {judge.options.id for judge in judges}
    unknown = [rule for rule in rules.for_judges if _judge_of(rule) not in known]
    if unknown:
        raise ConfigError(
            Mistake(
                rule.file,
                rule.line,
                "vote.judge",
                f"{rule.id} stands for the judge {_judge_of(rule)!r}, which is not under `label.judges`"
                f"{did_you_mean(_judge_of(rule), known)}",
            )
            for rule in unknown
        )
    return tuple(
        replace(judge, when=for_rules(judge.when, asked)) if asked else judge
        for judge in judges
        for asked in [[rule.when for rule in rules.for_judges if _judge_of(rule) == judge.options.id]]
    )


def _judge_of(rule: Rule) -> str:
    assert isinstance(rule.vote, JudgeVote)
    return rule.vote.judge
