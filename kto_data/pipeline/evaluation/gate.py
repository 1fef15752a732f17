"""The regression gate: figures of an evaluation against their limits."""

from collections.abc import Mapping
from typing import Any

from kto_data.pipeline.sections.gate import GateOptions, Limit


def figures_of(evaluation: Mapping[str, Any]) -> dict[str, dict[str, float] | None]:
    """Return the figures that a gate can limit, by their names there; None for what was not measured."""

    def find(*path: str) -> dict[str, float] | None:
        found: Any = evaluation
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, int | float):
            return {"estimate": float(found)}
        return dict(found) if isinstance(found, Mapping) and found.get("estimate") is not None else None

    return {
        "auc": find("trained", "auc"),
        "auc_over_control": find("auc_over_control"),
        "pair_accuracy": find("trained", "pair_accuracy"),
        "ece": find("calibration", "ece"),
        "perplexity_ratio": find("perplexity", "ratio"),
        "kl": find("generated", "kl"),
        "refusal_change": find("generated", "refusals", "change"),
        "length_ratio": find("generated", "length_ratio"),
        "held_out_gain": find("generated", "held_out_labelers", "difference"),
        "training_gain": find("generated", "training_labelers", "difference"),
        "rule_gaming": find("generated", "rule_gaming", "gap"),
    }


def check_gate(options: GateOptions, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether an evaluation keeps all limits, and how each was kept or broken.

    >>> gate = GateOptions(auc=Limit(min=0.6))
    >>> check_gate(gate, {"trained": {"auc": {"estimate": 0.5, "lower": 0.4, "upper": 0.6}}})["failures"]
    ['auc is 0.5 [0.4, 0.6], below the least that the gate allows, 0.6']
    """
    figures = figures_of(evaluation)
    limits = []
    for name in GateOptions.model_fields:
        limit: Limit | None = getattr(options, name)
        if limit is not None:
            problem = _problem(name, figures[name], limit)
            limits.append(
                {
                    "figure": name,
                    "found": figures[name],
                    "min": limit.min,
                    "max": limit.max,
                    "by": limit.by,
                    "passed": problem is None,
                    "problem": problem,
                }
            )
    failures = [one["problem"] for one in limits if one["problem"]]
    return {"passed": not failures, "limits": limits, "failures": failures}


def _problem(name: str, figure: Mapping[str, float] | None, limit: Limit) -> str | None:
    if figure is None:
        return f"{name} was not measured, so its limit cannot be kept"
    lower, upper = figure.get("lower"), figure.get("upper")
    shown = f"{name} is {figure['estimate']:.4g}"
    if lower is not None and upper is not None:
        shown += f" [{lower:.4g}, {upper:.4g}]"
    low = high = figure["estimate"]
    whole = ""
    if limit.by == "interval":
        if lower is None or upper is None:
            return f"{shown} and has no interval, so `by: interval` cannot be kept"
        low, high, whole = lower, upper, " with its whole interval"
    if limit.min is not None and low < limit.min:
        return f"{shown}, below the least that the gate allows{whole}, {limit.min:g}"
    if limit.max is not None and high > limit.max:
        return f"{shown}, above the most that the gate allows{whole}, {limit.max:g}"
    return None
