"""The keys of a judge file."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kto_data.config.validate import Options
from kto_data.labelers.judges.output import Output, Threshold
from kto_data.labelers.recorded import Precision
from kto_data.labelers.rules.file_model import Mode, Scope

Count = Annotated[int, Field(ge=0)]
Usd = Annotated[float, Field(ge=0.0)]


class Principle(Options):
    """One rule of a constitution."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Its name in votes and reasons: small letters, digits, dashes."""
    text: str = Field(min_length=1)
    """What an output has to be, as a sentence."""


class Samples(Options):
    """How often each question is asked, and what the answers come to."""

    k: int = Field(1, ge=1, le=64)
    """Answers to each question; with more than one, `parameters.temperature` should be above 0."""
    combine: Literal["majority", "unanimous", "mean"] = "majority"
    """`majority` of the answers that do not abstain; `unanimous`: all of them; `mean`: their mean score against the
    threshold."""


class Budget(Options):
    """What the answers about one input may come to, those of earlier runs included; past it nothing is sent."""

    max_cost_usd: Usd | None = None
    """US dollars; needs `prices`."""
    max_requests: Count | None = None
    """Requests."""
    max_tokens: Count | None = None
    """Tokens, of requests and answers together."""


class Prices(Options):
    """US dollars per million tokens."""

    input: Usd
    """Of the request."""
    output: Usd
    """Of the answer."""
    cached_input: Usd | None = None
    """Of what the provider has in its prompt cache; by default as `input`."""
    batch_discount: float = Field(0.5, ge=0.0, le=1.0)
    """The share of the price that batch files save."""

    def cost_usd(self, tokens_in: int, tokens_out: int, cached_in: int = 0) -> float:
        """Return what a request costs.

        >>> Prices(input=1.0, output=4.0).cost_usd(1_000_000, 250_000)
        2.0
        """
        cached = self.input if self.cached_input is None else self.cached_input
        return ((tokens_in - cached_in) * self.input + cached_in * cached + tokens_out * self.output) / 1e6


class Limits(Options):
    """How requests are sent."""

    concurrency: int = Field(256, ge=1, le=4096)
    """The most requests at once; how many there really are adapts to what the server takes."""
    start: int = Field(16, ge=1)
    """Requests at once in the beginning."""
    timeout_s: float = Field(60.0, gt=0.0)
    """How long one try may take."""
    deadline_s: float = Field(600.0, gt=0.0)
    """How long a question may take in all, with waiting and trying again; then it is a fault."""
    attempts: int = Field(6, ge=1)
    """Tries of a question; those that the server put off (429) do not count."""
    patience_s: float = Field(30.0, gt=0.0)
    """How long a server may give no answer at all before the run stops."""
    http2: bool = False
    """Speak HTTP/2 where the server offers it (needs the extra `http2`); HTTP/1.1 costs less processor time."""


class JudgeTest(Options):
    """A row made up for a test, and what the judge should say of it."""

    name: str = ""
    """What the test shows."""
    prompt: str | None = None
    """The user's message."""
    messages: tuple[dict[Literal["role", "content"], str], ...] | None = None
    """The prompt as messages, in place of `prompt`."""
    system: str | None = None
    """The system message."""
    completion: str = ""
    """The output."""
    reference: str | None = None
    """A known good answer."""
    meta: dict[str, Any] = {}
    """The metadata columns."""
    expect: Literal["desirable", "undesirable", "abstain"]
    """The vote; `abstain` also where `when` does not hold."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "JudgeTest":
        if self.prompt is not None and self.messages is not None:
            raise ValueError("has both prompt and messages; give one of them")
        if any(set(message) != {"role", "content"} for message in self.messages or ()):
            raise ValueError("each of the messages needs a role and a content")
        return self


class JudgeOptions(Options):
    """A judge file."""

    version: Literal[1]
    """The version of this format."""
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The judge's name; its votes are those of `judge:<id>`."""
    description: str = ""
    """What it judges, for people."""
    backend: str | dict[str, dict[str, Any] | None]
    """Who answers: `openai`, `anthropic`, `transformers`, `reward_model`, `recorded`, or one of them with its options,
    as `{openai: {base_url: ...}}`."""
    model: str = ""
    """The model: a name the server knows, a folder, or a hub id."""
    family: str | None = None
    """Of which models it is itself one, as a pattern of model names (`gpt-*`); by default the model's own."""
    system: str = ""
    """Said first, in a system message; a template like `prompt`."""
    prompt: str | None = None
    """A Jinja2 template with prompt, completion, conversation, reference, meta, rubric and principles."""
    rubric: str = ""
    """What is desirable and what is not, in words."""
    principles: tuple[Principle, ...] = ()
    """A constitution that outputs are held to."""
    judge_principles: Literal["overall", "each"] = "overall"
    """`overall`: one question about all principles, one vote; `each`: a question and a vote for each."""
    reference: str = "meta.reference"
    """The column that holds a known good answer."""
    scope: Scope = "completion"
    """What of the output is judged."""
    output: Output = Output()
    threshold: Threshold | None = None
    """What a reward model's score means."""
    parameters: dict[str, Any] = {}
    """Passed to the model: temperature (0 by default), max_tokens (512 by default), seed, ..."""
    samples: Samples = Samples()
    when: Any = None
    """Which rows it is asked about: a condition as in rule files; `{unresolved: true}` holds where the labelers before
    it left a sample open."""
    budget: Budget = Budget()
    prices: Prices | None = None
    limits: Limits = Limits()
    mode: Mode = "vote"
    """`vote`; `veto`: fixes the label above other votes; `shadow`: measured, never votes."""
    weight: float | None = Field(None, ge=0.0)
    """How much a vote counts; by default what aggregation finds."""
    group: str | None = None
    """Of the labelers of one group only the strongest vote on a sample counts."""
    precision: Precision | None = None
    """How often it is assumed to be right, until something better is known."""
    tests: tuple[JudgeTest, ...] = ()
    """Rows on which it is known what it should say; `kto judge test`."""

    @model_validator(mode="after")
    def _goes_together(self) -> "JudgeOptions":
        if self.budget.max_cost_usd is not None and self.prices is None:
            raise ValueError("budget.max_cost_usd needs `prices`, or the cost is not known")
        ids = [principle.id for principle in self.principles]
        if len(set(ids)) < len(ids):
            raise ValueError("two principles have the same id")
        scored = self.output.score or self.output.logprobs or self.threshold
        if self.samples.combine == "mean" and not scored:
            raise ValueError("samples.combine is `mean`, and there is no score: ask for one under `output`")
        if self.output.logprobs is not None and self.principles and self.judge_principles == "overall":
            raise ValueError("output.logprobs cannot name violations; use judge_principles: each")
        return self
