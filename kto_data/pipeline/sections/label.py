"""`label:`: who votes."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from kto_data.config.validate import Options
from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import Mistake
from kto_data.labelers.feedback.thumbs import Thumbs
from kto_data.labelers.humans.options import HumansOptions
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.recorded import RecordedVotes
from kto_data.labelers.rules.rule import RuleSet

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FeedbackOptions(Options):
    """What users did about an output."""

    thumbs: Thumbs | None = None


class UnresolvedOptions(Options):
    """What counts as unresolved, for labelers that are asked only then (`when: unresolved`)."""

    between: tuple[Share, Share] = (0.2, 0.8)
    """An aggregate's p_desirable in this range; samples without a label always are unresolved."""
    no_evidence: bool = True
    """Samples that nobody spoke of, also where `aggregate.when_no_evidence` gives them a label."""


class LabelOptions(Options):
    """Who votes."""

    rules: list[str] = []
    """Rule files, or packs that ship with the toolkit (`builtin:NAME`)."""
    feedback: FeedbackOptions = FeedbackOptions()
    recorded: list[RecordedVotes] = []
    """Votes that were made elsewhere and stand in columns of the input."""
    humans: HumansOptions | None = None
    """Annotators in Label Studio: the run sends a batch and goes on when enough of it is answered."""
    judges: list[str] = []
    """Judge files: language models that vote after rules and feedback, in the order given."""
    unresolved: UnresolvedOptions = UnresolvedOptions()
    """Which samples those are asked about whose `when` is `unresolved`."""

    @model_validator(mode="after")
    def _somebody_votes(self) -> "LabelOptions":
        named = (self.rules, self.feedback.thumbs, self.recorded, self.judges, self.humans)
        if not any(named):
            raise ValueError("nobody votes; name rules, feedback, judges, recorded votes or humans")
        names = [labeler.labeler for labeler in self.recorded]
        if len(set(names)) < len(names):
            raise ValueError("two recorded labelers have the same name")
        return self


def names_taken_twice(
    rules: RuleSet, label: LabelOptions, judges: Sequence[Judge], file: YamlFile
) -> list[Mistake]:
    """Return a mistake for each labeler whose name another one has."""
    named: list[tuple[KeyPath, str]] = [
        (("label", "recorded", index), vote.labeler) for index, vote in enumerate(label.recorded)
    ]
    if label.feedback.thumbs:
        named.append((("label", "feedback", "thumbs"), "thumbs"))
    asked = {labeler.name for judge in judges for labeler in judge.labelers}
    return [
        file.mistake(path, f"a {who} has the id {name!r} too; labelers need different names")
        for path, name in named
        for who, taken in (("rule", rules.ids), ("judge", asked))
        if name in taken
    ]
