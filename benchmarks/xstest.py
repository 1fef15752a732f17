"""The claim: on real outputs, KTO from scratch learns what shuffled labels cannot teach.

Runs pipelines/xstest.yaml through the real command for several seeds and prints, for held-out prompts, the AUC of
the implicit reward beside that of the control, with the medians. The split is the same for every seed.

    KTO_SAMPLES=... python benchmarks/xstest.py --seeds 0 1 2 --json
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PIPELINE = Path(__file__).parent.parent / "pipelines" / "xstest.yaml"
AUC_TARGET = 0.76
MARGIN_TARGET = 0.15
SECONDS_TARGET = 180.0


def run_seed(seed: int, runs: Path) -> dict[str, Any]:
    """Return the figures of one run from nothing."""
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "kto_data.cli",
        "run",
        str(PIPELINE),
        "--seed",
        str(seed),
        "--runs",
        str(runs),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    evaluation = json.loads(done.stdout)["evaluation"]
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        **{name: evaluation[name]["auc"]["estimate"] for name in ("reference", "trained", "control")},
        "pair_accuracy": evaluation["trained"]["pair_accuracy"]["estimate"],
    }


def main() -> None:
    """Run every seed and print the table or the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if "KTO_SAMPLES" not in os.environ:
        sys.exit("set KTO_SAMPLES to the folder that holds xstest_completions/")
    results = []
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as runs:
            results.append(run_seed(seed, Path(runs)))
        print(results[-1], file=sys.stderr)
    medians = {
        key: statistics.median(result[key] for result in results) for key in results[0] if key != "seed"
    }
    margin = statistics.median(result["trained"] - result["control"] for result in results)
    document = {
        "benchmark": "xstest",
        "seeds": results,
        "median": medians,
        "median_margin": margin,
        "targets": {"trained": AUC_TARGET, "margin": MARGIN_TARGET, "seconds_a_seed": SECONDS_TARGET},
        "reached": medians["trained"] >= AUC_TARGET
        and margin >= MARGIN_TARGET
        and max(result["seconds"] for result in results) <= SECONDS_TARGET,
    }
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print(f"median AUC {medians['trained']:.3f} (control {medians['control']:.3f}), margin {margin:.3f}")
        print("targets reached" if document["reached"] else "targets NOT reached")


if __name__ == "__main__":
    main()
