"""Options of the commands that read data files without a pipeline file."""

from typing import Annotated

import typer

ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAME=KEY,...",
        help="What the files call what we need, such as prompt=question,completion=answer.",
    ),
]
