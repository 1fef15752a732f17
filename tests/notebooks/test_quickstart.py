"""The notebook that walks through a finished quickstart run: executed as a reader would, against a small real run."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[2]
NOTEBOOK = PROJECT / "notebooks" / "01-quickstart.ipynb"
PLOTS = ["plot-labelers", "plot-balance", "plot-training", "plot-evaluation"]

shares_a_run = pytest.mark.xdist_group("notebook")  # one worker makes the run that they share


def execute(folder, **variables):
    """The notebook after all its cells, run in `folder`, with these environment variables added."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # No plot backend and no IPython profile of whoever runs the tests, and no KTO_RUN but the test's.
    kept = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "KTO_RUN")}
    environment = {**kept, "IPYTHONDIR": str(folder / "ipython"), **variables}
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)
    client.execute(env=environment)
    return notebook


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with a small finished run in runs/quickstart: the quickstart's own pipeline, its sizes cut down."""
    folder = tmp_path_factory.mktemp("project")
    pipeline = YAML().load(PROJECT / "pipelines" / "quickstart.yaml")
    pipeline["demo_log"]["rows"] = 400
    pipeline["train"] = {
        "model": "tiny",
        "epochs": 1,
        "max_length": 64,
        "sft": {"epochs": 1},
        "tiny": {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "layers": 1, "heads": 2},
    }
    pipeline["evaluate"] |= {"prompts": 6, "max_new_tokens": 8}
    YAML().dump(pipeline, folder / "quickstart.yaml")
    command = [sys.executable, "-m", "kto_data.cli", "run", "quickstart.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def executed(project):
    """The notebook's cells by their id, after they ran where a reader would run them, with no variable set."""
    return {cell.id: cell for cell in execute(project / "notebooks").cells}


@pytest.fixture
def report(project):
    return json.loads((project / "runs" / "quickstart" / "report.json").read_text(encoding="utf-8"))


def printed(cell):
    """What a cell printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def shown_table(cell):
    """The rows of the table that a cell shows, as lists of text, without the header."""
    (markup,) = (
        output.data["text/html"] for output in cell.outputs if output.output_type == "execute_result"
    )
    rows = re.findall(r"<tr>(.*?)</tr>", markup, flags=re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.DOTALL) for row in rows]
    return [[html.unescape(text) for text in row] for row in cells if row]


def interval(found):
    return f"{found['estimate']:.3f} [{found['lower']:.3f}, {found['upper']:.3f}]"


def test_the_committed_notebook_is_clean():
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)  # the first with ids for cells
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert not [word for word in ("/home", "/root", "/tmp", "/work", "/Users") if word in text]
    # As nbformat writes it, so that saving it from Jupyter without outputs gives a small diff.
    assert text == nbformat.writes(nbformat.read(NOTEBOOK, as_version=4)) + "\n"


@pytest.mark.slow
@shares_a_run
def test_every_code_cell_ran_and_each_plot_is_there(executed):
    code = [cell for cell in executed.values() if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [(cell.id, output) for cell in code for output in cell.outputs]
    assert [name for name, output in outputs if "image/png" in output.get("data", {})] == PLOTS
    assert not [output for _, output in outputs if output.get("name") == "stderr"]  # no warning, either


@pytest.mark.slow
@shares_a_run
def test_the_accounting_is_the_reports(executed, report):
    account = report["accounting"]
    parts = [
        *account["n_dataset"].values(),
        *(n for reasons in account["dropped"].values() for n in reasons.values()),
        account["n_undecided"],
    ]
    first, second = printed(executed["accounting"]).splitlines()
    assert first == f"{account['n_records']} records read, {account['n_quarantined']} of them quarantined"
    assert second == f"{account['n_rows']} rows = " + " + ".join(map(str, parts))
    assert [int(n) for _, n in shown_table(executed["accounting"])] == parts
    assert account["n_quarantined"] == len(shown_table(executed["quarantined"])) > 0


@pytest.mark.slow
@shares_a_run
def test_the_labels_and_their_labelers_are_the_reports(executed, report):
    labels, truth = report["labels"], report["labels"]["truth"]
    said = printed(executed["labels"])
    assert f"{labels['n_desirable']} desirable, {labels['n_undesirable']} undesirable" in said
    assert all(f"{who} {n}" in said for who, n in labels["decided_by"].items())
    assert f"{truth['agree']} of {truth['n']} labels" in said
    assert interval(truth["interval"]) in said

    rows = shown_table(executed["rows"])
    assert {row[2] for row in rows} == {"True", "False"}
    assert all(row[0] and row[1] for row in rows)
    assert {row[4] for row in rows} <= set(labels["decided_by"])

    votes = ("n_desirable", "n_undesirable", "n_abstain", "n_not_applicable")
    for row, labeler in zip(shown_table(executed["labelers"]), report["labelers"], strict=True):
        agreement = labeler.get("agreement_with_truth")
        assert row[:2] == [labeler["labeler"], labeler["kind"]]
        assert [int(n) for n in row[2:6]] == [labeler[name] for name in votes]
        assert row[6:8] == [f"{labeler[name]:.3f}" for name in ("coverage", "conflict")]
        assert row[8] == (interval(agreement) if agreement else "–")


@pytest.mark.slow
@shares_a_run
def test_balance_training_and_evaluation_are_the_reports(executed, report):
    balance, evaluation = report["balance"], report["evaluation"]
    said = printed(executed["balance"])
    assert f"desirable_weight {balance['desirable_weight']}," in said
    assert f"undesirable_weight {balance['undesirable_weight']}\n" in said
    assert balance["reason"] in said

    last = {point["stage"]: point for point in report["training"]["curves"]}
    rows = shown_table(executed["training"])
    assert [row[2] for row in rows] == [f"{last[stage]['loss']:.3f}" for stage in ("sft", "kto", "control")]

    assert shown_table(executed["evaluation"]) == [
        [name, interval(evaluation[name]["auc"]), interval(evaluation[name]["pair_accuracy"])]
        for name in ("reference", "trained", "control")
    ]
    generated = evaluation["generated"]
    by_training, by_held_out, words = shown_table(executed["generated"])
    columns = ("reference", "trained", "difference")
    assert by_training[1:] == [interval(generated["training_labelers"][name]) for name in columns]
    assert by_held_out[1:] == [interval(generated["held_out_labelers"][name]) for name in columns]
    assert words[1:3] == [f"{generated['mean_words'][name]:.1f}" for name in columns[:2]]
    assert [row[0] for row in shown_table(executed["answers"])] == [
        s["prompt"] for s in evaluation["samples"]
    ]


@pytest.mark.slow
def test_tables_escape_what_comes_from_outside_and_leave_its_dollars_alone():
    import matplotlib.pyplot as plt
    import pandas as pd

    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    names = {"plt": plt, "pd": pd}
    with plt.rc_context(), pd.option_context("styler.html.mathjax", True):  # what the cell sets is put back
        exec(cells["helpers"].source, names)
        markup = names["table"](
            pd.DataFrame({"completion": ["<script>alert(1)</script> $5 or $6"]})
        ).to_html()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $5 or $6" in markup
    assert "<script>" not in markup
    assert "tex2jax_ignore" in markup  # MathJax passes the table by


@pytest.mark.slow
def test_a_missing_run_is_named_with_the_way_to_make_one(tmp_path):
    with pytest.raises(CellExecutionError) as caught:
        execute(tmp_path, KTO_RUN="no-such-run")
    assert caught.value.ename == "FileNotFoundError"
    assert caught.value.evalue == (
        "No finished run in no-such-run (a report.json is missing there). Make one with `make quickstart`, "
        "or let the variable KTO_RUN name the folder of a quickstart run."
    )
