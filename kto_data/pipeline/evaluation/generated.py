"""Generated outputs of two models to the same prompts: what labelers say of them, and how they changed.

Shapes: N prompts, M labelers.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.labelers.rules.load import load_rules
from kto_data.pipeline.evaluation.panel import Flags, Minded, Panel
from kto_data.pipeline.evaluation.scores import Figure, as_figure
from kto_data.schema import content_id, rows_schema
from kto_data.statistics.intervals import Interval, cluster_bootstrap, mean_of_pairs, wilson

N_SAMPLES = 6
"""Prompts whose two answers are shown side by side."""

REFUSALS = "builtin:refusals"
"""The pack that counts refusals."""

MODELS = ("reference", "trained")


def judge_generated(
    reference: pa.Table,
    trained: pa.Table,
    *,
    training: Panel,
    held_out: Panel,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return what two models' answers to the same prompts are like.

    An answer counts as desirable when nobody on a panel votes undesirable on it.

    Args:
        reference: prompt_id, prompt, completion, finish_reason of the model before training.
        trained: The same of the model after it; and perhaps `kl`, each answer's divergence from the reference, in nats.
        training: The labelers that also labelled the training data: a gain by them alone is gaming.
        held_out: Labelers that had no part in the training labels.
        seed: Of the resampling.
        say: Told of judges' progress.
    """
    n = reference.num_rows
    rows = as_rows(pa.concat_tables([reference, trained.select(reference.schema.names)]))
    texts = dict(zip(MODELS, _halves(_texts(rows), n), strict=True))
    n_words = {name: np.array([len(text.split()) for text in answers]) for name, answers in texts.items()}
    generated: dict[str, Any] = {
        "n_prompts": n,
        "by_labeler": [],
        "mean_chars": {name: _mean(len(text) for text in answers) for name, answers in texts.items()},
        "mean_words": {name: _mean(counts) for name, counts in n_words.items()},
        "length_ratio": _ratio(n_words["trained"], n_words["reference"], seed),
        "refusals": _refusals(rows, say),
        "kl": _mean_kl(trained, seed),
    }
    panels = {"training_labelers": training, "held_out_labelers": held_out}
    gains: dict[str, npt.NDArray[np.float64]] = {}
    for key, panel in panels.items():
        if panel:
            minded = panel.on(rows, say)
            generated[key], gains[key] = _compare(minded)
            generated["by_labeler"] += _by_labeler(minded, held_out=key == "held_out_labelers")
    if len(gains) == 2:
        generated["rule_gaming"] = _gaming(gains["training_labelers"] - gains["held_out_labelers"])
    samples = [
        {"prompt": prompt, "reference": before, "trained": after}
        for prompt, before, after in zip(
            _last_user(rows)[:n], texts["reference"], texts["trained"], strict=True
        )
    ]
    return {"generated": generated, "samples": samples[:N_SAMPLES]}


def _gaming(gap_N: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Return the gain by the labelers of the training minus that by held-out ones, on prompts that both judged.

    More than chance says that the model learnt to please its own labelers rather than to be better.
    """
    interval = mean_of_pairs(gap_N[~np.isnan(gap_N)])
    if interval is None:
        return {"gap": None, "clear": False, "words": "No prompt was judged by labelers of both kinds."}
    points = (
        f"{100 * interval.estimate:+.1f} points [{100 * interval.lower:+.1f}, {100 * interval.upper:+.1f}]"
    )
    if interval.lower > 0:
        words = (
            f"Rule-gaming: outputs gained {points} more by the labelers that made the training labels than by those "
            "held out, so part of the gain is in pleasing these labelers."
        )
    elif interval.upper < 0:
        words = f"No rule-gaming: outputs gained more by held-out labelers than by the training's ({points})."
    else:
        words = f"No clear rule-gaming: the gain by the training's labelers minus that by held-out ones is {points}."
    return {"gap": as_figure(interval), "clear": interval.lower > 0, "words": words}


def _refusals(rows: pa.Table, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the share of answers that refuse, wholly or in part, and its change."""
    minded = Panel(load_rules([REFUSALS], base=Path())).on(rows, say)
    before_N, after_N = _halves(minded.minded_NM.any(axis=1), rows.num_rows // 2)
    return {
        **{name: _share(flags) for name, flags in zip(MODELS, (before_N, after_N), strict=True)},
        "change": as_figure(mean_of_pairs(after_N.astype(float) - before_N.astype(float))),
    }


def _ratio(after_N: npt.NDArray[np.int64], before_N: npt.NDArray[np.int64], seed: int) -> Figure:
    """Return the mean of the one over that of the other, resampling prompts; None where that is empty."""

    def ratio(rows: npt.NDArray[np.int64]) -> float | None:
        total = before_N[rows].sum()
        return float(after_N[rows].sum() / total) if total else None

    return as_figure(cluster_bootstrap(ratio, np.arange(len(after_N)), np.random.default_rng(seed)))


def _mean_kl(trained: pa.Table, seed: int) -> dict[str, Any] | None:
    if "kl" not in trained.schema.names or not trained.num_rows:
        return None
    kl_N = trained["kl"].to_numpy()

    def mean(rows: npt.NDArray[np.int64]) -> float:
        return float(kl_N[rows].mean())

    interval = cluster_bootstrap(mean, np.arange(len(kl_N)), np.random.default_rng(seed))
    figure = as_figure(interval) or {"estimate": mean(np.arange(len(kl_N)))}
    return {
        **figure,
        "estimator": "nats an answer: over the trained model's own answers, the sum of each token's exact KL(trained || "
        "reference) over the vocabulary (Rao-Blackwellised; unbiased where answers are drawn at temperature 1)",
    }


def as_rows(generations: pa.Table, *, source: str = "generated") -> pa.Table:
    """Return generated outputs as `rows`, which is what labelers see."""
    rows = []
    for number, line in enumerate(generations.to_pylist()):
        prompt, completion = _messages(line["prompt"], "user"), _messages(line["completion"], "assistant")
        rows.append(
            {
                "row_id": f"{source}#answer-{number}",
                "sample_id": content_id(prompt, completion),
                "prompt_id": line["prompt_id"],
                "prompt": prompt,
                "completion": completion,
                "source": source,
                "finish_reason": line["finish_reason"],
            }
        )
    return pa.Table.from_pylist(rows, schema=rows_schema())


def _messages(value: Any, role: str) -> list[dict[str, str]]:
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    return [{key: text for key, text in message.items() if text is not None} for message in value]


def _compare(minded: Minded) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return the desirable shares of both models, and each prompt's gain: NaN where not everybody could judge."""
    n = len(minded.judged_N) // 2
    fine = np.where(minded.judged_N, ~minded.minded_NM.any(axis=1), np.nan)
    before_N, after_N = _halves(fine, n)
    gain_N = after_N - before_N
    both_N = ~np.isnan(gain_N)
    compared: dict[str, Any] = {
        name: _share(flags[both_N].astype(bool))
        for name, flags in zip(MODELS, (before_N, after_N), strict=True)
    }
    compared["difference"] = as_figure(mean_of_pairs(gain_N[both_N]))
    compared["labelers"] = list(minded.labelers)
    compared["n_not_judged"] = n - int(np.count_nonzero(both_N))
    return compared, gain_N


def _by_labeler(minded: Minded, *, held_out: bool) -> list[dict[str, Any]]:
    """Return each labeler's shares; those of the training that mind nothing here would fill the table."""
    n = len(minded.judged_N) // 2
    return [
        {
            "labeler": labeler,
            "held_out": held_out,
            **{
                name: _share(~flags[judged])
                for name, flags, judged in zip(
                    MODELS, _halves(minded_N, n), _halves(minded.judged_N, n), strict=True
                )
            },
        }
        for labeler, minded_N in zip(minded.labelers, minded.minded_NM.T, strict=True)
        if held_out or minded_N.any()
    ]


def _share(desirable: Flags) -> Figure:
    interval: Interval | None = wilson(int(np.count_nonzero(desirable)), len(desirable))
    return {**asdict(interval), "n": len(desirable)} if interval else None


def _halves(values: Any, n: int) -> tuple[Any, Any]:
    """The reference's part and the trained model's."""
    return values[:n], values[n:]


def _texts(rows: pa.Table) -> list[str]:
    return [
        "\n".join(message["content"] for message in messages) for messages in rows["completion"].to_pylist()
    ]


def _last_user(rows: pa.Table) -> list[str]:
    return [
        next(
            (message["content"] for message in reversed(messages) if message["role"] == "user"),
            json.dumps(messages),
        )
        for messages in rows["prompt"].to_pylist()
    ]


def _mean(values: Any) -> float:
    found = list(values)
    return float(np.mean(found)) if found else 0.0
