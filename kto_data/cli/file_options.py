"""What the commands share that read data files without a pipeline file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kto_data.readers import ReadEntry

ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAME=KEY,...",
        help="What the files call what we need, such as prompt=question,completion=answer.",
    ),
]


def data_files(files: Sequence[str], columns: str | None) -> "ReadEntry":
    """Return what to read, and how."""
    from kto_data.readers import ReadEntry

    return ReadEntry.of_files(files, columns)
