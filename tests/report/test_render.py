"""The page: complete, escaped, self-contained; and the two files."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from kto_data.report.render import ROWS_LIMIT, TEXT_LIMIT, render, write_report
from kto_data.report.text import printable

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "{{ 7 * 191 }}{% for x in y %}",
    "</style><style>body{display:none}",
    "</title><iframe src='javascript:alert(1)'>",
    "&lt;b&gt; <!-- ]]> -->",
    "nul \x00 bell \x07 escape \x1b[31m",
    "right to left \u202e\u2066 zero \u200b\ufeff half \ud800 tag \U000e0041",
]


class Page(HTMLParser):
    """What an HTML parser makes of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.ids, self.text = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.text.append(data)


def everywhere(text):
    """Facts that carry one text wherever a run could bring one in."""
    return {
        "title": text,
        "pipeline": text,
        "seed": text,
        "created_at": text,
        "versions": {text: text},
        "accounting": {
            "n_records": 1,
            "n_quarantined": 1,
            "quarantined": {text: 1},
            "n_rows": 1,
            "n_dataset": {text: 0},
            "dropped": {text: {text: 1}},
        },
        "quarantined_examples": [
            {"file": text, "record": 1, "reason": text, "detail": text, "excerpt": text},
        ],
        "balance": {
            "train": {"rows": 1, "desirable": 1, "undesirable": 0},
            "reason": text,
            "by_source": [{"name": text, "desirable": 1, "undesirable": 0}],
            "by_model": [{"name": text, "desirable": 1, "undesirable": 0}],
        },
        "labelers": [
            {
                "labeler": text,
                "kind": text,
                "mode": text,
                "n_desirable": 1,
                "card": {"echoes": [{"labeler": text, "correlation": 0.5, "n_both": 1}]},
            }
        ],
        "labels": {"decided_by": {text: 1}, "method": text, "notes": [text], "rounds": [{"round": text}]},
        "training": {"model": text, "curves": [{"stage": text, "step": 1, "loss": 1.0}]},
        "evaluation": {
            "n_rows": 1,
            "labels_from": text,
            "generated": {
                "held_out_labelers": {"labelers": [text]},
                "rule_gaming": {"words": text},
                "kl": {"estimate": 1.0, "estimator": text},
                "by_labeler": [{"labeler": text, "held_out": True, "reference": 0.5, "trained": 0.5}],
            },
            "gate": {"limits": [{"figure": text, "problem": text}], "failures": [text]},
            "samples": [{"prompt": text, "reference": text, "trained": text}],
        },
        "lineage": {
            "inputs": [{"file": text, "bytes": 1, "hash": text, "records": 1}],
            "steps": [{"step": text, "hash": text}],
        },
    }


def shape(html):
    """Tags and attribute names of a page: what hostile text must not change."""
    page = Page(html)
    return page.tags, [(tag, name) for tag, name, _ in page.attributes]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_tag_and_no_attribute(text):
    assert shape(render(everywhere(text))) == shape(render(everywhere("harmless")))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is_in_every_place(text):
    n_places = "".join(Page(render(everywhere("harmless"))).text).count("harmless")
    assert n_places >= 25
    assert "".join(Page(render(everywhere(text))).text).count(printable(text)) == n_places


def test_no_character_of_the_page_hides_or_reorders():
    page = render(everywhere("".join(HOSTILE)))
    page.encode("utf-8")
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", page
    )


def test_the_page_loads_nothing_and_runs_nothing(facts):
    page = Page(render(facts))
    assert not {"script", "link", "iframe", "img", "object", "embed", "base", "form"} & set(page.tags)
    for _, name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "srcset", "style", "xlink:href")
        if name == "href":
            assert value.startswith("#")
            assert value[1:] in page.ids
    assert not re.search(r"https?://|@import|url\(", render(facts))
    assert (
        "meta",
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    ) in (page.attributes)


def test_ids_are_unique_and_every_chart_is_named_and_described(facts):
    page = Page(render(facts))
    assert len(page.ids) == len(set(page.ids))
    named = [value.split() for _, name, value in page.attributes if name == "aria-labelledby"]
    assert len(named) == 10  # 2 histograms, 2 rankings, 2 shares, 4 training curves
    assert all(target in page.ids for pair in named for target in pair)


@pytest.mark.parametrize(
    ("facts", "texts"),
    [
        ({}, ["kto-data run"]),
        ({"title": "T", "seed": 0}, ["seed 0"]),
        ({"training": {"model": "tiny"}}, ["was not evaluated", "tiny"]),
        ({"accounting": {}, "evaluation": {}, "labelers": [], "lineage": {}}, ["kto-data run"]),
        ({"accounting": {"n_records": 0, "n_rows": 0}}, ["The sums add up"]),
        ({"labelers": [{"labeler": "x"}], "labels": {"n_desirable": 0}}, ["x", "–"]),
        ({"evaluation": {"trained": {"auc": None, "pair_accuracy": None}}}, ["trained", "–"]),
        ({"balance": {"train": {"rows": 0, "desirable": 0, "undesirable": 0}}}, ["train"]),
    ],
)
def test_missing_facts_are_left_out(facts, texts):
    page = "".join(Page(render(facts)).text)
    assert all(text in page for text in texts)
    assert "None" not in page
    assert "Undefined" not in page


def numbers(value, path=()):
    """All numbers of the facts, with the way to them."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def ways_to_write(value):
    """The forms in which the page may give a number."""
    texts = {f"{value:,}", f"{value:.3f}", f"{100 * value:.1f}", f"{value:,.4g}", f"{value:+.1f}"}
    if isinstance(value, float):
        texts |= {f"{value:.1f} s", f"{value:.2f} s", f"{int(value) // 60} min {round(value) % 60:02d} s"}
    else:
        texts |= {f"{value / 1e6:.1f} MB", f":{value}<"}
    return {text.replace("-", "−") for text in texts}


def test_every_given_number_appears(facts):
    facts["evaluation"]["samples"] = []
    page = render(facts)
    missing = [
        (path, value)
        for path, value in numbers(facts)
        # curves and histograms are drawn, not listed
        if not {"curves", "rewards", "lengths"} & set(path)
        and not any(text in page for text in ways_to_write(value))
    ]
    assert missing == []


@pytest.mark.parametrize(("key", "what"), [("n_undecided", "rows"), ("n_used", "records")])
def test_the_accounts_are_added_up_and_a_gap_is_said(facts, key, what):
    assert "The sums add up" in render(facts)
    facts["accounting"][key] -= 5
    page = render(facts)
    assert "The sums add up" not in page
    assert "unaccounted for" in page
    assert f"The {what} do not add up" in page


def test_a_megabyte_of_output_is_cut_with_a_note_and_complete_in_json(tmp_path, facts):
    facts["evaluation"]["samples"] = [{"prompt": "p", "reference": "x" * 1_000_000, "trained": "y"}]
    html, as_json = write_report(tmp_path, facts)
    page = html.read_text(encoding="utf-8")
    assert len(page) < 120_000
    assert "x" * TEXT_LIMIT in page
    assert "x" * (TEXT_LIMIT + 1) not in page
    assert "998,000 more characters are in report.json" in page
    assert json.loads(as_json.read_text())["evaluation"]["samples"][0]["reference"] == "x" * 1_000_000


def test_long_lists_are_cut_with_a_note(facts):
    example = facts["quarantined_examples"][0]
    facts["quarantined_examples"] = [{**example, "record": 70_000 + n} for n in range(ROWS_LIMIT + 5)]
    facts["accounting"]["n_quarantined"] = 31
    page = render(facts)
    assert f":{70_000 + ROWS_LIMIT - 1}" in page
    assert f":{70_000 + ROWS_LIMIT}<" not in page
    assert f"{ROWS_LIMIT} of 31 quarantined records" in page


def test_json_holds_the_same_facts_without_nan_and_numpy(tmp_path, facts):
    facts["training"]["curves"][3]["loss"] = float("nan")
    facts["seed"] = np.int64(7)
    facts["title"] = "half \ud800"
    _, as_json = write_report(tmp_path / "new", facts)
    read = json.loads(as_json.read_text(encoding="utf-8"))
    assert read["training"]["curves"][3]["loss"] is None
    assert (read["seed"], read["title"]) == (7, "half \ud800")
    assert read["labelers"] == facts["labelers"]


def test_writing_replaces_an_old_report_and_leaves_nothing_else(tmp_path, facts):
    write_report(tmp_path, {})
    write_report(tmp_path, facts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert "Support bot" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_same_facts_give_the_same_page(facts):
    assert render(facts) == render(facts)


def test_values_that_json_cannot_hold_are_our_mistake():
    with pytest.raises(TypeError, match="set"):
        render({"title": {1, 2}})
