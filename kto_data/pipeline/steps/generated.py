"""Generated outputs as rows, judged by rules."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import content_id, rows_schema
from kto_data.statistics.intervals import Interval, wilson

N_SAMPLES = 6
"""Prompts whose two answers are shown side by side."""

Flags = npt.NDArray[np.bool_]


def judge_generated(
    reference: pa.Table, trained: pa.Table, *, rules: RuleSet, held_out_rules: RuleSet
) -> dict[str, Any]:
    """Return what rules say of the answers of two models to the same prompts.

    An answer counts as desirable when no rule votes undesirable on it.

    Args:
        reference: prompt_id, prompt, completion, finish_reason of the model before training.
        trained: The same of the model after it.
        rules: The rules that also labelled the training data: a gain here alone may be gaming.
        held_out_rules: Rules that had no part in the training labels.
    """
    tables = {"reference": as_rows(reference), "trained": as_rows(trained)}
    texts = {name: _texts(table) for name, table in tables.items()}
    generated: dict[str, Any] = {
        "n_prompts": reference.num_rows,
        "by_rule": [],
        "mean_chars": {name: _mean(len(text) for text in answers) for name, answers in texts.items()},
        "mean_words": {name: _mean(len(text.split()) for text in answers) for name, answers in texts.items()},
    }
    for key, chosen, held_out in (("training_rules", rules, False), ("held_out_rules", held_out_rules, True)):
        if not chosen.rules:
            continue
        flagged = {name: _flagged(chosen, table) for name, table in tables.items()}
        generated[key] = _compare({name: np.asarray(flags.any(axis=1)) for name, flags in flagged.items()})
        generated[key]["rules"] = list(chosen.ids)
        # of the rules that labelled the training, those that mind nothing here would fill the table
        generated["by_rule"] += [
            {
                "rule": rule.id,
                "held_out": held_out,
                **{name: _share(flags[:, column]) for name, flags in flagged.items()},
            }
            for column, rule in enumerate(chosen.rules)
            if held_out or any(flags[:, column].any() for flags in flagged.values())
        ]
    samples = [
        {"prompt": prompt, "reference": before, "trained": after}
        for prompt, before, after in zip(
            _last_user(tables["reference"]), texts["reference"], texts["trained"], strict=True
        )
    ]
    return {"generated": generated, "samples": samples[:N_SAMPLES]}


def as_rows(generations: pa.Table) -> pa.Table:
    """Return generated outputs as `rows`, which is what rules label."""
    rows = []
    for number, line in enumerate(generations.to_pylist()):
        prompt, completion = _messages(line["prompt"], "user"), _messages(line["completion"], "assistant")
        rows.append(
            {
                "row_id": f"generated#{number}",
                "sample_id": content_id(prompt, completion),
                "prompt_id": line["prompt_id"],
                "prompt": prompt,
                "completion": completion,
                "source": "generated",
                "finish_reason": line["finish_reason"],
            }
        )
    return pa.Table.from_pylist(rows, schema=rows_schema())


def _messages(value: Any, role: str) -> list[dict[str, str]]:
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    return [{"role": message["role"], "content": message["content"]} for message in value]


def _flagged(rules: RuleSet, rows: pa.Table) -> Flags:
    """Return which rules (columns) vote undesirable on which rows."""
    votes = label_batch(rules, rows).votes
    columns = [votes[rule].fill_null(0).to_numpy() < 0 for rule in rules.ids]
    return np.stack(columns, axis=1) if columns else np.zeros((rows.num_rows, 0), dtype=bool)


def _compare(undesirable: dict[str, Flags]) -> dict[str, Any]:
    return {
        **{name: _share(flags) for name, flags in undesirable.items()},
        "difference": _paired_difference(~undesirable["trained"], ~undesirable["reference"]),
    }


def _share(undesirable: Flags) -> dict[str, float] | None:
    interval = wilson(int(np.count_nonzero(~undesirable)), len(undesirable))
    return {**asdict(interval), "n": len(undesirable)} if interval else None


def _paired_difference(after: Flags, before: Flags) -> dict[str, float] | None:
    """Return the difference of two shares on the same prompts, with Wald's interval for paired data.

    The variance is that of the differences, each -1, 0 or 1 (Agresti & Min 2005, with half an
    observation added to each of the four cells, which keeps the interval honest near 0 and 1).
    """
    n = len(after)
    if not n:
        return None
    gained, lost = np.count_nonzero(after & ~before) + 0.5, np.count_nonzero(before & ~after) + 0.5
    n_plus = n + 2.0
    middle = (gained - lost) / n_plus
    half = 1.959964 * np.sqrt(max(gained + lost - n_plus * middle**2, 0.0)) / n_plus
    estimate = float(np.mean(after.astype(float) - before.astype(float)))
    return asdict(
        Interval(estimate, float(min(middle - half, estimate)), float(max(middle + half, estimate)))
    )


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
