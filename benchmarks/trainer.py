"""Our trainer against TRL 1.16's KTOTrainer: CPU seconds a step, memory, and the distance to the least work.

    python benchmarks/trainer.py --json                     # about ten minutes on one core
    python benchmarks/trainer.py --json --device cuda       # needs a CUDA device; seconds are then wall time

Both train on the same model bytes, tokens, batches and mismatched pairs, in processes of their own, in turns. TRL runs
twice: as it comes (`trl`: reference beside the model, recomputation on), and at its best (`trl-best`: reference
precomputed, recomputation off; the precomputing is not counted). On a CPU its head scores completions only, as on a GPU.
`ratio` is TRL's CPU seconds a step, as it comes, over ours: the worst of the configurations. One thread is the default:
on a busy machine, threads that wait for each other count as work.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Vocabulary and width make A's head dear and B's layers; C has long prompts and short answers. 11, 28 and 28 million weights.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "A": {"vocab": 32000, "hidden": 256, "layers": 4, "heads": 8, "prompt": 45, "completion": 90},
    "B": {"vocab": 8192, "hidden": 512, "layers": 8, "heads": 8, "prompt": 45, "completion": 90},
    "C": {"vocab": 8192, "hidden": 512, "layers": 8, "heads": 8, "prompt": 150, "completion": 30},
}
CUDA = {
    "0.5B": {"vocab": 128000, "hidden": 1024, "layers": 24, "heads": 16, "prompt": 150, "completion": 200},
    "1B": {"vocab": 128000, "hidden": 2048, "layers": 16, "heads": 32, "prompt": 150, "completion": 200},
    "8B": {"vocab": 128000, "hidden": 4096, "layers": 32, "heads": 32, "prompt": 150, "completion": 200},
}
TARGETS = {"over_trl": 0.33, "over_trl_best": 0.55, "with_reference_over_trl": 0.45, "memory_over_trl": 0.5}


def measure(
    work: Path, who: str, shape: dict[str, Any], a: argparse.Namespace, **more: Any
) -> dict[str, Any]:
    """One run in a process of its own."""
    flags = {
        "shape": json.dumps(shape),
        "steps": a.steps,
        "batch-size": a.batch_size,
        "threads": a.threads,
        "lora": a.lora,
        "device": a.device,
        **more,
    }
    command = [sys.executable, "-W", "ignore", str(HERE / "trainer_peer.py"), str(work), "--who", who]
    for name, value in flags.items():
        command += [f"--{name}", str(value)]
    environment = os.environ | {"OMP_NUM_THREADS": str(a.threads), "MKL_NUM_THREADS": str(a.threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{who}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(name: str, shape: dict[str, Any], work: Path, a: argparse.Namespace) -> dict[str, Any]:
    """All runs of one configuration, in turns, and what they come to."""
    runs: dict[str, list[dict[str, Any]]] = {"trl": [], "ours": [], "trl-best": []}
    for number in range(a.rounds):
        for who in runs:
            runs[who].append(measure(work, who, shape, a))
            _say(f"{name}: round {number + 1} of {a.rounds}, {who}", runs[who][-1])
    tight = measure(work, "ours", shape, a, **{"tokens-per-pass": a.tight_tokens})
    seconds = {
        who: statistics.median(s for run in found for s in run["seconds"]) for who, found in runs.items()
    }
    ours, trl = runs["ours"][-1], runs["trl"][-1]
    reference = statistics.median(run["reference_seconds_per_step"] for run in runs["ours"])
    memory = {who: found[-1]["peak_mib"] for who, found in runs.items()} | {
        "ours, token budget": tight["peak_mib"]
    }
    bound = statistics.median(run["bound_seconds_per_step"] for run in runs["ours"])
    return {
        "shape": shape,
        "seconds_per_step": seconds,
        "reference_seconds_per_step": reference,
        "over_trl": seconds["ours"] / seconds["trl"],
        "over_trl_best": seconds["ours"] / seconds["trl-best"],
        "with_reference_over_trl": (seconds["ours"] + reference) / seconds["trl"],
        "peak_mib_over_loaded_model": memory,
        "memory_over_trl": memory["ours, token budget"] / memory["trl"],
        "bound": {
            "flops_per_step": ours["bound_flops_per_step"],
            "matmul_flops_per_second": ours["matmul_flops_per_second"],
            "seconds_per_step": bound,
            "ours_over_bound": seconds["ours"] / bound,
        },
        "losses": {"trl": trl["losses"], "ours": ours["losses"]},
        "largest_difference": {
            key: max(
                abs(x - y)
                for x, y in zip(trl[key], ours[key], strict=True)
                if x is not None and y is not None
            )
            for key in ("losses", "kl", "margins")
        },
    }


def _say(what: str, run: dict[str, Any]) -> None:
    median = statistics.median(run["seconds"])
    print(f"{what}: {median:.3f} s a step, {run['peak_mib']:.0f} MiB", file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser.add_argument("--configurations", nargs="+", help="some of A B C, or with --device cuda 0.5B 1B 8B")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4, help="measured steps a run; one more comes first")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tight-tokens", type=int, default=256, help="token budget of the memory run")
    parser.add_argument(
        "--lora", type=int, default=0, metavar="R", help="rank of adapters; 0 trains all weights"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--work", type=Path, help="folder for models and tokens; default: a temporary one")
    return parser.parse_args()


def main() -> int:
    """Measure, print, and say by the exit code whether every target was met."""
    a = parse()
    known = CONFIGURATIONS if a.device == "cpu" else CUDA
    names = a.configurations or list(known)
    with tempfile.TemporaryDirectory() as temporary:
        work = a.work or Path(temporary)
        found = {name: compare(name, known[name], work / name, a) for name in names}
    worst = {key: max(result[key] for result in found.values()) for key in TARGETS}
    difference = max(result["largest_difference"]["losses"] for result in found.values())
    document = {
        "benchmark": "trainer",
        "ratio": 1 / worst["over_trl"],
        "seconds": "CPU (user and system)" if a.device == "cpu" else "wall",
        "worst": worst,
        "targets": TARGETS,
        "losses_agree": difference <= (1e-4 if a.device == "cpu" else 1e-2),
        "configurations": found,
        "machine": {"device": _device(a.device), "threads": a.threads, "python": platform.python_version()},
    }
    if a.json:
        print(json.dumps(document, indent=1))
    else:
        print(f"{document['ratio']:.2f} times faster than TRL as it comes")
        for key, value in worst.items():
            print(f"{key}: {value:.3f} (target {TARGETS[key]})")
        print(f"largest difference of a loss: {difference:.1e}")
    return 0 if document["losses_agree"] and all(worst[key] <= TARGETS[key] for key in TARGETS) else 1


def _device(kind: str) -> str:
    if kind == "cpu":
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    import torch

    return torch.cuda.get_device_name()


if __name__ == "__main__":
    sys.exit(main())
