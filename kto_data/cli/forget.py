"""`kto forget`: take rows out of a run, for good."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kto_data.errors import InputError


def forget(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    row: Annotated[list[str] | None, typer.Option(help="A row_id; repeatable.")] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="A sample_id: every row with this content; repeatable.")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(help="A user: rows with this value in --column; repeatable.")
    ] = None,
    column: Annotated[str, typer.Option(help="The column that names a row's user.")] = "meta.user",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only tell what it comes to.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Forget rows: their texts, the votes on them, and all that was made of them; `kto run` makes the rest again.

    What other rows say too stays, as those rows' own. The next run leaves the rows out, counted as quarantined.
    """
    from kto_data.pipeline.forget import Wanted, forget

    if not (row or sample or user):
        raise InputError("name what is to be forgotten: --row, --sample or --user")
    found = forget(run, Wanted(row or (), sample or (), user or (), column), do=yes)
    if as_json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
        return
    told, other = ("forgotten", "rewritten") if yes else ("would be forgotten", "would be rewritten")
    print(
        f"{len(found.row_ids):,} rows {told}: {', '.join(found.row_ids[:10])}{', ...' if len(found.row_ids) > 10 else ''}"
    )
    print(f"{len(found.sample_ids):,} contents that no other row has")
    for name, n_entries in found.rewritten.items():
        print(f"{other}: {name}, without {n_entries:,} entries")
    print(f"{'removed' if yes else 'would be removed'}, made again by `kto run`: {', '.join(found.removed)}")
    for line in dict.fromkeys(found.elsewhere):
        print(f"yours to do: {line}")
    if not yes:
        print("nothing was changed; --yes does it")
