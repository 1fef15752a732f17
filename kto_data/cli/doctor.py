"""`kto doctor`: what can go wrong with what kto-data needs, before it does."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

_SIGNS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


def doctor(
    target: Annotated[
        Path | None, typer.Argument(help="A run or dataset folder, whose project is looked at, too.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="The Label Studio server; by default $LABEL_STUDIO_URL.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Check a Label Studio server for what biases annotators, and loses or exposes their work."""
    from kto_data.errors import FindingsError
    from kto_data.labelers.humans.client import Studio
    from kto_data.labelers.humans.connection import Connection
    from kto_data.labelers.humans.doctor import examine
    from kto_data.labelers.humans.ledger import Ledger
    from kto_data.labelers.humans.options import server_token, server_url
    from kto_data.pipeline.annotation import state_folder

    ledger = None
    if target is not None and (state_folder(target) / "ledger.sqlite").is_file():
        ledger = Ledger(state_folder(target))
    with Studio(Connection(server_url(url), server_token())) as studio:
        findings = examine(studio, ledger)
    if as_json:
        print(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False))
    else:
        for one in findings:
            print(f"{_SIGNS[one.level]}  {one.what}")
    n_problems = sum(one.level == "problem" for one in findings)
    if n_problems:
        raise FindingsError(f"{n_problems} problem{'s' if n_problems > 1 else ''} found")
