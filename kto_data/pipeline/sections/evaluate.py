"""`evaluate:`: how the trained model is judged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from kto_data.config.validate import Options
from kto_data.config.yaml_file import YamlFile, load_yaml
from kto_data.errors import InputError, Mistake
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.rules.rule import RuleSet


class EvaluateOptions(Options):
    """How the trained model is judged, on prompts of the test split."""

    prompts: int = Field(200, ge=1)
    """At most so many prompts are answered by the reference and by the trained model."""
    labelers: list[str] = []
    """Rule files, packs and judge files that had no part in the training labels; a model that pleases only its own
    labelers games them."""
    rules: list[str] = []
    """Rule files and packs; the same as naming them under `labelers`."""
    training_labelers: bool = True
    """Let the training's rules and judges judge the answers too, apart: the gap between the two is rule-gaming."""
    control: bool = True
    """Train once more on shuffled labels: what is left of the figures then is not learned from labels."""
    max_new_tokens: int = Field(96, ge=1)
    """The longest answer, in tokens."""
    temperature: float = Field(0.7, ge=0.0)
    """0 takes the likeliest token; 1 samples the model as it is."""


def is_judge_file(name: Any, folder: Path) -> bool:
    """Return whether a name in `labelers` is that of a judge file: one without `rules` and `ruleset`."""
    if not isinstance(name, str) or name.startswith("builtin:") or "#" in name:
        return False
    try:
        data = load_yaml(folder / name).data
    except InputError:
        return False  # whoever loads it as rules says what is wrong
    return isinstance(data, dict) and not {"rules", "ruleset"} & set(data)


def voting_rules_among(rules: RuleSet, held_out: RuleSet, file: YamlFile) -> list[Mistake]:
    """Return a mistake for each rule that is said to be held out and votes on the training labels too."""
    voting = {rule.id for rule in rules.rules}
    named = file.data.get("evaluate", {}) if isinstance(file.data, dict) else {}
    place = ("evaluate", "labelers" if named.get("labelers") else "rules")
    return [
        file.mistake(place, f"rule {rule.id!r} also votes on the training labels, so it is not held out")
        for rule in held_out.rules
        if rule.id in voting
    ]


def voting_judges_among(judges: Sequence[Judge], held_out: Sequence[Judge], file: YamlFile) -> list[Mistake]:
    """Return a mistake for each judge that is said to be held out and votes on the training labels too.

    One of another name that asks the same model the same is no other judge.
    """
    versions = {labeler.version for judge in judges for labeler in judge.labelers}
    names = {judge.name for judge in judges}
    return [
        file.mistake(
            ("evaluate", "labelers"),
            f"{judge.name} also votes on the training labels, so it is not held out",
        )
        for judge in held_out
        if judge.name in names or versions & {labeler.version for labeler in judge.labelers}
    ]
