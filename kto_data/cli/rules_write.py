"""`kto rules explain|new|import|docs`: what helps to write rules, and to show them."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kto_data.cli.file_options import ColumnsOption, data_files
from kto_data.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from kto_data.labelers.rules.row import Row
    from kto_data.labelers.rules.trace import Traced, TracedRule

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]

_HOLDS = {True: "holds", False: "does not hold", None: "not applicable"}
_VOTES = {1: "votes desirable", -1: "votes undesirable", 0: "abstains"}


def explain(
    rules: Annotated[str, typer.Argument(help="A rule file, or a pack as builtin:NAME; #ID for one rule.")],
    file: Annotated[str | None, typer.Argument(help="A data file.")] = None,
    sample: Annotated[str | None, typer.Argument(help="A sample_id or row_id of it.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="A completion, in place of a file's.")] = None,
    prompt: Annotated[str, typer.Option("--prompt", help="... and what it answers.")] = "",
    columns: ColumnsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what each rule does with one output, and why: every part of its condition, and what it found where."""
    from kto_data.labelers.rules.load import load_rules
    from kto_data.labelers.rules.trace import trace

    loaded = load_rules([rules], base=Path())
    row = _row(file, sample, text, prompt, columns)
    traced = [trace(rule, row) for rule in loaded.rules]
    if as_json:
        told = [
            asdict(one.decision)
            | {
                "file": one.rule.file,
                "line": one.rule.line,
                "when": one.when and one.when.as_json(),
                "match": one.match and one.match.as_json(),
            }
            for one in traced
        ]
        print(
            json.dumps(
                {"row_id": row.row_id, "sample_id": row.sample_id, "rules": told},
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    for one in traced:
        for line in _lines(one):
            print(line)


def _row(file: str | None, sample: str | None, text: str | None, prompt: str, columns: str | None) -> "Row":
    from kto_data.labelers.rules.row import Row
    from kto_data.pipeline.rule_tools.one_row import find_row

    if text is not None:
        if file is not None:
            raise InputError("give a file and a sample, or --text, not both")
        asked, answer = {"role": "user", "content": prompt}, {"role": "assistant", "content": text}
        return Row(prompt=[asked], completion=[answer], row_id="text")
    if file is None or sample is None:
        raise InputError("say which output: FILE SAMPLE_ID, or --text TEXT")
    return find_row(data_files([file], columns), sample)


def _lines(traced: "TracedRule") -> Iterator[str]:
    decision, rule = traced.decision, traced.rule
    if decision.error is not None:
        outcome = f"fails: {decision.error}"
    elif decision.fired is None:
        outcome = "not applicable"
    else:
        outcome = f"{'fires' if decision.fired else 'does not fire'}, {_VOTES[decision.vote or 0]}"
    message = f": {' '.join(decision.message.split())}" if decision.message else ""
    yield f"{rule.file}:{rule.line}: {rule.id}: {outcome}{message}"
    for name, part in (("when", traced.when), ("match", traced.match)):
        if part:
            yield f"  {name}"
            yield from _part(part, "    ")


def _part(part: "Traced", indent: str) -> Iterator[str]:
    options = "".join(f" {key}={_short(value)}" for key, value in part.options.items())
    scope = f" on {part.scope}" if part.scope else ""
    outcome = f"fails: {part.error}" if part.error else _HOLDS[part.holds]
    found = f" ({' '.join(part.evidence.split())[:100]})" if part.evidence and not part.parts else ""
    yield f"{indent}{part.part}{options}{scope}: {outcome}{found}"
    if not part.parts:
        for span in part.spans[:5]:
            yield f"{indent}  {span.scope} {span.start}-{span.end}: {' '.join(span.text.split())[:100]!r}"
    for inner in part.parts:
        yield from _part(inner, indent + "  ")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def new(
    path: Annotated[Path, typer.Argument(help="The rule file to write.")],
    rule_id: Annotated[str, typer.Option("--id", help="The first rule's id.")] = "my-rule",
    check: Annotated[
        str, typer.Option("--check", help="A check type that the file shall show.")
    ] = "icontains-any",
    as_json: JsonOption = False,
) -> None:
    """Write a rule file to begin with: a rule with tests that pass, and what each key is for."""
    from kto_data.labelers.rules.skeleton import EXAMPLES, skeleton
    from kto_data.runs.files import write_text

    if path.exists():
        raise InputError(f"{path}: is there already; name a new file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first")
    if check not in EXAMPLES:
        raise InputError(f"--check {check}: no example of it{did_you_mean(check, EXAMPLES)}")
    write_text(path, skeleton(path.name.partition(".")[0], rule_id, check))
    if as_json:
        print(json.dumps({"file": str(path), "rule": rule_id, "check": check}, indent=2))
        return
    print(f"wrote {path}")
    print(f"next: kto rules test {path}; kto rules lint {path}; kto rules report {path} --on DATA")


def import_(
    path: Annotated[Path, typer.Argument(help="A promptfoo configuration.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The rule file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Turn a promptfoo configuration's assertions into a rule file; what cannot be kept is listed with the reason."""
    from kto_data.labelers.rules.promptfoo_import import import_config, rule_file_text
    from kto_data.runs.files import write_text

    if output.exists():
        raise InputError(f"{output}: is there already; name a new file")
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}; make it first")
    imported = import_config(path, into=output.parent)
    if not imported.rules:
        raise InputError(
            "\n".join([f"{path}: holds no assertion that can be a rule", *map(str, imported.left)])
        )
    write_text(output, rule_file_text(imported, path.name))
    if as_json:
        told = {
            "n_rules": len(imported.rules),
            "n_assertions": imported.n_assertions,
            "left": [asdict(one) for one in imported.left],
            "file": str(output),
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for one in imported.left:
        print(f"not imported: {one}")
    print(
        f"wrote {output}: {len(imported.rules)} rules of {imported.n_assertions} assertions; {len(imported.left)} things left"
    )


def docs(
    files: Annotated[list[str], typer.Argument(help="Rule files, or packs as builtin:NAME.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write (HTML).")],
    as_json: JsonOption = False,
) -> None:
    """Write rules as one HTML page: what each is for, where it fires, and its tests with what came of them."""
    from kto_data.labelers.rules.inline_tests import run_inline_tests
    from kto_data.labelers.rules.load import load_with_files
    from kto_data.labelers.rules.page import rules_page
    from kto_data.runs.files import write_text

    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}; make it first")
    if output.suffix not in (".html", ".htm"):
        raise InputError(f"{output}: name a page that ends in .html")
    rules, opened = load_with_files(files, base=Path())
    results = list(run_inline_tests(rules, timeout_s=10.0))
    write_text(output, rules_page(rules, opened, results))
    if as_json:
        told = {"n_rules": len(rules.rules), "n_tests": len(results), "file": str(output)}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(f"wrote {output}: {len(rules.rules)} rules, {len(results)} tests")
