"""Facts to a page: `render` makes the HTML, `write_report` puts it and the same facts as JSON into a folder.

The page needs nothing but itself: no script, no font, no request. Whatever a run brings in (prompts,
outputs, file names, reasons) is escaped by the template engine, made visible where it would hide
(`text.printable`), and cut where it would never end; a content security policy in the page forbids
scripts and requests even if all of that failed.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup

from kto_data.report import pictures, text
from kto_data.report.facts.run import Facts
from kto_data.report.reckoning import reckon
from kto_data.report.verdict import verdict

REPORT_HTML = "report.html"
REPORT_JSON = "report.json"

TEXT_LIMIT = 2000
"""Characters of a prompt or an output that the page shows; the JSON file has it whole."""

EXCERPT_LIMIT = 200
"""Characters of a quarantined record."""

ROWS_LIMIT = 20
"""Quarantined records, sources, models and samples that the page lists; the JSON file has them all."""


class Section(NamedTuple):
    """A part of the page: its template, its heading, and the facts without which it is left out."""

    name: str
    title: str
    needs: str


SECTIONS = (
    Section("accounting", "Where every row went", "accounting"),
    Section("balance", "Balance and weights", "balance"),
    Section("tests", "Data tests", "tests"),
    Section("shortcuts", "What could be learnt instead", "shortcuts.n_rows"),
    Section("labelers", "Labelers", "labelers"),
    Section("conflicts", "Conflicts", "conflicts.n_conflicts"),
    Section("cards", "Report cards of the labelers", "labelers.card"),
    Section("annotators", "Annotators", "annotators.n_answers"),
    Section("labels", "Who decided the labels", "labels"),
    Section("evaluation", "Evaluation on held-out prompts", "evaluation"),
    Section("gate", "Regression gate", "evaluation.gate"),
    Section("rounds", "Rounds of training", "training_rounds"),
    Section("training", "Training", "training"),
    Section("samples", "Outputs side by side", "evaluation.samples"),
    Section("dropped", "Dropped rows", "accounting.dropped"),
    Section("quarantined", "Quarantined records", "quarantined_examples"),
    Section("lineage", "Lineage", "lineage"),
)
"""The page from top to bottom."""


def render(facts: Facts | Mapping[str, Any]) -> str:
    """Return the report page.

    >>> page = render({"title": "<b>Support</b> bot"})
    >>> "<title>&lt;b&gt;Support&lt;/b&gt; bot</title>" in page
    True
    """
    known = text.plain(dict(facts))
    sections = [section for section in SECTIONS if _find(known, section.needs)]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(facts=known, sections=sections, verdict=verdict(known))
    )


def write_report(folder: Path, facts: Facts | Mapping[str, Any]) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder, which is made if need be.

    Each is written under a temporary name and renamed, so that a reader never sees half of one.

    Returns:
        The paths of the page and of the JSON file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    as_json = json.dumps(text.plain(dict(facts)), indent=1, allow_nan=False)
    contents = {folder / REPORT_HTML: render(facts), folder / REPORT_JSON: as_json + "\n"}
    for path, content in contents.items():
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(content, encoding="utf-8", newline="\n")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return folder / REPORT_HTML, folder / REPORT_JSON


@cache
def _environment() -> Environment:
    """The template engine: everything escaped, everything printable, missing facts empty."""
    environment = Environment(
        loader=PackageLoader("kto_data.report"),
        autoescape=True,
        undefined=ChainableUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_shown(text.number),
        percent=_shown(text.percent),
        score=_shown(text.score),
        duration=_shown(text.duration),
        size=_shown(text.size),
        shorten=text.shorten,
        share_figure=lambda value: _figure(value, text.percent),
        score_figure=lambda value: _figure(value, text.score),
    )
    environment.globals.update(
        pictures=pictures,
        reckon=reckon,
        text_limit=TEXT_LIMIT,
        excerpt_limit=EXCERPT_LIMIT,
        rows_limit=ROWS_LIMIT,
    )
    return environment


def _finalize(value: Any) -> Any:
    """What a template prints: plain text made printable, markup as it is, None as a dash."""
    if value is None:
        return text.DASH
    return text.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shown(show: Any) -> Any:
    """A number's format that also takes what the facts do not have."""
    return lambda value: show(None if isinstance(value, ChainableUndefined) else value)


def _figure(value: Any, show: Any) -> str:
    """An estimate with its interval, in words that need no legend."""
    if isinstance(value, ChainableUndefined):
        return text.DASH
    ends = text.interval_ends(value)
    estimate = show(text.as_figure(value).get("estimate"))
    # no-break spaces: on a narrow page the interval goes to the next line as a whole
    return (
        f"{estimate} ({show(ends[0])}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{show(ends[1])})"
        if ends
        else estimate
    )


def _find(facts: Mapping[str, Any], path: str) -> Any:
    """The facts under a dotted path; of a list, those of the first that has any. None where there are none."""
    found: Any = facts
    for key in path.split("."):
        if isinstance(found, list):
            found = next((item for item in found if isinstance(item, Mapping) and item.get(key)), None)
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
