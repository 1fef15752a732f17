"""Findings about records: those that no trainer can read, and labels that are no booleans."""

from collections.abc import Iterator

from kto_data.dataset.check.finding import Finding
from kto_data.dataset.foreign.opened import Opened


def check_records(opened: Opened) -> Iterator[Finding]:
    """Find what is wrong with records before anything is looked at in them."""
    for reason, problem in opened.problems.items():
        label = reason == "bad_label"
        yield Finding(
            reason if label else "unreadable_records",
            "error",
            f"{problem.count:,} of {opened.n_records:,} records: {problem.detail}"
            + (
                "; TRL trains a label such as 0.7 as true without a word, and fails on a text"
                if label
                else ""
            ),
            "Make every label true or false, and leave records without one out."
            if label
            else "Mend or leave out these records; trainers skip them silently or stop.",
            {"n": problem.count, "reason": reason},
            tuple(problem.examples),
        )
    others = {kind: n for kind, n in opened.label_types.items() if kind not in ("bool", "missing", "str")}
    if others and not (set(others) == {"int"} and set(opened.layouts) == {"halos"}):
        counts = ", ".join(f"{n:,} {kind}" for kind, n in sorted(others.items()))
        yield Finding(
            "label_type",
            "warning",
            f"Labels are not all booleans ({counts}): TRL tests them for truth, so that any number but 0 is desirable.",
            "Write labels as true and false.",
            dict(opened.label_types),
        )
    if "pairs" in opened.layouts:
        yield Finding(
            "paired",
            "warning",
            f"{opened.layouts['pairs']:,} records are pairs of chosen and rejected. TRL makes rows of them in blocks of 1,000: "
            "all chosen, then all rejected; findings about the order are about the rows that come out.",
            "Unpair and mix them yourself: `kto export` writes rows in an order that KTO can use.",
            {"n": opened.layouts["pairs"]},
        )
    if len(opened.layouts) > 1:
        yield Finding(
            "mixed_layouts",
            "error",
            f"Records of several layouts: {', '.join(f'{name} ({n:,})' for name, n in opened.layouts.items())}. "
            "A trainer reads one of them.",
            "Bring all records into one layout, such as prompt, completion, label.",
            dict(opened.layouts),
        )
