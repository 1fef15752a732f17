"""The model card: `README.md` of a checkpoint, with everything that is needed to judge and to repeat it."""

import json
from collections.abc import Mapping
from typing import Any


def card(result: Mapping[str, Any]) -> str:
    """The card, in Markdown with the hub's front matter, from what `training.json` holds.

    Example:
        >>> "base_model" in card({"model": "tiny", "reference": "reference", "options": {"seed": 1}})
        False
    """
    front = {"library_name": "transformers", "tags": ["kto", "kto-data"]}
    if result["reference"] == result["model"]:
        front["base_model"] = result["model"]
    counts, rows = result.get("counts", {}), result.get("counts", {}).get("rows", {})
    weights = result.get("weights", {})
    lines = ["---", *(f"{name}: {json.dumps(value)}" for name, value in front.items()), "---", ""]
    lines += [
        "# A model trained with KTO",
        "",
        f"Trained from `{_code(result['model'])}` with KTO (Ethayarajh et al., 2024, https://arxiv.org/abs/2402.01306) by kto_trainer.",
        "",
        "## Data",
        "",
        f"* dataset: manifest.json with sha256 `{result.get('dataset', {}).get('manifest_sha256')}`",
        f"* rows: {rows.get('train')}, of them {rows.get('desirable')} desirable, {rows.get('undesirable')} undesirable",
        f"* weights: desirable {weights.get('desirable')}, undesirable {weights.get('undesirable')} (from the {weights.get('source')})",
        *(
            f"* {name.replace('_', ' ')}: {counts[name]}"
            for name in ("duplicates", "rows_with_both_labels")
            if name in counts
        ),
        "",
        "## Evaluation while training",
        "",
        *_table(
            {f"held-out {name}": value for name, value in result.get("held_out", {}).items()}
            | result.get("final", {})
        ),
        "",
        _held_out(result.get("held_out_rows")),
        "The other figures are means over the last steps. What the model writes is not judged here: `kto evaluate` does that.",
        "",
        "## Settings",
        "",
        "```json",
        json.dumps(result["options"], indent=2, sort_keys=True),
        "```",
        "",
        f"Versions: {', '.join(f'{name} {value}' for name, value in result.get('versions', {}).items())}.",
    ]
    return "\n".join(lines) + "\n"


def _held_out(rows: Mapping[str, Any] | None) -> str:
    """Which rows the held-out figures are of."""
    if rows is None:
        return "No rows were held out."
    told = f"The held-out figures are of {rows['rows']} rows of the split `{_code(rows['split'])}`, which were not trained on."
    if rows["chose_checkpoint"]:
        told += " They chose the checkpoint (early stopping), so they flatter it."
    return told


def _table(figures: Mapping[str, Any]) -> list[str]:
    told = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    if not told:
        return ["None."]
    return ["| figure | value |", "|---|---|", *(f"| {name} | {value:.4g} |" for name, value in told.items())]


def _code(text: Any) -> str:
    return str(text).replace("`", "'")
