"""A judge, read and checked: what it asks about a row, and what the answers come to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kto_data.labelers.judges.backends.backend import Backend
from kto_data.labelers.judges.combine import combine
from kto_data.labelers.judges.file_model import JudgeOptions, JudgeTest, Principle
from kto_data.labelers.judges.output import Output
from kto_data.labelers.judges.prompts import Prompts
from kto_data.labelers.judges.question import Answer, Question
from kto_data.labelers.judges.verdict import Verdict, read_verdict
from kto_data.labelers.judges.when import When
from kto_data.labelers.rules.row import Message, Row
from kto_data.votes.labelers import Labeler, version_of

_TOLD = {"description", "tests", "budget", "limits", "prices", "when", "family"}
"""Keys that change no vote, or are told in another form."""

_DEFAULTS: dict[str, Any] = {"temperature": 0.0, "max_tokens": 512}


@dataclass(frozen=True)
class Judge:
    """One judge file.

    Attributes:
        options: Its keys.
        backend: Who answers.
        backend_name: The backend's name.
        prompts: Its templates.
        when: Which rows it is asked about.
        path: The file.
        file: The file, as the user named it.
        line: The line of its id.
        test_lines: The line of each test.
    """

    options: JudgeOptions
    backend: Backend
    backend_name: str
    prompts: Prompts
    when: When
    path: Path
    file: str
    line: int = 1
    test_lines: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its name as a labeler; with a vote for each principle, what their names begin with."""
        return f"judge:{self.options.id}"

    @cached_property
    def output(self) -> Output:
        """What is asked for, with every threshold filled in."""
        output = self.options.output.with_threshold()
        given = self.options.threshold
        return output.model_copy(update={"threshold": given}) if given else output

    @property
    def tests(self) -> tuple[JudgeTest, ...]:
        """Its inline tests."""
        return self.options.tests

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What the model is told of how to answer; a default that is set to null is left out."""
        return {
            key: value for key, value in (_DEFAULTS | self.options.parameters).items() if value is not None
        }

    @cached_property
    def definition(self) -> dict[str, Any]:
        """What its votes follow from, as plain data."""
        options = self.options.model_dump(mode="json", exclude=_TOLD | {"backend"}, by_alias=True)
        backend = {self.backend_name: self.backend.model_dump(mode="json")}
        return options | {"backend": backend, "when": self.when.definition()}

    @cached_property
    def about(self) -> str:
        """`event` if it looks at what happened around the output, else `content`."""
        seen = self.when.reads()
        around = any(name.startswith("meta.") or name in ("finish_reason", "next_user") for name in seen)
        return "event" if around or self.prompts.reads_meta else "content"

    @property
    def voters(self) -> Sequence[Principle | None]:
        """Who votes: each principle, or the judge as a whole (None)."""
        each = self.options.principles and self.options.judge_principles == "each"
        return self.options.principles if each else (None,)

    def labeler_name(self, voter: Principle | None) -> str:
        """Return the name under which a voter's votes are kept."""
        return self.name if voter is None else f"{self.name}/{voter.id}"

    @cached_property
    def labelers(self) -> tuple[Labeler, ...]:
        """Who votes, as the `labelers` table has it."""
        options, version = self.options, version_of(self.definition)
        return tuple(
            Labeler(
                name=self.labeler_name(voter),
                version=version,
                kind="judge",
                mode=options.mode,
                about=self.about,
                weight=options.weight,
                group=options.group,
                prior_mean=options.precision.mean if options.precision else None,
                prior_strength=options.precision.strength if options.precision else None,
                definition=self.definition,
            )
            for voter in self.voters
        )

    def questions(self, row: Row, voter: Principle | None) -> Iterator[Question]:
        """Yield the questions about a row, one a sample.

        Raises:
            ValueError: The template fails on this row.
        """
        principles = self.options.principles if voter is None else (voter,)
        messages = self.prompts.messages(row, self.options, self.output, principles)
        words = (
            (*self.output.logprobs.desirable, *self.output.logprobs.undesirable)
            if self.output.logprobs
            else ()
        )
        schema = None if words or self.backend.gives_score else self.output.answer_schema(self._named(voter))
        parameters = {} if self.backend.gives_score else self.parameters
        for number in range(self.options.samples.k):
            yield Question(messages, parameters, schema, words, number)

    def asked(self, row: Row, *, unresolved: bool) -> list[Question]:
        """Return all questions about a row, voter by voter; none if it is not asked about it.

        Raises:
            Exception: A check in `when` or the template fails on this row.
        """
        if not self.when.holds(row, unresolved=unresolved):
            return []
        return [question for voter in self.voters for question in self.questions(row, voter)]

    def verdict(self, answers: Sequence[Answer], voter: Principle | None) -> tuple[Verdict, list[Verdict]]:
        """Return what the answers to one question come to, and what each does."""
        verdicts = [read_verdict(answer, self.output, self._named(voter)) for answer in answers]
        return combine(verdicts, self.options.samples.combine, self.output.threshold), verdicts

    def cost_usd(self, answer: Answer) -> float | None:
        """Return what an answer cost; None where prices or tokens are not known."""
        prices = self.options.prices
        if prices is None or answer.tokens_in is None or answer.tokens_out is None:
            return None
        return prices.cost_usd(answer.tokens_in, answer.tokens_out, answer.cached_in or 0)

    def _named(self, voter: Principle | None) -> tuple[str, ...]:
        """Return the principles that the answer has to name where they are violated."""
        return tuple(one.id for one in self.options.principles) if voter is None else ()


def row_of_test(test: JudgeTest, reference: str) -> Row:
    """Return the row that a test describes; `reference` is the column of the known good answer."""
    prompt: list[Message] = []
    if test.system is not None:
        prompt.append({"role": "system", "content": test.system})
    prompt.extend({str(key): text for key, text in message.items()} for message in test.messages or ())
    if test.prompt is not None:
        prompt.append({"role": "user", "content": test.prompt})
    name = reference.removeprefix("meta.")
    meta = test.meta | ({name: test.reference} if test.reference is not None else {})
    return Row(prompt=prompt, completion=[{"role": "assistant", "content": test.completion}], meta=meta)
