"""Training and scoring on more text than they may take memory for."""

import json
import subprocess
import sys

import numpy as np
import pytest

# One worker makes the training that they share.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("trained")]

FEW, MANY, CHARS = 1500, 5000, 12_000
# The most memory of its own: what getrusage tells can be that of the process that started it.
MEASURE = """
import sys
from kto_trainer.cli import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024, file=sys.stderr)
sys.exit(code)
"""


def peak_mib(*arguments):
    """What a command prints, and the peak of its resident memory."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), int(done.stderr.split()[-1])


def write(make, folder, n_rows):
    """Polite and rude rows, of which each completion goes on for so many characters."""
    words = " ".join(np.random.default_rng(0).choice(["tea", "rain", "maps", "bread", "stars"], CHARS))
    rows = make.polite_rows(n_rows)
    for number, row in enumerate(rows):
        row["completion"][0]["content"] += words[number : number + CHARS]
    return make.dataset(folder, rows)


def test_texts_many_times_larger_than_the_memory_taken_for_them_train_and_score(trained, make, tmp_path):
    start = trained[1] / "reference"
    lengths = ("--max-length", 48)
    peaks = {}
    for n_rows in (FEW, MANY):
        folder = tmp_path / str(n_rows)
        data = write(make, folder / "data", n_rows)
        train = ("train", "--data", data, "--output", folder / "out", "--model", start, "--sft-epochs", 0)
        result, peaks[n_rows, "train"] = peak_mib(*train, *lengths)
        half = n_rows // 2
        assert result["counts"]["completions_truncated"] == {"desirable": half, "undesirable": half}
        score = ("score", "--data", data, "--model", folder / "out" / "checkpoint", "--reference", start)
        more = (*lengths, "--split", "train", "--output", folder / "scores.parquet")
        _, peaks[n_rows, "score"] = peak_mib(*score, *more)
    text_mib = (MANY - FEW) * CHARS / 2**20
    for command in ("train", "score"):
        assert peaks[MANY, command] - peaks[FEW, command] < text_mib / 3
