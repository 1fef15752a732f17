"""The claim: forty rules label at the speed of a scan, many times faster than labelling functions in Python.

Makes a corpus and forty rules (`rules_corpus.py`, `rules_set.py`), labels it with the real command, rule file in and
Parquet to Parquet, and measures beside it, in turns: Snorkel's PandasLFApplier and `datasets.map` with the same rules
as Python functions on a sample of the rows, and a yardstick that only decodes and looks for one literal. The votes are
compared with those of the slow engine and of the peers.

    python -m venv PEERS && PEERS/bin/pip install -r benchmarks/rules_peers.txt
    python benchmarks/rules.py --peers PEERS/bin/python --json
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rules_corpus import vocabulary
from rules_set import functions, rule_file

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Cost:
    """What a program took: seconds, seconds of all its processes' processor time, and the largest one's memory."""

    wall: float
    cpu: float
    rss_mb: float
    said: str


def measure(*command: object) -> Cost:
    """Run a program to its end."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"failed: {' '.join(map(str, command))}")
        out.seek(0)
        said = out.read()
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def kto_label(corpus: Path, rules: Path, folder: Path, workers: int) -> Cost:
    """Label with the real command."""
    folder.mkdir(exist_ok=True)
    options = ["--rules", rules, "-o", folder / "votes.parquet", "--workers", workers, "--json"]
    return measure(sys.executable, "-m", "kto_data.cli", "label", corpus, *options)


def make_corpus(path: Path, n_rows: int, seed: int, group_rows: int) -> None:
    """Write a corpus in another process: programs that are started later would be charged with this one's memory."""
    measure(sys.executable, HERE / "rules_corpus.py", path, n_rows, seed, group_rows)


class Bench:
    """One run of the benchmark in a folder of its own."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder = folder
        self.rows = arguments.rows
        self.peers = arguments.peers
        self.corpus, self.rules = folder / "corpus.parquet", folder / "forty.rules.yaml"
        self.notes: list[str] = []
        if arguments.corpus:
            self.corpus = arguments.corpus
            self.rows = pq.read_metadata(self.corpus).num_rows
        else:
            make_corpus(self.corpus, self.rows, arguments.seed, 20_000)
        self.sample = min(arguments.sample, self.rows, 20_000)
        self.rules.write_text(rule_file(), encoding="utf-8")

    def peer(self, name: str) -> tuple[float, float] | None:
        """Return a peer's seconds a row, and those of processor time, None where it is not installed."""
        script, out = HERE / "rules_peers.py", self.folder / f"{name}.npy"
        known = subprocess.run([self.peers, "-c", f"import {name}"], capture_output=True, check=False)
        if known.returncode:
            self.notes.append(f"{name} is not installed for {self.peers}: see benchmarks/rules_peers.txt")
            return None
        said = measure(self.peers, script, name, self.corpus, self.sample, out).said
        found = json.loads(said.splitlines()[-1])
        return found["seconds"] / self.sample, found["cpu_seconds"] / self.sample

    def turns(self, n: int) -> dict[str, list[Any]]:
        """Run everything n times in turns."""
        programs: dict[str, Callable[[], Any]] = {
            "one": lambda: kto_label(self.corpus, self.rules, self.folder / "one", 1),
            "two": lambda: kto_label(self.corpus, self.rules, self.folder / "two", 2),
            "yardstick": lambda: measure(
                sys.executable, HERE / "rules_peers.py", "yardstick", self.corpus, 2
            ),
            "snorkel": lambda: self.peer("snorkel"),
            "datasets": lambda: self.peer("datasets"),
        }
        found: dict[str, list[Any]] = {name: [] for name in programs}
        for _ in range(n):
            for name, run in programs.items():
                found[name].append(run())
        return found

    def differing(self) -> dict[str, int]:
        """Return how many votes differ: of one and two processes, the slow engine, and the peers."""
        one, two = (self.folder / name / "votes.parquet" for name in ("one", "two"))
        counts = {"one_and_two_processes_bytes": int(one.read_bytes() != two.read_bytes())}
        votes = pq.ParquetFile(two).read_row_group(0).slice(0, self.sample)
        names = list(functions())
        counts["slow_engine"] = _slow_differences(self.corpus, self.rules, votes.slice(0, 1000))
        ours_NM = np.array([votes[name].fill_null(0).to_numpy() for name in names]).T
        for peer in ("snorkel", "datasets"):
            path = self.folder / f"{peer}.npy"
            if path.exists():
                # 1, 0 and -1 there are desirable, undesirable and nothing
                theirs_NM = np.array([-1, 1, 0], dtype=np.int8)[np.load(path)]
                counts[peer] = int((theirs_NM != ours_NM).sum())
        return counts

    def more_patterns(self) -> dict[str, float]:
        """Return how many times the processor time of the forty rules alone further patterns cost."""
        few = self.folder / "few.parquet"
        table = pq.ParquetFile(self.corpus).read_row_group(0)
        pq.write_table(
            pa.concat_tables([table] * max(1, min(self.rows, 40_000) // 20_000)).drop_columns(["id"]), few
        )
        ratios = {}
        costs: dict[str, list[float]] = {"none": [], "plain_100": [], "gaps_100": [], "gaps_1000": []}
        for _ in range(3):
            for name, taken in costs.items():
                kind, _, number = name.partition("_")
                rules = self.folder / f"{name}.rules.yaml"
                rules.write_text(rule_file(further(kind, int(number or 0))), encoding="utf-8")
                taken.append(kto_label(few, rules, self.folder / "more", 1).cpu)
        base = statistics.median(costs.pop("none"))
        ratios.update({name: statistics.median(taken) / base for name, taken in costs.items()})
        return ratios

    def one_large_group(self, n_rows: int) -> float:
        """Return the largest process's memory, in MB, on one row group."""
        path = self.folder / "group.parquet"
        make_corpus(path, n_rows, 1, n_rows)
        return kto_label(path, self.rules, self.folder / "group", 2).rss_mb

    def start_up(self) -> dict[str, float]:
        """Return the seconds of small commands."""
        small = self.folder / "small.parquet"
        pq.write_table(pq.ParquetFile(self.corpus).read_row_group(0).slice(0, 100), small)
        linted = self.folder / "linted.rules.yaml"
        linted.write_text(_LINTED, encoding="utf-8")
        run = (sys.executable, "-m", "kto_data.cli")
        commands = {
            "help_s": lambda: measure(*run, "--help"),
            "lint_s": lambda: measure(*run, "rules", "lint", linted),
            "label_100_rows_s": lambda: kto_label(small, self.rules, self.folder / "small", 2),
        }
        return {
            name: statistics.median(command().wall for _ in range(5)) for name, command in commands.items()
        }


_LINTED = "version: 1\nrules:\n" + "".join(
    f"  - {{id: r{n}, vote: undesirable, match: {{{check}: word-{n}-}}, tests: ["
    f"{{completion: word-{n}-, expect: fire}}, {{completion: word, expect: ok}}]}}\n"
    for n, check in enumerate(("icontains", "regex", "contains", "starts-with") * 5)
)
"""Twenty rules with tests, and nothing to say about them."""


def further(kind: str, number: int) -> dict[str, str]:
    """Return further patterns of rare words: plain ones, or with gaps."""
    dice, words = random.Random(7), vocabulary()[300:]  # noqa: S311 - nothing secret
    made = {}
    for n in range(number):
        one, two, three = dice.sample(words, 3)
        pattern = rf"\b{one}.{{0,40}}\b{two}\b" if kind == "gaps" else rf"\b{one} (?:{two}|{three})\b"
        made[f"{kind}-{n}"] = f"(?i){pattern}"
    return made


def _slow_differences(corpus: Path, rules: Path, votes: pa.Table) -> int:
    from kto_data.labelers.rules import label_batch, load_rules
    from kto_data.readers import ReadEntry, read_records

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(
            pq.ParquetFile(corpus).read_row_group(0).slice(0, votes.num_rows), folder / corpus.name
        )
        read_records(
            [ReadEntry(path=corpus.name)],
            base=folder,
            rows_path=folder / "rows.parquet",
            quarantined_path=folder / "quarantined.parquet",
            advance=lambda n_rows: None,
        )
        slow = label_batch(
            load_rules([str(rules)], base=Path()), pq.read_table(folder / "rows.parquet")
        ).votes
    fast = votes.to_pylist()
    return sum(one[key] != two[key] for one, two in zip(fast, slow.to_pylist(), strict=True) for key in one)


def targets(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the claims, each with its figure."""
    claims = (
        ("times Snorkel, wall, two processes", "ratio", ">=", 80),
        ("times Snorkel a core, processor time", "ratio_cpu", ">=", 40),
        ("times datasets.map, wall, two processes each", "ratio_datasets", ">=", 30),
        ("times the yardstick, wall", "times_yardstick", "<=", 7),
        ("times the yardstick, processor time", "times_yardstick_cpu", "<=", 7),
        ("two processes, times one", "two_over_one", ">=", 1.8),
        ("MB in the largest process", "rss_mb", "<=", 300),
        ("MB in the largest process, one large row group", "rss_mb_one_group", "<=", 300),
        ("times the cost with 100 more plain patterns", "plain_100", "<=", 1.5),
        ("times the cost with 100 more patterns with gaps", "gaps_100", "<=", 2.5),
        ("times the cost with 1000 more patterns with gaps", "gaps_1000", "<=", 4),
        ("votes that differ", "n_differing", "<=", 0),
        ("seconds of kto --help", "help_s", "<=", 0.3),
        ("seconds of kto rules lint", "lint_s", "<=", 0.5),
        ("seconds to label 100 rows", "label_100_rows_s", "<=", 1),
    )
    lines = []
    for claim, key, sign, target in claims:
        value = document.get(key)
        met = None if value is None else value >= target if sign == ">=" else value <= target
        lines.append(
            {"claim": claim, "key": key, "measured": value, "target": f"{sign} {target}", "met": met}
        )
    return lines


PARTS = ("speed", "memory", "patterns", "start-up")


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the document."""
    bench = Bench(folder, arguments)
    document: dict[str, Any] = {"ratio": None, "n_rows": bench.rows, "n_rules": len(functions())}
    if "speed" in arguments.parts:
        document |= speed(bench, arguments.turns)
    if "memory" in arguments.parts:
        document["rss_mb_one_group"] = bench.one_large_group(arguments.group_rows)
    if "patterns" in arguments.parts:
        document |= bench.more_patterns()
    if "start-up" in arguments.parts:
        document |= bench.start_up()
    document["notes"] = bench.notes
    document["targets"] = targets(document)
    return document


def speed(bench: Bench, turns: int) -> dict[str, Any]:
    """Return what concerns the forty rules on the corpus."""
    found = bench.turns(turns)

    def middle(name: str, which: int) -> float | None:
        known = [values[which] for values in found[name] if values is not None]
        return statistics.median(known) if known else None

    two, one, scan = ([cost.wall for cost in found[name]] for name in ("two", "one", "yardstick"))
    ours = statistics.median(two) / bench.rows
    ours_cpu = statistics.median(cost.cpu for cost in found["two"]) / bench.rows
    scan_cpu = statistics.median(cost.cpu for cost in found["yardstick"]) / bench.rows
    snorkel, datasets, snorkel_cpu = middle("snorkel", 0), middle("datasets", 0), middle("snorkel", 1)
    differing = bench.differing()
    return {
        "ratio": snorkel and snorkel / ours,
        "ratio_cpu": snorkel_cpu and snorkel_cpu / ours_cpu,
        "ratio_datasets": datasets and datasets / ours,
        "times_yardstick": statistics.median(a / b for a, b in zip(two, scan, strict=True)),
        "times_yardstick_cpu": ours_cpu / scan_cpu,
        "two_over_one": statistics.median(a / b for a, b in zip(one, two, strict=True)),
        "rss_mb": max(cost.rss_mb for cost in found["two"]),
        "n_differing": sum(differing.values()),
        "differing": differing,
        "seconds_per_row": {
            "kto": ours,
            "kto_cpu": ours_cpu,
            "snorkel": snorkel,
            "snorkel_cpu": snorkel_cpu,
            "datasets": datasets,
        },
        "seconds": {"two": two, "one": one, "yardstick": scan},
        "n_rows_of_peers": bench.sample,
    }


def main() -> None:
    """Measure, and print the document or a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, default=100_000, help="rows of the corpus; the claim is about 1000000"
    )
    parser.add_argument(
        "--corpus", type=Path, help="a corpus made before by rules_corpus.py, in place of a new one"
    )
    parser.add_argument("--sample", type=int, default=4000, help="rows that the Python functions see")
    parser.add_argument(
        "--group-rows", type=int, default=500_000, help="rows of one large row group, for memory"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", default=sys.executable, help="the Python that has snorkel and datasets")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as folder:
        document = run(arguments, Path(folder))
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for line in document["targets"]:
        measured = "not measured" if line["measured"] is None else f"{line['measured']:.2f}"
        print(f"{line['claim']:<52}{measured:>14}   {line['target']}")
    for note in dict.fromkeys(document["notes"]):
        print(f"note: {note}", file=sys.stderr)


if __name__ == "__main__":
    main()
