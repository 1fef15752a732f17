"""What the commands of `kto annotate` share: options, the ledger, the server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kto_data.labelers.humans.client import Studio
    from kto_data.labelers.humans.ledger import Ledger
    from kto_data.labelers.humans.options import BatchOptions

Target = Annotated[Path, typer.Argument(help="A run folder (runs/NAME) or a dataset folder.")]
State = Annotated[
    Path | None, typer.Option("--state", help="Where the ledger is kept; by default beside the target.")
]
Url = Annotated[str | None, typer.Option("--url", help="The server's address; by default $LABEL_STUDIO_URL.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that a request may take.")]
Budget = Annotated[int, typer.Option("--budget", min=1, help="Items in the batch, with the gold among them.")]
StrategyName = Annotated[
    str, typer.Option("--strategy", help="random, uncertain, disagreement, stratified, neyman or mixed.")
]
Listed = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="Ask about the samples of a list first, such as the trainer's saturation.parquet or label_errors' suspects; "
        "repeatable, in place of --strategy.",
    ),
]
Overlap = Annotated[int, typer.Option("--overlap", min=1, help="Annotators that each item is given to.")]
GoldShare = Annotated[
    float, typer.Option("--gold-share", min=0.0, max=0.99, help="Share of items whose label is known.")
]
Gold = Annotated[
    list[Path] | None, typer.Option("--gold", help="Known labels, besides the run's own; repeatable.")
]
ShowSuggestions = Annotated[
    bool, typer.Option("--show-suggestions", help="Offer what rules and judges say; it biases people.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Decides the draw.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def batch_options(strategy: str, listed: list[Path] | None = None, **options: Any) -> "BatchOptions":
    """Return the options of a batch.

    Raises:
        InputError: There is no such strategy, or lists are given besides one.
    """
    from kto_data.errors import InputError
    from kto_data.labelers.humans.options import BatchOptions, strategy_of

    if listed:
        if strategy != "mixed":
            raise InputError("--from is a strategy of its own (listed); leave --strategy out")
        files = [str(path.resolve()) for path in listed]
        return BatchOptions(strategy={"listed": {"files": files}}, **options)
    try:
        strategy_of(strategy)
    except ValueError as error:
        raise InputError(f"--strategy: {error}") from None
    return BatchOptions(strategy=strategy, **options)


@contextmanager
def ledger_of(target: Path, state: Path | None, *, existing: bool = False) -> "Iterator[Ledger]":
    """Open and lock the ledger of a target; with `existing` only if something was sent before."""
    from kto_data.errors import InputError
    from kto_data.labelers.humans.ledger import Ledger
    from kto_data.pipeline.annotation import state_folder

    if not target.is_dir() and state is None:
        raise InputError(f"{target}: no such folder; name a run folder (runs/NAME) or a dataset folder")
    folder = state or state_folder(target)
    ledger = Ledger(folder)
    try:
        if existing and not ledger.count("SELECT count(*) FROM items"):
            raise InputError(
                f"{folder}: nothing was sent to annotators yet; begin with kto annotate push {target}"
            )
        with ledger.locked():
            yield ledger
    finally:
        ledger.close()


@contextmanager
def studio_at(url: str | None, timeout: float) -> "Iterator[Studio]":
    """Connect to the server at an address, or at that of the environment."""
    from kto_data.labelers.humans.client import Studio
    from kto_data.labelers.humans.connection import Connection
    from kto_data.labelers.humans.options import server_token, server_url

    with Studio(Connection(server_url(url), server_token(), timeout_s=timeout)) as studio:
        yield studio


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
