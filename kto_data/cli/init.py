"""`kto init`: a folder to start from."""

import json
from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="Where to start; made if need be.")] = Path(),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Write a pipeline file, a rule file with tests and a few made-up rows: `kto run` works there at once."""
    from kto_data.pipeline.starter import write_starter

    paths = write_starter(folder)
    if as_json:
        print(json.dumps({"folder": str(folder), "files": [str(path) for path in paths]}))
        return
    enter = "" if folder == Path() else f"cd {folder.as_posix()} && "
    print(
        "\n".join(
            [*(path.as_posix() for path in paths), "", f"next: {enter}kto rules test rules.yaml && kto run"]
        )
    )
