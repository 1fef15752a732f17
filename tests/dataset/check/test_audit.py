"""What `kto check` finds."""

import pytest

from kto_data.dataset.check.audit import CheckOptions, check_dataset


def mixed(make, n=200, **more):
    return [make(number, number % 2 == 0, **more) for number in range(n)]


def test_nothing_is_found_in_good_data(findings, make):
    assert findings(train=mixed(make), test=[make(f"held out {n}", n % 2 == 0) for n in range(20)]) == {}


def test_sorted_labels_are_an_error_with_a_fix(findings, make):
    found = findings(train=[make(n, n < 100) for n in range(200)])["single_label_batches"]
    assert (found.severity, found.figures["share"]) == ("error", pytest.approx(24 / 25))
    assert "order: mixed" in found.fix


def test_neighbours_of_one_prompt_or_completion_are_found(findings, make):
    neighbours = [make(n, n % 2 == 0, prompt=f"question {n // 2}") for n in range(200)]
    assert findings(train=neighbours)["same_prompt_in_batch"].figures["n"] == 100


def test_equal_completions_are_found(findings, make):
    found = findings(train=[make(n, n % 2 == 0, completion=f"answer {n % 5}") for n in range(200)])
    assert {"same_completion_in_batch", "canned_completion"} <= found.keys()


@pytest.mark.parametrize(("n_desirable", "severity"), [(150, "warning"), (190, "error")])
def test_a_balance_outside_the_range_names_the_weights(findings, make, n_desirable, severity):
    rows = [make(n, (n * n_desirable) % 200 < n_desirable) for n in range(200)]
    found = findings(train=rows)["class_weights"]
    assert found.severity == severity
    ratio = n_desirable / (200 - n_desirable)
    assert found.figures["undesirable_weight"] == pytest.approx(ratio)


def test_weights_that_fit_are_accepted_and_others_are_not(findings, make):
    rows = [make(n, n % 4 != 0) for n in range(200)]
    assert "class_weights" not in findings(
        CheckOptions(desirable_weight=1, undesirable_weight=3, shortcuts=False), train=rows
    )


def test_the_wrong_class_weighted_up_is_found(findings, make):
    rows = [make(n, n % 4 != 0) for n in range(200)]
    found = findings(CheckOptions(desirable_weight=3, undesirable_weight=1, shortcuts=False), train=rows)
    assert found["class_weights"].figures["ratio"] == pytest.approx(9)
    assert "neither_weight_is_one" not in found


def test_one_class_is_an_error(findings, make):
    assert findings(train=[make(n, True) for n in range(50)])["one_class"].severity == "error"


def test_duplicates_and_contradictions_are_told_apart(findings, make):
    rows = mixed(make) + [make(0, True)] + [make(n, n % 2 == 1) for n in range(10)]
    found = findings(train=rows)
    assert found["duplicates"].figures["n"] == 1
    assert found["contradictions"].figures["n"] == 21  # ten texts with both labels, one of them three times
    assert found["contradictions"].severity == "error"


def test_an_empty_desirable_answer_is_an_error(findings, make):
    found = findings(train=[*mixed(make), make(900, True, completion="  ")])["empty_completions"]
    assert (found.severity, found.examples) == ("error", ("train.jsonl:201",))


def test_a_prompt_on_both_sides_is_a_leak(findings, make):
    held_out = [make(1, True, completion="other"), make(2, True, prompt="QUESTION  2"), make("new", False)]
    found = findings(train=mixed(make), test=held_out)
    assert (found["leak"].severity, found["leak"].examples) == ("error", ("test.jsonl:1",))
    assert (found["near_leak"].severity, found["near_leak"].examples) == ("warning", ("test.jsonl:2",))


def test_labels_that_are_no_booleans_are_found(findings, make):
    found = findings(train=[*mixed(make), make(900, 0.7), make(901, 1)])
    assert found["bad_label"].severity == "error"
    assert found["label_type"].figures == {"bool": 200, "float": 1, "int": 1}


def test_rendered_texts_are_found(findings, make):
    rendered = [make(n, n % 2 == 0, prompt=f"<s>[INST] {n} [/INST]") for n in range(200)]
    assert findings(train=rendered)["template_markers"].severity == "error"


def test_a_last_batch_of_one_is_found(findings, make):
    assert findings(train=mixed(make, 201))["last_batch_of_one"].severity == "warning"


@pytest.mark.parametrize(
    ("weight", "name"), [(-1.0, "bad_row_weights"), ("x", "bad_row_weights"), (3.0, "row_weights_mean")]
)
def test_row_weights_are_looked_at(findings, make, weight, name):
    assert name in findings(train=mixed(make, weight=weight))


def test_records_of_two_layouts_are_an_error(findings, make):
    other = {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        "label": True,
    }
    assert findings(train=[*mixed(make), other])["mixed_layouts"].severity == "error"


def test_shortcuts_are_found_when_asked_for(opened, make):
    rows = [make(n, n % 2 == 0, completion="good " * (30 if n % 2 == 0 else 3) + str(n)) for n in range(200)]
    _, found = check_dataset(opened(train=rows), CheckOptions())
    assert any(one.name == "shortcut" and "longer" in one.reason for one in found)


def test_the_worst_comes_first(opened, make):
    _, found = check_dataset(
        opened(train=[make(n, n < 150) for n in range(200)]), CheckOptions(shortcuts=False)
    )
    order = [one.severity for one in found]
    assert order == sorted(order, key=["error", "warning", "note"].index)
