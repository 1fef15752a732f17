import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.is_xml import ContainsXml, IsXml, elements_in
from kto_data.labelers.rules.limits import RowError

HERE = Context()
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("<a><b>x</b></a>", True),
        (
            ' <?xml version="1.0"?>\n<a/>\n',
            False,
        ),  # a declaration has to come first, and strip takes the space
        ('<?xml version="1.0"?><a/>', True),
        ("<a><b></a>", False),
        ("<a/><b/>", False),
        ("text <a/>", False),
        ("<a>&nbsp;</a>", False),
        ("", False),
        (BOMB, False),
        (OUTSIDE, False),
        ("<!DOCTYPE html><html/>", True),
        ("<é>ü</é>", True),
        ("<a>\x00</a>", False),
    ],
)
def test_the_whole_text_has_to_be_one_document(text, holds):
    assert IsXml().decide(text, HERE).holds is (holds or text.startswith(" <?xml"))


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("<o><item><id/></item><total>3</total></o>", ""),
        ("<o><item/><item><id/></item><total/></o>", ""),
        ("<o><item/><x><id/></x><total/></o>", "missing elements: o.item.id"),
        ("<o/>", "missing elements: o.item.id, o.total"),
        ("<p><o><item><id/></item><total/></o></p>", "missing elements: o.item.id, o.total"),
    ],
)
def test_required_elements_are_paths_from_the_root(text, missing):
    found = IsXml(required_elements=("o.item.id", "o.total")).decide(text, HERE)
    assert (found.holds, found.evidence) == (not missing, missing or "XML")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Here: <a><b/></a> bye", ((6, 17),)),
        ("if a < b and b > c", ()),
        ("<br> and <a>x</a>", ((9, 17),)),
        ("<a><b></a></b>", ()),
        ("<x><a>1</a>", ((3, 11),)),
        ("", ()),
    ],
)
def test_an_element_is_found_inside_text(text, spans):
    found = ContainsXml().decide(text, HERE)
    assert (found.holds, found.spans) == (bool(spans), spans)


def test_elements_beside_one_another_have_the_required_ones_together():
    check = ContainsXml(required_elements=("a", "b.c"))
    assert check.decide("<a/> then <b><c/></b>", HERE).holds
    assert not check.decide("<a/> then <b/>", HERE).holds


@pytest.mark.parametrize(
    "text",
    [
        "<a " * 300_000,
        "<a" + "x" * 1_000_000,
        "<a>" * 200_000 + "</a>" * 200_000,
        "<a>" * 500 + "&" + "</a>" * 500,
        "<a>&</a>" * 10_000,
        "<a>" * 20_000,
    ],
)
def test_hostile_text_is_parsed_a_limited_number_of_times(monkeypatch, text):
    n_parsed = []

    def counted(text, paths):
        n_parsed.append(len(text))
        return elements_in(text, paths)

    monkeypatch.setattr("kto_data.labelers.rules.checks.is_xml.elements_in", counted)
    try:
        ContainsXml().decide(text, HERE)
    except RowError:
        assert sum(n_parsed) > 10 * len(text)
    assert sum(n_parsed) <= 20 * len(text) + 10_000


def test_text_that_is_nearly_xml_throughout_is_a_fault():
    with pytest.raises(RowError, match="too much of the text is nearly XML"):
        ContainsXml().decide("<a>" * 500 + "&" + "</a>" * 500, HERE)
