"""`kto stats`: the balance of a dataset, and the weights to train it with."""

import json
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]

_MOST_NAMED = 8


def stats(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A dataset folder, a run, any KTO file or folder of files, or an id of the Hugging Face hub.",
            metavar="DATASET",
        ),
    ],
    loss_aversion: Annotated[
        float, typer.Option(min=0.1, max=10, help="A choice: how much more undesirable rows are to count.")
    ] = 1.0,
    batch_rows: Annotated[int, typer.Option("--batch", min=2, help="Rows of a batch, per device.")] = 8,
    as_json: JsonOption = False,
) -> None:
    """Print the balance of a dataset, class weights that suit it, and shortcuts in it.

    A dataset or run of ours has these on file; anything else, or other options, is counted now.
    """
    facts = _on_file(Path(dataset)) if (loss_aversion, batch_rows) == (1.0, 8) else None
    if facts is None:
        facts = _counted(dataset, loss_aversion, batch_rows)
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    print("\n".join(_lines(facts)))


def _on_file(path: Path) -> dict[str, Any] | None:
    from kto_data.dataset.read import read_manifest

    if not path.is_dir():
        return None
    folder = path / "dataset" if (path / "dataset" / "manifest.json").is_file() else path
    if not (folder / "balance.json").is_file():
        return None
    manifest = read_manifest(folder)
    shown = manifest.model_dump(mode="json", include={"counts", "weights", "order"})
    return {**shown, "balance": json.loads((folder / "balance.json").read_text(encoding="utf-8"))}


def _counted(dataset: str, loss_aversion: float, batch_rows: int) -> dict[str, Any]:
    from kto_data.balance.histograms import class_histograms
    from kto_data.balance.options import DEFAULT_TARGET
    from kto_data.balance.profile import write_profile
    from kto_data.balance.shortcuts import audit_shortcuts
    from kto_data.balance.statistics import balance_statistics
    from kto_data.balance.weights import suggest_weights
    from kto_data.dataset.foreign.opened import open_dataset

    with tempfile.TemporaryDirectory(prefix="kto-stats-") as scratch:
        opened = open_dataset(dataset, Path(scratch))
        files: dict[str, Any] = {
            "rows": opened.rows,
            "selection": opened.selection,
            "profile": Path(scratch) / "profile.parquet",
        }
        write_profile(files["profile"], rows=opened.rows, selection=opened.selection, seed=0)
        sides = {
            split: balance_statistics(**files, split=split, batch_rows=batch_rows)
            for split in ("train", "test")
        }
        weights = asdict(suggest_weights(sides["train"], DEFAULT_TARGET, loss_aversion=loss_aversion))
        shortcuts = audit_shortcuts(**files, seed=0)
        histograms = class_histograms(**files)
    counts = {
        split: {"rows": one.n_rows, "desirable": one.n_desirable, "undesirable": one.n_undesirable}
        for split, one in sides.items()
    }
    named = {name: weights[name] for name in ("desirable_weight", "undesirable_weight", "reason")}
    balance = {name: asdict(one) for name, one in sides.items()}
    return {
        "counts": counts,
        "weights": named,
        "balance": {**balance, "weights": weights, "shortcuts": asdict(shortcuts), "histograms": histograms},
    }


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    for split, counts in facts["counts"].items():
        share = counts["desirable"] / counts["rows"] if counts["rows"] else 0.0
        yield (
            f"{split:<6} {counts['rows']:>9,} rows: {counts['desirable']:,} desirable ({share:.1%}), "
            f"{counts['undesirable']:,} undesirable"
        )
    balance = facts["balance"]
    if train := balance.get("train"):
        yield from _train(train)
    yield ""
    weights = facts["weights"]
    yield (
        f"desirable_weight {weights['desirable_weight']:g}, undesirable_weight {weights['undesirable_weight']:g}"
    )
    yield textwrap.fill(weights["reason"], 110)
    if more := balance.get("weights"):
        yield from _weights(more)
    if shortcuts := balance.get("shortcuts"):
        yield from _shortcuts(shortcuts)


def _train(train: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{'train split':<24}{'desirable':>14}{'undesirable':>14}{'ratio':>9}"
    for name, title in (
        ("weight", "row weights"),
        ("confidence", "confidence"),
        ("tokens", "tokens (estimated)"),
        ("effective_rows", "effective rows"),
    ):
        yield f"  {title:<22}{_pair(train[name])}"
    yield (
        f"prompts {train['n_prompts']:,}: {train['n_prompts_both']:,} with both labels, {train['n_prompts_only_desirable']:,} only "
        f"desirable, {train['n_prompts_only_undesirable']:,} only undesirable"
    )
    order = train["order"]
    shares = ", ".join(f"{share:.1%} of {size}" for size, share in order["single_label_batches"].items())
    yield f"batches of one label, in file order: {shares or '-'}"
    for key, title in (
        ("by_source", "source"),
        ("by_model", "model"),
        ("by_language", "language"),
        ("by_cluster", "prompts about"),
        ("by_time", "time"),
    ):
        groups = train[key]
        if len(groups) > 1:
            yield ""
            yield f"{title:<24}{'desirable':>14}{'undesirable':>14}{'share':>9}"
            for group in groups[:_MOST_NAMED]:
                yield (
                    f"  {group['name'][:21]:<22}{group['n_desirable']:>14,}{group['n_undesirable']:>14,}"
                    f"{group['share_desirable']:>9.1%}"
                )
            if len(groups) > _MOST_NAMED:
                yield f"  and {len(groups) - _MOST_NAMED} more (--json)"


def _weights(weights: dict[str, Any]) -> Iterator[str]:
    if weights.get("allowed"):
        low, high = weights["allowed"]
        yield f"the range allows {low:.4g} to {high:.4g}"
    if measures := weights.get("by_measure"):
        yield "by measure: " + "; ".join(f"{name} {_suggested(one)}" for name, one in measures.items())
    sources = weights.get("by_source") or {}
    if len(sources) > 1:
        yield "by source: " + "; ".join(
            f"{name} {_suggested(one)}" for name, one in list(sources.items())[:_MOST_NAMED]
        )
    if noise := weights.get("noise"):
        low, high = noise["n_desirable"]
        first, last = (_suggested(one) for one in noise["weight"])
        yield f"label noise leaves {low:,.0f} to {high:,.0f} desirable rows (95%): {first} to {last}"
    for sentence in weights.get("advice") or ():
        yield textwrap.fill(sentence, 110, initial_indent="* ", subsequent_indent="  ")


def _shortcuts(shortcuts: dict[str, Any]) -> Iterator[str]:
    yield ""
    for key, title in (("surface", "surface features"), ("prompt", "the prompt alone")):
        if found := shortcuts[key]:
            yield (
                f"shortcuts: AUC {found['estimate']:.3f} [{found['lower']:.3f}, {found['upper']:.3f}] from {title}"
            )
    if shortcuts["mean_chars"]:
        up, down = shortcuts["mean_chars"]
        yield f"length: desirable {up:,.0f} characters, undesirable {down:,.0f} (gap {shortcuts['length_gap']:+.2f} sd)"
    for feature in shortcuts["features"][:5]:
        causes = ", ".join(f"{cause['labeler']} {cause['correlation']:+.2f}" for cause in feature["causes"])
        yield (
            f"  {feature['name']:<28} {feature['coefficient']:+.2f}   {feature['mean_desirable']:.3g} against "
            f"{feature['mean_undesirable']:.3g}{f'   by {causes}' if causes else ''}"
        )
    for sentence in shortcuts["warnings"]:
        yield textwrap.fill(sentence, 110, initial_indent="* ", subsequent_indent="  ")


def _pair(mass: dict[str, Any]) -> str:
    ratio = "-" if mass["ratio"] is None else f"{mass['ratio']:.3g}"
    return f"{mass['desirable']:>14,.0f}{mass['undesirable']:>14,.0f}{ratio:>9}"


def _suggested(one: dict[str, Any]) -> str:
    return f"{one['desirable_weight']:.4g}:{one['undesirable_weight']:.4g}"
