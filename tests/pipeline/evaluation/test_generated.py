"""What rules say of generated outputs, against cases worked out by hand."""

import pyarrow as pa
import pytest

from kto_data.labelers.rules.load import load_rules
from kto_data.pipeline.evaluation.generated import N_SAMPLES, as_rows, judge_generated
from kto_data.pipeline.evaluation.panel import Panel
from kto_data.schema import content_id, rows_schema


@pytest.fixture
def rules(tmp_path):
    """Rules that find a word undesirable (and one that votes desirable, which must not count)."""

    def loaded(*words):
        text = (
            "version: 1\nruleset: t\nrules:\n  - {id: kind, vote: desirable, match: {contains-any: [kind]}}\n"
        )
        for word in words:
            text += f"  - {{id: no-{word}, vote: undesirable, match: {{contains-any: [{word}]}}}}\n"
        path = tmp_path / f"{'-'.join(words)}.yaml"
        path.write_text(text)
        return load_rules([path.name], base=tmp_path)

    return loaded


def test_the_difference_of_two_shares_is_that_of_paired_data(rules, answers):
    # of ten prompts the reference is rude on 0-4, the trained model on 3-5: three gained, one lost
    reference = answers(*(["rude"] * 5 + ["fine"] * 5))
    trained = answers(*(["fine"] * 3 + ["rude"] * 3 + ["fine"] * 4))
    found = judge_generated(reference, trained, training=Panel(rules("rude")), held_out=Panel())["generated"]
    compared = found["training_labelers"]
    assert (compared["reference"]["estimate"], compared["reference"]["n"]) == (0.5, 10)
    assert (compared["trained"]["estimate"], compared["trained"]["n"]) == (0.7, 10)
    # Wilson, 5 of 10: (0.5 + z^2/20 +- z sqrt(0.25/10 + z^2/400)) / (1 + z^2/10) with z = 1.959964
    assert compared["reference"]["lower"] == pytest.approx(0.23659, abs=1e-5)
    assert compared["reference"]["upper"] == pytest.approx(0.76341, abs=1e-5)
    # half a prompt in each of the four cells: (3.5 - 1.5) / 12 +- z sqrt(5 - 12 (2/12)^2) / 12
    assert compared["difference"]["estimate"] == pytest.approx(0.2)
    assert compared["difference"]["lower"] == pytest.approx(0.166667 - 0.352835, abs=1e-5)
    assert compared["difference"]["upper"] == pytest.approx(0.166667 + 0.352835, abs=1e-5)
    assert "held_out_labelers" not in found


def test_an_answer_counts_as_undesirable_when_any_rule_minds_it(rules, answers):
    texts = ["rude", "loud", "rude and loud", "fine"]
    found = judge_generated(
        answers(*texts), answers(*["fine"] * 4), training=Panel(rules("rude", "loud")), held_out=Panel()
    )["generated"]
    assert found["training_labelers"]["reference"]["estimate"] == 0.25
    by_labeler = {rule["labeler"]: rule for rule in found["by_labeler"]}
    assert {name: rule["reference"]["estimate"] for name, rule in by_labeler.items()} == {
        "no-rude": 0.5,
        "no-loud": 0.5,
    }
    assert all(rule["trained"]["estimate"] == 1.0 for rule in by_labeler.values())


def test_rules_held_out_are_counted_apart(rules, answers):
    found = judge_generated(
        answers("rude", "fine"),
        answers("loud", "loud"),
        training=Panel(rules("rude")),
        held_out=Panel(rules("loud")),
    )["generated"]
    shares = {
        key: (found[key]["reference"]["estimate"], found[key]["trained"]["estimate"])
        for key in ("training_labelers", "held_out_labelers")
    }
    assert shares == {"training_labelers": (0.5, 1.0), "held_out_labelers": (1.0, 0.0)}
    assert {rule["labeler"]: rule["held_out"] for rule in found["by_labeler"]} == {
        "no-rude": False,  # of the others, only rules that minded something
        "kind": True,
        "no-loud": True,
    }
    assert found["held_out_labelers"]["labelers"] == ["kind", "no-loud"]


def test_lengths_are_means_over_the_answers(rules, answers):
    found = judge_generated(
        answers("one", "one two three"), answers("", "a b"), training=Panel(rules("rude")), held_out=Panel()
    )["generated"]
    assert found["mean_words"] == {"reference": 2.0, "trained": 1.0}
    assert found["mean_chars"] == {"reference": 8.0, "trained": 1.5}
    assert found["n_prompts"] == 2


def test_samples_show_both_answers_to_a_prompt(answers):
    reference, trained = (
        answers(*[f"before {i}" for i in range(9)]),
        answers(*[f"after {i}" for i in range(9)]),
    )
    samples = judge_generated(reference, trained, training=Panel(), held_out=Panel())["samples"]
    assert len(samples) == N_SAMPLES < 9
    assert samples[1] == {"prompt": "question 1", "reference": "before 1", "trained": "after 1"}


def test_without_answers_there_are_no_figures(rules, answers):
    found = judge_generated(answers(), answers(), training=Panel(rules("rude")), held_out=Panel())[
        "generated"
    ]
    compared = found["training_labelers"]
    assert (compared["reference"], compared["trained"], compared["difference"]) == (None, None, None)
    assert found["by_labeler"] == []


@pytest.mark.parametrize("as_text", [False, True])
def test_generated_outputs_become_rows(as_text, answers):
    table = answers("yes")
    if as_text:
        line = {"prompt_id": "p0", "prompt": "question 0", "completion": "yes", "finish_reason": "stop"}
        table = pa.Table.from_pylist([line])
    rows = as_rows(table)
    assert rows.schema.equals(rows_schema())
    [row] = rows.to_pylist()
    asked, answered = [{"role": "user", "content": "question 0"}], [{"role": "assistant", "content": "yes"}]
    assert (row["row_id"], row["prompt_id"], row["finish_reason"]) == ("generated#answer-0", "p0", "stop")
    assert row["sample_id"] == content_id(asked, answered)
    assert [(message["role"], message["content"]) for message in row["completion"]] == [("assistant", "yes")]
