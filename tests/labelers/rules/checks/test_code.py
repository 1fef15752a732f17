import pytest
from pydantic import ValidationError

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.code import BalancedFences, ContainsCode, IsValidCode
from kto_data.labelers.rules.limits import RowError


def fenced(lang, code):
    return f"Here:\n```{lang}\n{code}\n```\n"


@pytest.mark.parametrize(
    ("lang", "text", "holds"),
    [
        (None, fenced("", "x"), True),
        (None, "`x`", False),
        ("python", fenced("py", "x"), True),
        ("py", fenced("Python", "x"), True),
        ("python", fenced("", "x"), False),
        ("python", fenced("js", "x"), False),
        ("javascript", fenced("js", "x"), True),
        ("fortran", fenced("fortran", "x"), True),
    ],
)
def test_code_is_there_under_any_name_of_its_language(lang, text, holds):
    assert ContainsCode(lang=lang).decide(text, Context()).holds is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [("", True), (fenced("", "x"), True), ("```\nx", False), (fenced("", "x") + "~~~", False)],
)
def test_fences_are_balanced_if_all_are_closed(text, holds):
    assert BalancedFences().decide(text, Context()).holds is holds


@pytest.mark.parametrize(
    ("lang", "code", "holds"),
    [
        ("python", "def f():\n    return 1", True),
        ("python", "    x = 1", True),
        ("python", "def f(:", False),
        ("python", "x = '\\d'", True),
        ("python", "x = 1\0", False),
        ("json", '{"a": 1}', True),
        ("json", '{"a": NaN}', False),
        ("json", "{'a': 1}", False),
        ("yaml", "a: [1, 2]", True),
        ("yaml", "a: [1, 2", False),
        ("yaml", "a: 1\na: 2", True),
        ("toml", "a = 1", True),
        ("toml", "a = ", False),
    ],
)
def test_code_parses_or_not(lang, code, holds):
    check = IsValidCode(lang=lang)
    assert check.decide(fenced(lang, code), Context()).holds is holds
    assert IsValidCode(lang=lang, blocks="text").decide(code, Context()).holds is holds


@pytest.mark.parametrize(("blocks", "holds"), [("all", False), ("any", True)])
def test_all_blocks_or_any_one_have_to_parse(blocks, holds):
    text = fenced("python", "x = 1") + fenced("py", "def") + fenced("js", "let x = {")
    found = IsValidCode(lang="python", blocks=blocks).decide(text, Context())
    assert found.holds is holds


def test_a_text_without_such_code_is_not_judged():
    assert IsValidCode(lang="python").decide(fenced("js", "x"), Context()).holds is None


def test_the_evidence_says_where_it_fails():
    found = IsValidCode(lang="python").decide(fenced("python", "x = 1\ny = ("), Context())
    assert found.evidence.startswith("python, line 2: ")
    assert found.spans == ((6, 32),)


def test_hostile_code_is_a_fault():
    with pytest.raises(RowError, match="nested too deeply"):
        IsValidCode(lang="yaml", blocks="text").decide("[" * 10_000, Context())


def test_an_unknown_language_is_a_mistake():
    with pytest.raises(ValidationError, match="cannot parse 'pyton'; did you mean 'python'"):
        IsValidCode(lang="pyton")
