"""The claim: on real outputs, KTO from scratch learns what shuffled labels cannot teach.

Runs a shipped pipeline (xstest, truthfulqa) through the real command for several seeds and prints, for held-out
prompts, the AUC of the implicit reward beside that of the control on shuffled labels, and that of TF-IDF with
logistic regression on the very same rows, with medians. The split is the same for every seed.

    KTO_SAMPLES=... python benchmarks/held_out.py truthfulqa --seeds 0 1 2 --json
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

PIPELINES = Path(__file__).parent.parent / "pipelines"
AUC_TARGETS = {"xstest": 0.78, "truthfulqa": 0.65}
"""Above these, which a crude model of 172,000 parameters has reached."""
MARGIN_TARGET = 0.1
CPU_SECONDS_TARGET = 180.0
MOST_PARAMETERS = 2_000_000


def run_seed(name: str, seed: int, runs: Path) -> dict[str, Any]:
    """Return the figures of one run from nothing."""
    started, cpu = time.monotonic(), _cpu_seconds()
    pipeline, options = str(PIPELINES / f"{name}.yaml"), ["--seed", str(seed), "--runs", str(runs), "--json"]
    command = [sys.executable, "-m", "kto_data.cli", "run", pipeline, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    facts = json.loads(done.stdout)
    evaluation = facts["evaluation"]
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(_cpu_seconds() - cpu, 1),
        "n_parameters": facts["training"]["n_parameters"],
        **{key: evaluation[key]["auc"]["estimate"] for key in ("reference", "trained", "control")},
        "pair_accuracy": evaluation["trained"]["pair_accuracy"]["estimate"],
    }


def peer(run: Path) -> float:
    """Return the AUC of TF-IDF with logistic regression, fitted on the run's train rows, on its held-out rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    [held_out] = run.glob("[0-9]*_held_out-*")
    (train, train_labels), (test, test_labels) = (
        _texts(files) for files in ((run / "dataset").glob("train-*"), (held_out / "dataset").glob("test-*"))
    )
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = LogisticRegression(max_iter=2000, class_weight="balanced").fit(
        vectorizer.fit_transform(train), train_labels
    )
    return float(roc_auc_score(test_labels, model.predict_proba(vectorizer.transform(test))[:, 1]))


def _texts(files: Any) -> tuple[list[str], list[bool]]:
    rows = (
        ds.dataset([str(path) for path in files])
        .to_table(columns=["prompt", "completion", "label"])
        .to_pylist()
    )
    texts = ["\n".join(one["content"] for one in [*row["prompt"], *row["completion"]]) for row in rows]
    return texts, [row["label"] for row in rows]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(name: str, seeds: list[int]) -> dict[str, Any]:
    """Return the document of one set."""
    results, tf_idf = [], None
    for seed in seeds:
        with tempfile.TemporaryDirectory() as runs:
            results.append(run_seed(name, seed, Path(runs)))
            tf_idf = tf_idf or peer(Path(runs) / name)
        print(results[-1], file=sys.stderr, flush=True)
    medians = {
        key: statistics.median(result[key] for result in results) for key in results[0] if key != "seed"
    }
    margin = statistics.median(result["trained"] - result["control"] for result in results)
    return {
        "benchmark": name,
        "seeds": results,
        "median": medians,
        "median_margin": margin,
        "tf_idf": tf_idf,
        "targets": {
            "trained": AUC_TARGETS[name],
            "margin": MARGIN_TARGET,
            "cpu_seconds_a_seed": CPU_SECONDS_TARGET,
        },
        "reached": medians["trained"] > AUC_TARGETS[name]
        and margin >= MARGIN_TARGET
        and medians["n_parameters"] <= MOST_PARAMETERS
        and max(result["cpu_seconds"] for result in results) <= CPU_SECONDS_TARGET,
    }


def main() -> None:
    """Run every seed of every set and print the table or the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(AUC_TARGETS), metavar="xstest|truthfulqa")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if "KTO_SAMPLES" not in os.environ:
        sys.exit("set KTO_SAMPLES to the folder that holds xstest_completions/ and truthfulqa_human/")
    documents = [measure(name, arguments.seeds) for name in arguments.sets]
    if arguments.json:
        print(json.dumps({"sets": documents}, indent=2))
        return
    for one in documents:
        median = one["median"]
        print(
            f"{one['benchmark']}: median AUC {median['trained']:.3f} (control {median['control']:.3f}, TF-IDF "
            f"{one['tf_idf']:.3f}), margin {one['median_margin']:.3f}, {median['cpu_seconds']:.0f} CPU s a seed; targets "
            f"{'reached' if one['reached'] else 'NOT reached'}"
        )


if __name__ == "__main__":
    main()
