"""What the page says of the people who answered."""

from kto_data.labelers.humans.answers import Answer
from kto_data.labelers.humans.report import agreement_report
from kto_data.report.render import render

EVIL = "<script>parent.hit = 1</script><img src=x onerror='parent.hit = 1'>@example.com"


def facts(second="bob@example.com"):
    """Ten samples on which two people agree eight times; the first is asked about one whose label is known."""
    answers = [
        Answer(f"s{number}", name, verdict, 4.0 if name == second else 0.5, number, number == 0 or None)
        for number in range(10)
        for name, verdict in (
            ("ann@example.com", "desirable" if number < 6 else "undesirable"),
            (second, "desirable" if number < 4 else "undesirable"),
        )
    ]
    return {"annotators": agreement_report(answers), "labels": {"n_disputed": 2}}


def test_agreement_annotators_and_pairs_are_told_with_intervals():
    page = render(facts())
    assert "20 answers on 10 samples, 10 of them with two or more" in page
    assert "2 annotators disagree, and 2 wait for a reviewer" in " ".join(page.split())
    # agreeing on 8 of 10, with shares .6 and .4: kappa = (.8 - .48) / (1 - .48)
    assert "0.615 (" in page
    assert "80.0% (" in page
    assert "faster than anybody reads" in page
    assert "<code>bob@example.com</code>" in page


def test_an_address_is_shown_as_text():
    page = render(facts(EVIL))
    assert "<script>" not in page
    assert "onerror='" not in page
    assert "&lt;script&gt;parent.hit = 1&lt;/script&gt;" in page


def test_without_answers_there_is_no_such_section():
    assert 'id="annotators"' not in render({"annotators": agreement_report([])})
    assert 'id="annotators"' in render(facts())
