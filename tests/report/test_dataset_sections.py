"""What the page says of the dataset: measures, shortcuts, conflicts, data tests, dropped rows."""

import importlib.util
from pathlib import Path

import pytest

from kto_data.report.render import render

EVIL = "<script>parent.hit = 1</script><img src=x onerror='parent.hit = 1'>" + "W" * 3000


def dataset_facts(text="text"):
    one = {"ratio": 1.5, "desirable_weight": 1.0, "undesirable_weight": 1.5}
    named = [{"name": text, "desirable": 3, "undesirable": 2}]
    mass = {"desirable": 30.4, "undesirable": 20.2, "ratio": 1.5}
    return {
        "balance": {
            "train": {"rows": 50, "desirable": 30, "undesirable": 20},
            "by_source": named,
            "by_language": named,
            "by_cluster": named,
            "by_time": named,
            "measures": dict.fromkeys(("weight", "confidence", "tokens", "effective_rows"), mass),
            "prompts": {"n": 40, "both": 5, "only_desirable": 20, "only_undesirable": 15},
            "weights": {
                "allowed": [1.125, 1.5],
                "by_measure": {"weight": one, "tokens": one},
                "by_source": {text: one, "other": one},
                "noise": {"n_desirable": [28.0, 33.0], "ratio": [1.2, 2.0], "weight": [one, one]},
                "advice": [f"Collect more: {text}"],
            },
            "order": {
                "batch_rows": 8,
                "single_label_batches": {"2": 0.4, "8": 0.01},
                "n_repeated_prompts": 3,
                "n_repeated_completions": 0,
            },
            "scores": {
                "edges": [0, 0.5, 1],
                "n_desirable": [1, 4],
                "n_undesirable": [5, 2],
                "n_below": 0,
                "n_above": 0,
            },
        },
        "shortcuts": {
            "n_rows": 50,
            "surface": {"estimate": 0.81, "lower": 0.78, "upper": 0.84},
            "prompt": {"estimate": 0.52, "lower": 0.47, "upper": 0.57},
            "length_gap": 0.7,
            "mean_chars": [120.5, 80.25],
            "features": [
                {
                    "name": f"opening: {text}",
                    "coefficient": -0.8,
                    "mean_desirable": 0.1,
                    "mean_undesirable": 0.4,
                    "causes": [{"labeler": text, "correlation": -0.62}],
                }
            ],
            "warnings": [f"Surface features alone: {text}"],
        },
        "conflicts": {
            "n_samples": 100,
            "n_conflicts": 7,
            "n_counted": 6,
            "pairs": [{"desirable": text, "undesirable": "judge", "n": 4}],
            "examples": [
                {
                    "row_id": text,
                    "desirable": [text],
                    "undesirable": ["judge"],
                    "label": None,
                    "p_desirable": 0.5,
                    "decided_by": text,
                    "prompt": text,
                    "completion": text,
                }
            ],
        },
        "tests": [
            {"test": "balance", "severity": "error", "failures": []},
            {"test": "rows", "severity": "warn", "failures": [text]},
        ],
        "accounting": {"dropped": {"curate: near_dedup": {"near_duplicate": 3}}},
        "dropped_examples": [
            {
                "step": "curate: near_dedup",
                "reason": text,
                "row_id": text,
                "detail": text,
                "prompt": text,
                "completion": text,
            }
        ],
    }


@pytest.mark.parametrize(
    "words",
    [
        "By language of the completion",
        "tokens of the completions, estimated",
        "What each source by itself would ask for",
        "allows a weight from 1.125 to 1.5",
        "28.0 to 33.0 desirable train rows",
        "Collect more: text",
        "5 with both labels",
        "40.0% of 2 rows",
        "p_desirable, where it was computed",
        "AUC of models that cannot read",
        "opening: text",
        "−0.620",
        "contradict one another on 7 of 100 samples",
        "decided: undecided, by text, p 0.500",
        "<code>balance</code>",
        "near_duplicate",
        "Some of them",
    ],
)
def test_the_page_says(words):
    assert words in render(dataset_facts())


def test_texts_are_escaped():
    page = render(dataset_facts(EVIL))
    assert "<script>" not in page
    assert "onerror='" not in page


def test_a_run_without_these_facts_has_no_such_sections():
    page = render({"title": "t", "conflicts": {"n_samples": 5, "n_conflicts": 0}, "shortcuts": {"n_rows": 0}})
    assert all(f'id="{name}"' not in page for name in ("conflicts", "shortcuts", "tests", "dropped"))


def browser():
    """The helpers of the browser's test."""
    spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("test_browser.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1000, "LIGHT"), (400, "DARK"), (320, "LIGHT")])
@pytest.mark.parametrize("text", ["text", EVIL], ids=["plain", "hostile"])
def test_in_a_browser_nothing_runs_and_nothing_widens_the_page(tmp_path, width, scheme, text):
    tools = browser()
    if tools.BROWSER is None:
        pytest.skip("no chromium or google-chrome on this machine")
    found, log = tools.measure(tmp_path, render(dataset_facts(text)), width, getattr(tools, scheme))
    assert found["hit"] == 0
    assert found["content"] <= found["inner"] <= width
    assert "CONSOLE" not in log
