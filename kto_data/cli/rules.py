"""`kto rules`: what people who write rules need at hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kto_data.cli import rules_data
from kto_data.errors import FindingsError

app = typer.Typer(help="Write, test and judge rules.", no_args_is_help=True)
app.command("report")(rules_data.report)

Files = Annotated[list[str], typer.Argument(help="Rule files, or packs as builtin:NAME.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


@app.command("test")
def run_tests(files: Files, as_json: JsonOption = False) -> None:
    """Run the tests that stand in rule files; exit code 1 if one fails, or a `todo` passes."""
    from kto_data.labelers.rules.inline_tests import run_inline_tests
    from kto_data.labelers.rules.load import load_rules

    results = list(run_inline_tests(load_rules(files, base=Path())))
    bad = [result for result in results if result.status in ("failed", "todo passes")]
    if as_json:
        shown = [{k: v for k, v in asdict(result).items() if k != "decision"} for result in results]
        print(
            json.dumps(
                {"n_tests": len(results), "n_bad": len(bad), "tests": shown}, indent=2, ensure_ascii=False
            )
        )
    else:
        for result in bad:
            print(
                f"{result.file}:{result.line}: {result.rule}: {result.name}: {result.status}: "
                f"expected {result.expected}, got {result.got}"
            )
        print(f"{len(results) - len(bad)} of {len(results)} tests as expected")
    if bad:
        raise FindingsError(f"{len(bad)} of {len(results)} tests did not come out as expected")


@app.command("lint")
def lint(files: Files, as_json: JsonOption = False) -> None:
    """Look for what is probably wrong with rules: untested, dead, redundant, contradicting, slow; exit code 1 if anything is."""
    from kto_data.labelers.rules.lint import lint_rules
    from kto_data.labelers.rules.load import load_rules

    rules = load_rules(files, base=Path())
    findings = lint_rules(rules)
    if as_json:
        document = {"n_rules": len(rules.rules), "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(finding)
        print(f"{len(rules.rules)} rules, {len(findings)} findings")
    if findings:
        raise FindingsError(f"{len(findings)} findings in {len(rules.rules)} rules")


@app.command("list")
def list_rules(
    files: Annotated[
        list[str] | None, typer.Argument(help="Rule files; by default the packs that ship.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List rules with what each votes and means; without files, the packs that ship and what each is for."""
    from kto_data.labelers.rules.load import builtin_packs, load_rules, pack_description

    refs = files or [f"builtin:{name}" for name in builtin_packs()]
    listed = [
        {
            "file": rule.file,
            "line": rule.line,
            "id": rule.id,
            "mode": rule.options.mode,
            "message": rule.options.message or "",
        }
        for rule in load_rules(refs, base=Path()).rules
    ]
    if as_json:
        print(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    shown = ""
    for rule in listed:
        if not files and rule["file"] != shown:
            shown = str(rule["file"])
            about = pack_description(shown.removeprefix("builtin:")).partition(". ")[0]
            print(f"{shown}: {about.rstrip('.')}.")
        print(f"{rule['id']:<28} {rule['mode']:<7} {rule['file']}:{rule['line']}  {rule['message']}")
