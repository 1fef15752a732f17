"""The page in a real browser: light, dark and narrow; nothing overflows, nothing runs, nothing is logged."""

import html
import json
import re
import shutil
import subprocess

import pytest

from kto_data.report.render import render, write_report

BROWSER = next(filter(None, map(shutil.which, ["chromium", "google-chrome", "chromium-browser"])), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on this machine"),
]

SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]

# measures the page inside a frame of a given width; the frame has the page's own security policy
FRAME = """<!doctype html><body><iframe id="frame" width="{width}" height="900" srcdoc="{page}"></iframe>
<p id="found"></p><script>
window.hit = 0;
document.getElementById("frame").addEventListener("load", (event) => {{
  const inner = event.target.contentDocument, root = inner.documentElement;
  document.getElementById("found").textContent = JSON.stringify({{
    inner: root.clientWidth, content: root.scrollWidth, hit: window.hit, title: inner.title,
    paper: event.target.contentWindow.getComputedStyle(inner.body).backgroundColor,
  }});
}});
</script></body>"""


def browse(tmp_path, *switches):
    profile = tmp_path / "profile"
    profile.mkdir(exist_ok=True)
    return subprocess.run(
        [BROWSER, *SWITCHES, f"--user-data-dir={profile}", *switches],
        capture_output=True,
        text=True,
        timeout=120,
    )


def measure(tmp_path, page, width, *switches):
    framed = tmp_path / "framed.html"
    framed.write_text(FRAME.format(width=width, page=html.escape(page)), encoding="utf-8")
    outcome = browse(tmp_path, *switches, "--dump-dom", framed.as_uri())
    found = re.search(r'<p id="found">(.*?)</p>', outcome.stdout)
    assert found, outcome.stderr
    return json.loads(html.unescape(found[1])), outcome.stderr


DARK = "--blink-settings=preferredColorScheme=0"
LIGHT = "--blink-settings=preferredColorScheme=1"


@pytest.mark.parametrize(
    ("width", "scheme", "paper"),
    [
        (1000, LIGHT, "rgb(253, 252, 250)"),
        (1000, DARK, "rgb(21, 22, 24)"),
        (400, LIGHT, "rgb(253, 252, 250)"),
        (320, DARK, "rgb(21, 22, 24)"),
    ],
)
def test_the_page_fits_in_its_width_and_follows_the_colour_scheme(tmp_path, facts, width, scheme, paper):
    found, log = measure(tmp_path, render(facts), width, scheme)
    assert found["paper"] == paper
    assert found["content"] <= found["inner"] <= width
    assert "CONSOLE" not in log


def test_unbroken_hostile_text_neither_runs_nor_widens_the_page(tmp_path, facts):
    evil = "<script>parent.hit = 1</script><img src=x onerror='parent.hit = 1'>" + "W" * 3000
    facts["title"] = facts["pipeline"] = evil
    facts["training"]["model"] = evil
    facts["balance"]["reason"] = evil
    facts["balance"]["by_model"][0]["name"] = evil
    facts["labels"]["decided_by"][evil] = 1
    facts["accounting"]["dropped"] = {evil: {evil: 1}}
    facts["evaluation"]["samples"] = [{"prompt": evil, "reference": evil, "trained": evil}]
    found, log = measure(tmp_path, render(facts), 400)
    assert found["hit"] == 0
    assert found["title"].startswith("<script>")
    assert found["content"] <= found["inner"]
    assert "CONSOLE" not in log


@pytest.mark.parametrize(("size", "scheme"), [("1000,3000", LIGHT), ("1000,3000", DARK), ("400,3000", LIGHT)])
def test_a_screenshot_can_be_taken(tmp_path, facts, size, scheme):
    page, _ = write_report(tmp_path, facts)
    picture = tmp_path / "page.png"
    outcome = browse(tmp_path, scheme, f"--window-size={size}", f"--screenshot={picture}", page.as_uri())
    assert picture.exists(), outcome.stderr
    assert picture.stat().st_size > 50_000
    assert "CONSOLE" not in outcome.stderr
