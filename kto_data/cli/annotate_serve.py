"""`kto annotate serve`: a Label Studio server on this machine."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


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
