"""`kto annotate`: batches to people, and their decisions back."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli import annotate_files, annotate_serve
from kto_data.cli.annotate_options import (
    Budget,
    Gold,
    GoldShare,
    JsonOption,
    Listed,
    Overlap,
    Seed,
    ShowSuggestions,
    State,
    StrategyName,
    Target,
    Timeout,
    Url,
    batch_options,
    ledger_of,
    print_json,
    studio_at,
)

app = typer.Typer(
    help="Send samples to annotators in Label Studio, pull their decisions, see how far they agree.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("push")
def push(
    target: Target,
    budget: Budget = 100,
    strategy: StrategyName = "mixed",
    listed: Listed = None,
    overlap: Overlap = 2,
    gold_share: GoldShare = 0.1,
    gold: Gold = None,
    project: Annotated[
        str | None, typer.Option("--project", help="The project's title; by default the target's name.")
    ] = None,
    show_suggestions: ShowSuggestions = False,
    seed: Seed = 0,
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
    from kto_data.pipeline.annotate import PushWish, push_batch, push_reviews

    options = batch_options(
        strategy,
        listed,
        budget=budget,
        overlap=overlap,
        gold_share=gold_share,
        show_suggestions=show_suggestions,
    )
    wish = PushWish(
        project=project or _title(target), seed=seed, more=more, restore=restore, new_project=new_project
    )
    with ledger_of(target, state) as ledger, studio_at(url, timeout) as studio:
        if review_by:
            done = push_reviews(ledger, studio, review_by, show_suggestions=show_suggestions)
        else:
            done = push_batch(target, ledger, studio, options, wish, gold=gold or [])
    if as_json:
        print_json(done)
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
    from kto_data.pipeline.annotate import not_counted, pull_votes, votes_of

    with ledger_of(target, state, existing=True) as ledger, studio_at(url, timeout) as studio:
        done = pull_votes(ledger, studio, votes_of(target, ledger, state))
        done["notes"] += not_counted(target, ledger)
    if as_json:
        print_json(done)
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

    with ledger_of(target, state, existing=True) as ledger:
        found = status_of(ledger)
    if as_json:
        print_json(found)
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

    with ledger_of(target, state, existing=True) as ledger:
        found = agreement_report(standing_answers(ledger), seed=seed) | {"to_adjudicate": disputed(ledger)}
    if as_json:
        print_json(found)
    else:
        print(report_text(found))


@app.command("plan")
def plan(
    target: Target,
    cost: Annotated[float, typer.Option("--cost", min=0.0, help="Of one answer of one annotator.")] = 0.25,
    overlap: Annotated[int, typer.Option("--overlap", min=1, help="Answers an item.")] = 2,
    steps: Annotated[str, typer.Option("--steps", help="Numbers of further items.")] = "50,100,200,400,800",
    gold: Gold = None,
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
    with ledger_of(target, state) as ledger:
        found = plan_labels(target, ledger, cost=cost, overlap=overlap, steps=numbers, gold=gold or [])
    if as_json:
        print_json(found)
    else:
        print(plan_text(found, target))


def _title(target: Path) -> str:
    """Return the project's title for a target: its name, within what the server allows."""
    path = target.resolve() if target.name in ("", ".", "..") else target
    name = f"{path.parent.name} {path.name}" if path.name == "dataset" else path.name
    return name[:50] if len(name) >= 3 else f"kto {name}"


app.command("export")(annotate_files.export)
app.command("import")(annotate_files.import_)
app.command("serve")(annotate_serve.serve)
