"""`kto rules`: what people who write rules need at hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kto_data.cli import rules_data, rules_write
from kto_data.errors import FindingsError

if TYPE_CHECKING:
    from kto_data.labelers.rules.inline_tests import InlineResult
    from kto_data.labelers.rules.mutation import MutationResult

app = typer.Typer(help="Write, test and judge rules.", no_args_is_help=True)
app.command("report")(rules_data.report)
app.command("diff")(rules_data.diff)
app.command("bench")(rules_data.bench)
app.command("run")(rules_data.run)
app.command("explain")(rules_write.explain)
app.command("new")(rules_write.new)
app.command("import")(rules_write.import_)
app.command("docs")(rules_write.docs)

Files = Annotated[list[str], typer.Argument(help="Rule files, or packs as builtin:NAME.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


@app.command("test")
def run_tests(
    files: Files,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Change the rules a little: which changes does no test notice?")
    ] = False,
    wordings: Annotated[
        bool,
        typer.Option(
            "--wordings", help="... and changes inside lists of words and patterns: a word, an anchor less."
        ),
    ] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="... for at most so long.")] = 60.0,
    timeout_s: Annotated[
        float, typer.Option("--timeout-s", min=0, help="Seconds after which a test is stopped, and failed.")
    ] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Run the tests that stand in rule files; exit code 1 if one fails, or a `todo` passes.

    With `--mutate` the rules are changed in small ways after that (a part dropped or inverted, a limit shifted),
    and what no test notices is listed, with the test that would; exit code 1 if there is any. With `--wordings`
    each word of a list and each alternative, anchor and flag of a pattern is left out once, too.
    """
    from kto_data.labelers.rules.inline_tests import run_inline_tests
    from kto_data.labelers.rules.load import load_with_files

    rules, opened = load_with_files(files, base=Path())
    mutate = mutate or wordings
    results = list(run_inline_tests(rules, timeout_s=timeout_s))
    bad = [result for result in results if result.is_finding]
    told: dict[str, Any] = {"n_tests": len(results), "n_bad": len(bad)}
    if not as_json:
        for result in bad:
            print(result)
        print(f"{len(results) - len(bad)} of {len(results)} tests as expected")
    mutation = None
    if mutate and not bad:
        from kto_data.labelers.rules.mutation import test_mutants

        mutation = test_mutants(rules, opened, seconds=seconds, timeout_s=timeout_s, wordings=wordings)
        told["mutation"] = asdict(mutation)
    if as_json:
        told["tests"] = [_test_json(result) for result in results]
        print(json.dumps(told, indent=2, ensure_ascii=False))
    elif mutation:
        _print_mutation(mutation)
    if bad:
        raise FindingsError(f"{len(bad)} of {len(results)} tests did not come out as expected")
    if mutation and mutation.survivors:
        raise FindingsError(
            f"{len(mutation.survivors)} of {mutation.n_mutants} changes were noticed by no test"
        )


def _test_json(result: "InlineResult") -> dict[str, Any]:
    told = {key: value for key, value in asdict(result).items() if key != "decision"}
    return told | {"found": result.decision.evidence, "error": result.decision.error}


def _print_mutation(mutation: "MutationResult") -> None:
    for survivor in mutation.survivors:
        print(survivor)
    print(f"{mutation.n_noticed} of {mutation.n_mutants} changes noticed by the tests")
    if mutation.n_untested:
        print(f"{mutation.n_untested} rules have no tests")
    if mutation.n_left:
        print(f"{mutation.n_left} changes were not tried in the time: give more --seconds")


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
