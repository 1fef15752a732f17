import time

import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.is_html import ContainsHtml, IsHtml

HERE = Context()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("<!DOCTYPE html><html><body><p>Hi</body></html>", True),
        ("<div>Content</div>", True),
        ("<h1>Title</h1>\n<p>Text with a < b</p>", True),
        ('<img src="a.jpg" />', True),
        ("<ul><li>one<li>two</ul>", True),
        ('<a href="x>y" hidden>z</a>', True),
        ("<script>if (a < b) { c('</p>') }</script>", True),
        ("<svg><path d='M0'/><g></g></svg>", True),
        ("<my-card>x</my-card>", True),
        ("Just text", False),
        ("Text before <div>HTML</div> text after", False),
        ('<?xml version="1.0"?><root></root>', False),
        ("<root><child/></root>", False),
        ("<div>Unclosed div", False),
        ("<div></span></div>", False),
        ("<!-- only a comment -->", False),
        ("", False),
    ],
)
def test_the_whole_text_has_to_be_html(text, holds):
    assert IsHtml().decide(text, HERE).holds is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("See <b>this</b>.", True),
        ("<br/>", True),
        ("<!DOCTYPE html><html>", True),
        ("a &amp; b <!-- c -->", True),
        ("a < b and c > d", False),
        ("write to <name@example.com>", False),
        ("AT&amp;T", False),
        ("use the <placeholder> here", False),
        ("", False),
    ],
)
def test_two_signs_make_html(text, holds):
    assert ContainsHtml().decide(text, HERE).holds is holds


@pytest.mark.parametrize(
    "text",
    [
        "<a " * 100_000,
        "<a" + " " * 300_000,
        "<div>" + "<a '" * 100_000,
        "<!--" * 100_000,
        "<p>" * 100_000,
        "<div>" + "<script>x</script>" * 20_000,
        "<svg>" + "<g>" * 100_000,
        '<a b="' + "x " * 300_000,
    ],
)
def test_hostile_text_is_read_in_time(text):
    start = time.monotonic()
    IsHtml().decide(text, HERE)
    ContainsHtml().decide(text, HERE)
    assert time.monotonic() - start < 5
