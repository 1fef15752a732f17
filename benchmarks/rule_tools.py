"""How long `kto rules test` and `lint` take: 1,000 rules with 5,000 tests, and one ordinary file.

Each is a process of its own, started as a user starts it. Beside them, what reading the large file takes with the
reader in C and with the same reader on PyYAML's parser in Python.

    python benchmarks/rule_tools.py [--json]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from kto_data.config import yaml_file
from kto_data.config.yaml_file import load_yaml

_N_RULES = 1000
_TESTS_EACH = 5
_ROUNDS = 3
_WORDS = [
    "amber",
    "basin",
    "cobalt",
    "delta",
    "ember",
    "fathom",
    "garnet",
    "harbor",
    "indigo",
    "juniper",
    "kelp",
    "lagoon",
    "meadow",
    "nectar",
    "onyx",
    "prairie",
]


def rule_file(n_rules: int, seed: int = 1) -> str:
    """Return a rule file: words, patterns, lengths and compositions of them, five tests each."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    lines = ["version: 1", "ruleset: bench", "rules:"]
    for n in range(n_rules):
        word = f"{dice.choice(_WORDS)}{n}"
        match = dice.choice(
            [
                f"{{contains: {word}}}",
                f"{{regex: '(?i)\\b{word}s?\\b'}}",
                f"{{all: [{{icontains-any: [{word}, other-{word}]}}, {{not: {{contains: never-{n}}}}}]}}",
                f"{{any: [{{starts-with: {word}}}, {{all: [{{contains: {word}}}, {{word-count: {{max: {500 + n}}}}}]}}]}}",
            ]
        )
        lines += [
            f"  - id: rule-{n}",
            "    vote: undesirable",
            f"    message: Says {word}.",
            f"    match: {match}",
            "    tests:",
        ]
        for test in range(_TESTS_EACH):
            text, expect = (word, "fire") if test % 2 == 0 else (f"nothing of note, {test}", "ok")
            lines.append(
                f'      - {{name: case {test}, prompt: "Tell me.", completion: "{text}", expect: {expect}}}'
            )
    return "\n".join(lines) + "\n"


def timed(*arguments: str) -> dict[str, float]:
    """Return the least wall and processor seconds of a few runs of the command."""
    found = []
    for _ in range(_ROUNDS):
        before, started = os.times(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "kto_data.cli", *arguments], capture_output=True, check=False
        )
        wall, after = time.perf_counter() - started, os.times()
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr.decode())
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        found.append((wall, cpu))
    wall, cpu = min(found)
    return {"wall_s": wall, "cpu_s": cpu}


def read_seconds(path: Path) -> float:
    """Return the processor seconds of reading a file."""
    started = time.process_time()
    load_yaml(path)
    return time.process_time() - started


def measured() -> dict[str, Any]:
    """Return every figure."""
    with tempfile.TemporaryDirectory() as name:
        large = Path(name) / "large.rules.yaml"
        large.write_text(rule_file(_N_RULES), encoding="utf-8")
        rows = Path(name) / "rows.jsonl"
        rows.write_text(
            "".join(json.dumps({"prompt": f"q{n}", "completion": f"words {n}"}) + "\n" for n in range(100))
        )
        found: dict[str, Any] = {
            f"{command} of {_N_RULES:,} rules with {_N_RULES * _TESTS_EACH:,} tests": timed(
                "rules", command, str(large)
            )
            for command in ("test", "lint")
        }
        found["lint of the refusals pack"] = timed("rules", "lint", "builtin:refusals")
        found["label of 100 rows"] = timed(
            "label", str(rows), "--rules", "builtin:refusals", "-o", str(Path(name) / "votes.parquet")
        )
        fast = min(read_seconds(large) for _ in range(_ROUNDS))
        yaml_file._Parser = yaml.SafeLoader  # the peer: the same events by PyYAML's own parser
        slow = read_seconds(large)
    return found | {"reading": {"cpu_s": fast, "in_python_cpu_s": slow, "times_faster": slow / fast}}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    as_json = parser.parse_args().json
    found = measured()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, figures in found.items():
        print(f"{name:<45}" + "  ".join(f"{key} {value:.2f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
