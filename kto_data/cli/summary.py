"""The summary of a run in a few lines: what came in, what came out, and whether the model got better."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kto_data.report.facts.run import Facts


def summarise_run(facts: Facts, folder: str) -> str:
    """Return the lines that `kto run` ends with.

    Args:
        facts: The run's facts.
        folder: Where the run is, as the user would write it.
    """
    lines = [f"{facts['title']} (seed {facts['seed']})", ""]
    lines += _accounting(facts)
    lines += _labels(facts)
    lines += _weights(facts)
    if "training" in facts:
        lines += _model(facts)
    lines += ["", f"report   {folder}/report.html", f"dataset  {folder}/dataset"]
    if "training" in facts:
        lines.append(f"model    {folder}/checkpoint")
    return "\n".join(lines)


def _accounting(facts: Facts) -> Iterator[str]:
    counts = facts["accounting"]
    used = counts["n_records"] - counts["n_quarantined"]
    yield (
        f"records  {counts['n_records']:,} = {used:,} used + {counts['n_quarantined']:,} quarantined"
        f"{_reasons(counts['quarantined'])}"
    )
    dropped: dict[str, int] = {}
    for reasons in counts["dropped"].values():
        for reason, n_rows in reasons.items():
            dropped[reason] = dropped.get(reason, 0) + n_rows
    split = counts["n_dataset"]
    yield (
        f"rows     {counts['n_rows']:,} = {split['train']:,} train + {split['test']:,} test + "
        f"{sum(dropped.values()):,} dropped{_reasons(dropped)} + {counts['n_undecided']:,} undecided"
    )


def _labels(facts: Facts) -> Iterator[str]:
    labels = facts["labels"]
    decided = ", ".join(
        f"{who} {count:,}" for who, count in sorted(labels["decided_by"].items(), key=lambda item: -item[1])
    )
    yield (
        f"labels   {labels['n_desirable']:,} desirable, {labels['n_undesirable']:,} undesirable, "
        f"{labels['n_undecided']:,} undecided samples (by {decided})"
    )
    if "desirable_share" in labels:
        n_agree = labels["desirable_share"]["n"] - labels["n_gold"]
        yield (
            f"share    {figure(labels['desirable_share'])} of all samples are desirable, by {labels['n_gold']:,} gold labels"
            + (f" and {n_agree:,} samples on which annotators agree" if n_agree else "")
        )
    for one in labels.get("rounds", []):
        yield (
            f"round    {one['round']} asked about {one['n_unresolved']:,} unresolved samples, "
            f"{one['n_resolved']:,} of them resolved since"
        )
    if labels.get("n_disputed"):
        yield f"disputes {labels['n_disputed']:,} samples wait for adjudication"
    for note in labels.get("notes", []):
        yield f"note     {note}"
    if "truth" in labels:
        truth = labels["truth"]
        yield (
            f"truth    {truth['agree']:,} of {truth['n']:,} labels agree with the truth, which no labeler saw: "
            f"{figure(truth['interval'])}"
        )


def _weights(facts: Facts) -> Iterator[str]:
    balance = facts["balance"]
    yield (
        f"weights  desirable_weight {balance['desirable_weight']:g}, undesirable_weight {balance['undesirable_weight']:g}"
    )
    yield f"         {balance['reason']}"


def _model(facts: Facts) -> Iterator[str]:
    training = facts["training"]
    n_rounds = len(facts.get("training_rounds", []))
    yield (
        f"trained  {training['model']}, {training['n_parameters']:,} parameters, {training['seconds']:.0f} s"
        + (f" in {n_rounds} rounds" if n_rounds else "")
    )
    if "evaluation" in facts:
        yield ""
        yield from summarise_evaluation(facts["evaluation"])
    if "training_rounds" in facts:
        yield ""
        yield from _rounds(facts["training_rounds"])


def _rounds(rounds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line a round, side by side with the others."""
    yield f"  {'round':<7}{'rows':>8}{'answers':>9}{'desirable':>11}   {'AUC':<20}{'held-out gain':<23}KL, nats"
    for one in rounds:
        figures = one["figures"]
        yield (
            f"  {one['round']:<7}{one['n_train']:>8,}{one['n_answers']:>9,}{one['n_desirable']:>11,}   "
            f"{figure(figures.get('auc')):<20}{figure(figures.get('held_out_gain')):<23}{figure(figures.get('kl'))}"
        )


def summarise_evaluation(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about a trained model: how it ranks, what it writes, what else changed, and the gate."""
    yield f"held out {evaluation['n_rows']:,} rows of {evaluation['n_prompts']:,} prompts, judged by {evaluation['labels_from']}"
    names = {
        "reference": "reference, mean log-probability",
        "trained": "trained, implicit reward",
        "control": "control (shuffled labels), same",
    }
    yield f"  {'':<33}{'AUC':<22}pairs of one prompt"
    for name, title in names.items():
        if name in evaluation:
            yield f"  {title:<33}{figure(evaluation[name]['auc']):<22}{figure(evaluation[name]['pair_accuracy'])}"
    yield from _outputs(evaluation)


def _outputs(evaluation: Mapping[str, Any]) -> Iterator[str]:
    generated = evaluation["generated"]
    yield ""
    yield f"answers to {generated['n_prompts']:,} held-out prompts; labelers: the share that they find nothing against"
    yield f"  {'':<33}{'reference':<22}{'trained':<22}change"
    for key, title in (
        ("training_labelers", "labelers of the training"),
        ("held_out_labelers", "labelers held out"),
    ):
        if key in generated:
            yield _row(title, generated[key], "difference")
            if n := generated[key]["n_not_judged"]:
                yield f"    without {n:,} prompts: a judge failed on an answer, or its budget was spent"
    yield _row("answers that refuse", generated["refusals"], "change")
    words = generated["mean_words"]
    ratio = generated["length_ratio"]
    times = f"times {figure(ratio)}" if ratio else ""
    yield f"  {'mean length in words':<33}{words['reference']:<22.1f}{words['trained']:<22.1f}{times}".rstrip()
    if perplexity := evaluation["perplexity"]:
        yield (
            f"  {'perplexity of desirable rows':<33}{perplexity['reference']:<22.2f}{perplexity['trained']:<22.2f}"
            f"times {figure(perplexity['ratio'])}"
        )
    if generated["kl"]:
        yield f"  {'KL from the reference, nats':<33}{'':<22}{figure(generated['kl'])}"
    if calibration := evaluation["calibration"]:
        yield f"  {'calibration error of rewards':<33}{'':<22}{calibration['ece']:.3f} (by chance {calibration['ece_by_chance']:.3f})"
    if "rule_gaming" in generated:
        yield f"  {generated['rule_gaming']['words']}"
    if gate := evaluation.get("gate"):
        yield ""
        yield "gate     " + ("open: every limit is kept" if gate["passed"] else "closed")
        yield from (f"         {failure}" for failure in gate["failures"])


def _row(title: str, shares: Mapping[str, Any], change: str) -> str:
    return f"  {title:<33}{figure(shares['reference']):<22}{figure(shares['trained']):<22}{figure(shares[change])}"


def figure(value: Mapping[str, Any] | None) -> str:
    """Return an estimate with its interval.

    >>> figure({"estimate": 0.8123, "lower": 0.79, "upper": 0.83})
    '.812 [.790, .830]'
    >>> figure(None)
    '-'
    """
    if value is None or value.get("estimate") is None:
        return "-"
    shown = [
        f"{value[key]:.3f}".replace("0.", ".", 1) if abs(value[key]) < 1 else f"{value[key]:.3f}"
        for key in ("estimate", "lower", "upper")
        if value.get(key) is not None
    ]
    return shown[0] if len(shown) < 3 else f"{shown[0]} [{shown[1]}, {shown[2]}]"


def _reasons(counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    return " (" + ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) + ")"
