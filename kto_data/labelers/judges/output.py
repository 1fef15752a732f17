"""What a judge is asked to answer: a reason and then a verdict, a score, or the probability of two words."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from kto_data.config.validate import Options
from kto_data.labelers.rules.checks.json_schemas import Schema
from kto_data.labelers.rules.file_model import VoteName
from kto_data.schema import ABSTAIN, DESIRABLE, UNDESIRABLE

Word = Annotated[str, Field(min_length=1)]


class Threshold(Options):
    """What a score means as a vote; between the two it abstains."""

    desirable_from: float
    """The least score that is desirable."""
    undesirable_to: float
    """The greatest score that is undesirable; a score that is both is desirable."""

    @model_validator(mode="after")
    def _in_order(self) -> "Threshold":
        if self.undesirable_to > self.desirable_from:
            raise ValueError("undesirable_to is above desirable_from, so scores between them would be both")
        return self

    def vote_on(self, score: float) -> int:
        """Return the vote.

        >>> threshold = Threshold(desirable_from=0.6, undesirable_to=0.4)
        >>> [threshold.vote_on(score) for score in (0.6, 0.5, 0.4)]
        [1, 0, -1]
        """
        if score >= self.desirable_from:
            return DESIRABLE
        return UNDESIRABLE if score <= self.undesirable_to else ABSTAIN


class Words(Options):
    """The words whose probabilities are the verdict."""

    desirable: tuple[Word, ...] = ("Yes",)
    """Words that say desirable; case and spaces do not matter."""
    undesirable: tuple[Word, ...] = ("No",)
    """Words that say undesirable."""
    min_mass: float = Field(0.5, ge=0.0, le=1.0)
    """The least probability of all these words together; below it the model was about to say something else."""

    @model_validator(mode="after")
    def _apart(self) -> "Words":
        if not self.desirable or not self.undesirable:
            raise ValueError("needs a word for desirable and one for undesirable")
        both = {word.strip().casefold() for word in self.desirable} & {
            word.strip().casefold() for word in self.undesirable
        }
        if both:
            raise ValueError(f"{', '.join(sorted(both))} says both")
        return self


class Output(Options):
    """What the answer looks like: by default `{"reason": "...", "verdict": "desirable"}`."""

    reason: str = "reason"
    """The key of the reason; it comes first."""
    verdict: str | None = "verdict"
    """The key of the verdict; null where the score alone decides."""
    votes: dict[str, VoteName] = {
        "desirable": "desirable",
        "undesirable": "undesirable",
        "abstain": "abstain",
    }
    """What each verdict means as a vote."""
    score: str | None = None
    """The key of a number, read by `threshold`; a verdict beside it has to say the same."""
    threshold: Threshold | None = None
    """What the score means; for `logprobs` 0.5 and 0.5."""
    logprobs: Words | None = None
    """Ask for the probability of two words instead of a text."""
    json_schema: Annotated[Schema | None, Field(alias="schema")] = None
    """A JSON Schema of the answer, in place of the one made of the keys above."""

    @model_validator(mode="after")
    def _decides(self) -> "Output":
        if self.logprobs is None and not (self.verdict or self.score):
            raise ValueError("neither verdict nor score is asked for, so nothing decides")
        if self.score and self.threshold is None:
            raise ValueError("score needs a threshold: {desirable_from: ..., undesirable_to: ...}")
        if (
            self.verdict
            and "desirable" not in self.votes.values()
            and "undesirable" not in self.votes.values()
        ):
            raise ValueError("no verdict means desirable or undesirable")
        return self._with_sound_schema()

    def _with_sound_schema(self) -> "Output":
        if self.json_schema is None:
            return self
        schema = json.loads(self.json_schema)
        # a mapping's order is lost in the checked text, so the order is checked where the answer is read
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(properties, dict):
            raise ValueError("the schema needs `properties`")
        missing = [key for key in (self.reason, self.verdict, self.score) if key and key not in properties]
        if missing:
            raise ValueError(f"the schema has no property {', '.join(missing)}")
        return self

    def with_threshold(self) -> "Output":
        """Return it with the threshold that probabilities have where none is given."""
        if self.logprobs is None or self.threshold is not None:
            return self
        return self.model_copy(update={"threshold": Threshold(desirable_from=0.5, undesirable_to=0.5)})

    def vote_of(self, value: Any) -> VoteName | None:
        """Return what a verdict means, None if it is none; case and spaces around it do not matter.

        >>> Output().vote_of(" Desirable"), Output().vote_of("good")
        ('desirable', None)
        """
        said = json.dumps(value) if isinstance(value, bool | int | float) else value
        if not isinstance(said, str):
            return None
        meant = {name.strip().casefold(): vote for name, vote in self.votes.items()}
        return meant.get(said.strip().casefold())

    def answer_schema(self, principles: Sequence[str] = ()) -> dict[str, Any]:
        """Return the JSON Schema of an answer, its reason first."""
        if self.json_schema is not None:
            given: dict[str, Any] = json.loads(self.json_schema)
            first = {self.reason: given["properties"][self.reason]}
            return given | {"properties": first | given["properties"]}
        properties: dict[str, Any] = {self.reason: {"type": "string"}}
        if principles:
            properties["violations"] = {"type": "array", "items": {"enum": list(principles)}}
        if self.verdict:
            properties[self.verdict] = {"enum": list(self.votes)}
        if self.score:
            properties[self.score] = {"type": "number"}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def schema_text(self, principles: Sequence[str] = ()) -> str:
        """Return the schema that answers are checked against, as JSON text: a verdict's case does not matter there."""
        schema = self.answer_schema(principles)
        if self.json_schema is None and self.verdict:
            schema["properties"][self.verdict] = {"type": ["string", "boolean", "number"]}
            schema["required"] = [key for key in schema["required"] if key != self.verdict] + [self.verdict]
        return json.dumps(schema, sort_keys=True)
