"""Published samples, and a real Label Studio server on loopback, for the tests that need them."""

import gzip
import http.cookiejar
import importlib.util
import json
import os
import shutil
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kto_data
from kto_data.errors import UnavailableError
from kto_data.labelers.humans import local_server

ACCOUNT = local_server.Account(
    "admin@example.com", "admin-password-1", "0123456789abcdef0123456789abcdef01234567"
)


class StudioServer(local_server.LocalServer):
    """A server, with what people do there: sign up, annotate, delete."""

    def api(self, method, path, body=None, *, token=None):
        headers = {
            "Authorization": f"Token {token or self.account.token}",
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, headers=headers, data=data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=120
        ) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def add_annotator(self, email=None, password="annotator-pass-1"):
        """Sign somebody up and return address and token; the community edition knows only the sign-up form."""
        email = email or f"ann-{uuid.uuid4().hex[:10]}@example.com"
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar)
        )
        invite = self.api("GET", "/api/invite")["invite_url"]
        page = f"{self.url}/user/signup/?{invite.partition('?')[2]}"
        browser.open(page, timeout=60).close()
        form = {
            "csrfmiddlewaretoken": next(one.value for one in jar if one.name == "csrftoken"),
            "email": email,
            "password": password,
            "allow_newsletters": "false",
            "how_find_us": "",
            "elaborate": "",
        }
        data = urllib.parse.urlencode(form).encode()
        browser.open(urllib.request.Request(page, data=data, headers={"Referer": page}), timeout=60).close()
        with browser.open(f"{self.url}/api/current-user/token", timeout=60) as answer:
            return email, json.load(answer)["token"]

    def annotate(self, task, verdict, *, token=None, reasons=(), comment="", lead_time=2.5):
        """Answer a task as the labeling page does (None skips it) and return the annotation's number."""
        body = {"result": answer(verdict, reasons, comment), "lead_time": lead_time}
        body["was_cancelled"] = verdict is None
        return self.api("POST", f"/api/tasks/{task}/annotations/", body, token=token)["id"]

    def change(self, annotation, verdict, *, token=None):
        self.api("PATCH", f"/api/annotations/{annotation}/", {"result": answer(verdict)}, token=token)

    def project_number(self, title):
        found = self.api("GET", f"/api/projects/?page_size=100&title={urllib.parse.quote(title)}")["results"]
        [number] = [one["id"] for one in found if one["title"] == title]
        return number

    def tasks(self, title):
        """Return all tasks of a project, whole."""
        query = {"project": self.project_number(title), "fields": "all", "page_size": 100_000}
        return self.api("GET", f"/api/tasks/?{urllib.parse.urlencode(query)}")["tasks"]


def answer(verdict, reasons=(), comment=""):
    """What the labeling page submits."""

    def part(name, kind, value):
        return {"from_name": name, "to_name": "completion", "type": kind, "value": value}

    result = [part("verdict", "choices", {"choices": [verdict]})] if verdict else []
    result += [part("reasons", "choices", {"choices": list(reasons)})] if reasons else []
    return result + ([part("comment", "textarea", {"text": [comment]})] if comment else [])


@pytest.fixture(scope="session")
def studio_seed():
    """A data folder with its tables made, which takes half a minute; a copy of it starts in three seconds."""
    pytest.importorskip("label_studio_sdk", reason="the extra label-studio is not installed")
    try:
        local_server.install()
    except UnavailableError as error:
        pytest.skip(f"no Label Studio server here: {error}")
    seed = local_server.cache_folder() / f"label-studio-seed-{local_server.VERSION}"
    with local_server.only_one(seed):
        if not (seed / ".complete").exists():
            shutil.rmtree(seed, ignore_errors=True)
            with local_server.LocalServer(seed, ACCOUNT):
                pass
            (seed / ".complete").touch()
    return seed


@pytest.fixture(scope="session")
def make_studio_server(studio_seed, tmp_path_factory):
    """A function that starts one more server, on data of its own."""
    servers = []

    def make():
        data = tmp_path_factory.mktemp("label-studio") / "data"
        shutil.copytree(studio_seed, data)
        servers.append(StudioServer(data, ACCOUNT))
        return servers[-1].start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def studio_server(make_studio_server):
    """The real server, one for all tests of a process; they keep apart by projects of their own."""
    return make_studio_server()


@pytest.fixture
def title():
    """A project's title that no other test has."""
    return f"test {uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def sample_rows() -> Callable[[str], list[dict[str, Any]]]:
    """A function that reads a published sample, such as `ifeval_outputs/responses.jsonl.gz`; skips without it."""
    beside = Path(kto_data.__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("KTO_SAMPLES", beside))

    def read(name: str) -> list[dict[str, Any]]:
        path = folder / name
        if not path.exists():
            pytest.skip(f"{name} is not there: set KTO_SAMPLES to the folder that holds it")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return read


def _module(name: str) -> Any:
    """Return a module beside this file; tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def judge_server() -> Any:
    """A server that speaks OpenAI's protocol as a script says; see `judge_server.py`."""
    server = _module("judge_server").JudgeServer()
    yield server
    server.stop()


@pytest.fixture
def batch_provider() -> Any:
    """A provider of batches; see `batch_provider.py`."""
    provider = _module("batch_provider").BatchProvider()
    yield provider
    provider.stop()
