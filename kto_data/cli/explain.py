"""`kto explain`: why a sample has its label."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]

_VOTES = {1: "desirable", -1: "undesirable", 0: "abstains", None: "not applicable"}
_LABELS = {True: "desirable", False: "undesirable", None: "undecided"}


def explain(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/quickstart.")],
    sample: Annotated[str, typer.Argument(help="A sample_id or a row_id.")],
    as_json: JsonOption = False,
) -> None:
    """Tell every vote on a sample, with its reason and worth, who decided, and what would flip the label."""
    from kto_data.pipeline.explain import explain as explain_sample
    from kto_data.pipeline.finished import open_run

    told = explain_sample(open_run(run), sample)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _print(told)
    for note in told.get("notes", []):
        print(f"note: {note}", file=sys.stderr)


def _print(told: Mapping[str, Any]) -> None:
    print(f"sample {told['sample_id']} ({', '.join(told['row_ids'])})")
    for row in told["dropped"]:
        print(f"dropped {row['row_id']}: {row['step']}, {row['reason']} {row['detail'] or ''}".rstrip())
    if told["decided_by"] == "dropped":
        return
    p = told["p_desirable"]
    print(
        f"label  {_LABELS[told['label']]}, decided by {told['decided_by']}"
        + ("" if p is None else f"; p_desirable {p:.3f}")
    )
    aggregate = told["aggregate"]
    if aggregate["p_desirable"] is not None:
        print(f"method {aggregate['method']}: p_desirable {aggregate['p_desirable']:.3f}")
    if aggregate["intercept"] is not None:
        print(
            f"  {'(silence)':<12}{aggregate['intercept']:>+6.2f}  what it is worth that nobody says anything"
        )
    for line in dict.fromkeys(_vote(vote) for vote in told["votes"] if vote["vote"]):  # equal rows vote alike
        print(line)
    spoke = {vote["labeler"] for vote in told["votes"] if vote["vote"]}
    silent = dict.fromkeys(vote["labeler"] for vote in told["votes"] if vote["labeler"] not in spoke)
    if silent:
        print(f"silent {', '.join(silent)}")
    if told["decided_by"] == "gold":
        print("flip   nothing but other gold would change it")
    elif told["flip"] is None:
        print("flip   no change of up to three votes would change it")
    else:
        print("flip   " + ", and ".join(f"{one['labeler']}: {one['vote']}" for one in told["flip"]))


def _vote(vote: Mapping[str, Any]) -> str:
    worth = "" if vote.get("log_odds") is None else f"{vote['log_odds']:+.2f}"
    place = f" [{', '.join(_span(span) for span in vote['spans'])}]" if vote.get("spans") else ""
    aside = "" if vote.get("counts") else f" (does not count: {_why_not(vote)})"
    reason = f"  {vote['reason']}" if vote.get("reason") else ""
    return f"  {_VOTES[vote['vote']]:<12}{worth:>6}  {vote['labeler']}{aside}{reason}{place}"


def _why_not(vote: Mapping[str, Any]) -> str:
    return "shadow" if vote.get("mode") == "shadow" else "superseded, or weaker in its group"


def _span(span: Mapping[str, Any]) -> str:
    return f"{span['scope']} {span['start']}-{span['end']}"
