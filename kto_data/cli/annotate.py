"""`kto annotate`: batches to people, and their decisions back."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kto_data.labelers.humans.client import Studio
    from kto_data.labelers.humans.ledger import Ledger

app = typer.Typer(
    help="Send samples to annotators in Label Studio, pull their decisions, see how far they agree.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Target = Annotated[Path, typer.Argument(help="A run folder (runs/NAME) or a dataset folder.")]
State = Annotated[
    Path | None, typer.Option("--state", help="Where the ledger is kept; by default beside the target.")
]
Url = Annotated[str | None, typer.Option("--url", help="The server's address; by default $LABEL_STUDIO_URL.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that a request may take.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


@app.command("push")
def push(
    target: Target,
    budget: Annotated[
        int, typer.Option("--budget", min=1, help="Items in the batch, with the gold among them.")
    ] = 100,
    strategy: Annotated[
        str, typer.Option("--strategy", help="random, uncertain, disagreement, stratified, neyman or mixed.")
    ] = "mixed",
    overlap: Annotated[
        int, typer.Option("--overlap", min=1, help="Annotators that each item is given to.")
    ] = 2,
    gold_share: Annotated[
        float, typer.Option("--gold-share", min=0.0, max=0.99, help="Share of items whose label is known.")
    ] = 0.1,
    gold: Annotated[
        list[Path] | None, typer.Option("--gold", help="Known labels, besides the run's own; repeatable.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="The project's title; by default the target's name.")
    ] = None,
    show_suggestions: Annotated[
        bool, typer.Option("--show-suggestions", help="Offer what rules and judges say; it biases people.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the draw.")] = 0,
    more: Annotated[
        bool, typer.Option("--more", help="Send another batch although one like it is not done.")
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Send tasks again that were deleted on the server.")
    ] = False,
    new_project: Annotated[
        bool,
        typer.Option(
            "--new-project", help="The project was deleted: make it anew and send what is unanswered."
        ),
    ] = False,
    review_by: Annotated[
        str | None,
        typer.Option(
            "--review-by",
            help="Send what annotators disagree on to this reviewer (an e-mail address) instead.",
        ),
    ] = None,
    url: Url = None,
    timeout: Timeout = 60.0,
    state: State = None,
    as_json: JsonOption = False,
) -> None:
    """Send a batch to annotators; the same command again finishes it, and never sends anything twice."""
    from kto_data.errors import InputError
    from kto_data.labelers.humans.options import BatchOptions, strategy_of
    from kto_data.pipeline.annotate import PushWish, push_batch, push_reviews

    try:
        strategy_of(strategy)
    except ValueError as error:
        raise InputError(f"--strategy: {error}") from None
    options = BatchOptions(
        budget=budget,
        overlap=overlap,
        strategy=strategy,
        gold_share=gold_share,
        show_suggestions=show_suggestions,
    )
    wish = PushWish(
        project=project or _title(target), seed=seed, more=more, restore=restore, new_project=new_project
    )
    with _ledger(target, state) as ledger, _studio(url, timeout) as studio:
        if review_by:
            done = push_reviews(ledger, studio, review_by, show_suggestions=show_suggestions)
        else:
            done = push_batch(target, ledger, studio, options, wish, gold=gold or [])
    if as_json:
        _print_json(done)
        return
    for note in done["notes"]:
        print(f"note: {note}", file=sys.stderr)
    print(
        f"batch {done['batch'] or '-'}: {done['n_sent']:,} items sent, {done['n_items']:,} in the batch, "
        f"{done['n_gold']:,} of them gold; {done['n_outstanding']:,} answers are wanted"
    )
    print(f"annotators start with the button Label All Tasks at {done['url']}")


@app.command("pull")
def pull(
    target: Target, url: Url = None, timeout: Timeout = 60.0, state: State = None, as_json: JsonOption = False
) -> None:
    """Fetch new, changed and withdrawn annotations as votes of human:ANNOTATOR."""
    from kto_data.pipeline.annotate import pull_votes, votes_of

    with _ledger(target, state, existing=True) as ledger, _studio(url, timeout) as studio:
        done = pull_votes(ledger, studio, votes_of(target, ledger, state))
    if as_json:
        _print_json(done)
        return
    for note in done["notes"]:
        print(f"note: {note}", file=sys.stderr)
    print(
        f"{done['n_new']:,} new, {done['n_changed']:,} changed, {done['n_withdrawn']:,} withdrawn annotations; "
        f"{done['n_votes']:,} votes added to {done['votes']}"
    )
    print(f"{done['n_outstanding']:,} answers are outstanding, {done['n_gold']:,} samples are gold by review")


@app.command("status")
def status(target: Target, state: State = None, as_json: JsonOption = False) -> None:
    """Show how far annotators are, as of the last pull."""
    from kto_data.cli.annotate_text import status_text
    from kto_data.labelers.humans.status import status as status_of

    with _ledger(target, state, existing=True) as ledger:
        found = status_of(ledger)
    if as_json:
        _print_json(found)
    else:
        print(status_text(found))


@app.command("report")
def report(
    target: Target,
    state: State = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the intervals' resampling.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show how far annotators agree, and how good each is; as of the last pull."""
    from kto_data.cli.annotate_text import report_text
    from kto_data.labelers.humans.answers import disputed, standing_answers
    from kto_data.labelers.humans.report import agreement_report

    with _ledger(target, state, existing=True) as ledger:
        found = agreement_report(standing_answers(ledger), seed=seed) | {"to_adjudicate": disputed(ledger)}
    if as_json:
        _print_json(found)
    else:
        print(report_text(found))


@app.command("plan")
def plan(
    target: Target,
    cost: Annotated[float, typer.Option("--cost", min=0.0, help="Of one answer of one annotator.")] = 0.25,
    overlap: Annotated[int, typer.Option("--overlap", min=1, help="Answers an item.")] = 2,
    steps: Annotated[str, typer.Option("--steps", help="Numbers of further items.")] = "50,100,200,400,800",
    gold: Annotated[list[Path] | None, typer.Option("--gold", help="Known labels; repeatable.")] = None,
    state: State = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the next labels would buy: expected intervals, and which samples to send."""
    from kto_data.cli.annotate_text import plan_text
    from kto_data.errors import InputError
    from kto_data.pipeline.annotate import plan_labels

    try:
        numbers = [int(step) for step in steps.split(",")]
    except ValueError:
        raise InputError(f"--steps takes numbers such as 50,100,200, not {steps!r}") from None
    with _ledger(target, state) as ledger:
        found = plan_labels(target, ledger, cost=cost, overlap=overlap, steps=numbers, gold=gold or [])
    if as_json:
        _print_json(found)
    else:
        print(plan_text(found, target))


@app.command("export")
def export(
    target: Target,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to fill in.")],
    to: Annotated[str, typer.Option("--to", help="csv (for a spreadsheet) or jsonl.")] = "csv",
    budget: Annotated[int, typer.Option("--budget", min=1, help="Items, with the gold among them.")] = 100,
    strategy: Annotated[str, typer.Option("--strategy", help="As for push.")] = "mixed",
    overlap: Annotated[int, typer.Option("--overlap", min=1, help="Annotators who get the file.")] = 2,
    gold_share: Annotated[float, typer.Option("--gold-share", min=0.0, max=0.99)] = 0.1,
    gold: Annotated[list[Path] | None, typer.Option("--gold", help="Known labels; repeatable.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the draw.")] = 0,
    state: State = None,
    as_json: JsonOption = False,
) -> None:
    """Write a batch as a file for annotators to fill in, where there is no server."""
    from kto_data.errors import InputError
    from kto_data.labelers.humans.options import BatchOptions, strategy_of
    from kto_data.pipeline.annotate import export_batch

    try:
        strategy_of(strategy)
    except ValueError as error:
        raise InputError(f"--strategy: {error}") from None
    if to not in ("csv", "jsonl"):
        raise InputError(f"--to takes csv or jsonl, not {to!r}")
    options = BatchOptions(budget=budget, overlap=overlap, strategy=strategy, gold_share=gold_share)
    with _ledger(target, state) as ledger:
        done = export_batch(target, ledger, options, seed, output, to, gold=gold or [])  # type: ignore[arg-type]  # checked above
    if as_json:
        _print_json(done)
    else:
        print(f"wrote {done['n_items']:,} items of batch {done['batch']} to {output}")
        print(
            f"annotators fill in annotator and verdict (d, u or s); then: kto annotate import {target} {output}"
        )


@app.command("import")
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

    with _ledger(target, state, existing=True) as ledger:
        done = import_file(ledger, file, votes_of(target, ledger, state), annotator=annotator)
    if as_json:
        _print_json(done)
    else:
        print(
            f"{done['n_answers']:,} answers, {done['n_new']:,} of them new or changed, {done['n_empty']:,} lines without "
            f"a verdict; {done['n_votes']:,} votes added to {done['votes']}"
        )


@app.command("serve")
def serve(
    data: Annotated[Path, typer.Option("--data", help="The server's data folder, made on first use.")] = Path(
        "label-studio"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = 8080,
    yes: Annotated[bool, typer.Option("--yes", help="Install Label Studio without asking.")] = False,
) -> None:
    """Start a local Label Studio, on this machine alone and in a virtual environment of its own."""
    from kto_data.errors import UnavailableError
    from kto_data.labelers.humans.local_server import (
        LocalServer,
        account_in,
        environment_folder,
        install,
        is_installed,
    )

    if not is_installed():
        question = f"Install Label Studio (about 1 GB, one to three minutes) into {environment_folder()}?"
        if not yes and not (sys.stdin.isatty() and typer.confirm(question, err=True)):
            raise UnavailableError("Label Studio is not installed; kto annotate serve --yes installs it")
        print("installing ...", file=sys.stderr)
        install()
    account = account_in(data.resolve())
    print("starting; the first time takes half a minute ...", file=sys.stderr)
    # a server outlives us unless it is stopped, so being told to end is an ordinary end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with LocalServer(data.resolve(), account, port=port) as server:
        print(f"export LABEL_STUDIO_URL={server.url} LABEL_STUDIO_API_KEY={account.token}", flush=True)
        print(
            f"log in at {server.url} as {account.email}, password in {data / 'account.json'}; annotators sign up with the "
            "link under Organization; Ctrl-C stops the server",
            file=sys.stderr,
        )
        server.wait()


@contextmanager
def _ledger(target: Path, state: Path | None, *, existing: bool = False) -> "Iterator[Ledger]":
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
def _studio(url: str | None, timeout: float) -> "Iterator[Studio]":
    from kto_data.labelers.humans.client import Studio
    from kto_data.labelers.humans.options import server_token, server_url

    with Studio(server_url(url), server_token(), timeout_s=timeout) as studio:
        yield studio


def _title(target: Path) -> str:
    """Return the project's title for a target: its name, within what the server allows."""
    path = target.resolve() if target.name in ("", ".", "..") else target
    name = f"{path.parent.name} {path.name}" if path.name == "dataset" else path.name
    return name[:50] if len(name) >= 3 else f"kto {name}"


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
