"""`kto judge`: language models as labelers."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kto_data.cli import judge_batches
from kto_data.cli.file_options import ColumnsOption, data_files
from kto_data.cli.judge_options import DEFAULT_CACHE, Cache, Data, JsonOption, Judges, Output
from kto_data.cli.judge_text import print_counts, print_report
from kto_data.errors import FindingsError

if TYPE_CHECKING:
    from kto_data.readers import ReadEntry

app = typer.Typer(
    help="Let language models judge outputs, and measure what their verdicts are worth.", no_args_is_help=True
)


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
    columns: ColumnsOption = None,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Let judges vote on files.

    Every answer is kept before it becomes a vote: after an interruption, run the same command again. Beside the
    votes, OUTPUT's folder gets labelers.json (who voted), and faults.parquet and quarantined.parquet where there
    is anything in them.
    """
    _judge(data_files(data, columns), judge, output, cache, as_json, send=True)


@app.command("rescore")
def rescore(
    data: Data,
    judge: Judges,
    output: Output,
    columns: ColumnsOption = None,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Make votes anew from stored answers, with another threshold or other meanings; nothing is sent."""
    _judge(data_files(data, columns), judge, output, cache, as_json, send=False)


def _judge(
    data: "ReadEntry", judge: list[str], output: Path, cache: Path, as_json: bool, *, send: bool
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
def cost(
    data: Data,
    judge: Judges,
    columns: ColumnsOption = None,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Estimate requests, tokens and money of judging files; nothing is sent."""
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_files import estimate_files

    found = estimate_files(data_files(data, columns), load_judges(judge, base=Path()), cache)
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
    columns: ColumnsOption = None,
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
    files = data_files(data, columns)
    reports = report_on_judges(files, judges, cache, gold=gold, gold_id=gold_id, budget=budget)
    if as_json:
        print(json.dumps({one.judge: one.as_dict() for one in reports}, indent=2, ensure_ascii=False))
        return
    for one in reports:
        print_report(one)


app.command("submit")(judge_batches.submit)
app.command("collect")(judge_batches.collect)
