"""HTTP/2, with a real server over TLS."""

import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

import pytest
import trustme

from kto_data.errors import UnavailableError

APP = """
import json

seen = {"2": 0, "1.1": 0, "connections": []}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    if scope["method"] == "GET":
        reply = seen
    else:
        seen[scope["http_version"]] += 1
        if scope["client"] not in seen["connections"]:
            seen["connections"].append(scope["client"])
        said = json.dumps({"reason": "r", "verdict": "desirable"})
        reply = {"id": f"c{seen['2'] + seen['1.1']}", "choices": [{"message": {"content": said}}]}
    head = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": json.dumps(reply).encode()})
"""


class Server:
    """A server on loopback that answers everything with `desirable`, and tells what it has seen."""

    def __init__(self, folder, settings):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url, self._folder = f"https://{self._address}/v1", folder
        (folder / "app.py").write_text(APP)
        files = 'certfile = "cert.pem"\nkeyfile = "key.pem"\nloglevel = "ERROR"\n'
        (folder / "server.toml").write_text(files + f'bind = "{self._address}"\n{settings}\n')
        command = [sys.executable, "-m", "hypercorn", "--config", "server.toml", "app:app"]
        self._process = subprocess.Popen(command, cwd=folder)
        for _ in range(200):
            try:
                self.seen()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server does not come up")

    def seen(self):
        context = ssl.create_default_context(cafile=self._folder / "ca.pem")
        with urllib.request.urlopen(f"https://{self._address}/", context=context) as reply:
            return json.load(reply)

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=10)


@pytest.fixture
def https(tmp_path, monkeypatch):
    """Start servers whose certificate this process trusts."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    servers = []

    def start(settings=""):
        servers.append(Server(tmp_path, settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


HTTP_2 = "limits: {http2: true, start: 16}\n"


@pytest.mark.slow
def test_requests_share_one_connection_where_the_server_offers_it(https, ask, judge_of, rows_of_texts):
    server = https()
    votes, faults, _ = ask(judge_of(HTTP_2, url=server.url), rows_of_texts(map(str, range(100))))
    assert (len(votes), faults) == (100, [])
    assert server.seen()["2"] == 100
    assert len(server.seen()["connections"]) == 1


@pytest.mark.slow
def test_a_server_that_offers_less_is_spoken_to_in_http_1(https, ask, judge_of, rows_of_texts):
    server = https('alpn_protocols = ["http/1.1"]')
    votes, faults, _ = ask(judge_of(HTTP_2, url=server.url), rows_of_texts(map(str, range(20))))
    assert (len(votes), faults) == (20, [])
    assert server.seen()["1.1"] == 20


@pytest.mark.slow
def test_a_server_that_ends_its_connections_loses_no_question(https, ask, judge_of, rows_of_texts):
    server = https("keep_alive_max_requests = 30")
    votes, faults, _ = ask(judge_of(HTTP_2, url=server.url), rows_of_texts(map(str, range(100))))
    assert (len(votes), faults) == (100, [])
    assert len(server.seen()["connections"]) > 1


def test_without_the_extra_it_is_said_what_to_install(ask, judge_of, rows_of_texts, monkeypatch):
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(UnavailableError, match=r"pip install 'kto-data\[http2\]'"):
        ask(judge_of(HTTP_2), rows_of_texts(["x"]))
