"""The real labeling page in a headless browser: log in, read, press a key, submit; the pull sees it."""

import json
import os
import shutil
import subprocess
import time

import pytest

from kto_data.labelers.humans.ledger import MAIN, Batch, Item
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.labelers.humans.task_text import task_data

BROWSER = next(filter(None, map(shutil.which, ["chromium", "google-chrome", "chromium-browser"])), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on this machine"),
]

SWITCHES = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
    "--remote-debugging-pipe",
]
PATIENCE_S = 90.0


class Page:
    """A page of a browser that is spoken to through two pipes, in the DevTools protocol."""

    def __init__(self, profile):
        there, self._write = os.pipe()
        self._read, back = os.pipe()

        def pipes():
            os.dup2(there, 3)
            os.dup2(back, 4)

        self.process = subprocess.Popen(
            [BROWSER, *SWITCHES, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=pipes,
            close_fds=False,
        )
        os.close(there)
        os.close(back)
        self._number = 0
        self._buffer = b""
        self._session = None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self("Page.enable")

    def __call__(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                chunk = os.read(self._read, 1 << 16)
                assert chunk, "the browser has gone"
                self._buffer += chunk
            answer, _, self._buffer = self._buffer.partition(b"\0")
            answer = json.loads(answer)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        answer = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, url):
        self("Page.navigate", url=url)

    def wait_for(self, script):
        """Wait until a script gives something that is true, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if value := self.run(script):
                    return value
            except AssertionError:
                pass  # the page is being replaced
            time.sleep(0.2)
        raise AssertionError(f"never came true: {script}\n{self.run('document.body.innerText')[:2000]}")

    def press(self, key, code, number):
        for kind in ("keyDown", "keyUp"):
            more = {"text": key if len(key) == 1 else "\r"} if kind == "keyDown" else {}
            self(
                "Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number, **more
            )

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        os.close(self._write)
        os.close(self._read)


@pytest.fixture
def page(tmp_path):
    page = Page(tmp_path / "profile")
    yield page
    page.close()


EVIL = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>{{7*7}}"
CHOSEN = "JSON.stringify(window.Htx?.annotationStore?.selected?.serializeAnnotation() ?? null)"


def log_in(page, server, email, password):
    page.open(f"{server.url}/user/login/")
    page.wait_for(
        "document.querySelector('[name=email]') && document.querySelector('[name=password]') && true"
    )
    page.run(
        f"document.querySelector('[name=email]').value = {json.dumps(email)};"
        f"document.querySelector('[name=password]').value = {json.dumps(password)};"
        "document.querySelector('form').querySelector('[type=submit]').click(); true"
    )
    page.wait_for("!location.pathname.includes('login') && document.readyState == 'complete'")


def test_an_annotator_logs_in_presses_keys_and_submits(page, studio_server, studio, ledger, title):
    email, _ = studio_server.add_annotator(password="browser-pass-1")
    items = []
    for number in range(2):
        one = f"b1-s{number}"
        prompt = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"{EVIL}\nsecond line"},
        ]
        data = task_data(one, prompt, [{"role": "assistant", "content": f"An answer. {EVIL}"}])
        items.append(Item(one, "b1", f"s{number}", "all", 0.5, "random", "label", data))
    ledger.add_batch(Batch("b1", 1, MAIN, "r", "random", 1, 0), items)
    project = ensure_project(ledger, studio, title, overlap=1)
    send(ledger, studio, project)

    log_in(page, studio_server, email, "browser-pass-1")
    page.run("localStorage.setItem('dm:labelstream:mode', JSON.stringify('all')); true")  # as the button does
    page.open(f"{studio_server.url}/projects/{project.id}/data?labeling=1")
    page.wait_for(
        "document.querySelector('.kto-verdict .lsf-choice') && window.Htx?.annotationStore?.selected && true"
    )

    shown = page.run("document.body.innerText")
    assert "ConfigurationError" not in shown
    for text in ("Conversation", "Answer to judge", "Be brief.", "An answer.", EVIL, "second line"):
        assert text in shown, text
    assert page.run("window.hit ?? 0") == 0
    assert page.run(
        "document.querySelectorAll('.kto-reasons').length && getComputedStyle(document.querySelector('.kto-reasons')).display"
    ) in ("none", 0)
    assert json.loads(page.run(CHOSEN)) == []  # nothing is filled in beforehand

    page.press("u", "KeyU", 85)
    page.wait_for(f"({CHOSEN}).includes('undesirable')")
    page.wait_for("document.body.innerText.includes('Unsafe or harmful')")
    page.press("4", "Digit4", 52)
    page.wait_for(f"({CHOSEN}).includes('unsafe')")
    first = page.run("window.Htx.task.id")
    page.press("Enter", "Enter", 13)
    page.wait_for(f"window.Htx?.task?.id && window.Htx.task.id != {first} && ({CHOSEN}) == '[]'")
    page.press("d", "KeyD", 68)
    page.wait_for(f"({CHOSEN}).includes('\"desirable\"')")
    page.press("Enter", "Enter", 13)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and ledger.count("SELECT count(*) FROM annotations") < 2:
        pull(ledger, studio)
        time.sleep(0.5)

    rows = ledger.rows("SELECT * FROM annotations ORDER BY id")
    assert [(row["annotator"], row["verdict"], row["reasons"]) for row in rows] == [
        (email, "undesirable", "unsafe"),
        (email, "desirable", ""),
    ]
    assert all(row["lead_time_s"] > 0 for row in rows)
