"""The keys of a rule file. What depends on the check types (`match`, `when`) is read by `conditions_file.py`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from kto_data.config.validate import Options
from kto_data.errors import did_you_mean
from kto_data.labelers.rules.row import COLUMNS, SCOPES

VoteName = Literal["desirable", "undesirable", "abstain"]
Mode = Literal["vote", "veto", "shadow"]


def _check_scope(scope: str) -> str:
    if scope in SCOPES or _is_meta(scope):
        return scope
    raise ValueError(f"unknown scope {scope!r}{did_you_mean(scope, [*SCOPES, 'meta.<column>'])}")


def _check_column(column: str) -> str:
    if column in COLUMNS or _is_meta(column):
        return column
    raise ValueError(f"unknown column {column!r}{did_you_mean(column, [*COLUMNS, 'meta.<column>'])}")


def _is_meta(name: str) -> bool:
    return name.startswith("meta.") and all(name.split("."))


def _read_weight(weight: Any) -> Any:
    if weight == "auto":
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
        raise ValueError(f"should be a number from 0, or auto, not {weight!r}")
    return weight


Scope = Annotated[
    str,
    AfterValidator(_check_scope),
    WithJsonSchema({"anyOf": [{"enum": list(SCOPES)}, {"type": "string", "pattern": "^meta\\..+"}]}),
]
Column = Annotated[
    str,
    AfterValidator(_check_column),
    WithJsonSchema({"anyOf": [{"enum": list(COLUMNS)}, {"type": "string", "pattern": "^meta\\..+"}]}),
]
Weight = Annotated[
    float | None,
    BeforeValidator(_read_weight),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": 0}]}),
]
# `json_schema.py` makes references of these once all definitions are there.
ConditionData = Annotated[Any, WithJsonSchema({"x-ref": "condition"})]


class Precision(Options):
    """A prior for how often the rule's votes are right, used until gold labels exist."""

    mean: float = Field(gt=0, lt=1)
    """The expected share of right votes."""
    strength: float = Field(10.0, gt=0)
    """How many labelled samples the expectation is worth."""


class Cap(Options):
    """A limit on how many votes one value of a column may cast, so that one user cannot own the dataset."""

    per: Column
    """The column, such as `meta.user`."""
    max: int = Field(ge=1)
    """Votes for each of its values."""


class LoggedVote(Options):
    """A vote that was logged: `vote: {column: meta.thumb, map: {up: desirable, down: undesirable}}`."""

    column: Column
    """Where it was logged. A null there means that the rule is not applicable."""
    map: dict[str, VoteName] = Field(min_length=1)
    """The vote for each value; a value that is not here is a fault."""


class JudgeVote(Options):
    """A judge's vote: `vote: {judge: helpful}`. Rules do not ask judges; this says which rows one is for."""

    judge: str = Field(min_length=1)
    """The judge's name in its judge file."""


class InlineTest(Options):
    """A row made up for a test, and what the rule should do with it."""

    name: str = ""
    """What the test shows."""
    prompt: str | None = None
    """The user's message."""
    messages: tuple[dict[Literal["role", "content"], str], ...] | None = None
    """The prompt as messages, in place of `prompt`."""
    completion: str = ""
    """The output."""
    system: str | None = None
    """The system message."""
    next_user: str | None = None
    """What the user said next."""
    finish_reason: str | None = None
    """Why the model stopped."""
    model: str | None = None
    """The model's name."""
    meta: dict[str, Any] = {}
    """The metadata columns."""
    expect: Literal["fire", "ok", "skip"]
    """`fire`: the rule fires. `ok`: it is applicable and does not. `skip`: it is not applicable."""
    todo: bool = False
    """Known not to work yet; the test fails as soon as it does."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "InlineTest":
        if self.prompt is not None and self.messages is not None:
            raise ValueError("has both prompt and messages; give one of them")
        if any(set(message) != {"role", "content"} for message in self.messages or ()):
            raise ValueError("each of the messages needs a role and a content")
        return self


class RuleDefaults(Options):
    """What rules of the file are unless they say otherwise."""

    scope: Scope = "completion"
    """The text that checks look at."""
    otherwise: VoteName = "abstain"
    """The vote where the rule is applicable and does not fire."""
    mode: Mode = "vote"
    """`vote`; `veto`: fixes the label above other votes; `shadow`: measured, never votes."""
    weight: Weight = None
    """How much a vote counts: a number, or `auto` for what aggregation finds."""
    precision: Precision | None = None
    """A prior for how often the rule is right."""
    priority: int = 0
    """Between votes of one group with equal weight the higher one counts."""
    group: str | None = None
    """Of the rules of a group only the strongest vote counts."""
    cap: Cap | None = None
    """A limit on votes for each value of a column."""
    on_error: Literal["fault", "abstain"] = "fault"
    """What stands in the rule's column where it fails: null, or an abstention; the fault is noted in both."""


class RuleOptions(RuleDefaults):
    """One rule: a labeler with an id, a condition, a vote and its tests."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Its name in votes and reports."""
    message: str = ""
    """Why it fires, for people; `{match}` becomes what was found."""
    vote: Annotated[
        Any,
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": ["desirable", "undesirable"]},
                    {"x-ref": "LoggedVote"},
                    {"x-ref": "JudgeVote"},
                ]
            }
        ),
    ] = None
    """`desirable` or `undesirable`, `{column, map}` for logged feedback, or `{judge: NAME}`."""
    when: ConditionData = None
    """Where the rule is applicable at all; its named groups can be used in `match`."""
    match: ConditionData = None
    """What the rule looks for; it fires where this holds."""
    assert_: Annotated[
        Any,
        WithJsonSchema({"type": "array", "items": {"type": "object", "required": ["type"]}, "minItems": 1}),
    ] = Field(default=None, alias="assert")
    """promptfoo's assertions in place of `match`: the rule fires, and votes undesirable, where one fails."""
    metadata: dict[str, Any] = {}
    """Anything about the rule, such as its owner."""
    tests: tuple[InlineTest, ...] = ()
    """Rows and what the rule should do with them."""


class FileOptions(Options):
    """A rule file: a set of rules with what they share."""

    version: Literal[1]
    """The version of this format."""
    ruleset: str | None = None
    """A name for the set."""
    description: str = ""
    """What the set is for."""
    imports: tuple[str, ...] = ()
    """Rules of other files: `builtin:NAME`, `./file.yaml`, each with `#rule-id` for one rule of it."""
    plugins: tuple[str, ...] = ()
    """Entry point groups of installed packages whose check types and functions the rules use."""
    requires: tuple[str, ...] = ()
    """What has to be installed, such as `kto-data>=0.2`; checked when the file is read."""
    lists: dict[
        str,
        Annotated[
            Any,
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "array", "items": {"type": "string"}, "minItems": 1},
                        {
                            "type": "object",
                            "properties": {"file": {"type": "string"}},
                            "required": ["file"],
                            "additionalProperties": False,
                        },
                    ]
                }
            ),
        ],
    ] = {}
    """Lists of words by name, for `{list: NAME}`: written out, or `{file: PATH}` with one entry a line."""
    defaults: RuleDefaults = RuleDefaults()
    """What the rules are unless they say otherwise."""
    rules: tuple[Annotated[Any, WithJsonSchema({"x-ref": "RuleOptions"})], ...] = ()
    """The rules, in order."""
