"""The command `kto`. What a command needs is imported when it runs, so that `kto --help` is quick."""

import os
import sys
from typing import Annotated

import typer

import kto_data
from kto_data.cli import (
    aggregate,
    annotate,
    check,
    diff,
    doctor,
    evaluate,
    explain,
    export,
    forget,
    generate,
    init,
    judge,
    label,
    report,
    rules,
    run,
    schema,
    stats,
    train,
)
from kto_data.errors import KtoDataError, UnavailableError

_INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended: 128 and SIGINT's number."""

app = typer.Typer(
    name="kto",
    help="From raw model outputs to trustworthy desirable/undesirable datasets, and to a KTO-trained checkpoint.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"kto-data {kto_data.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("init")(init.init)
app.command("run")(run.run)
app.command("validate")(run.validate)
app.command("label")(label.label)
app.command("aggregate")(aggregate.aggregate)
app.command("explain")(explain.explain)
app.command("diff")(diff.diff)
app.command("stats")(stats.stats)
app.command("check")(check.check)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("forget")(forget.forget)
app.command("doctor")(doctor.doctor)
app.command("train", context_settings=train.PASS_ON)(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("generate")(generate.generate)
app.command("schema")(schema.schema)
app.add_typer(rules.app, name="rules")
app.add_typer(annotate.app, name="annotate")
app.add_typer(judge.app, name="judge")


def main() -> None:
    """Run the command line; the entry point of the script `kto`.

    A user's mistake is a message and an exit code, never a traceback.
    """
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # looking for some takes as long as many a command
    try:
        app(prog_name="kto")
    except KtoDataError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:  # typer's answer to Ctrl-C, without a word
            print(
                "interrupted; what is finished is kept: run the same command again to go on", file=sys.stderr
            )
        raise
    except BrokenPipeError:  # whoever read our output has had enough
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {error}", file=sys.stderr)
        sys.exit(UnavailableError.exit_code)
