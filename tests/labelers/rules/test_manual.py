"""The rule file in the manual."""

from pathlib import Path

from kto_data.labelers.rules.inline_tests import run_inline_tests
from kto_data.labelers.rules.lint import lint_rules
from kto_data.labelers.rules.load import load_rules

MANUAL = Path(__file__).parents[3] / "docs/rules.md"


def test_the_manuals_file_passes_its_tests_and_lint(tmp_path):
    text = MANUAL.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/pledges.txt").write_text("money back\n")
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    rules = load_rules(["r.yaml"], base=tmp_path)
    assert [result.status for result in run_inline_tests(rules)] == ["passed"] * 3
    assert lint_rules(rules) == []


def test_the_manual_speaks_of_every_command_of_rules():
    from kto_data.cli.rules import app

    text = MANUAL.read_text(encoding="utf-8")
    names = {command.name for command in app.registered_commands} - {"list"}
    assert names >= {"test", "lint", "report", "explain", "diff", "bench", "new", "run", "docs", "import"}
    assert all(f"kto rules {name} " in text for name in names)
