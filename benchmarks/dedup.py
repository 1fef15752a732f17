"""The claims: near-duplicates are found faster than the peers find them, and none is called one that is not.

Speed: the `near_dedup` step on a rows file (5-word shingles, Jaccard similarity .8 or more), from its Parquet to the list of
dropped rows, against datasketch's MinHashLSH and text-dedup on the same texts, each in a process of its own. `ratio` is
datasketch's seconds over ours. Quality: pairs and removed texts against comparing everything that shares a shingle.
Exact duplicates: the step's seconds over those of decoding the texts alone.

The texts are made up (Zipf-distributed words; some copied with few words changed, some with many, so that they are
alike and yet below the threshold). The peers do not belong into this project's environment; give them their own:

    python -m venv /some/where && /some/where/bin/python -m pip install datasketch==2.0.0 text-dedup==0.4.0
    python benchmarks/dedup.py --peers /some/where/bin/python --json

A peer that is not there is said to be missing, and its figures are null.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

THRESHOLD, N_WORDS = 0.8, 5
TARGETS = {"datasketch": 8.0, "text-dedup": 10.0}
MAX_MB, MIN_RECALL, MAX_EXACT, MAX_NORMALISED = 500, 0.99, 1.5, 5.0
N_LARGE = 200_000


def make_texts(n: int, seed: int = 7) -> list[str]:
    """Return n texts of 30 to 170 words, in an order that tells nothing of which are copies."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = np.array(["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(20_000)])
    p = 1 / np.arange(1, len(vocabulary) + 1)
    texts: list[str] = []
    while len(texts) < n:
        words = vocabulary[rng.choice(len(vocabulary), rng.integers(30, 171), p=p / p.sum())]
        texts.append(" ".join(words))
        for kind, edits in (("near", (0, 6)), ("alike", (6, 25))):
            if rng.random() < {"near": 0.035, "alike": 0.015}[kind]:
                for _ in range(rng.integers(1, 4)):
                    changed = words.copy()
                    for place in rng.choice(len(words), rng.integers(*edits)):
                        changed[place] = vocabulary[rng.integers(len(vocabulary))]
                    texts.append(" ".join(changed))
    return [texts[place] for place in rng.permutation(n)]


def write_files(texts: list[str], folder: Path) -> None:
    """Write the texts as rows for our steps, and as a plain column for the peers; and a few of them apart."""
    _write_files(texts, folder)
    (folder / "few").mkdir()
    _write_files(texts[:100], folder / "few")


def _write_files(texts: list[str], folder: Path) -> None:
    from kto_data.schema import content_id, rows_schema

    asked = [{"role": "user", "content": "Tell me."}]
    rows = [
        {
            "row_id": f"made#{number:07}",
            "sample_id": content_id(asked, answer),
            "prompt_id": content_id(asked),
            "prompt": asked,
            "completion": answer,
            "source": "made",
        }
        for number, text in enumerate(texts)
        for answer in [[{"role": "assistant", "content": text}]]
    ]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=rows_schema()), folder / "rows.parquet", compression="zstd"
    )
    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet", compression="zstd")


def brute_force(texts: list[str]) -> tuple[set[tuple[int, int]], set[int]]:
    """Return the near pairs, and what goes if each text is kept that is not near a kept one before it."""
    sets = [_shingles(text) for text in texts]
    holding: dict[str, list[int]] = {}
    pairs, removed = set(), set()
    for second, one in enumerate(sets):
        common = Counter(first for shingle in one for first in holding.get(shingle, ()))
        near = [first for first, n in common.items() if n / (len(one) + len(sets[first]) - n) >= THRESHOLD]
        pairs.update((first, second) for first in near)
        if any(first not in removed for first in near):
            removed.add(second)
        for shingle in one:
            holding.setdefault(shingle, []).append(second)
    return pairs, removed


def _shingles(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[place : place + N_WORDS]) for place in range(len(words) - N_WORDS + 1)}


def ours(folder: Path) -> dict[str, Any]:
    """Return what the near_dedup step removes."""
    return _run_step(folder, "near_dedup", {"threshold": THRESHOLD, "words": N_WORDS, "of": "completion"})


def exact(folder: Path) -> dict[str, Any]:
    """Return what the exact_dedup step removes."""
    return _run_step(folder, "exact_dedup", {})


def normalised(folder: Path) -> dict[str, Any]:
    """Return what the exact_dedup step removes after normalising."""
    return _run_step(folder, "exact_dedup", {"by": "normalised"})


def _run_step(folder: Path, name: str, options: dict[str, Any]) -> dict[str, Any]:
    from kto_data.curation.run import run_steps
    from kto_data.curation.step import STEPS, PlannedStep

    kept, dropped = folder / "kept.parquet", folder / "dropped.parquet"
    step = PlannedStep(name, STEPS.get(name)(**options))
    run_steps([step], rows=folder / "rows.parquet", kept=kept, dropped=dropped, seed=0)
    rows = pq.read_table(dropped)["row_id"].to_pylist()
    return {"removed": [int(row.partition("#")[2]) for row in rows]}


def our_pairs(folder: Path) -> dict[str, Any]:
    """Return the near pairs as the step finds them."""
    from kto_data.curation.near_rows import near_rows
    from kto_data.tables import add_view, database
    from kto_data.texts.near import Near
    from kto_data.texts.near_pairs import near_pairs

    with database(folder) as con:
        add_view(con, "rows", folder / "rows.parquet")
        with near_rows(con, folder, Near(THRESHOLD, N_WORDS), ["completion"]) as found:
            parts = near_pairs(found.buckets, found.sets, THRESHOLD, found.keys_NB)
            pairs = [
                pair
                for part in parts
                for pair in zip(part.first_P.tolist(), part.second_P.tolist(), strict=True)
            ]
    return {"pairs": pairs}


def decode(folder: Path) -> dict[str, Any]:
    """Decode the texts of the rows file, prompts and completions, and nothing else."""
    for batch in pq.ParquetFile(folder / "rows.parquet").iter_batches(
        4096, columns=["row_id", "prompt", "completion"]
    ):
        assert batch.num_rows
    return {}


def datasketch(folder: Path) -> dict[str, Any]:
    """Return what datasketch calls near, and what goes if each text is kept that is not near a kept one before it."""
    from datasketch import MinHash, MinHashLSH

    texts = pq.read_table(folder / "texts.parquet")["text"].to_pylist()
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    sets = ([shingle.encode() for shingle in _shingles(text)] for text in texts)
    pairs: list[tuple[int, int]] = []
    removed: set[int] = set()
    for second, signature in enumerate(MinHash.generator(sets, num_perm=128)):
        near = index.query(signature)
        pairs += ((first, second) for first in near)
        if any(first not in removed for first in near):
            removed.add(second)
        index.insert(second, signature, check_duplication=False)
    return {"pairs": pairs, "removed": sorted(removed)}


def text_dedup(folder: Path) -> dict[str, Any]:
    """Return what text-dedup removes, by its command."""
    import datasets
    from text_dedup.minhash import main

    arguments = {
        "path": "parquet",
        "data_files": str(folder / "texts.parquet"),
        "split": "train",
        "cache_dir": str(folder / "cache"),
        "output": str(folder / "out"),
        "column": "text",
        "batch_size": "10000",
        "threshold": str(THRESHOLD),
        "ngram": str(N_WORDS),
        "min_length": "0",
        "num_perm": "128",
        "num_proc": "2",
    }
    main([part for name, value in arguments.items() for part in (f"--{name}", value)], standalone_mode=False)
    n_left = len(datasets.load_from_disk(str(folder / "out")))
    return {"n_removed": pq.read_metadata(folder / "texts.parquet").num_rows - n_left}


RUNNERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "ours": ours,
    "pairs": our_pairs,
    "exact": exact,
    "normalised": normalised,
    "decode": decode,
    "datasketch": datasketch,
    "text-dedup": text_dedup,
}
IMPORTS = {"datasketch": "datasketch", "text-dedup": "text_dedup.minhash"}


def run_one(runner: str, folder: Path) -> dict[str, Any]:
    """Run in this process, on a few texts first: what is imported and set up once is not counted."""
    try:
        if runner in IMPORTS:
            __import__(IMPORTS[runner])
    except ImportError as error:
        return {"missing": str(error)}
    with contextlib.redirect_stdout(sys.stderr):
        RUNNERS[runner](folder / "few")
        started, cpu_started = time.perf_counter(), _cpu_seconds()
        result = RUNNERS[runner](folder)
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(_cpu_seconds() - cpu_started, 3),  # steadier on a busy machine
        "megabytes": _peak_megabytes(),
        **result,
    }


def _peak_megabytes() -> int:
    """Return the most memory that this program held; `ru_maxrss` would count what its parent held, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_process(python: str, runner: str, folder: Path, repeats: int = 1) -> dict[str, Any]:
    """Run in a fresh process and return the fastest of its runs."""
    best: dict[str, Any] = {}
    for _ in range(repeats):
        command = [python, __file__, "--one", runner, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"missing": done.stderr.strip().splitlines()[-1] if done.stderr else "it failed"}
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        if "missing" in result:
            return result
        if not best or result["seconds"] < best["seconds"]:
            best = result
    return best


def compare(n_texts: int, peers: str | None) -> dict[str, Any]:
    """Return speed and quality on texts that can be compared with one another."""
    texts = make_texts(n_texts)
    pairs, removed = brute_force(texts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(texts, folder)
        figures = {
            "ours": in_process(sys.executable, "ours", folder, 3),
            "pairs": in_process(sys.executable, "pairs", folder),
            **{
                peer: in_process(peers, peer, folder) if peers else {"missing": "no --peers given"}
                for peer in TARGETS
            },
        }
    for figure in figures.values():
        figure |= _quality(figure.pop("pairs", None), figure.pop("removed", None), pairs, removed)
    figures["ours"] |= {
        key: value for key, value in figures.pop("pairs").items() if key in ("recall", "precision")
    }
    return {"n_texts": n_texts, "n_pairs": len(pairs), "n_to_remove": len(removed), **figures}


def _quality(
    found: list[list[int]] | None, gone: list[int] | None, pairs: set[tuple[int, int]], removed: set[int]
) -> dict[str, Any]:
    quality: dict[str, Any] = {}
    if found is not None:
        distinct = {(first, second) for first, second in found}
        quality["recall"] = round(len(distinct & pairs) / len(pairs), 4)
        quality["precision"] = round(len(distinct & pairs) / len(distinct), 4)
    if gone is not None:
        quality["n_removed"] = len(gone)
        quality["removed_wrongly"] = len(set(gone) - removed)
    return quality


def large() -> dict[str, Any]:
    """Return the figures of our steps alone on more texts."""
    figures: dict[str, Any] = {"n_texts": N_LARGE}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # by another process: what it needs must not count as the steps' memory
        made = [sys.executable, __file__, "--one", "make", str(folder)]
        subprocess.run(made, capture_output=True, text=True, check=True)
        for runner in ("ours", "decode", "exact", "normalised"):
            figures[runner] = in_process(sys.executable, runner, folder, 1 if runner == "ours" else 3)
            figures[runner]["n_removed"] = len(figures[runner].pop("removed", []))
    return figures


def verdicts(compared: dict[str, Any], many: dict[str, Any]) -> dict[str, Any]:
    """Return each claim with its figure; None for a peer that is missing."""
    found: dict[str, Any] = {}
    for peer, target in TARGETS.items():
        theirs = compared[peer].get("seconds")
        ratio = None if theirs is None else round(theirs / compared["ours"]["seconds"], 1)
        found[f"times {peer}"] = (ratio, target, None if ratio is None else ratio >= target)
    for name, least in (("recall", MIN_RECALL), ("precision", 1.0)):
        found[name] = (compared["ours"][name], least, compared["ours"][name] >= least)
    megabytes = many["ours"]["megabytes"]
    found[f"megabytes, {N_LARGE:,} rows"] = (megabytes, MAX_MB, megabytes < MAX_MB)
    for name, most in (("exact", MAX_EXACT), ("normalised", MAX_NORMALISED)):
        times = round(many[name]["seconds"] / many["decode"]["seconds"], 2)
        found[f"{name} over decoding"] = (times, most, times <= most)
    return {name: dict(zip(("figure", "target", "met"), claim, strict=True)) for name, claim in found.items()}


def main() -> None:
    """Run, and print a table or one JSON document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peers", help="the Python of an environment with datasketch 2.0.0 and text-dedup 0.4.0"
    )
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("RUNNER", "FOLDER"), help="used by the benchmark itself")
    arguments = parser.parse_args()
    if arguments.one:
        runner, folder = arguments.one
        if runner == "make":
            write_files(make_texts(N_LARGE), Path(folder))
            return
        print(json.dumps(run_one(runner, Path(folder))))
        return
    compared, many = compare(arguments.texts, arguments.peers), large()
    claims = verdicts(compared, many)
    document = {
        "ratio": claims["times datasketch"]["figure"],
        "claims": claims,
        "compared": compared,
        "many": many,
    }
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for name, claim in claims.items():
        verdict = {True: "met", False: "NOT MET", None: "peer missing"}[claim["met"]]
        print(f"{name:32} {claim['figure']} (target {claim['target']}): {verdict}")


if __name__ == "__main__":
    main()
