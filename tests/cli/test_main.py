"""The command itself: help, version, and how quickly it starts."""

import subprocess
import sys

import pytest

import kto_data

HEAVY = ("torch", "transformers", "pandas", "pyarrow", "duckdb", "datasets", "scipy", "numpy", "pydantic")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['kto', '--help']\n"
        "from kto_data.cli.main import main\n"
        "try: main()\n"
        f"except SystemExit: print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in ("run", "validate", "label", "stats", "schema", "rules"):
        assert f"  {command} " in done.stdout


@pytest.mark.slow
def test_the_version_is_the_packages(kto):
    done = kto("--version")
    assert (done.returncode, done.stdout) == (0, f"kto-data {kto_data.__version__}\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["label"], "Missing argument"),
        (["run", "--nope"], "No such option"),
        (["schema", "nope"], "'nope' is not one of 'pipeline', 'rules'"),
        (["label", "x.jsonl", "-o", "votes.parquet"], "--rules"),
    ],
)
def test_a_wrong_command_line_is_told(kto, arguments, said):
    done = kto(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
