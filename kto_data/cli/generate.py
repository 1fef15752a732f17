"""`kto generate`: completions of prompts, to be labelled."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli.file_options import ColumnsOption, data_files
from kto_data.cli.judge import shown_on_stderr
from kto_data.cli.judge_options import DEFAULT_CACHE
from kto_data.errors import InputError


def generate(
    prompts: Annotated[
        list[str], typer.Argument(help="Files whose prompts are completed, in any readable format.")
    ],
    model: Annotated[
        str, typer.Option("--model", help="A name that the server knows, a model folder, or a hub id.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the completions go (JSON lines).")],
    backend: Annotated[str, typer.Option("--backend", help="openai, anthropic or transformers.")] = "openai",
    base_url: Annotated[str | None, typer.Option("--base-url", help="The server's address.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Completions of each prompt.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0)] = 0.7,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1)] = 512,
    max_requests: Annotated[int | None, typer.Option("--max-requests", min=0, help="A budget.")] = None,
    columns: ColumnsOption = None,
    cache: Annotated[
        Path, typer.Option("--cache", help="Where answers are kept; none is paid for twice.")
    ] = DEFAULT_CACHE,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Write k completions of every prompt, as input for a pipeline (`read: [{path: ...}]`).

    An interrupted run goes on where it was: answers are kept as they come.
    """
    from kto_data.labelers.judges.file_model import Budget
    from kto_data.pipeline.generate_files import Generator, generate_files

    if base_url is not None and backend == "transformers":
        raise InputError("--base-url is for servers; transformers runs the model on this machine")
    generator = Generator(
        backend,
        model,
        {"base_url": base_url} if base_url is not None else {},
        {"temperature": temperature, "max_tokens": max_tokens},
        k,
        Budget(max_requests=max_requests),
    )
    files = data_files(prompts, columns)
    counts = generate_files(files, generator, output, cache, say=None if as_json else shown_on_stderr())
    if as_json:
        print(json.dumps(asdict(counts), indent=2, ensure_ascii=False))
        return
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(
        f"{counts.n_completions:,} completions of {counts.n_prompts:,} prompts: {counts.n_new:,} new "
        f"({counts.tokens_in:,} + {counts.tokens_out:,} tokens), {counts.n_stored:,} stored; {counts.n_empty:,} empty, "
        f"{counts.n_faults:,} faults, {counts.n_unsent:,} not asked"
    )
    if counts.first_fault:
        print(f"note: the first fault: {counts.first_fault}", file=sys.stderr)
    print(f"wrote {output}")
