"""`kto annotate export` and `import`: batches through files, where there is no server."""

from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli.annotate_options import (
    Budget,
    Gold,
    GoldShare,
    JsonOption,
    Listed,
    Overlap,
    Seed,
    State,
    StrategyName,
    Target,
    batch_options,
    ledger_of,
    print_json,
)


def export(
    target: Target,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to fill in.")],
    to: Annotated[str, typer.Option("--to", help="csv (for a spreadsheet) or jsonl.")] = "csv",
    budget: Budget = 100,
    strategy: StrategyName = "mixed",
    listed: Listed = None,
    overlap: Overlap = 2,
    gold_share: GoldShare = 0.1,
    gold: Gold = None,
    seed: Seed = 0,
    state: State = None,
    as_json: JsonOption = False,
) -> None:
    """Write a batch as a file for annotators to fill in, where there is no server."""
    from kto_data.errors import InputError
    from kto_data.pipeline.annotate import export_batch

    options = batch_options(strategy, listed, budget=budget, overlap=overlap, gold_share=gold_share)
    if to not in ("csv", "jsonl"):
        raise InputError(f"--to takes csv or jsonl, not {to!r}")
    with ledger_of(target, state) as ledger:
        done = export_batch(target, ledger, options, seed, output, to, gold=gold or [])  # type: ignore[arg-type]  # checked above
    if as_json:
        print_json(done)
    else:
        print(f"wrote {done['n_items']:,} items of batch {done['batch']} to {output}")
        print(
            f"annotators fill in annotator and verdict (d, u or s); then: kto annotate import {target} {output}"
        )


def import_(
    target: Target,
    file: Annotated[Path, typer.Argument(help="The filled-in file.")],
    annotator: Annotated[
        str | None, typer.Option("--annotator", help="Whose answers they are where the file does not say.")
    ] = None,
    state: State = None,
    as_json: JsonOption = False,
) -> None:
    """Take the answers of a filled-in file over as votes of human:ANNOTATOR."""
    from kto_data.pipeline.annotate import import_file, votes_of

    with ledger_of(target, state, existing=True) as ledger:
        done = import_file(ledger, file, votes_of(target, ledger, state), annotator=annotator)
    if as_json:
        print_json(done)
    else:
        print(
            f"{done['n_answers']:,} answers, {done['n_new']:,} of them new or changed, {done['n_empty']:,} lines without "
            f"a verdict; {done['n_votes']:,} votes added to {done['votes']}"
        )
