"""What the scores of held-out rows say: does the model rank, how far is it calibrated, and what did it unlearn?

Before training the implicit reward is 0 by definition, so the reference is ranked by its mean token
log-probability; after it the trained model, and a control trained on shuffled labels, by their implicit rewards.
Intervals resample prompts, whose rows hang together. Shapes: N held-out rows.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kto_data.statistics.auc import auc_interval, pair_accuracy_interval
from kto_data.statistics.calibration import calibration, ece_by_chance, reliability
from kto_data.statistics.histograms import histogram_by_class
from kto_data.statistics.intervals import Interval, cluster_bootstrap, difference

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]

Figure = dict[str, Any] | None


def read_scores(path: Path) -> Arrays:
    """Return the columns of a scores file; prompts as numbers, as comparing texts in every resample would take long."""
    table = pq.read_table(path)
    arrays: Arrays = {name: table[name].to_numpy(zero_copy_only=False) for name in table.schema.names}
    arrays["prompt"] = np.unique(arrays["prompt_id"].astype(str), return_inverse=True)[1]
    return arrays


def judge_scores(
    scores: Arrays, control: Arrays | None, summary: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Return rankings, calibration, perplexity and the histogram of the rewards.

    Args:
        scores: Of the trained model.
        control: Of the control, on the same rows.
        summary: What the trainer said of the scores: its `beta`, and `kl`, the reference point z0 in nats.
        seed: Of the resampling.
    """
    n_tokens = np.maximum(scores["n_tokens"].astype(float), 1.0)
    rewards, labels = scores["reward"].astype(float), scores["label"].astype(bool)
    found: dict[str, Any] = {
        "reference": _ranking(scores["ref_logp"].astype(float) / n_tokens, scores, seed),
        "trained": _ranking(rewards, scores, seed),
    }
    if control is not None:
        found["control"] = _ranking(control["reward"].astype(float), control, seed)
    histogram = histogram_by_class(rewards, labels)
    found["rewards"] = asdict(histogram) if histogram else None
    found["calibration"] = _calibration(rewards, labels, summary, seed)
    found["perplexity"] = _perplexity(scores, labels, n_tokens, seed)
    return found


def over_control(found: Mapping[str, Any]) -> Figure:
    """Return the AUC of the trained model minus that of the control; None without both."""
    ends = [
        Interval(**one)
        for name in ("trained", "control")
        if (one := (found.get(name) or {}).get("auc")) is not None
    ]
    return as_figure(difference(*ends)) if len(ends) == 2 else None


def _ranking(values: Floats, arrays: Arrays, seed: int) -> dict[str, Any]:
    labels, prompts = arrays["label"].astype(bool), arrays["prompt"]
    return {
        "auc": as_figure(auc_interval(values, labels, prompts, np.random.default_rng(seed))),
        "pair_accuracy": as_figure(
            pair_accuracy_interval(values, labels, prompts, np.random.default_rng(seed))
        ),
    }


def _calibration(
    rewards: Floats, labels: npt.NDArray[np.bool_], summary: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Take sigma(reward - beta z0), what KTO's loss pushes to 1 and to 0, for the probability of "desirable"."""
    z0 = summary["beta"] * (summary.get("kl") or 0.0)
    p_N = 1.0 / (1.0 + np.exp(-np.clip(rewards - z0, -500.0, 500.0)))
    found = calibration(p_N, labels)
    return {
        **(asdict(found) if found else {}),
        "ece_by_chance": ece_by_chance(p_N, np.random.default_rng(seed)),
        "bins": [asdict(one) for one in reliability(p_N, labels)],
    }


def _perplexity(
    scores: Arrays, labels: npt.NDArray[np.bool_], n_tokens: Floats, seed: int
) -> dict[str, Any] | None:
    """Return the perplexity of desirable rows, over all their tokens, under both models, and its ratio."""
    if not labels.any():
        return None
    logp, ref_logp = (scores[name].astype(float)[labels] for name in ("logp", "ref_logp"))
    tokens, prompts = n_tokens[labels], scores["prompt"][labels]

    def ratio(rows: npt.NDArray[np.int64]) -> float | None:
        return float(np.exp((ref_logp[rows] - logp[rows]).sum() / tokens[rows].sum()))

    return {
        "n": int(np.count_nonzero(labels)),
        "reference": _bounded_exp(-ref_logp.sum() / tokens.sum()),
        "trained": _bounded_exp(-logp.sum() / tokens.sum()),
        "ratio": as_figure(cluster_bootstrap(ratio, prompts, np.random.default_rng(seed))),
    }


def _bounded_exp(value: float) -> float:
    """Return e to the value; JSON has no infinity."""
    return float(np.exp(min(value, 700.0)))


def as_figure(interval: Interval | None) -> Figure:
    """Return an interval as the report's facts have it."""
    return asdict(interval) if interval else None
