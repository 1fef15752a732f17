"""`kto aggregate`: votes to labels, without asking any labeler again."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def aggregate(
    votes: Annotated[
        list[Path],
        typer.Argument(help="Vote files (Parquet), wide or long, or folders of them such as a run's votes/."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the labels go (Parquet).")],
    method: Annotated[str, typer.Option("--method", help="The aggregation method.")] = "calibrated",
    gold: Annotated[
        list[Path] | None,
        typer.Option("--gold", help="Known labels: sample_id, label (and p_selected); repeatable."),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option("--rows", help="Rows whose samples are all meant, also those without a vote (Parquet)."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of the method or the policy, as KEY=VALUE; repeatable."),
    ] = None,
    cards: Annotated[
        bool, typer.Option("--cards/--no-cards", help="Make each labeler's report card.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Decide every sample from its votes; labelers.json beside a file says how each labeler counts."""
    from kto_data.pipeline.aggregate_files import aggregate_files

    outcome = aggregate_files(
        votes,
        method=method,
        output=output,
        gold=gold or [],
        options=dict(_setting(text) for text in settings or []),
        rows=rows,
        cards=cards,
    )
    if as_json:
        print(json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False))
        return
    facts = outcome.facts
    decided = ", ".join(f"{who} {count:,}" for who, count in sorted(facts["decided_by"].items()))
    print(
        f"{facts['n_samples']:,} samples: {facts['n_desirable']:,} desirable, {facts['n_undesirable']:,} undesirable, "
        f"{facts['n_undecided']:,} undecided (by {decided}; method {facts['method']})"
    )
    share = facts["desirable_share"]
    if share:
        print(f"desirable share {_figure(share['interval'])}, corrected by {share['n_gold']:,} gold labels")
    _print_labelers(facts["labelers"])
    for note in outcome.notes:
        print(f"note: {note}", file=sys.stderr)
    for path in outcome.files:
        print(f"wrote {path}")


def _print_labelers(labelers: list[dict[str, Any]]) -> None:
    print(
        f"{'labeler':<24}{'coverage':>9}{'overlap':>9}{'conflict':>9}  {'right on gold':<22}{'more gold':>9}{'flips':>8}"
    )
    for labeler in labelers:
        card = labeler["card"] or {"accuracy": None, "n_more": None, "n_flipped": None}
        print(
            f"{labeler['labeler'][:23]:<24}{labeler['coverage']:>9.1%}{labeler['overlap']:>9.1%}{labeler['conflict']:>9.1%}  "
            f"{_figure(card['accuracy']):<22}{_count(card['n_more']):>9}{_count(card['n_flipped']):>8}"
        )


def _setting(text: str) -> tuple[str, Any]:
    """Return `KEY=VALUE`; a value is JSON where it can be read as that, else a text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"--set takes KEY=VALUE, not {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _figure(value: Mapping[str, Any] | None) -> str:
    from kto_data.cli.summary import figure

    return figure(value)


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
