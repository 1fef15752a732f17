"""The claims: votes become labels in seconds, and no worse ones than the peers make.

Speed: from a file of the votes of 40 labelers on 1,000,000 samples (rule-like: about one a sample; dense:
about seven) to probabilities, each in a process of its own. `ratio` is crowd-kit's seconds over ours for
Dawid-Skene, the worse of the two files; `kto aggregate` as a whole, report cards included, is timed besides.
Quality (`--quality`): accuracy and log-loss beside the peers' on crowds, one-sided rules and, with `--judges FOLDER`
(LLMBar's pairs.jsonl.gz and votes.jsonl.gz), real judges; and what `calibrated` makes of a few gold labels.

The peers do not belong into this project's environment (they pull transformers, torch, nltk). Give them their own:

    python -m venv /some/where && /some/where/bin/python -m pip install crowd-kit==1.4.2 snorkel==0.10.0 pyarrow
    python benchmarks/aggregation.py --peers /some/where/bin/python --quality --json

A peer that is not there is said to be missing, and its figures are null.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

N_LABELERS = 40
TARGETS = {
    "crowd-kit": {"rule_like": 6.0, "dense": 6.0},
    "snorkel": {"rule_like": 20.0, "dense": 3.0},
}
MAX_MB = 500
KINDS = {"rule_like": 1.15 / N_LABELERS, "dense": 7.0 / N_LABELERS}


def make_votes(path: Path, kind: str, n_samples: int) -> None:
    """Write a wide block of votes: labelers of accuracy 0.6 to 0.95, rule-like ones in a few hundred settings."""
    rng = np.random.default_rng(7)
    y_N = rng.random(n_samples) < 0.6
    accuracy = rng.uniform(0.6, 0.95, N_LABELERS)
    setting_N = rng.choice(400, n_samples, p=_zipf(400)) if kind == "rule_like" else None
    # a rule fires on the texts of a few settings; a dense labeler votes on any sample
    fires = rng.random((400, N_LABELERS)) < KINDS[kind]
    columns: dict[str, Any] = {
        "row_id": [f"made#{row}" for row in range(n_samples)],
        "sample_id": [rng.bytes(16).hex() for _ in range(n_samples)],
    }
    for m in range(N_LABELERS):
        right_N = rng.random(n_samples) < accuracy[m]
        voted_N = rng.random(n_samples) < KINDS[kind] if setting_N is None else fires[setting_N, m]
        columns[f"labeler_{m:02}"] = np.where(voted_N, np.where(y_N == right_N, 1, -1), 0).astype(np.int8)
    pq.write_table(pa.table(columns), path, compression="zstd")
    pq.write_table(pa.table({"y": y_N, "sample_id": columns["sample_id"]}), path.with_suffix(".truth"))


def _zipf(n: int) -> "np.typing.NDArray[np.float64]":
    p = 1.0 / np.arange(1, n + 1)
    return np.asarray(p / p.sum())


def ours(path: Path, method: str) -> tuple[Any, Any]:
    """Return ids and probabilities of one of our methods."""
    from kto_data.aggregators.method import METHODS
    from kto_data.votes.labelers import Labeler
    from kto_data.votes.sample_ids import as_arrow
    from kto_data.votes.table import load_votes

    names = [name for name in pq.read_schema(path).names if name.startswith("labeler_")]
    votes = load_votes(
        [Labeler(name, "1", "rule") for name in names], samples=None, rule_blocks=[path], vote_blocks=[]
    )
    return as_arrow(votes.sample_ids), METHODS.get(method)().posterior(votes)


def group_by(path: Path, method: str) -> tuple[Any, Any]:
    """Return the same majority from one DuckDB query."""
    import duckdb

    names = [name for name in pq.read_schema(path).names if name.startswith("labeler_")]
    up, down = (" + ".join(f"({name} {test})::INT" for name in names) for test in ("> 0", "< 0"))
    query = f"SELECT sample_id, sum({up}) AS up, sum({down}) AS down FROM '{path}' GROUP BY sample_id"  # noqa: S608 - names of ours
    with duckdb.connect() as con:
        # its progress bar takes hold of the terminal, which stops a job in the background
        con.execute("SET enable_progress_bar = false")
        found = con.sql(f"SELECT sample_id, up / (up + down) AS p FROM ({query})").to_arrow_table()  # noqa: S608 - as above
    return found["sample_id"], found["p"].to_numpy()


def crowd_kit(path: Path, method: str) -> tuple[Any, Any]:
    """Return crowd-kit's Dawid-Skene; the votes reach it as the long table it asks for."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    table = pq.read_table(path)
    L_NM = np.stack([table[name].to_numpy() for name in table.column_names[2:]], axis=1)
    sample_V, labeler_V = np.nonzero(L_NM)
    votes = pd.DataFrame({"task": sample_V, "worker": labeler_V, "label": L_NM[sample_V, labeler_V]})
    probabilities = DawidSkene(n_iter=100).fit_predict_proba(votes)
    p_N = np.full(len(L_NM), np.nan)
    p_N[probabilities.index] = probabilities[1]
    return table["sample_id"], p_N


def snorkel(path: Path, method: str) -> tuple[Any, Any]:
    """Return Snorkel's LabelModel with its default 100 epochs replaced by the 500 of its tutorials."""
    from snorkel.labeling.model import LabelModel

    table = pq.read_table(path)
    L_NM = np.stack([table[name].to_numpy() for name in table.column_names[2:]], axis=1)
    model = LabelModel(cardinality=2, verbose=False)
    model.fit(np.where(L_NM == 0, -1, (L_NM > 0).astype(np.int8)), n_epochs=500, seed=1, progress_bar=False)
    p_N = model.predict_proba(np.where(L_NM == 0, -1, (L_NM > 0).astype(np.int8)))[:, 1]
    return table["sample_id"], np.where((L_NM != 0).any(axis=1), p_N, np.nan)


RUNNERS: dict[str, Callable[[Path, str], tuple[Any, Any]]] = {
    "ours": ours,
    "duckdb": group_by,
    "crowd-kit": crowd_kit,
    "snorkel": snorkel,
}
IMPORTS = {
    "ours": "kto_data.aggregators.policy",
    "duckdb": "duckdb",
    "crowd-kit": "crowdkit.aggregation",
    "snorkel": "snorkel.labeling.model",
}


def run_one(runner: str, method: str, path: Path) -> dict[str, Any]:
    """Run in this process; importing is not counted, as a pipeline imports once."""
    warnings.simplefilter("ignore")
    try:
        __import__(IMPORTS[runner])
    except ImportError as error:
        return {"missing": str(error)}
    if runner == "ours":
        from kto_data.aggregators.method import METHODS

        METHODS.get(method)
    started, cpu_started = time.perf_counter(), time.process_time()
    ids, p_N = RUNNERS[runner](path, method)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    truth = pq.read_table(path.with_suffix(".truth"))
    y_N = np.asarray(truth["y"])[np.asarray(pc.index_in(ids, value_set=truth["sample_id"].combine_chunks()))]
    voted_N = ~np.isnan(p_N)
    accuracy = float(((p_N > 0.5) == y_N)[voted_N].mean())
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),  # steadier on a busy machine
        "megabytes": round(megabytes),
        "accuracy": round(accuracy, 4),
    }


def whole_command(path: Path) -> dict[str, Any]:
    """Run `kto aggregate` on the file, with report cards."""
    labels = path.with_suffix(".labels")
    command = [sys.executable, "-m", "kto_data.cli", "aggregate", str(path), "--method", "dawid_skene"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "-o", str(labels), "--json"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        return {"missing": "kto aggregate failed"}
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "megabytes": round(used.ru_maxrss / 1024),
    }


def in_process(python: str, runner: str, method: str, path: Path, repeats: int = 1) -> dict[str, Any]:
    """Run in a fresh process and return the fastest of its runs."""
    command = [python, __file__, "--one", runner, method, str(path)]
    best: dict[str, Any] = {}
    for _ in range(repeats):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"missing": done.stderr.strip().splitlines()[-1] if done.stderr else "it failed"}
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        if "missing" in result:
            return result
        if not best or result["seconds"] < best["seconds"]:
            best = result
    return best


def speed(n_samples: int, peers: str | None, kinds: Sequence[str]) -> dict[str, Any]:
    """Return every figure of the files."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            path = Path(folder) / f"{kind}.parquet"
            # a process is charged with its parent's memory, so that this one must stay small
            making = [sys.executable, __file__, "--make", kind, str(path), "--samples", str(n_samples)]
            subprocess.run(making, check=True)
            figures[kind] = {
                "dawid_skene": in_process(sys.executable, "ours", "dawid_skene", path, 3),
                "firing": in_process(sys.executable, "ours", "firing", path),
                "majority": in_process(sys.executable, "ours", "majority", path, 3),
                "duckdb": in_process(sys.executable, "duckdb", "majority", path, 3),
                "kto aggregate": whole_command(path),
            }
            for peer in TARGETS:
                figures[kind][peer] = (
                    in_process(peers, peer, "", path) if peers else {"missing": "no --peers given"}
                )
    return figures


def ratios(figures: dict[str, Any]) -> dict[str, Any]:
    """Return peers' seconds over ours, and whether each is as claimed; None for a peer that is missing."""
    found: dict[str, Any] = {}
    for peer, targets in TARGETS.items():
        for kind, target in targets.items():
            if kind not in figures:
                continue
            theirs = figures[kind][peer].get("seconds")
            ratio = None if theirs is None else round(theirs / figures[kind]["dawid_skene"]["seconds"], 1)
            cpu = figures[kind][peer].get("cpu_seconds")
            found[f"{peer} {kind}"] = {
                "ratio": ratio,
                "target": target,
                "met": None if ratio is None else ratio >= target,
                "cpu_ratio": None
                if cpu is None
                else round(cpu / figures[kind]["dawid_skene"]["cpu_seconds"], 1),
            }
    for kind in figures:
        times = round(figures[kind]["majority"]["seconds"] / figures[kind]["duckdb"]["seconds"], 2)
        found[f"majority over DuckDB {kind}"] = {"ratio": times, "target": 2.0, "met": times <= 2.0}
        most = max(figures[kind][name]["megabytes"] for name in ("dawid_skene", "kto aggregate"))
        found[f"megabytes {kind}"] = {"ratio": most, "target": MAX_MB, "met": most < MAX_MB}
    return found


def main() -> None:
    """Run, and print a table or one JSON document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peers", help="the Python of an environment with crowd-kit 1.4.2 and snorkel 0.10.0"
    )
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--file", choices=list(KINDS), help="one of the two files alone")
    parser.add_argument(
        "--quality", action="store_true", help="accuracy and log-loss, too: some minutes more"
    )
    parser.add_argument(
        "--judges", type=Path, help="a folder with LLMBar's pairs.jsonl.gz and votes.jsonl.gz"
    )
    parser.add_argument("--only-quality", action="store_true", help="no speeds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--one", nargs=3, metavar=("RUNNER", "METHOD", "FILE"), help="used by the benchmark itself"
    )
    parser.add_argument("--make", nargs=2, metavar=("KIND", "FILE"), help="used by the benchmark itself")
    arguments = parser.parse_args()
    if arguments.make:
        make_votes(Path(arguments.make[1]), arguments.make[0], arguments.samples)
        return
    if arguments.one:
        runner, method, path = arguments.one
        print(json.dumps(run_one(runner, method, Path(path))))
        return
    document: dict[str, Any] = {"ratio": None}
    figures: dict[str, Any] = {}
    compared: dict[str, Any] = {}
    if not arguments.only_quality:
        kinds = [arguments.file] if arguments.file else list(KINDS)
        figures = speed(arguments.samples, arguments.peers, kinds)
        compared = ratios(figures)
        worst = [compared[f"crowd-kit {kind}"]["ratio"] for kind in figures]
        document = {
            "ratio": None if None in worst else min(worst),
            "n_samples": arguments.samples,
            "speed": figures,
            "compared": compared,
        }
    if arguments.quality or arguments.only_quality:
        from aggregation_quality import quality

        document["quality"] = quality(arguments.peers, arguments.judges, n_crowds=16, n_rules=32, n_seeds=50)
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for kind, results in figures.items():
        for name, result in results.items():
            print(f"{kind:10} {name:12}", *(f"{key} {value}" for key, value in result.items()))
    for name, result in compared.items():
        verdict = {True: "met", False: "NOT MET", None: "peer missing"}[result["met"]]
        print(f"{name:32} {result['ratio']} (target {result['target']}): {verdict}")
    for name, found in document.get("quality", {}).items():
        print(f"{name}:")
        for line in _lines(found):
            print(f"  {line}")


def _lines(found: Any) -> Iterator[str]:
    """Yield what a part of the quality figures comes to, without the single sets."""
    if isinstance(found, dict):
        yield from (f"{key}: {value}" for key, value in found.items() if key not in ("sets", "tally"))
        yield from (f"{key}: {value}" for key, value in found.get("tally", {}).items())
    else:
        yield from map(str, found or ["no judges given"])


if __name__ == "__main__":
    main()
