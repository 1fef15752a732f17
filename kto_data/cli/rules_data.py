"""`kto rules report|diff|bench|run`: rules on data."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kto_data.cli.file_options import ColumnsOption, data_files
from kto_data.errors import InputError

Rules = Annotated[list[str], typer.Argument(help="Rule files, or packs as builtin:NAME.")]
DataOption = Annotated[
    list[str], typer.Option("--on", help="Data files or globs: JSONL, JSON, CSV, Parquet; repeatable.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes; by default one a processor.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def report(
    files: Rules,
    on: DataOption,
    gold: Annotated[
        str | None, typer.Option("--gold", help="Known labels: a gold file, or a column such as meta.label.")
    ] = None,
    votes: Annotated[
        Path | None, typer.Option("--votes", help="People's votes: a run folder, or vote files.")
    ] = None,
    desirable: Annotated[
        list[str] | None, typer.Option("--desirable", help="A value of the gold column that means desirable.")
    ] = None,
    undesirable: Annotated[
        list[str] | None, typer.Option("--undesirable", help="... that means undesirable.")
    ] = None,
    columns: ColumnsOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell of each rule what it is worth on data: coverage, overlap, conflict, faults, time, and more.

    Where labels are known, precision and recall with 95% intervals, by source and over time, and how many further
    labels make them +-5%. Also which rules repeat each other, and which go by the surface of an output alone.
    """
    from kto_data.pipeline.rule_tools.known import Spelling
    from kto_data.pipeline.rule_tools.report import report as report_rules

    if gold and votes:
        raise InputError("--gold and --votes both say which labels are known; give one of them")
    told = report_rules(
        files,
        data_files(on, columns),
        gold=gold,
        votes=votes,
        spelling=Spelling(tuple(desirable or ()), tuple(undesirable or ())),
        workers=workers or os.cpu_count() or 1,
    )
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _print_report(told)
    for note in told["notes"]:
        print(f"note: {note}", file=sys.stderr)


def _print_report(told: Mapping[str, Any]) -> None:
    gold = told["gold"]
    known = f"; labels known of {gold['n']:,} samples ({gold['said_by']})" if gold else "; no labels known"
    print(f"{told['n_rows']:,} rows, {told['n_quarantined']:,} records quarantined{known}")
    if gold and gold["weighted_by_p_selected"]:
        print("weighted by 1 / p_selected, since the known samples were not drawn at random")
    print(
        f"{'rule':<28}{'fires':>8}{'n/a':>8}{'faults':>7}{'cover':>7}{'overlap':>8}{'conflict':>9}{'time':>6}  "
        f"{'precision':<20}{'recall':<20}{'more':>6}"
    )
    for rule in told["rules"]:
        side = _main_side(rule)
        print(
            f"{rule['rule'][:27]:<28}{rule['n_fires']:>8,}{rule['n_not_applicable']:>8,}{rule['n_faults']:>7,}"
            f"{rule['coverage']:>7.3f}{rule['overlap']:>8.3f}{rule['conflict']:>9.3f}{rule['time_share']:>6.0%}  "
            f"{_interval(rule['precision']):<20}{_interval(side and side['recall']):<20}{_more(rule):>6}"
        )
    for rule in told["rules"]:
        for line in _remarks(rule):
            print(f"{rule['file']}:{rule['line']}: {rule['rule']}: {line}")


def _main_side(rule: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what is known of the rule's votes for the class that it votes for most."""
    name = "desirable" if rule["n_desirable"] > rule["n_undesirable"] else "undesirable"
    found: Mapping[str, Any] | None = rule.get(name)
    return found


def _interval(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return "-"
    return f"{interval['estimate']:.2f} ({interval['lower']:.2f} to {interval['upper']:.2f})"


def _more(rule: Mapping[str, Any]) -> str:
    return "-" if rule["n_further_labels"] is None else f"{rule['n_further_labels']:,}"


def _remarks(rule: Mapping[str, Any]) -> list[str]:
    """Return what is worth a word of a rule."""
    found = [f"fires nearly only where {other} does, with the same vote" for other in rule["redundant_with"]]
    surface = rule["surface"]
    if surface and surface["alone"]:
        found.append(f"goes by {surface['feature']} ({surface['kind']}) alone: AUC {surface['auc']:.2f}")
    for key, where in (("by_source", "in"), ("over_time", "from")):
        found += [
            f"precision {where} {one['group']} is {_interval(one['precision'])}, unlike elsewhere"
            for one in rule[key]
            if one["precision_differs"]
        ]
    found += [f"fails on {one['row_id']}: {one['error']}" for one in rule["fault_examples"]]
    for one in rule["wrong_examples"][:1]:
        found.append(f"wrong on {one['row_id']}: {' '.join((one['found'] or one['text']).split())}")
    return found


def diff(
    before: Annotated[str, typer.Argument(help="The rule file or pack to compare with.")],
    after: Annotated[str, typer.Argument(help="The rule file or pack that is asked about.")],
    on: DataOption,
    columns: ColumnsOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what votes flip on data from one rule file to another, rule by rule, with examples."""
    from kto_data.pipeline.rule_tools.diff import diff as diff_rules

    told = diff_rules([before], [after], data_files(on, columns), workers=workers or os.cpu_count() or 1)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(f"{told['n_rows']:,} rows; the votes of {told['n_rows_changed']:,} differ")
    for key in ("added", "removed", "changed"):
        for one in told[key]:
            print(f"{key:<8} {one['rule']} ({one['file']}:{one['line']})")
    for rule in told["rules"]:
        print(f"{rule['file']}:{rule['line']}: {rule['rule']}: {rule['n_flips']:,} rows")
        for flip in rule["flips"]:
            print(f"  {flip['before']:>12} -> {flip['after']:<12}{flip['n']:>9,}")
        for one in rule["examples"]:
            print(f"  {one['row_id']}: {' '.join(one['text'].split())}")
    for note in told["notes"]:
        print(f"note: {note}", file=sys.stderr)


def bench(
    files: Rules,
    on: DataOption,
    columns: ColumnsOption = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="About how long to measure.")] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Tell what rules cost on data: rows a second, and the processor time of each rule; the dearest first."""
    from dataclasses import asdict

    from kto_data.pipeline.rule_tools.costs import costs_on

    costs = costs_on(files, data_files(on, columns), seconds=seconds)
    ranked = sorted(costs.rules, key=lambda rule: -rule.ns_a_row)
    if as_json:
        print(json.dumps(asdict(costs) | {"rules": [asdict(rule) for rule in ranked]}, indent=2))
        return
    print(
        f"{costs.rows_a_second:,.0f} rows/s in one process ({costs.ns_a_row:,.0f} ns a row), measured on {costs.n_rows:,} "
        f"rows; each rule by itself on {costs.n_rows_each:,}"
    )
    print(f"{'rule':<32}{'ns a row':>10}{'share':>7}")
    for rule in ranked:
        print(f"{rule.rule[:31]:<32}{rule.ns_a_row:>10,.0f}{rule.share:>7.1%}")
    for rule in ranked:
        for reason in rule.slow:
            print(f"{rule.file}:{rule.line}: {rule.rule}: row by row: {reason}")


def run(
    files: Rules,
    on: DataOption,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the votes go (Parquet); nowhere by default.")
    ] = None,
    n_explained: Annotated[
        int, typer.Option("--explain", min=0, help="Show so many rows on which each rule fires.")
    ] = 0,
    columns: ColumnsOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let rules vote on data, and tell what each does there; as `kto label`, with a summary."""
    import tempfile

    from kto_data.pipeline.label_files import label_files
    from kto_data.pipeline.rule_tools.costs import explained_votes

    data = data_files(on, columns)
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as scratch:
        done = label_files(data, files, output or Path(scratch) / "votes.parquet", workers=workers)
    shown = explained_votes(files, data, n=n_explained) if n_explained else {}
    told = done.as_dict() | {"files": [str(path) for path in done.files] if output else [], "examples": shown}
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(f"{done.n_rows:,} rows, {done.n_quarantined:,} records quarantined")
    print(
        f"{'rule':<32}{'desirable':>10}{'undesirable':>12}{'abstain':>10}{'n/a':>9}{'faults':>8}{'cover':>8}{'conflict':>9}"
    )
    for rule in done.rules:
        print(
            f"{rule.labeler[:31]:<32}{rule.n_desirable:>10,}{rule.n_undesirable:>12,}{rule.n_abstain:>10,}"
            f"{rule.n_not_applicable:>9,}{rule.n_faults:>8,}{rule.coverage:>8.3f}{rule.conflict:>9.3f}"
        )
        for one in shown.get(rule.labeler, []):
            print(f"  {one['row_id']}: {' '.join((one['found'] or one['text']).split())}")
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    for name in told["files"]:
        print(f"wrote {name}")
