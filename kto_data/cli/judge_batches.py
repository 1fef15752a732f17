"""`kto judge submit` and `collect`: a provider's batches, at half the price."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli.file_options import ColumnsOption, data_files
from kto_data.cli.judge_options import DEFAULT_CACHE, Cache, Data, JsonOption


def submit(
    data: Data,
    judge: Annotated[str, typer.Option("--judge", help="A judge file with the backend openai or anthropic.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write a batch file (JSON lines) to upload, and send nothing."),
    ] = None,
    columns: ColumnsOption = None,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Send what would be asked to the provider as batches, at half the price, each question once.

    kto judge collect fetches the answers, within a day. With -o the batch file is written instead, for you to upload.
    """
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_batches import submit_files, upload_files

    [one] = load_judges([judge], base=Path())
    files = data_files(data, columns)
    counts = submit_files(files, one, output, cache) if output else upload_files(files, one, cache)
    if as_json:
        print(json.dumps(asdict(counts), indent=2))
        return
    done = f"wrote {output}" if output else f"sent {', '.join(counts.batches) or 'nothing'}"
    print(
        f"{done}: {counts.n_lines:,} requests; {counts.n_stored:,} answers are stored already, "
        f"{counts.n_under_way:,} wait at the provider, {counts.n_unsent:,} are over the budget"
    )


def collect(
    data: Data,
    judge: Annotated[str, typer.Option("--judge", help="The judge file that asked.")],
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", help="Result files that you downloaded, instead of asking; repeatable."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every batch has ended.")] = False,
    columns: ColumnsOption = None,
    cache: Cache = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Keep the answers of batches; `kto judge run` then makes votes of them without asking."""
    from kto_data.labelers.judges.load import load_judges
    from kto_data.pipeline.judge_batches import collect_files, download_files

    [one] = load_judges([judge], base=Path())
    files = data_files(data, columns)
    if results:
        counts = collect_files(files, one, results, cache)
    else:
        counts = download_files(files, one, cache, wait=wait)
    if as_json:
        print(json.dumps(asdict(counts), indent=2, ensure_ascii=False))
        return
    money = f" (${counts.cost_usd:,.4f})" if counts.cost_usd else ""
    print(
        f"{counts.n_lines:,} lines: {counts.n_new:,} new answers{money}, {counts.n_stored:,} were stored already, "
        f"{counts.n_failed:,} without an answer, {counts.n_unknown:,} about something else"
    )
    if counts.n_open:
        print(f"{counts.n_open:,} batches are not done; run this again later, or with --wait")
    if counts.first_failure:
        print(f"note: the first without an answer: {counts.first_failure}", file=sys.stderr)
