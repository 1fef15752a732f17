"""`kto judge`: language models as labelers."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from kto_data.errors import FindingsError

app = typer.Typer(
    help="Let language models judge outputs, and measure what their verdicts are worth.", no_args_is_help=True
)

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


def shown_on_stderr() -> Any:
    """Return what writes progress: in place on a terminal, a line now and then elsewhere."""
    terminal, said = sys.stderr.isatty(), [time.monotonic()]

    def say(text: str) -> None:
        if terminal:
            print(f"\r\x1b[K{text[:150]}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - said[0] > 5.0:
            said[0] = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return say


@app.command("run")
def run(
    data: Data,
    judge: Judges,
    output: Output,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Let judges vote on files.

    Every answer is kept before it becomes a vote: after an interruption, run the same command again. Beside the
    votes, OUTPUT's folder gets labelers.json (who voted), and faults.parquet and quarantined.parquet where there
    is anything in them.
    """
    _judge(data, judge, output, cache, as_json, send=True)


@app.command("rescore")
def rescore(
    data: Data,
    judge: Judges,
    output: Output,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Make votes anew from stored answers, with another threshold or other meanings; nothing is sent."""
    _judge(data, judge, output, cache, as_json, send=False)


def _judge(
    data: list[str], judge: list[str], output: Path, cache: Path, as_json: bool, *, send: bool
) -> None:
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_files import judge_files

    judges = load_judges(judge, base=Path())
    outcome = judge_files(data, judges, output, cache, send=send, say=None if as_json else shown_on_stderr())
    if as_json:
        print(json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False))
        return
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(f"{outcome.n_rows:,} rows; {outcome.n_quarantined:,} records quarantined")
    for name, counts in outcome.judges.items():
        print_counts(name, counts)
    for path in outcome.files:
        print(f"wrote {path}")


def print_counts(name: str, counts: Any) -> None:
    """Print what a judge did."""
    n_abstained = sum(counts.causes.values())
    print(
        f"{name}: {counts.n_desirable:,} desirable, {counts.n_undesirable:,} undesirable, {n_abstained:,} abstained"
        f"{_listed(counts.causes)}, {counts.n_not_applicable:,} not applicable, {counts.n_faults:,} faults"
        f"{_listed(counts.faults)}, {counts.n_unsent:,} not asked{_listed(counts.unsent)}"
    )
    cost = f", ${counts.cost_usd:,.4f}" if counts.cost_usd else ""
    print(
        f"  {counts.n_new:,} new answers ({counts.tokens_in:,} + {counts.tokens_out:,} tokens{cost}), "
        f"{counts.n_stored:,} stored ones"
    )
    troubles = {event: n for event, n in counts.events.items() if event not in ("sent", "answered")}
    if troubles:
        print(f"  on the way:{_listed(troubles)}")


def _listed(counts: Any) -> str:
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f" ({', '.join(f'{name} {n:,}' for name, n in found)})" if found else ""


@app.command("test")
def run_tests(
    judge: Annotated[list[str], typer.Argument(help="Judge files.")],
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Run the tests that stand in judge files, with stored answers where there are; exit code 1 if one fails."""
    from kto_data.labelers.judges.cache import AnswerCache
    from kto_data.labelers.judges.inline_tests import run_judge_tests
    from kto_data.labelers.judges.load import load_judges

    judges = load_judges(judge, base=Path())
    with AnswerCache(cache) as answers:
        results = [result for one in judges for result in run_judge_tests(one, answers)]
    failed = [result for result in results if not result.passed]
    if as_json:
        told = [asdict(result) | {"passed": result.passed} for result in results]
        print(
            json.dumps(
                {"n_tests": len(results), "n_failed": len(failed), "tests": told},
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        for result in failed:
            print(result)
        print(f"{len(results) - len(failed)} of {len(results)} tests as expected")
    if failed:
        raise FindingsError(f"{len(failed)} of {len(results)} tests did not come out as expected")


@app.command("cost")
def cost(data: Data, judge: Judges, cache: Cache = DEFAULT_CACHE, as_json: JsonOption = False) -> None:
    """Estimate requests, tokens and money of judging files; nothing is sent."""
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_files import estimate_files

    found = estimate_files(data, load_judges(judge, base=Path()), cache)
    if as_json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2, ensure_ascii=False))
        return
    for name, one in found.items():
        money = (
            ""
            if one.cost_usd is None
            else f", about ${one.cost_usd:,.4f} (as batch files ${one.batch_usd:,.4f})"
        )
        print(
            f"{name}: {one.n_rows:,} rows, asked about {one.n_asked:,}; {one.n_stored:,} answers stored, "
            f"{one.n_requests:,} requests to send: about {one.tokens_in:,} tokens in, {one.tokens_out:,} out{money}"
        )
        if one.cost_usd is None and one.n_requests:
            print("  no `prices` in the judge file, so the money is not known")


@app.command("report")
def report(
    data: Data,
    judge: Judges,
    gold: Annotated[
        str | None,
        typer.Option("--gold", help="The right labels: a file, or a column of the input as meta.NAME."),
    ] = None,
    gold_id: Annotated[
        str, typer.Option("--gold-id", help="The gold file's key that names a row.")
    ] = "sample_id",
    budget: Annotated[
        int,
        typer.Option("--budget", min=0, help="The most requests that bias probes may send; 0 sends none."),
    ] = 0,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Tell what judges are worth, from their stored answers: agreement, calibration, biases, cost.

    With --budget, outputs are also judged again padded, without markdown, re-flowed and unchanged, and the share of
    verdicts that flip is told.
    """
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_report import report_on_judges

    judges = load_judges(judge, base=Path())
    reports = report_on_judges(data, judges, cache, gold=gold, gold_id=gold_id, budget=budget)
    if as_json:
        print(json.dumps({one.judge: one.as_dict() for one in reports}, indent=2, ensure_ascii=False))
        return
    for one in reports:
        _print_report(one)


def _print_report(one: Any) -> None:
    gold, bias = one.gold, one.biases
    print(
        f"{one.judge}: {one.n_voted:,} of {one.n_rows:,} judged, {one.n_abstained:,} abstained{_listed(one.causes)}, "
        f"{one.n_faults:,} faults, {one.n_unsent:,} without a stored answer"
    )
    if gold.n_gold:
        print(f"  against gold ({gold.n_compared:,} compared of {gold.n_gold:,})")
        for name in ("agreement", "kappa", "sensitivity", "specificity"):
            print(f"    {name:<12}{_interval(getattr(gold, name))}")
    if gold.calibration:
        print(
            f"    scores       off by {gold.calibration.ece:.3f} on average (ECE), Brier {gold.calibration.brier:.3f}"
        )
    for point in gold.curve:
        print(f"    score {point.score:>8.3f}  desirable {_interval(point.share)}  n {point.n:,}")
    if gold.fitted:
        fitted = gold.fitted
        at = "nowhere" if fitted.threshold is None else f"from {fitted.threshold:.4g}"
        now = "" if gold.accuracy_now is None else f"; as it is now {gold.accuracy_now:.3f}"
        print(
            f"    fitted       desirable {at} ({fitted.method}, {fitted.n_folds} folds by prompt): "
            f"right on {fitted.accuracy:.3f} of held-out samples{now}"
        )
    for name, found in (
        ("longer completions are called desirable more often by", bias.longer),
        ("outputs of its own family, by", bias.own_family),
        ("... and in gold, by", bias.own_family_gold),
        ("answers to the same question agree on", bias.itself),
    ):
        if found:
            print(f"  {name} {_interval(found)}")
    for probe in one.probes:
        flips = f"{_interval(probe.flips)} flip" if probe.flips else "no pair of verdicts"
        print(
            f"  {probe.name:<18}{flips} of {probe.n:,} ({probe.n_to_desirable:,} to desirable, "
            f"{probe.n_to_undesirable:,} to undesirable; {probe.n_requests:,} requests)"
        )
    if one.cost_per_1000_usd is not None:
        print(f"  1,000 votes cost ${one.cost_per_1000_usd:,.4f}")


def _interval(found: Any) -> str:
    return "-" if found is None else f"{found.estimate:.3f} [{found.lower:.3f}, {found.upper:.3f}]"


@app.command("submit")
def submit(
    data: Data,
    judge: Annotated[str, typer.Option("--judge", help="A judge file with the backend openai or anthropic.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The batch file (JSON lines) to upload.")],
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Write what would be asked as a provider's batch file, at half the price; nothing is sent.

    Upload it with the provider's console or tool, and give the result file to `kto judge collect`.
    """
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_batches import submit_files

    [one] = load_judges([judge], base=Path())
    counts = submit_files(data, one, output, cache)
    if as_json:
        print(json.dumps(asdict(counts), indent=2))
        return
    print(
        f"wrote {output}: {counts.n_lines:,} requests; {counts.n_stored:,} answers are stored already, "
        f"{counts.n_unsent:,} are over the budget"
    )


@app.command("collect")
def collect(
    data: Data,
    judge: Annotated[str, typer.Option("--judge", help="The judge file that asked.")],
    results: Annotated[
        list[Path], typer.Option("--results", help="The provider's result files; repeatable.")
    ],
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Keep the answers of a provider's result file; `kto judge run` then makes votes of them without asking."""
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_batches import collect_files

    [one] = load_judges([judge], base=Path())
    counts = collect_files(data, one, results, cache)
    if as_json:
        print(json.dumps(asdict(counts), indent=2, ensure_ascii=False))
        return
    money = f" (${counts.cost_usd:,.4f})" if counts.cost_usd else ""
    print(
        f"{counts.n_lines:,} lines: {counts.n_new:,} new answers{money}, {counts.n_stored:,} were stored already, "
        f"{counts.n_failed:,} without an answer, {counts.n_unknown:,} about something else"
    )
    if counts.first_failure:
        print(f"note: the first without an answer: {counts.first_failure}", file=sys.stderr)
