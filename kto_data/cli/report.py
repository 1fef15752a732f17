"""`kto report`: a run's report, rendered again."""

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Another folder for report.html and report.json.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The facts as one JSON document on stdout, and nothing else.")
    ] = False,
) -> None:
    """Render a finished run's report again from its facts, as this version of the toolkit shows them.

    Nothing is computed anew; `kto run` does that.
    """
    from kto_data.pipeline.finished import read_facts
    from kto_data.report.render import write_report

    facts = read_facts(run)
    page, _ = write_report(output or run, facts)
    print(json.dumps(facts, indent=2, ensure_ascii=False) if as_json else page.as_posix())
