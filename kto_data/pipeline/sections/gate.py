"""`gate:`: limits on what training may come to, for a run that must not let a worse model through."""

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from kto_data.config.validate import Options, validate
from kto_data.config.yaml_file import load_yaml


class Limit(Options):
    """What one figure may be."""

    min: float | None = None
    """At least this."""
    max: float | None = None
    """At most this."""
    by: Literal["estimate", "interval"] = "estimate"
    """What has to keep the limit: the estimate, or its whole 95% interval, so that a figure that is only luckily
    within fails too."""

    @model_validator(mode="after")
    def _limits_something(self) -> "Limit":
        if self.min is None and self.max is None:
            raise ValueError("limits nothing; give `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min:g} is above `max` {self.max:g}")
        return self


class GateOptions(Options):
    """Limits on the figures of the evaluation; one that is broken, or cannot be measured, ends with exit code 1."""

    auc: Limit | None = None
    """Held-out AUC of the implicit reward; chance is 0.5."""
    auc_over_control: Limit | None = None
    """... minus that of the control trained on shuffled labels."""
    pair_accuracy: Limit | None = None
    """Share of pairs of outputs to one prompt in which the desirable one has the higher reward; chance is 0.5."""
    ece: Limit | None = None
    """Expected calibration error of sigma(reward - beta z0), 0 to 1. It has no interval."""
    perplexity_ratio: Limit | None = None
    """Perplexity of held-out desirable rows, trained over reference; above 1 is forgetting."""
    kl: Limit | None = None
    """Mean KL from the reference, in nats an answer."""
    refusal_change: Limit | None = None
    """Share of answers that refuse, trained minus reference, -1 to 1."""
    length_ratio: Limit | None = None
    """Mean length in words, trained over reference."""
    held_out_gain: Limit | None = None
    """Share of answers that held-out labelers find nothing against, trained minus reference, -1 to 1."""
    training_gain: Limit | None = None
    """The same by the labelers that made the training labels."""
    rule_gaming: Limit | None = None
    """`training_gain` minus `held_out_gain`, on the prompts that both judged."""


def load_gate(path: Path) -> GateOptions:
    """Read a gate from a file of its own, as `kto evaluate --gate` takes it.

    Raises:
        InputError: It cannot be read.
        ConfigError: With every mistake in it.
    """
    yaml = load_yaml(path)
    return validate(GateOptions, yaml.data, yaml)
