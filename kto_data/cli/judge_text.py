"""What `kto judge` shows, as text."""

from typing import Any


def print_report(one: Any) -> None:
    """Print what a judge is worth."""
    gold, bias = one.gold, one.biases
    print(
        f"{one.judge}: {one.n_voted:,} of {one.n_rows:,} judged, {one.n_abstained:,} abstained{listed(one.causes)}, "
        f"{one.n_faults:,} faults, {one.n_unsent:,} without a stored answer"
    )
    if gold.n_gold:
        print(f"  against gold ({gold.n_compared:,} compared of {gold.n_gold:,})")
        for name in ("agreement", "kappa", "sensitivity", "specificity"):
            print(f"    {name:<12}{_interval(getattr(gold, name))}")
    if gold.calibration:
        print(
            f"    scores       off by {gold.calibration.ece:.3f} on average (ECE), Brier {gold.calibration.brier:.3f}"
        )
    for point in gold.curve:
        print(f"    score {point.score:>8.3f}  desirable {_interval(point.share)}  n {point.n:,}")
    if gold.fitted:
        fitted = gold.fitted
        at = "nowhere" if fitted.threshold is None else f"from {fitted.threshold:.4g}"
        now = "" if gold.accuracy_now is None else f"; as it is now {gold.accuracy_now:.3f}"
        print(
            f"    fitted       desirable {at} ({fitted.method}, {fitted.n_folds} folds by prompt): "
            f"right on {fitted.accuracy:.3f} of held-out samples{now}"
        )
    for name, found in (
        ("longer completions are called desirable more often by", bias.longer),
        ("outputs of its own family, by", bias.own_family),
        ("... and in gold, by", bias.own_family_gold),
        ("answers to the same question agree on", bias.itself),
    ):
        if found:
            print(f"  {name} {_interval(found)}")
    for probe in one.probes:
        flips = f"{_interval(probe.flips)} flip" if probe.flips else "no pair of verdicts"
        print(
            f"  {probe.name:<18}{flips} of {probe.n:,} ({probe.n_to_desirable:,} to desirable, "
            f"{probe.n_to_undesirable:,} to undesirable; {probe.n_requests:,} requests)"
        )
    if one.cost_per_1000_usd is not None:
        print(f"  1,000 votes cost ${one.cost_per_1000_usd:,.4f}")


def _interval(found: Any) -> str:
    return "-" if found is None else f"{found.estimate:.3f} [{found.lower:.3f}, {found.upper:.3f}]"


def print_counts(name: str, counts: Any) -> None:
    """Print what a judge did."""
    n_abstained = sum(counts.causes.values())
    print(
        f"{name}: {counts.n_desirable:,} desirable, {counts.n_undesirable:,} undesirable, {n_abstained:,} abstained"
        f"{listed(counts.causes)}, {counts.n_not_applicable:,} not applicable, {counts.n_faults:,} faults"
        f"{listed(counts.faults)}, {counts.n_unsent:,} not asked{listed(counts.unsent)}"
    )
    cost = f", ${counts.cost_usd:,.4f}" if counts.cost_usd else ""
    print(
        f"  {counts.n_new:,} new answers ({counts.tokens_in:,} + {counts.tokens_out:,} tokens{cost}), "
        f"{counts.n_stored:,} stored ones"
    )
    troubles = {event: n for event, n in counts.events.items() if event not in ("sent", "answered")}
    if troubles:
        print(f"  on the way:{listed(troubles)}")


def listed(counts: Any) -> str:
    """Return counts with their names, the largest first."""
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f" ({', '.join(f'{name} {n:,}' for name, n in found)})" if found else ""
