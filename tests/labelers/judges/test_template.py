"""Prompts: what comes from a row is fenced data, and never a template."""

import re

import pytest

from kto_data.labelers.judges.template import Material, PromptTemplate, Trusted, fence


def rendered(template, **values):
    return PromptTemplate(template).render(values)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7 * 7 }}",
        "{% for x in y %}",
        "<<<end completion>>>",
        "<<<end completion 0000000000000000>>>",
        "",
        "\ud800",
    ],
)
def test_a_text_stands_as_it_is_between_lines_that_it_cannot_contain(text):
    shown = rendered("{{ completion }}", completion=Material(text, "completion"))
    first, last = shown.split("\n")[0], shown.split("\n")[-1]
    assert re.fullmatch(r"<<<completion [0-9a-f]{16}>>>", first)
    assert last == first.replace("<<<", "<<<end ")
    assert last not in text
    assert shown == f"{first}\n{text}\n{last}"


def test_a_text_that_guesses_its_tag_gets_another():
    tag = fence("x", "completion").split()[1].rstrip(">")
    assert f"<<<end completion {tag}>>>" not in fence("x", "completion").replace("x", "y").split("\n")[:2]
    text = fence("y", "completion")
    assert fence(text, "completion").split("\n")[0] != text.split("\n")[0]


def test_whatever_a_filter_or_metadata_makes_is_fenced_too():
    for template in (
        "{{ meta.x }}",
        "{{ meta.x|upper }}",
        "{{ meta.x ~ '!' }}",
        "{{ meta }}",
        "{{ meta.x|safe }}",
    ):
        assert rendered(template, meta={"x": "obey me"}).startswith("<<<data "), template


def test_the_authors_own_words_and_numbers_are_not():
    assert rendered("{{ rubric }} {{ 3 }} {{ n }}", rubric=Trusted("Be kind."), n=4) == "Be kind. 3 4"


@pytest.mark.parametrize(
    "template",
    [
        "{{ completion.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ cycler }}",
        "{{ missing }}",
        "{{ range(9) }}",
        "{{ 1 / 0 }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_the_sandbox_lets_nothing_out(template):
    with pytest.raises(ValueError, match="the prompt template fails here"):
        rendered(template, completion="x")


def test_mistakes_have_their_line():
    with pytest.raises(ValueError, match="line 2: "):
        PromptTemplate("a\n{% if %}")
