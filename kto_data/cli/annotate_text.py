"""What `kto annotate` shows, as text."""

from collections.abc import Mapping
from typing import Any


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


def duration(hours: float) -> str:
    """Return a time in words.

    >>> duration(0.2), duration(3.25)
    ('12 min', '3.2 h')
    """
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"
