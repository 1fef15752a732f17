"""Did the model get better: the answer in plain words, with the figures and intervals behind it.

What decides is what the model writes: the desirable share of its outputs by labelers that had no part in the
training labels, else by the training's; without generated outputs, how it ranks held-out
outputs against a control trained on shuffled labels. A difference whose interval includes 0 is called
not clear, however large its estimate.
"""

from dataclasses import dataclass
from typing import Any, Literal

from kto_data.report.text import interval_ends, number, percent, points, score
from kto_data.statistics.intervals import DEFAULT_LEVEL, Interval, difference

Outcome = Literal["better", "worse", "unclear", "unknown"]

LENGTH_CHANGE = 1.25
"""A change of mean length by more than this factor is pointed out: rules can be moved by length alone."""

OUTPUT_ANSWERS: dict[Outcome, str] = {
    "better": "The trained model's outputs are clearly better.",
    "worse": "The trained model's outputs are clearly worse.",
    "unclear": "The trained model's outputs are not clearly better.",
}
RANKING_ANSWERS: dict[Outcome, str] = {
    "better": "The model clearly learnt to tell desirable outputs from undesirable ones.",
    "worse": "The model clearly learnt to tell outputs apart the wrong way round.",
    "unclear": "It is not clear that the model learnt to tell desirable outputs from undesirable ones.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline of a report.

    Attributes:
        outcome: What the page is coloured by.
        sentence: The answer.
        evidence: Sentences with the figures behind it and beside it.
    """

    outcome: Outcome
    sentence: str
    evidence: tuple[str, ...]


def verdict(facts: dict[str, Any]) -> Verdict | None:
    """Judge a run by its facts; None for a run that trained and evaluated nothing."""
    evaluation = facts.get("evaluation") or {}
    generated = evaluation.get("generated") or {}
    by_labelers = [
        judged
        for key, labelers in (
            ("held_out_labelers", "labelers that had no part in the training labels"),
            ("training_labelers", "the labelers that made the training labels"),
        )
        if (judged := _by_labelers(generated.get(key) or {}, labelers))
    ]
    ranking = _ranking(evaluation)
    found = [*by_labelers, *ranking]
    if not found:
        if not facts.get("training"):
            return None
        return Verdict("unknown", "Whether the model got better was not evaluated.", ())
    outcome = found[0][0]
    sentence = (OUTPUT_ANSWERS if by_labelers else RANKING_ANSWERS)[outcome]
    caveats = _caveats(generated, held_out=bool(generated.get("held_out_labelers")), judged=bool(by_labelers))
    gate = evaluation.get("gate") or {}
    broken = tuple(f"The gate is closed: {failure}." for failure in gate.get("failures") or ())
    return Verdict(outcome, sentence, broken + tuple(text for _, text in found) + caveats)


def _by_labelers(shares: dict[str, Any], labelers: str) -> tuple[Outcome, str] | None:
    """The outcome and the sentence about generated outputs; None without both models' shares."""
    trained, reference = _interval(shares.get("trained")), _interval(shares.get("reference"))
    if trained is None or reference is None:
        return None
    gap = _interval(shares.get("difference")) or difference(trained, reference)
    outcome = _outcome(gap)
    return outcome, (
        f"By {labelers}, {percent(trained.estimate)} of its outputs are desirable, against "
        f"{percent(reference.estimate)} before training: {points(gap.estimate)} points, "
        f"{_level(gap)} interval {points(gap.lower)} to {points(gap.upper)}{_includes_zero(outcome)}."
    )


def _ranking(evaluation: dict[str, Any]) -> list[tuple[Outcome, str]]:
    """The outcome and sentence for each ranking measure, against the control or else against chance."""
    found: list[tuple[Outcome, str]] = []
    for key, words in (
        ("auc", "Over all held-out rows it ranks a desirable output above an undesirable one"),
        ("pair_accuracy", "Between outputs to one and the same prompt it ranks the desirable one higher"),
    ):
        trained = _interval((evaluation.get("trained") or {}).get(key))
        control = _interval((evaluation.get("control") or {}).get(key))
        if trained is None:
            continue
        name = "AUC" if key == "auc" else "accuracy"
        against = Interval(0.5, 0.5, 0.5, trained.level) if control is None else control
        gap = difference(trained, against)
        outcome = _outcome(gap)
        other = "chance" if control is None else "a control trained on shuffled labels"
        how = {
            "better": "clearly better than",
            "worse": "clearly worse than",
            "unclear": "not clearly better than",
        }
        found.append(
            (
                outcome,
                f"{words} {how[outcome]} {other}: {name} {score(trained.estimate)} "
                f"({score(trained.lower)} to {score(trained.upper)}) against {score(against.estimate)}"
                + ("." if control is None else f" ({score(control.lower)} to {score(control.upper)})."),
            )
        )
    return found


def _caveats(generated: dict[str, Any], *, held_out: bool, judged: bool) -> tuple[str, ...]:
    """What a reader should keep in mind beside the figures."""
    caveats = []
    if judged and not held_out:
        caveats.append(
            "No labeler was held out: the judges of the outputs are those the model was trained to please."
        )
    gaming = generated.get("rule_gaming") or {}
    if gaming.get("clear") and gaming.get("words"):
        caveats.append(str(gaming["words"]))
    words = generated.get("mean_words") or generated.get("mean_chars") or {}
    before, after = words.get("reference"), words.get("trained")
    if before and after and not 1 / LENGTH_CHANGE < after / before < LENGTH_CHANGE:
        unit = "words" if generated.get("mean_words") else "characters"
        caveats.append(
            f"Mean length went from {number(before)} to {number(after)} {unit}: "
            "some rules can be moved by length alone."
        )
    return tuple(caveats)


def _interval(figure: Any) -> Interval | None:
    """A figure as an interval; None where it has no estimate or no ends."""
    ends = interval_ends(figure)
    if ends is None or figure.get("estimate") is None:
        return None
    return Interval(figure["estimate"], *ends, figure.get("level") or DEFAULT_LEVEL)


def _outcome(gap: Interval) -> Outcome:
    if not gap.excludes(0.0):
        return "unclear"
    return "better" if gap.estimate > 0 else "worse"


def _includes_zero(outcome: Outcome) -> str:
    return ", which includes no difference at all" if outcome == "unclear" else ""


def _level(interval: Interval) -> str:
    return f"{100 * interval.level:g}%"
