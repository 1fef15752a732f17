"""The claims: how often the rule packs are right, what they find on published outputs, and what they cost.

Precision and recall of the packs with a hand-made set of completions (`tests/rules_packs/`): those that the pack was
written with, and those that were written once it was done. F1 of the refusals pack against the human label of XSTest
(Röttger et al., NAACL 2024), for the half of the prompts that it was developed on and for the other half, no
row of which was read while the pack was written (its F1 was, some times, and one exception came after both were read);
the interval is a bootstrap of prompts. The share of published outputs on which a pack speaks against. The processor time of `kto label` with a pack, over that with one rule that looks for one literal.

    KTO_SAMPLES=... python benchmarks/packs.py --json
"""

import argparse
import gzip
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kto_data.labelers.rules import Row, RuleSet, builtin_packs, load_rules
from kto_data.labelers.rules.decide import decide
from kto_data.statistics.intervals import cluster_bootstrap, wilson

ROOT = Path(__file__).parent.parent
SETS = ROOT / "tests" / "rules_packs"
WITH_SETS = ("degeneration", "preambles", "privacy")
SAMPLES = {
    "XSTest": "xstest_completions/completions.jsonl.gz",
    "IFEval": "ifeval_outputs/responses.jsonl.gz",
    "TruthfulQA": "truthfulqa_human/answers.jsonl.gz",
    "GSM8K": "gsm8k_solutions/solutions.jsonl.gz",
}
OF_A_PRODUCT = ("feedback", "quickstart", "quickstart-held-out")
F1_TARGET = 0.93
LITERAL = "version: 1\nruleset: scan\nrules: [{id: literal, vote: undesirable, match: {contains: zqxj}}]\n"


class Counts(NamedTuple):
    """How a pack's firing stands to the truth."""

    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> float:
        """Share of its firings that are right."""
        return self.hits / max(self.hits + self.false_alarms, 1)

    @property
    def recall(self) -> float:
        """Share of what it should find that it finds."""
        return self.hits / max(self.hits + self.misses, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.hits / max(2 * self.hits + self.false_alarms + self.misses, 1)

    def told(self) -> dict[str, Any]:
        """Return the counts with their shares and Wilson intervals."""
        return {
            **self._asdict(),
            "precision": round(self.precision, 4),
            "precision_interval": _rounded(wilson(self.hits, self.hits + self.false_alarms)),
            "recall": round(self.recall, 4),
            "recall_interval": _rounded(wilson(self.hits, self.hits + self.misses)),
            "f1": round(self.f1, 4),
        }


def counted(pairs: Sequence[tuple[bool, bool]]) -> Counts:
    """Count pairs of what is true and what the pack says."""
    return Counts(
        sum(true and said for true, said in pairs),
        sum(said and not true for true, said in pairs),
        sum(true and not said for true, said in pairs),
    )


def fires(rules: RuleSet, row: Row) -> bool:
    """Return whether any rule of a pack fires on a row; those in the shadow have no say."""
    return any(decide(rule, row).fired for rule in rules.rules if rule.options.mode != "shadow")


def row_of(entry: dict[str, Any]) -> Row:
    """Return a row of a set or a sample; without a prompt, an ordinary one."""
    prompt = entry.get("prompt", "Can you help me?")
    return Row(
        prompt=[{"role": "user", "content": prompt}],
        completion=[{"role": "assistant", "content": entry["completion"]}],
        finish_reason=entry.get("finish_reason"),
    )


def pack(name: str) -> RuleSet:
    """Load a pack that ships."""
    return load_rules([f"builtin:{name}"], base=Path())


def on_set(name: str, *, later: bool) -> Counts:
    """Measure a pack on its own completions: those written with it, or those written later."""
    lines = (SETS / f"{name}{'_fresh' if later else ''}.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    rules = pack(name)
    return counted([(entry["expect"] == "fire", fires(rules, row_of(entry))) for entry in entries])


def half_of(prompt: str) -> str:
    """Return the half of the prompts that one is in: by the parity of its SHA-256's last byte."""
    return "developed on" if hashlib.sha256(prompt.encode()).digest()[-1] % 2 == 0 else "not developed on"


def on_xstest(samples: Path) -> dict[str, Any]:
    """Measure whether a refusal is found, full or partial, against the human label."""
    rules = pack("refusals")
    rows = list(_lines(samples / SAMPLES["XSTest"]))
    judged = [(row, (row["final_label"] != "1_full_compliance", fires(rules, row_of(row)))) for row in rows]
    found: dict[str, Any] = {}
    for half in ("developed on", "not developed on", "both"):
        inside = [(row, pair) for row, pair in judged if half in ("both", half_of(row["prompt"]))]
        models = sorted({row["model"] for row, _ in inside})
        found[half] = {
            "n": len(inside),
            **counted([pair for _, pair in inside]).told(),
            "f1_interval": _bootstrapped([(row["prompt"], pair) for row, pair in inside]),
            "f1_of_models": {
                model: round(counted([pair for row, pair in inside if row["model"] == model]).f1, 4)
                for model in models
            },
            "f1_of_the_files_regex": round(_peer(row for row, _ in inside), 4),
        }
    return found


def _peer(rows: Iterator[dict[str, Any]]) -> float:
    labels = [(row["final_label"], row["strmatch_label"]) for row in rows]
    return counted([(a != "1_full_compliance", b != "1_full_compliance") for a, b in labels]).f1


def _bootstrapped(pairs: Sequence[tuple[str, tuple[bool, bool]]]) -> list[float]:
    """Return a 95% interval of F1, drawing whole prompts."""
    judged = np.array([pair for _, pair in pairs])
    prompts = np.array([prompt for prompt, _ in pairs])

    def f1(rows: npt.NDArray[np.int64]) -> float:
        true, said = judged[rows].T
        return float(2 * (true & said).sum() / max(true.sum() + said.sum(), 1))

    return _rounded(cluster_bootstrap(f1, prompts, np.random.default_rng(0)))


def sentence_of_sets(name: str) -> str:
    """Return what a pack's description says of its completions."""
    first, later = on_set(name, later=False), on_set(name, later=True)
    return (
        f"On {_size(name)} completions written with the pack: precision {_share(first.precision)}, recall "
        f"{_share(first.recall)}; on {_size(f'{name}_fresh')} written once it was done: precision "
        f"{_share(later.precision)}, recall {_share(later.recall)}."
    )


def sentence_of_xstest(found: dict[str, Any]) -> str:
    """Return what the description of the refusals pack says of the human labels."""
    own, other = found["developed on"], found["not developed on"]
    low, high = other["f1_interval"]
    return (
        f"Against the human labels of XSTest, full or partial refusal, F1 is {_share(other['f1'])} [{_share(low)}, "
        f"{_share(high)}] on the half of the prompts that it was not developed on (precision "
        f"{_share(other['precision'])}, recall {_share(other['recall'])}), and {_share(own['f1'])} on the other; "
        f"the regular expression that comes with the data has {_share(other['f1_of_the_files_regex'])} and "
        f"{_share(own['f1_of_the_files_regex'])}."
    )


def sentence_of_samples(shares: dict[str, float]) -> str:
    """Return what a pack's description says of published outputs."""
    parts = [f"{_share(share)} of {sample}'s" for sample, share in shares.items()]
    return f"Speaks against {', '.join(parts[:-1])} and {parts[-1]} answers."


def sentence_of_cost(cost: dict[str, Any]) -> str:
    """Return what a pack's description says of its cost."""
    return (
        f"Costs about {round(cost['cpu_s_a_million']):,} s of processor time a million answers "
        f"(with one rule that looks for one word, the whole run takes {cost['of_a_scan']:.1f} times less)."
    )


def _size(name: str) -> int:
    return len((SETS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def found_on_samples(samples: Path) -> dict[str, dict[str, float]]:
    """Return for each pack the share of the published outputs on which it speaks against them."""
    packs = [name for name in builtin_packs() if name not in OF_A_PRODUCT]
    ids = {name: [r.id for r in pack(name).rules if r.options.mode != "shadow"] for name in packs}
    found: dict[str, dict[str, float]] = {name: {} for name in packs}
    with tempfile.TemporaryDirectory() as folder:
        for sample, path in SAMPLES.items():
            votes = Path(folder) / "votes.parquet"
            label(samples / path, votes, [f"builtin:{name}" for name in packs])
            table = pq.read_table(votes).to_pandas()
            for name in packs:
                found[name][sample] = round(float((table[ids[name]] < 0).any(axis=1).mean()), 4)
    return found


def costs(n_rows: int) -> dict[str, Any]:
    """Return for each pack its processor seconds a million answers, and its ratio to a scan for one literal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus, scan = folder / "corpus.parquet", folder / "scan.yaml"
        scan.write_text(LITERAL)
        command = [sys.executable, Path(__file__).with_name("rules_corpus.py"), corpus, n_rows, 1, 4096]
        subprocess.run([str(part) for part in command], check=True)
        least = min(label(corpus, folder / "votes.parquet", [str(scan)]) for _ in range(2))
        told = {}
        for one in builtin_packs():
            if one in OF_A_PRODUCT:
                continue
            cpu_s = label(corpus, folder / "votes.parquet", [f"builtin:{one}"])
            told[one] = {
                "cpu_s_a_million": round((cpu_s - least) / n_rows * 1e6, 1),
                "of_a_scan": round(cpu_s / least, 2),
            }
        return {
            "n_rows": n_rows,
            "mb": round(corpus.stat().st_size / 1e6, 1),
            "scan_cpu_s": least,
            "packs": told,
        }


def label(data: Path, votes: Path, rules: Sequence[str]) -> float:
    """Label with the real command, in one worker; return the processor seconds of all its processes."""
    options = [part for rule in rules for part in ("--rules", rule)]
    command = [sys.executable, "-m", "kto_data.cli", "label", str(data), *options, "-o", str(votes)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*command, "--workers", "1", "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _rounded(interval: Any) -> list[float]:
    return [round(interval.lower, 4), round(interval.upper, 4)]


def main() -> None:
    """Measure, and print the document or a short table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=20_000, help="rows of the corpus for the costs; 0 for none"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sets = {
        name: {"written with it": on_set(name, later=False).told(), "later": on_set(name, later=True).told()}
        for name in WITH_SETS
    }
    document: dict[str, Any] = {"benchmark": "packs", "sets": sets}
    samples = Path(os.environ.get("KTO_SAMPLES", ""))
    if "KTO_SAMPLES" in os.environ:
        document["xstest"] = on_xstest(samples)
        document["target_f1"] = F1_TARGET
        document["reached"] = document["xstest"]["not developed on"]["f1"] >= F1_TARGET
        document["speaks_against"] = found_on_samples(samples)
    else:
        print("KTO_SAMPLES is not set: nothing is measured on published outputs", file=sys.stderr)
    if arguments.rows:
        document["costs"] = costs(arguments.rows)
    if arguments.json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for name, figures in sets.items():
        for when, one in figures.items():
            print(f"{name:<14} {when:<16} precision {one['precision']:.3f}  recall {one['recall']:.3f}")
    for half, one in document.get("xstest", {}).items():
        print(f"refusals       {half:<16} F1 {one['f1']:.3f} {one['f1_interval']}")
    for name, cost in document.get("costs", {}).get("packs", {}).items():
        print(
            f"{name:<14} {cost['cpu_s_a_million']:>8} CPU s a million answers, {cost['of_a_scan']} of a scan"
        )


if __name__ == "__main__":
    main()
