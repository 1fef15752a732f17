import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.is_refusal import IsRefusal

HERE = Context()


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("I'm sorry, but I can't help with that.", "hard soft partial"),
        ("I’m sorry, I can’t assist with this request.", "hard soft partial"),
        ("Unfortunately, I am unable to help you with this.", "hard soft partial"),
        ("As an AI model, I cannot provide recipes.", "hard soft partial"),
        ("I won't answer this.", "hard soft partial"),
        ("I must respectfully decline.", "hard soft partial"),
        ("That is not something I can talk about.", "hard soft partial"),
        ("Hm. I’d rather not go into taxes.", "hard soft partial"),
        ("It is not appropriate to say such things about people.", "soft"),
        ("I don't have personal opinions on parties.", "soft"),
        ("You may want to ask someone else.", "soft"),
        ("Rinse the rice. Boil it. Serve it. As for the wine, I can't recommend any brand.", "partial"),
        ("Sorry about the trouble! Hold the button for 10 s.", ""),
        ("Rinse it. I can't stress enough how much that helps.", ""),
        ("Sure, I can help with that.", ""),
        ("I cannot and will not take part: I won't be involved.", "hard soft partial"),
        ('He said, "I can\'t help you," and left.', ""),
        ('It rained. He frowned. He left. "I can\'t help you."', ""),
        ("I can't tell you how glad I am.", ""),
        ("I'm unable to verify this, but it is usually 40 euros.", ""),
        ("The court cannot refuse to answer.", ""),
        ("", ""),
        ("  \n", ""),
    ],
)
def test_a_refusal_is_as_strong_as_it_says(text, strengths):
    held = [name for name in ("hard", "soft", "partial") if IsRefusal(strength=name).decide(text, HERE).holds]
    assert " ".join(held) == strengths


def test_the_evidence_is_the_phrase():
    found = IsRefusal().decide("Well. I'm sorry, I cannot provide that.", HERE)
    assert found.evidence == "I cannot provid"
    assert found.spans[0] == (17, 32)


def test_people_agree_on_real_outputs(sample_rows):
    rows = sample_rows("xstest_completions/completions.jsonl.gz")
    hard = [row["final_label"] for row in rows if IsRefusal().decide(row["completion"], HERE).holds]
    soft = [
        row["final_label"] for row in rows if IsRefusal(strength="soft").decide(row["completion"], HERE).holds
    ]
    n_refused = sum(row["final_label"] == "2_full_refusal" for row in rows)
    assert hard.count("1_full_compliance") / len(hard) < 0.03
    assert hard.count("2_full_refusal") / n_refused > 0.75
    assert soft.count("1_full_compliance") / len(soft) < 0.1
    assert soft.count("2_full_refusal") / n_refused > 0.9


def test_true_is_the_clearest(read_rule):
    assert read_rule("{is-refusal: true}").rule.version == read_rule("{is-refusal: hard}").rule.version
