"""What `kto annotate` shows, as text."""

from collections.abc import Mapping
from typing import Any

from kto_data.cli.summary import figure


def status_text(found: Mapping[str, Any]) -> str:
    """Return how far annotators are."""
    lines = [
        f"{found['n_done']:,} of {found['n_items']:,} items are done ({found['answers_per_item']} answers each); "
        f"{found['n_outstanding']:,} answers are outstanding, about {duration(found['hours_left'])} of work "
        f"({found['seconds_per_answer']:.0f} s each)"
    ]
    if found["n_to_send"]:
        lines.append(f"{found['n_to_send']:,} items are not on the server yet: run kto annotate push again")
    if found["n_deleted_tasks"]:
        lines.append(
            f"{found['n_deleted_tasks']:,} tasks were deleted on the server; their votes stay, and "
            "kto annotate push --restore sends them again"
        )
    if found["n_invalid"]:
        lines.append(f"{found['n_invalid']:,} annotations hold no verdict and do not count")
    lines += [
        f"  batch {batch['batch']} ({batch['strategy']}): {batch['n_items']:,} items, {batch['n_gold']:,} gold, "
        f"{batch['n_outstanding']:,} answers outstanding"
        for batch in found["batches"]
    ]
    if found["annotators"]:
        lines.append(f"{'annotator':<34}{'desirable':>10}{'undesirable':>13}{'skipped':>9}{'median s':>10}")
    for one in found["annotators"]:
        seconds = one["median_lead_time_s"]
        lines.append(
            f"{one['annotator'][:33]:<34}{one['n_desirable']:>10,}{one['n_undesirable']:>13,}{one['n_skipped']:>9,}"
            f"{'-' if seconds is None else format(seconds, '.1f'):>10}"
        )
    lines += [f"{project['title']}: {project['url']}" for project in found["projects"]]
    return "\n".join(lines)


_MEASURES = {
    "percent": "agree",
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Fleiss' kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
    "gwet_ac1": "Gwet's AC1",
}


def report_text(found: Mapping[str, Any]) -> str:
    """Return how far annotators agree, and each one's record."""
    lines = [
        f"{found['n_answers']:,} answers on {found['n_items']:,} items, {found['n_items_compared']:,} of them with two or "
        f"more; on {found['n_disputed']:,} annotators disagree"
    ]
    lines += [f"  {name:<22}{_figure(found['agreement'][key])}" for key, name in _MEASURES.items()]
    if found["pairs"]:
        lines.append("pairs, those that disagree most first")
    for pair in found["pairs"][:10]:
        lines.append(
            f"  {' / '.join(pair['annotators'])}: {_figure(pair['agreement'])} of {pair['n']:,} items, kappa "
            f"{_figure(pair['cohen_kappa'])}; only one says desirable: {pair['n_only_first_desirable']:,} / "
            f"{pair['n_only_second_desirable']:,}"
        )
    for one in found["annotators"]:
        lines += _annotator_lines(one)
    if found["to_adjudicate"]:
        lines.append(
            f"{len(found['to_adjudicate']):,} samples wait for adjudication: kto annotate push TARGET --review-by ADDRESS"
        )
    return "\n".join(lines)


def _annotator_lines(one: Mapping[str, Any]) -> list[str]:
    seconds = one["median_lead_time_s"]
    pace = "no times" if seconds is None else f"median {seconds:.1f} s"
    lines = [
        f"{one['annotator']}: {one['n']:,} answers, {one['n_skipped']:,} skipped, {pace}; right on gold "
        f"{_figure(one['accuracy_on_gold'])} of {one['n_gold']:,}; desirable {_figure(one['desirable_share'])}"
    ]
    if one["hasty"]:
        lines.append("  answers faster than anybody can read")
    if one["drift"] and one["drift"]["drifts"]:
        lines.append(
            f"  drifts: the desirable share of the later half changed by {_figure(one['drift']['desirable_share_change'])}"
        )
    if one["n_edited_by_others"]:
        lines.append(f"  {one['n_edited_by_others']:,} answers were edited by somebody else")
    return lines


def _figure(value: Mapping[str, Any] | None) -> str:
    """Return a figure with its interval, where it has one."""
    if value is not None and value.get("lower") is None:
        return f"{value['estimate']:.3f}"
    return figure(value)


def plan_text(found: Mapping[str, Any], target: object) -> str:
    """Return what the next labels would buy."""
    lines = [
        f"{found['n_labelled']:,} of {found['n_samples']:,} samples are decided by people. Expected half-widths of 95% "
        "intervals; `random` is what as many fairly chosen items would give"
    ]
    names = list(found["now"]["labelers"])[:8]
    lines.append(
        f"{'items':>7}{'cost':>10}{'share':>8}{'random':>8}  " + "".join(f"{name[:15]:>16}" for name in names)
    )
    now = found["now"]
    lines.append(
        f"{'now':>7}{'-':>10}{_half(now['desirable_share_half_width']):>8}{'-':>8}  "
        + _precisions(now, names)
    )
    for step in found["steps"]:
        lines.append(  # noqa: PERF401 - two parts a line
            f"{step['n_items']:>7,}{step['cost']:>10,.2f}{_half(step['desirable_share_half_width']):>8}"
            f"{_half(step['at_random_half_width']):>8}  " + _precisions(step, names)
        )
    if found["allocation"]:
        largest = str(found["steps"][-1]["n_items"])
        lines.append(
            f"of {largest} items, by stratum (source | label | rules that voted); a fifth is chosen fairly:"
        )
        lines += [
            f"  {one['n_items'][largest]:>7.1f} of {one['n_samples']:>9,}  {one['stratum']}"
            for one in found["allocation"][:12]
        ]
        lines.append(f"kto annotate push {target} --strategy neyman --budget {largest} sends these")
    return "\n".join(lines)


def _precisions(step: Mapping[str, Any], names: list[str]) -> str:
    return "".join(f"{_half(step['labelers'][name]['half_width']):>16}" for name in names)


def _half(width: float | None) -> str:
    return "-" if width is None else f"±{width:.3f}".replace("0.", ".", 1)


def duration(hours: float) -> str:
    """Return a time in words.

    >>> duration(0.2), duration(3.25)
    ('12 min', '3.2 h')
    """
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"
