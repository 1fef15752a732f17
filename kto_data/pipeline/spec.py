"""The pipeline file: its keys, and what they become before any work is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from kto_trainer.options import TrainOptions
from pydantic import Field, model_validator

from kto_data.aggregators.method import METHODS, Method
from kto_data.aggregators.policy import Policy
from kto_data.balance.options import BalanceOptions
from kto_data.config.validate import Options, validate
from kto_data.config.yaml_file import KeyPath, YamlFile, load_yaml
from kto_data.curation.parse import parse_steps
from kto_data.curation.split import SplitOptions
from kto_data.curation.step import PlannedStep
from kto_data.dataset.data_tests.data_test import PlannedTest, parse_tests
from kto_data.errors import ConfigError, InputError, Mistake, did_you_mean
from kto_data.labelers.decision_table import DecisionTable
from kto_data.labelers.feedback.thumbs import Thumbs
from kto_data.labelers.humans.options import HumansOptions
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.load import load_judges
from kto_data.labelers.judges.when import for_rules
from kto_data.labelers.recorded import RecordedVotes
from kto_data.labelers.rules.file_model import JudgeVote
from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.pipeline.gold_options import GoldColumns, GoldFile
from kto_data.readers import ReadEntry

Share = Annotated[float, Field(ge=0.0, le=1.0)]
T = TypeVar("T")


class DemoLogOptions(Options):
    """A made-up production log, for trying things out: the input is made from the seed."""

    rows: int = Field(2400, ge=100, le=1_000_000)
    """Readable rows of the log."""


class TruthFile(Options):
    """What is known to be right, in a file of its own."""

    file: str
    """JSON lines."""
    id: str = "id"
    """Its key that holds the record's id."""
    label: str = "desirable"
    """Its key that holds true or false."""


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


class Limits(Options):
    """Shares past which a run fails: bad input never stops good input, but too much of it is a fault of its own."""

    quarantined: Share = 0.01
    """Unreadable records, as a share of all records."""
    faults: Share = 0.05
    """Rows on which one labeler failed, as a share of the rows."""


class PipelineFile(Options):
    """A pipeline file."""

    version: Literal[1]
    """The version of this format."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The name of the run folder: letters, digits, dots, dashes."""
    description: str = ""
    """What it is for; for readers."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Everything random follows from it."""
    demo_log: DemoLogOptions | None = None
    """Make a log and read it, instead of `read`."""
    read: list[ReadEntry] = []
    """The input files."""
    truth: TruthFile | DecisionTable | None = None
    """What is known to be right. No labeler sees it: labels are compared with it, and held-out rows judged by it."""
    gold: GoldFile | GoldColumns | None = None
    """Samples whose label is known to be right: they decide, and the aggregation learns from them."""
    prepare: list[Any] = []
    """Steps before anything is labelled."""
    label: LabelOptions
    aggregate: dict[str, Any] = {}
    """The method and its options, and the policy."""
    curate: list[Any] = []
    """Steps after labels are known."""
    split: SplitOptions = SplitOptions()
    balance: BalanceOptions = BalanceOptions()
    tests: list[Any] = []
    """What must hold of the rows before they are written: [{balance: {between: [0.2, 0.8]}}, no_pii]."""
    train: dict[str, Any] | None = None
    """The trainer's options; without this key the run ends with the dataset."""
    evaluate: EvaluateOptions | None = None
    """How the trained model is judged; without this key it is not."""
    limits: Limits = Limits()


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
        held_out_rules: The rules that judge generated outputs alone.
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


def load_pipeline(path: Path, *, seed: int | None = None) -> Pipeline:
    """Read and check a pipeline file and the rule files it names.

    Args:
        path: The file.
        seed: Used instead of the file's own.

    Raises:
        InputError: The file cannot be read.
        ConfigError: With every mistake in it and in the files it names.
    """
    yaml = load_yaml(path)
    mistakes = _Mistakes()
    spec = mistakes.of(lambda: validate(PipelineFile, yaml.data, yaml))
    data = yaml.data if isinstance(yaml.data, dict) else {}
    mistakes.note(_keys_that_do_not_go_together(data, yaml))
    prepare = mistakes.of(
        lambda: parse_steps(_list(data, "prepare"), yaml, ("prepare",), labels_available=False)
    )
    curate = mistakes.of(lambda: parse_steps(_list(data, "curate"), yaml, ("curate",), labels_available=True))
    tests = mistakes.of(lambda: parse_tests(_list(data, "tests"), yaml, ("tests",)))
    decided = mistakes.of(lambda: _aggregate(_dict(data, "aggregate"), yaml))
    train = mistakes.of(lambda: _train(data.get("train"), yaml))
    rules = mistakes.of(lambda: _rules(data, ("label", "rules"), yaml))
    held_out = mistakes.of(lambda: _rules(data, ("evaluate", "rules"), yaml))
    judges = mistakes.of(lambda: _judges(data, yaml))
    if rules and judges is not None:
        judges = mistakes.of(lambda: _narrowed(judges or (), rules))
    if rules and held_out:
        mistakes.note(_rules_in_both(rules, held_out, yaml))
    if rules and spec:
        mistakes.note(_names_taken_twice(rules, spec, judges or (), yaml))
    if spec and isinstance(spec.truth, TruthFile) and not (path.parent / spec.truth.file).is_file():
        mistakes.note([yaml.mistake(("truth", "file"), f"{spec.truth.file}: no such file")])
    mistakes.raise_if_any()
    assert spec and rules and held_out and decided and judges is not None  # noqa: PT018 - one statement: no mistakes, so nothing is missing
    assert prepare is not None and curate is not None and tests is not None  # noqa: PT018 - likewise
    if seed is not None:
        spec = spec.model_copy(update={"seed": seed})
    if train is not None:
        named = path.parent / train.model  # relative paths are relative to the pipeline file, as all others
        model = str(named) if named.is_dir() else train.model
        train = train.model_copy(update={"seed": spec.seed, "model": model})
    return Pipeline(path, path.parent, spec, prepare, curate, tests, rules, held_out, *decided, train, judges)


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


def _keys_that_do_not_go_together(data: dict[str, Any], file: YamlFile) -> list[Mistake]:
    mistakes: list[Mistake] = []
    if data and bool(data.get("read")) == (data.get("demo_log") is not None):
        key = ("demo_log",) if "demo_log" in data else ("read",) if "read" in data else ()
        mistakes.append(
            file.mistake(key, "one input is needed: `read` (your files) or `demo_log` (a made-up log)")
        )
    if data.get("demo_log") is not None and data.get("truth") is not None:
        mistakes.append(file.mistake(("truth",), "a demo_log brings its own truth; leave `truth` out"))
    split = data.get("split")
    if isinstance(split, dict) and split.get("test") == 1 and data.get("train") is not None:
        mistakes.append(
            file.mistake(
                ("split", "test"), "holds out everything, so `train` has nothing to train on; lower it"
            )
        )
    if data.get("evaluate") is not None and data.get("train") is None:
        mistakes.append(
            file.mistake(("evaluate",), "`evaluate` needs `train`: there is no model to evaluate")
        )
    return mistakes


def _aggregate(data: dict[str, Any], file: YamlFile) -> tuple[Method, Policy]:
    """Split `aggregate:` into the method's options and the policy's."""
    name = data.get("method", "calibrated")
    if not isinstance(name, str) or name not in METHODS:
        raise ConfigError(
            [
                file.mistake(
                    ("aggregate", "method"), f"unknown method {name!r}{did_you_mean(str(name), METHODS)}"
                )
            ]
        )
    method = METHODS.get(name)
    policy_keys = {key: value for key, value in data.items() if key in Policy.model_fields}
    method_keys = {key: value for key, value in data.items() if key not in policy_keys and key != "method"}
    unknown = [
        file.mistake(
            ("aggregate", key),
            f"unknown key{did_you_mean(key, ['method', *method.model_fields, *Policy.model_fields])}",
        )
        for key in method_keys
        if key not in method.model_fields
    ]
    if unknown:
        raise ConfigError(unknown)
    return validate(method, method_keys, file, ("aggregate",)), validate(
        Policy, policy_keys, file, ("aggregate",)
    )


def _train(data: Any, file: YamlFile) -> TrainOptions | None:
    if not isinstance(data, dict):
        return None  # left out, or a mistake that the file's own check reports
    for key, why in (
        ("seed", "the pipeline's own `seed` is used"),
        ("shuffle_labels", "`evaluate: {control: true}` does it"),
    ):
        if key in data:
            raise ConfigError([file.mistake(("train", key), f"not allowed here: {why}")])
    return validate(TrainOptions, data, file, ("train",)).resolved()


def _rules_in_both(rules: RuleSet, held_out: RuleSet, file: YamlFile) -> list[Mistake]:
    voting = {rule.id for rule in rules.rules}
    return [
        file.mistake(
            ("evaluate", "rules"),
            f"rule {rule.id!r} also votes on the training labels, so it is not held out",
        )
        for rule in held_out.rules
        if rule.id in voting
    ]


def _names_taken_twice(
    rules: RuleSet, spec: PipelineFile, judges: Sequence[Judge], file: YamlFile
) -> list[Mistake]:
    named: list[tuple[KeyPath, str]] = [
        (("label", "recorded", index), vote.labeler) for index, vote in enumerate(spec.label.recorded)
    ]
    if spec.label.feedback.thumbs:
        named.append((("label", "feedback", "thumbs"), "thumbs"))
    asked = {labeler.name for judge in judges for labeler in judge.labelers}
    return [
        file.mistake(path, f"a {who} has the id {name!r} too; labelers need different names")
        for path, name in named
        for who, taken in (("rule", rules.ids), ("judge", asked))
        if name in taken
    ]


def _dict(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _rules(data: dict[str, Any], path: tuple[str, str], file: YamlFile) -> RuleSet:
    """Load the rule files that a list names; a file that is missing is a mistake in the list's line."""
    listed = _list(_dict(data, path[0]), path[1])
    places = {ref: (*path, index) for index, ref in enumerate(listed) if isinstance(ref, str)}
    try:
        rules = load_rules(list(places), base=file.folder)
    except ConfigError as error:
        raise ConfigError(
            file.mistake(places[mistake.file], f"{mistake.file}: {mistake.message}")
            if mistake.file in places and not mistake.line
            else mistake
            for mistake in error.mistakes
        ) from None
    return rules


def _judges(data: dict[str, Any], file: YamlFile) -> tuple[Judge, ...]:
    """Load the judge files; one that is missing is a mistake in the list's line."""
    listed = _list(_dict(data, "label"), "judges")
    places: dict[str, KeyPath] = {
        name: ("label", "judges", index) for index, name in enumerate(listed) if isinstance(name, str)
    }
    try:
        return tuple(load_judges(list(places), base=file.folder))
    except ConfigError as error:
        raise ConfigError(
            file.mistake(places[mistake.file], f"{mistake.file}: {mistake.message}")
            if mistake.file in places and not mistake.line
            else mistake
            for mistake in error.mistakes
        ) from None


def _narrowed(judges: Sequence[Judge], rules: RuleSet) -> tuple[Judge, ...]:
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
