"""What a reader of the shortcut audit should worry about, in sentences."""

from collections.abc import Mapping, Sequence

from kto_data.statistics.intervals import Interval

STRONG = 0.75
"""An AUC from which on surface alone tells much of the label."""
LENGTH_GAP = 0.5
"""A difference of mean log length, in standard deviations, that is worth a word (Cohen's medium effect)."""


def shortcut_warnings(
    surface: Interval | None,
    prompt: Interval | None,
    gap: float | None,
    strongest: Sequence[str],
    models: Mapping[str, tuple[int, int]],
) -> tuple[str, ...]:
    """Return a sentence for everything that is over its limit.

    Args:
        surface: AUC of the model on surface features.
        prompt: AUC of the model on the prompt.
        gap: Mean log length of desirable minus undesirable completions, in standard deviations.
        strongest: Names of the features that matter most.
        models: Desirable and undesirable rows by source model.
    """
    warnings = []
    if surface and surface.lower > STRONG:
        warnings.append(
            f"Surface features alone tell the labels apart (AUC {surface.estimate:.2f}), above all {', '.join(strongest)}: a model "
            "can please the labels without doing the task. Add rows in which they point the other way."
        )
    if prompt and prompt.lower > STRONG:
        warnings.append(
            f"The prompt alone tells the labels apart (AUC {prompt.estimate:.2f}): what is learnt is which prompts go "
            "wrong, not which answers. Collect both labels for the same prompts."
        )
    if gap is not None and abs(gap) > LENGTH_GAP:
        warnings.append(
            f"Desirable completions are {'longer' if gap > 0 else 'shorter'} by {abs(gap):.2f} standard deviations of "
            "log length: training will change how much the model writes."
        )
    if off_policy := _off_policy(models):
        warnings.append(off_policy)
    return tuple(warnings)


def _off_policy(models: Mapping[str, tuple[int, int]]) -> str | None:
    """A word if desirable and undesirable rows come from different models."""
    n_up, n_down = (sum(pair[side] for pair in models.values()) for side in (0, 1))
    if len(models) < 2 or not n_up or not n_down:
        return None
    distance = sum(abs(up / n_up - down / n_down) for up, down in models.values()) / 2
    if distance < 0.5:
        return None
    best = max(models, key=lambda name: models[name][0] / n_up - models[name][1] / n_down)
    return (
        f"Desirable and undesirable rows come from different models (total variation {distance:.2f}; {best} has "
        f"{models[best][0] / n_up:.0%} of the desirable and {models[best][1] / n_down:.0%} of the undesirable rows): the "
        "labels teach to imitate one model, and rows of another than the one you train are off-policy."
    )
