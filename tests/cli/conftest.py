"""The real command in a process of its own, in a folder of real files."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "kto_data.cli"]

RULES = """\
version: 1
ruleset: mine
rules:
  - {id: rude, vote: undesirable, match: {contains-any: [rude]}}
  - {id: polite, vote: desirable, match: {contains-any: [please]}}
"""


class Kto:
    """A working folder, and `kto` called in it."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, *arguments, **environment):
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._environment(environment),
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "Traceback" not in done.stdout, done.stdout
        return done

    def start(self, *arguments, stdout=subprocess.DEVNULL):
        """Start the command and return the process at work."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment({}),
            # a shell's background job ignores Ctrl-C, and so would what it starts: tests may be such a job
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def killed_after(self, seconds, *arguments):
        """Start the command, kill it with SIGKILL after a while, and return whether it was still at work."""
        with self.start(*arguments) as process:
            time.sleep(seconds)
            process.kill()
            return process.wait() != 0

    def _environment(self, more):
        # a sample folder of the user's must not change what a test sees
        kept = {name: value for name, value in os.environ.items() if name != "KTO_SAMPLES"}
        return kept | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": ""} | more

    def records(self, n, name="log.jsonl", **more):
        """Write n good records, every other one polite, the rest rude."""
        records = [
            {"id": f"r{i}", "prompt": f"question {i}", "completion": f"{'please' if i % 2 else 'rude'} {i}"}
            | more
            for i in range(n)
        ]
        return self.write(name, "".join(json.dumps(record) + "\n" for record in records))

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    def pipeline(self, **keys):
        """Write `p.yaml` (JSON is YAML, too): the log and the rules, unless other keys say otherwise."""
        spec = {
            "version": 1,
            "name": "mine",
            "read": [{"path": "log.jsonl"}],
            "label": {"rules": ["rules.yaml"]},
            "split": {"test": 0.25},
        } | keys
        self.write("rules.yaml", RULES)
        return self.write(
            "p.yaml", json.dumps({key: value for key, value in spec.items() if value is not None})
        )

    @property
    def run_folder(self):
        return self.folder / "runs" / "mine"

    def dataset_bytes(self):
        return {path.name: path.read_bytes() for path in (self.run_folder / "dataset").glob("*.parquet")}


@pytest.fixture
def kto(tmp_path):
    return Kto(tmp_path)


@pytest.fixture(scope="session")
def make_kto():
    return Kto
