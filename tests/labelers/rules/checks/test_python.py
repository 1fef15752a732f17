import os
import signal
import subprocess
import sys
import textwrap
import time

import pyarrow as pa
import pytest

from kto_data.errors import ConfigError
from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.rule import RuleSet
from kto_data.schema import rows_schema

CODE = """
import os, sys, time

def polite(text, row):
    return "please" in text

def found(text, row, *, word="x"):
    return (word in text, f"looked for {word}")

def of_plan(text, row):
    return None if row["meta.plan"] is None else row["meta.plan"] == "pro" and row["prompt"] == "Hi"

def fragile(text, row):
    return 1 / len(text) > 0

def number(text, row):
    return 0.7

def stuck(text, row):
    print("this goes to standard error")
    if text == "stuck":
        while True:
            pass
    return True

def crash(text, row):
    if text == "crash":
        os.abort()
    return True

def leave(text, row):
    sys.exit(3)

def get_assert(output, context):
    return {"pass": "good" in output, "score": 1, "reason": "looked for good"}

def long(table, *, limit=3):
    import pyarrow.compute as pc
    assert "bad" not in table.column("text").to_pylist()
    return pc.greater(pc.utf8_length(table.column("text")), limit)

def short_answer(table):
    return [True]

def of_plans(table):
    return [plan and plan == "pro" for plan in table.column("meta.plan").to_pylist()]
"""


@pytest.fixture
def rule(read_rule, tmp_path):
    (tmp_path / "checks.py").write_text(CODE)

    def read(function, **options):
        rest = "".join(f", {key}: {value}" for key, value in options.items())
        return read_rule(f"{{python: {{ref: 'checks.py:{function}'{rest}}}}}")

    return read


def table(*texts, plans=None):
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": f"s{n}",
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": "Hi"}],
            "completion": [{"role": "assistant", "content": text}],
            "source": "t",
            "meta": {"plan": plans[n] if plans else None},
        }
        for n, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(lines, schema=rows_schema(pa.struct([("plan", pa.string())])))


def votes_of(read, rows):
    votes, faults = label_batch(RuleSet((read.rule,), ()), rows)
    return votes.column("a").to_pylist(), {fault["row_id"]: fault["error"] for fault in faults.to_pylist()}


def test_a_function_says_whether_it_holds(rule):
    assert rule("polite").fires("yes please")
    assert rule("polite").fires("now") is False
    assert rule("polite").rule.about == "content"


def test_it_has_arguments_and_says_what_it_found(rule):
    decision = rule("found", args="{word: y}").decide("xyz")
    assert (decision.fired, decision.evidence) == (True, "looked for y")


def test_arguments_may_be_values_of_the_row(rule):
    read = rule("found", args="{word: '{{meta.word}}'}")
    assert read.fires("xyz", meta={"word": "z"})
    assert read.fires("xyz", meta={"word": "q"}) is False
    assert read.fires("xyz", meta={}) is None
    assert read.rule.definition["match"]["python"]["options"].keys() == {"ref", "args", "source"}


def test_it_reads_the_columns_that_it_names_and_may_say_that_it_does_not_apply(rule):
    read = rule("of_plan", columns="[meta.plan, prompt]")
    assert votes_of(read, table("a", "b", "c", plans=["pro", "free", None])) == ([-1, 0, None], {})
    assert read.rule.about == "event"


def test_an_assertion_of_promptfoos_form_works(rule):
    assert rule("get_assert").decide("good").evidence == "looked for good"


def test_what_it_raises_is_a_fault_of_that_row(rule):
    votes, faults = votes_of(rule("fragile"), table("a", "", "b"))
    assert votes == [-1, None, -1]
    assert faults == {"r1": "checks.py:fragile: ZeroDivisionError: division by zero"}


def test_anything_but_true_false_and_none_is_a_fault(rule):
    assert rule("number").decide("x").error == "the function returned 0.7, not True, False or None"


@pytest.mark.slow
def test_a_call_that_takes_for_ever_is_ended_and_the_rest_goes_on(rule):
    start = time.monotonic()
    votes, faults = votes_of(rule("stuck", timeout_s=0.5), table("a", "stuck", "b"))
    assert votes == [-1, None, -1]
    assert faults == {"r1": "checks.py:stuck took longer than 0.5 s and was ended"}
    assert time.monotonic() - start < 10


@pytest.mark.slow
def test_a_process_that_crashes_or_ends_is_started_again(rule):
    votes, faults = votes_of(rule("crash"), table("a", "crash", "b"))
    assert votes == [-1, None, -1]
    assert faults == {"r1": f"checks.py:crash ended its process (exit code {-signal.SIGABRT})"}
    assert (
        "exit code 3" in rule("leave").decide("x").error
        or "ended its process" in rule("leave").decide("x").error
    )


def test_a_batch_form_sees_an_arrow_table(rule):
    assert votes_of(rule("long", form="batch"), table("abc", "abcd")) == ([0, -1], {})
    assert votes_of(rule("long", form="batch", args="{limit: 2}"), table("abc", "a")) == ([-1, 0], {})
    read = rule("of_plans", form="batch", columns="[meta.plan]")
    assert votes_of(read, table("a", "b", "c", plans=["pro", None, "x"])) == ([-1, None, 0], {})


def test_a_row_that_fails_a_batch_fails_alone(rule):
    votes, faults = votes_of(rule("long", form="batch"), table("abcd", "bad", "a", "abcde", "bad"))
    assert votes == [-1, None, 0, -1, None]
    assert set(faults) == {"r1", "r4"}


def test_a_batch_of_the_wrong_length_is_a_fault(rule):
    votes, faults = votes_of(rule("short_answer", form="batch"), table("a", "b"))
    assert (votes, faults) == ([-1, -1], {})  # in halves, one value for one row is right


def test_functions_of_installed_modules_are_named_with_their_module(read_rule):
    read = read_rule("{python: {ref: 'os.path:isabs', form: row}}")
    assert "takes 1 positional argument" in read.decide("x").error


def test_a_gate_keeps_rows_from_the_function(rule, read_rule, tmp_path):
    text = "version: 1\nrules:\n  - id: a\n    vote: undesirable\n    when: {contains: go}\n    match: {python: {ref: 'checks.py:fragile'}}\n"
    (tmp_path / "checks.py").write_text(CODE)
    assert votes_of(read_rule(text=text), table("", "go")) == ([None, -1], {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{ref: 'nothing.py:f'}", ".ref: no such file: nothing.py"),
        ("{ref: 'checks.py:polit'}", ".ref: checks.py:polit has no function polit; did you mean 'polite'?"),
        ("{ref: 'broken.py:f'}", ".ref: broken.py:f is not Python: "),
        ("{ref: 'no_such_module_x:f'}", ".ref: there is no module no_such_module_x"),
        ("{ref: polite}", ".ref: 'polite' is neither FILE.py:FUNCTION, MODULE:FUNCTION nor an entry point"),
        ("{ref: '{{meta.f}}'}", ".ref: '{{meta.f}}' is neither FILE.py:FUNCTION"),
        ("{ref: 'checks.py:polite', columns: [thumb]}", ".columns[0]: unknown column 'thumb'"),
        ("{ref: 'checks.py:polite', timeout_s: 0}", ".timeout_s: should be greater than 0"),
        ("{}", ".ref: is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_nothing_is_run(read_rule, tmp_path, options, message):
    (tmp_path / "checks.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("def f(:\n    open('ran', 'w')\n")
    with pytest.raises(ConfigError) as told:
        read_rule(f"{{python: {options}}}")
    assert str(told.value).startswith(f"r.yaml:5: rules[0] (a).match.python{message}")


def test_reading_a_file_runs_nothing_and_knows_the_code(read_rule, tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / "checks.py").write_text(f"open({str(ran)!r}, 'w')\ndef f(text, row):\n    return True\n")
    read = read_rule("{python: {ref: 'checks.py:f'}}")
    assert not ran.exists()
    assert read.files == (tmp_path / "checks.py",)
    (tmp_path / "checks.py").write_text("def f(text, row):\n    return False\n")
    assert read_rule("{python: {ref: 'checks.py:f'}}").rule.version != read.rule.version
    assert str(tmp_path) not in str(read.rule.definition)


def test_a_file_that_cannot_be_imported_is_a_fault(read_rule, tmp_path):
    (tmp_path / "checks.py").write_text("import no_such_module_x\ndef f(text, row):\n    return True\n")
    error = read_rule("{python: {ref: 'checks.py:f'}}").decide("x").error
    assert error == "checks.py:f: cannot be imported: ModuleNotFoundError: No module named 'no_such_module_x'"


@pytest.mark.slow
def test_no_process_is_left_when_ours_is_killed(tmp_path):
    (tmp_path / "checks.py").write_text(
        "import os, pathlib, time\ndef f(text, row):\n"
        f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n    time.sleep(600)\n"
    )
    script = f"""
        from kto_data.labelers.rules.python_process import call
        call({str(tmp_path / "checks.py") + ":f"!r}, "row", ("x", {{}}), {{}}, timeout_s=600)
    """
    ours = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    ours.kill()
    ours.wait()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the function's process still runs")
