"""How long the trainer takes to its first step on a dataset that it has seen before.

    python benchmarks/trainer_start.py --json      # about five minutes on one core

Makes a dataset folder (100,000 rows, about 60 words each) and a small model of random weights; a first run fills the
caches beside the dataset (tokens, the reference's log-probabilities) and is ended after its first step; then the same
command is timed until its first step is in the log: imports, checksums, labels, order, pairs, audit, look-ups, the
step. The model is tiny, so that what is measured is the trainer and not the loading of weights. `ratio` is the
first run's time over the later ones' median.
"""

import argparse
import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TARGET_S = 10.0
SHARD_ROWS = 25_000


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="timed runs")
    parser.add_argument("--work", type=Path, help="folder for dataset and model; default: a temporary one")
    return parser.parse_args()


def make_dataset(folder: Path, n_rows: int) -> None:
    """A dataset folder of made-up chats, written once."""
    if (folder / "manifest.json").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(3)
    words = np.array(["".join(generator.choice(list("abdegiklmnoprstu"), 5)) for _ in range(4000)])
    shards = []
    for first in range(0, n_rows, SHARD_ROWS):
        numbers = range(first, min(first + SHARD_ROWS, n_rows))
        lengths = np.clip(generator.lognormal(np.log(25), 0.6, (len(numbers), 2)).astype(int), 5, 200)
        texts = [[" ".join(generator.choice(words, n)) for n in pair] for pair in lengths]
        rows = [
            {
                "prompt": [{"role": "user", "content": prompt}],
                "completion": [{"role": "assistant", "content": completion}],
                "label": bool(generator.random() < 0.5),
                "weight": 1.0,
                "sample_id": f"{number:032x}",
                "row_id": f"log#{number * 7919 % n_rows:09d}",
                "prompt_id": f"{number:032x}",
            }
            for number, (prompt, completion) in zip(numbers, texts, strict=True)
        ]
        path = folder / f"train-{first // SHARD_ROWS:05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        shards.append({"path": path.name, "split": "train", "rows": len(rows), "sha256": digest})
    manifest = {"schema_version": 1, "shards": shards, "weights": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def make_model(folder: Path, data: Path) -> None:
    """A model of random weights with a tokenizer of its own, made once."""
    if (folder / "config.json").is_file():
        return
    import torch
    from kto_trainer.dataset import Row, read_split
    from kto_trainer.options import TinyOptions
    from kto_trainer.output import save_model
    from kto_trainer.tiny import build_model, build_tokenizer

    rows: list[Row] = [row for row, _ in zip(read_split(data, "train").texts(), range(2000), strict=False)]
    size = TinyOptions(vocab_size=1024, hidden_size=16, intermediate_size=32, layers=1, heads=2)
    tokenizer = build_tokenizer(rows, size.vocab_size)
    model = build_model(size, tokenizer, torch.Generator().manual_seed(0))
    save_model(folder, model, tokenizer, {})


def first_step(work: Path) -> dict[str, float]:
    """Start a training and end it after its first step: wall and CPU seconds till then, and peak memory."""
    output = work / "out"
    log = output / "log.jsonl.partial"
    log.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "kto_trainer",
        "train",
        "--data",
        str(work / "data"),
        "--output",
        str(output),
    ]
    command += ["--model", str(work / "model"), "--max-length", "256", "--threads", "1"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        while not (log.is_file() and log.stat().st_size):
            if process.poll() is not None:
                assert process.stderr is not None
                raise SystemExit(f"the training ended before its first step\n{process.stderr.read()[-2000:]}")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.send_signal(signal.SIGKILL)
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak}


def main() -> int:
    """Measure and print; the exit code says whether the target was met."""
    a = parse()
    with tempfile.TemporaryDirectory() as temporary:
        work = a.work or Path(temporary)
        make_dataset(work / "data", a.rows)
        make_model(work / "model", work / "data")
        cold = first_step(work)
        runs = [first_step(work) for _ in range(a.runs)]
    median = {name: statistics.median(run[name] for run in runs) for name in cold}
    document: dict[str, Any] = {
        "benchmark": "trainer_start",
        "ratio": cold["seconds"] / median["seconds"],
        "rows": a.rows,
        "first_run": cold,
        "later_runs": runs,
        "median": median,
        "target_seconds": TARGET_S,
    }
    if a.json:
        print(json.dumps(document, indent=1))
    else:
        for name, value in median.items():
            print(f"{name}: {value:.2f}")
        print(f"target: {TARGET_S:g} s; the first run took {cold['seconds']:.1f} s")
    return 0 if median["seconds"] <= TARGET_S else 1


if __name__ == "__main__":
    sys.exit(main())
