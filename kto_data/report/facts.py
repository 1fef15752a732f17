"""What a report is made of: the facts of a run, as plain values that JSON can hold.

Every key is optional; what is missing is left out of the page. None (and NaN, which JSON lacks)
means "looked for, and there is none", and is shown as a dash. Shares are fractions in [0, 1].
The type of each part says what the pipeline has to fill in.
"""

from typing import Any, TypedDict


class Figure(TypedDict, total=False):
    """An estimate, with its confidence interval where there is one."""

    estimate: float | None
    lower: float
    upper: float
    level: float  # nominal coverage of the interval; 0.95 when missing
    n: int  # what the estimate was counted on


class SplitCounts(TypedDict, total=False):
    """Rows in the two splits of the dataset."""

    train: int
    test: int


class Accounting(TypedDict, total=False):
    """Where every record and row went.

    records = used + quarantined, and rows = in the dataset + dropped + undecided; the page checks both.
    """

    n_records: int
    n_used: int  # records that became rows, counted by itself: derived, the page could check nothing
    n_quarantined: int
    quarantined: dict[str, int]  # reason -> records
    n_rows: int
    n_dataset: SplitCounts
    dropped: dict[str, dict[str, int]]  # step -> reason -> rows
    n_undecided: int  # rows whose sample has no label


class QuarantinedExample(TypedDict, total=False):
    """A record that could not be read."""

    file: str
    record: int  # from 1: the line of a JSONL file, else the record
    reason: str
    detail: str | None
    excerpt: str | None


class Named(TypedDict, total=False):
    """Rows by label of one source or one model."""

    name: str
    desirable: int
    undesirable: int


class ClassCounts(TypedDict, total=False):
    """Rows by label."""

    rows: int
    desirable: int
    undesirable: int


class Histogram(TypedDict, total=False):
    """Rows by value and label: `statistics.histograms.ClassHistogram` as a dict."""

    edges: list[float]
    n_desirable: list[int]
    n_undesirable: list[int]
    n_below: int
    n_above: int


class Balance(TypedDict, total=False):
    """The two classes in the dataset, and the weights that even them out."""

    train: ClassCounts
    test: ClassCounts
    ratio_before: float | None  # n_D / n_U on the training split
    ratio_after: float | None  # w_D n_D / (w_U n_U)
    desirable_weight: float
    undesirable_weight: float
    reason: str  # in words
    by_source: list[Named]
    by_model: list[Named]
    by_language: list[Named]  # of the completions
    by_cluster: list[Named]  # of the prompts
    by_time: list[Named]
    lengths: Histogram | None  # of the completions, in characters
    scores: Histogram | None  # p_desirable
    measures: dict[str, Any]  # `balance.statistics.Mass` by measure
    prompts: dict[str, int]  # n, both, only_desirable, only_undesirable
    weights: dict[str, Any]  # `balance.weights.ClassWeights`
    order: dict[str, Any]  # `balance.order_facts.OrderFacts` of the train split


class CardSide(TypedDict, total=False):
    """A labeler's votes for one class, against gold: `votes.report_card.Side` as a dict."""

    precision: Figure | None
    precision_by: str  # gold, or gold and predictions
    recall: Figure | None
    n_votes: int  # on gold samples
    n_gold: int  # gold samples of the class


class Echo(TypedDict, total=False):
    """Another labeler that votes alike."""

    labeler: str
    correlation: float
    n_both: int


class Calibration(TypedDict, total=False):
    """How scores compare with what is so: `statistics.calibration.Calibration` as a dict."""

    n: int
    brier: float
    ece: float
    mean_stated: float
    share: float


class Card(TypedDict, total=False):
    """A labeler's report card: `votes.report_card.ReportCard` as a dict, and what would change without it."""

    n_gold: int
    accuracy: Figure | None  # the share of its votes on gold samples that is right
    n_more: int  # further gold samples, among its votes, that would make that interval +-5%
    desirable: CardSide
    undesirable: CardSide
    calibration: Calibration | None
    echoes: list[Echo]
    constant: bool
    n_flipped: int  # samples whose label would be another without it, of ...
    n_examined: int


class Labeler(TypedDict, total=False):
    """What one labeler did. Votes, not-applicable and faults are four different things."""

    labeler: str
    kind: str  # rule, judge, annotator, feedback
    mode: str  # vote, veto, shadow
    n_desirable: int
    n_undesirable: int
    n_abstain: int
    n_not_applicable: int
    n_faults: int
    coverage: float | None
    overlap: float | None
    conflict: float | None
    agreement_with_truth: Figure | float | None
    card: Card | None


class Round(TypedDict, total=False):
    """A round of labelling that asked only about what was unresolved; counts are of samples unless named otherwise."""

    round: str
    n_unresolved: int
    n_asked_rows: int
    n_votes: int
    n_resolved: int


class Truth(TypedDict, total=False):
    """How many labels agree with a known truth that no labeler saw."""

    n: int
    agree: int
    interval: Figure


class Labels(TypedDict, total=False):
    """What the votes came to, in samples."""

    decided_by: dict[str, int]
    n_desirable: int
    n_undesirable: int
    n_undecided: int
    truth: Truth
    method: str  # whose probabilities they are: the method asked for, or the one it fell back to
    desirable_share: Figure  # of all samples, corrected by gold
    n_gold: int
    n_disputed: int  # samples that wait for adjudication
    rounds: list[Round]
    notes: list[str]  # what was set aside, what the method warns of


class ConflictingPair(TypedDict, total=False):
    """Two labelers of whom one said desirable and the other undesirable, and how many rows of a sample they did so on."""

    desirable: str
    undesirable: str
    n: int


class Conflict(TypedDict, total=False):
    """A row on which labelers contradicted one another."""

    row_id: str
    desirable: list[str]
    undesirable: list[str]
    label: bool | None
    p_desirable: float | None
    decided_by: str
    prompt: str
    completion: str


class Conflicts(TypedDict, total=False):
    """Where labelers contradicted one another."""

    n_samples: int
    n_conflicts: int  # samples with votes both ways
    n_counted: int  # rows that the pairs were counted on
    pairs: list[ConflictingPair]
    examples: list[Conflict]


class DroppedExample(TypedDict, total=False):
    """A row that a step left out."""

    step: str
    reason: str
    row_id: str
    detail: str | None
    prompt: str
    completion: str


class DataTest(TypedDict, total=False):
    """A test of the pipeline's `tests:` list."""

    test: str
    severity: str
    failures: list[str]


class CurvePoint(TypedDict, total=False):
    """One logged training step; a measure that a stage does not have is missing or None."""

    stage: str  # sft, kto, control
    step: int
    loss: float | None
    kl: float | None
    rewards_chosen: float | None  # mean implicit reward of desirable rows
    rewards_rejected: float | None  # ... and of undesirable rows


class Training(TypedDict, total=False):
    """What was trained, and how it went."""

    model: str  # what the first round started from
    n_parameters: int
    seconds: float  # of all rounds
    curves: list[CurvePoint]  # of the last round


class Ranking(TypedDict, total=False):
    """How well a model ranks held-out desirable outputs above undesirable ones."""

    auc: Figure | None
    pair_accuracy: Figure | None


class Desirable(TypedDict, total=False):
    """Desirable share of generated outputs, by one set of labelers.

    `difference` is trained minus reference. Both models answer the same prompts, so a paired interval
    is narrower; without it the page derives one from the two intervals as if they were independent.
    """

    reference: Figure
    trained: Figure
    difference: Figure
    labelers: list[str]
    n_not_judged: int  # prompts on which one of them failed or was not asked


class LabelerOutcome(TypedDict, total=False):
    """Desirable share of generated outputs, by one labeler."""

    labeler: str
    held_out: bool
    reference: Figure | float | None
    trained: Figure | float | None


class MeanLength(TypedDict, total=False):
    """Mean length of generated outputs."""

    reference: float
    trained: float


class Refusals(TypedDict, total=False):
    """Share of generated outputs that refuse."""

    reference: Figure
    trained: Figure
    change: Figure


class RuleGaming(TypedDict, total=False):
    """The gain by the training's labelers minus that by held-out ones."""

    gap: Figure | None
    clear: bool  # the interval lies above 0
    words: str


class Generated(TypedDict, total=False):
    """Outputs generated before and after training, judged by labelers."""

    n_prompts: int
    training_labelers: Desirable
    held_out_labelers: Desirable
    by_labeler: list[LabelerOutcome]
    rule_gaming: RuleGaming
    refusals: Refusals
    length_ratio: Figure | None  # mean words, trained over reference
    kl: dict[str, Any] | None  # a Figure, and its `estimator` in words
    mean_chars: MeanLength
    mean_words: MeanLength


class GeneratedSample(TypedDict, total=False):
    """What the two models answer to one prompt."""

    prompt: str
    reference: str
    trained: str


class Perplexity(TypedDict, total=False):
    """Of held-out desirable rows, over all their tokens."""

    n: int
    reference: float
    trained: float
    ratio: Figure | None


class RewardCalibration(Calibration, total=False):
    """sigma(reward - beta z0) taken for the probability of "desirable"."""

    ece_by_chance: float | None  # what perfect probabilities would have on so few rows
    bins: list[dict[str, Any]]  # n, mean_stated, share


class KeptLimit(TypedDict, total=False):
    """A limit of the gate."""

    figure: str
    found: Figure | None
    min: float | None
    max: float | None
    by: str  # estimate or interval
    passed: bool
    problem: str | None


class Gate(TypedDict, total=False):
    """The regression gate."""

    passed: bool
    limits: list[KeptLimit]
    failures: list[str]


class Evaluation(TypedDict, total=False):
    """Whether the model got better, on held-out prompts."""

    n_rows: int
    n_prompts: int
    labels_from: str
    reference: Ranking  # by mean token log-probability: its implicit reward is 0 by definition
    trained: Ranking  # by implicit reward
    control: Ranking  # by implicit reward, trained on shuffled labels
    generated: Generated
    samples: list[GeneratedSample]
    rewards: Histogram  # implicit rewards of the trained model on held-out rows
    auc_over_control: Figure | None
    calibration: RewardCalibration
    perplexity: Perplexity | None
    gate: Gate


class TrainingRound(TypedDict, total=False):
    """A round of training; from the second on with answers of the model before among its rows."""

    round: int
    n_train: int
    n_answers: int
    n_desirable: int  # of the answers
    n_undesirable: int
    figures: dict[str, Figure | None]


class Input(TypedDict, total=False):
    """An input file."""

    file: str
    bytes: int
    hash: str
    records: int


class Step(TypedDict, total=False):
    """A step of the pipeline."""

    step: str
    hash: str
    rows: int | None
    seconds: float | None
    reused: bool


class Lineage(TypedDict, total=False):
    """What the run was made from, and in which steps."""

    inputs: list[Input]
    steps: list[Step]


class Facts(TypedDict, total=False):
    """All facts of a run."""

    title: str
    pipeline: str
    seed: int
    created_at: str  # ISO 8601
    versions: dict[str, str]
    accounting: Accounting
    quarantined_examples: list[QuarantinedExample]
    balance: Balance
    shortcuts: dict[str, Any]  # `balance.shortcuts.ShortcutAudit`
    conflicts: Conflicts
    dropped_examples: list[DroppedExample]
    tests: list[DataTest]
    labelers: list[Labeler]
    annotators: dict[str, Any]  # `labelers.humans.report.agreement_report`
    labels: Labels
    training: Training
    evaluation: Evaluation
    training_rounds: list[TrainingRound]
    lineage: Lineage
