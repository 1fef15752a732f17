"""`evaluate:`: how the trained model is judged."""

from pydantic import Field

from kto_data.config.validate import Options
from kto_data.config.yaml_file import YamlFile
from kto_data.errors import Mistake
from kto_data.labelers.rules.rule import RuleSet


class EvaluateOptions(Options):
    """How the trained model is judged, on prompts of the test split."""

    prompts: int = Field(200, ge=1)
    """At most so many prompts are answered by the reference and by the trained model."""
    rules: list[str] = []
    """Rule files that had no part in the training labels; a model that pleases only its own rules games them."""
    control: bool = True
    """Train once more on shuffled labels: what is left of the figures then is not learned from labels."""
    max_new_tokens: int = Field(96, ge=1)
    """The longest answer, in tokens."""
    temperature: float = Field(0.7, ge=0.0)
    """0 takes the likeliest token; 1 samples the model as it is."""


def voting_rules_among(rules: RuleSet, held_out: RuleSet, file: YamlFile) -> list[Mistake]:
    """Return a mistake for each rule that is said to be held out and votes on the training labels too."""
    voting = {rule.id for rule in rules.rules}
    return [
        file.mistake(
            ("evaluate", "rules"),
            f"rule {rule.id!r} also votes on the training labels, so it is not held out",
        )
        for rule in held_out.rules
        if rule.id in voting
    ]
