"""A Label Studio server on this machine, in a virtual environment of its own, that talks to nobody else.

The server cannot share ours: it holds pyarrow below 25 and label-studio-sdk, redis and openai at single versions.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from kto_data.errors import UnavailableError

VERSION = "1.23.2"
"""The server that all this is tested against."""

_STARTED = re.compile(rb"Starting development server at http://127\.0\.0\.1:(\d+)/")
# the standard library honours http_proxy for 127.0.0.1 unless it is told not to
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# its standard input is our pipe, which the system closes however we end: a server without its starter would
# hold the port and the database for ever
_END_WITH_US = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(1)), daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_MEANS = "about 1 GB, one to three minutes"


@dataclass(frozen=True, slots=True)
class Account:
    """Who administrates a local server; the password has 8 to 128 characters."""

    email: str
    password: str
    token: str


def cache_folder() -> Path:
    """Return where the server's environment is kept: KTO_CACHE, or `~/.cache/kto-data`."""
    named = os.environ.get("KTO_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kto-data"


def environment_folder() -> Path:
    """Return the server's virtual environment, whether it is there or not."""
    return cache_folder() / f"label-studio-{VERSION}-py{sys.version_info.major}.{sys.version_info.minor}"


def is_installed() -> bool:
    """Return whether the server is installed and complete."""
    return (environment_folder() / ".complete").is_file()


def install() -> Path:
    """Install the server into its own environment, unless it is there; return the command that starts it.

    Raises:
        UnavailableError: The installation failed.
    """
    folder = environment_folder()
    with only_one(folder):
        if not is_installed():
            shutil.rmtree(folder, ignore_errors=True)
            python = folder / "bin" / "python"
            for command in (
                [sys.executable, "-m", "venv", str(folder)],
                [
                    str(python),
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    f"label-studio=={VERSION}",
                ],
            ):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    last = "\n".join(done.stderr.strip().splitlines()[-5:])
                    raise UnavailableError(f"installing label-studio {VERSION} into {folder} failed:\n{last}")
            (folder / ".complete").write_text(VERSION, encoding="utf-8")
    return folder / "bin" / "label-studio"


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Let one process at a time make a folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def account_in(data: Path) -> Account:
    """Return the account of a server's data folder; on first use one with a random password and token.

    It stands beside the server's own database, which holds the same token, readable to the owner alone.
    """
    path = data / "account.json"
    if path.is_file():
        return Account(**json.loads(path.read_text(encoding="utf-8")))
    account = Account("admin@localhost.local", secrets.token_urlsafe(12), secrets.token_hex(20))
    data.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"email": account.email, "password": account.password, "token": account.token}, file)
    return account


def closed_environment(data: Path) -> dict[str, str]:
    """Return the server's whole environment.

    Nothing is inherited: every setting is read under its bare name too, so a DEBUG, HOST or LOG_LEVEL
    of the user's shell would reach it.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(data),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # else the line that tells the port is never seen
        "NO_PROXY": "*",
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),  # --data-dir is read too late for some files
        # nothing leaves the machine: error reports, usage figures, a look at the package index, feature flags
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_FEATURE_FLAGS_OFFLINE": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "false",
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # looked at only when the data folder is made
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_EDITOR_KEYMAP": json.dumps(
            {"annotation:skip": {"key": "s"}, "annotation:submit": {"key": "enter"}}
        ),
        "LABEL_STUDIO_LOG_LEVEL": "WARNING",
    }


@dataclass
class LocalServer:
    """A server on 127.0.0.1; it ends with the process that started it, also when that is killed.

    Attributes:
        data: Its data folder: database, log. Made on first use, which takes half a minute of processor time.
        account: Who administrates it; a folder that exists keeps the account that it was made with.
        port: The port wanted; 0 takes a free one.
        url: Its address, once it runs.
    """

    data: Path
    account: Account
    port: int = 0
    url: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 600.0
    _process: "subprocess.Popen[bytes] | None" = None
    _log: IO[bytes] | None = None

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data / "server.log"

    def start(self) -> "LocalServer":
        """Start it and wait until it answers.

        Raises:
            UnavailableError: It is not installed, or does not come up.
        """
        if not is_installed():
            raise UnavailableError(
                f"label-studio {VERSION} is not installed ({_MEANS}): kto annotate serve installs it"
            )
        deadline = time.monotonic() + self.start_timeout_s
        self.data.mkdir(parents=True, exist_ok=True)
        port = self.port or _free_port()
        self._log = self.log.open("wb")
        programs = environment_folder() / "bin"
        self._process = subprocess.Popen(
            [
                str(programs / "python"),
                *("-c", _END_WITH_US, str(programs / "label-studio")),
                *self._arguments(port),
            ],
            env=closed_environment(self.data)
            | {"LABEL_STUDIO_USER_TOKEN": self.account.token}
            | dict(self.extra),
            cwd=self.data,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise UnavailableError(
                    f"the Label Studio server does not come up; its log ends:\n{self._tail()}"
                )
            time.sleep(0.05)
        if self.port and not self.url.endswith(f":{self.port}"):
            self.stop()
            raise UnavailableError(f"port {self.port} is taken; name another one")
        return self

    def _arguments(self, port: int) -> list[str]:
        given = self.account
        return [
            *("start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)),
            *("--data-dir", str(self.data), "--username", given.email, "--password", given.password),
            *("--user-token", given.token, "--enable-legacy-api-token"),
        ]

    def _is_up(self) -> bool:
        # a busy port is silently replaced by the next one, so the log is believed and not our wish
        started = _STARTED.search(self.log.read_bytes())
        if not started:
            return False
        self.url = f"http://127.0.0.1:{int(started[1])}"
        try:
            with _OPENER.open(f"{self.url}/health", timeout=5) as answer:
                status: Any = json.load(answer)
        except (OSError, ValueError):
            return False
        return bool(status == {"status": "UP"})

    def wait(self) -> None:
        """Wait until the server ends."""
        if self._process is not None:
            self._process.wait()

    def stop(self, *, kill: bool = False) -> None:
        """End the server; with `kill` as a crash would."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> "LocalServer":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _tail(self) -> str:
        lines = self.log.read_bytes().decode("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-8:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
