"""What the commands of `kto judge` share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    list[str], typer.Argument(help="Input files or globs: JSONL, JSON, CSV, Parquet; plain or gzipped.")
]
Judges = Annotated[list[str], typer.Option("--judge", help="Judge files; repeatable.")]
Cache = Annotated[
    Path, typer.Option("--cache", help="Where answers are kept, so that none is paid for twice.")
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where the votes go (Parquet).")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]

DEFAULT_CACHE = Path("runs/answers.sqlite")
