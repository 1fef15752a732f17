"""Against the real server: every item arrives once, whatever is killed, lost or cut off in between."""

import threading
import time
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from kto_data.errors import InputError, UnavailableError
from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.connection import Connection, UnclearError
from kto_data.labelers.humans.labeling_config import labeling_config
from kto_data.labelers.humans.ledger import SENDING, SENT, Ledger
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.runs.progress import Silent

pytestmark = pytest.mark.slow


class Relay:
    """Stands between client and server and does what networks do: `fault(method, path)` says which."""

    def __init__(self, url):
        self.target = urlsplit(url).netloc
        self.fault = lambda method, path: None
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                fault = relay.fault(self.command, self.path)
                if fault == "slow":
                    time.sleep(1.5)
                connection = HTTPConnection(relay.target, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if fault == "lost":
                    self.close_connection = True
                    return
                if fault == "failing":
                    self.send_response(502)
                    content = b"<html>bad gateway</html>"
                else:
                    self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in (
                        "transfer-encoding",
                        "content-length",
                        "connection",
                        "date",
                        "server",
                    ):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if fault == "cut off" else content)
                self.close_connection = fault == "cut off"

            do_GET = do_POST = do_PATCH = do_DELETE = _pass_on

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def relay(studio_server):
    relay = Relay(studio_server.url)
    yield relay
    relay.close()


@pytest.fixture
def relayed(relay, studio_server):
    with Studio(Connection(relay.url, studio_server.account.token, timeout_s=20.0)) as studio:
        yield studio


@pytest.fixture(autouse=True)
def _quickly_settled(monkeypatch):
    monkeypatch.setattr("kto_data.labelers.humans.push.SETTLED_S", 1.0)


def arrived(server, title):
    return Counter(task["data"]["external_id"] for task in server.tasks(title))


def sent_once(server, title, n):
    counts = arrived(server, title)
    return len(counts) == n and set(counts.values()) == {1}


def test_a_batch_arrives_whole_in_a_project_of_our_making(ledger, studio, studio_server, add_batch, title):
    add_batch(1100)
    project = ensure_project(ledger, studio, title, overlap=2)
    assert send(ledger, studio, project).n_sent == 1100
    assert sent_once(studio_server, title, 1100)
    made = studio_server.api("GET", f"/api/projects/{project.id}/")
    assert made["label_config"].strip() == labeling_config().strip()
    assert made["maximum_annotations"] == 2
    assert made["show_collab_predictions"] is False


def test_sending_again_sends_nothing(ledger, studio, studio_server, add_batch, title):
    add_batch(20)
    project = ensure_project(ledger, studio, title, overlap=1)
    send(ledger, studio, project)
    assert send(ledger, studio, ensure_project(ledger, studio, title, overlap=1)).n_sent == 0
    assert sent_once(studio_server, title, 20)


@pytest.mark.parametrize("fault", ["lost", "cut off", "failing"])
def test_a_lost_reply_doubles_nothing(ledger, studio_server, relay, relayed, add_batch, title, fault):
    add_batch(700)
    project = ensure_project(ledger, relayed, title, overlap=1)
    relay.fault = lambda method, path: fault if method == "POST" and "/import" in path else None
    with pytest.raises(UnclearError, match="run the same command again"):
        send(ledger, relayed, project)
    relay.fault = lambda method, path: None
    pushed = send(ledger, relayed, project)
    assert (pushed.n_found, pushed.n_sent) == (500, 200)
    assert sent_once(studio_server, title, 700)


def test_a_client_that_was_killed_before_or_after_the_server_took_the_items(
    ledger, studio, studio_server, add_batch, title
):
    add_batch(10)
    project = ensure_project(ledger, studio, title, overlap=1)
    items = ledger.to_send("annotators", "waiting")
    ledger.mark(
        [item.external_id for item in items], SENDING, at=time.time()
    )  # killed here, five had arrived
    studio.import_tasks(project.id, [{"data": item.data} for item in items[:5]])
    pushed = send(ledger, studio, project)
    assert (pushed.n_found, pushed.n_sent) == (5, 5)
    assert sent_once(studio_server, title, 10)


def test_items_that_did_arrive_twice_are_reduced_to_one(ledger, studio, studio_server, add_batch, title):
    add_batch(3)
    project = ensure_project(ledger, studio, title, overlap=1)
    items = ledger.to_send("annotators", "waiting")
    ledger.mark([item.external_id for item in items], SENDING, at=time.time())
    for _ in range(2):
        studio.import_tasks(project.id, [{"data": item.data} for item in items])
    assert send(ledger, studio, project).n_doubles == 3
    assert sent_once(studio_server, title, 3)


def test_a_server_killed_in_the_middle_of_a_push_and_started_again(
    make_studio_server, ledger, add_batch, title
):
    server = make_studio_server()
    add_batch(3000, completion="x" * 2000)

    class KillsAfterFirst(Silent):
        killer = None

        def advanced(self, n_rows):
            if self.killer is None:  # a second one could kill the server that is started again
                self.killer = threading.Timer(0.15, server.stop, kwargs={"kill": True})
                self.killer.start()

    with Studio(Connection(server.url, server.account.token)) as studio:
        project = ensure_project(ledger, studio, title, overlap=1)
        with pytest.raises(UnavailableError, match="again"):
            send(ledger, studio, project, progress=KillsAfterFirst())
        with pytest.raises(UnavailableError, match="no Label Studio server answers"):
            send(ledger, studio, project)
    n_sure = ledger.count("SELECT count(*) FROM items WHERE state = ?", [SENT])
    assert 0 < n_sure < 3000
    server.start()
    with Studio(Connection(server.url, server.account.token)) as studio:
        project = ensure_project(ledger, studio, title, overlap=1)
        pushed = send(ledger, studio, project)
        assert n_sure + pushed.n_found + pushed.n_sent == 3000
        assert sent_once(server, title, 3000)
    server.stop()


def test_a_server_killed_in_the_middle_of_a_pull_and_started_again(
    make_studio_server, ledger, add_batch, title, tasks_of
):
    server = make_studio_server()
    add_batch(2500)
    with Studio(Connection(server.url, server.account.token)) as studio:
        project = ensure_project(ledger, studio, title, overlap=1)
        send(ledger, studio, project)
        for sample, task in list(tasks_of().items())[::250]:
            server.annotate(task, "desirable" if sample.endswith("0") else "undesirable")

        class KillsAfterFirst(Silent):
            def advanced(self, n_rows):
                server.stop(kill=True)

        with pytest.raises(UnavailableError, match="no Label Studio server answers"):
            pull(ledger, studio, progress=KillsAfterFirst())
    n_first = ledger.count("SELECT count(*) FROM annotations")
    assert 0 < n_first < 10
    server.start()
    with Studio(Connection(server.url, server.account.token)) as studio:
        assert pull(ledger, studio).n_new == 10 - n_first
        assert pull(ledger, studio).n_new == 0
    server.stop()


def test_a_pull_asks_again_when_a_reply_is_cut_off_and_gives_up_with_a_message(
    ledger, studio, studio_server, relay, relayed, add_batch, title, tasks_of
):
    add_batch(3)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=1))
    studio_server.annotate(tasks_of()["b1s0000"], "desirable")
    faults = iter(["cut off", "lost"])
    relay.fault = lambda method, path: next(faults, None) if "/api/tasks" in path else None
    assert pull(ledger, relayed).n_new == 1
    relay.fault = lambda method, path: "cut off" if "/api/tasks" in path else None
    with pytest.raises(UnavailableError, match=r"cut off .*3 attempts failed"):
        pull(ledger, relayed)


def test_a_slow_server_is_named_with_the_limit_and_its_option(relay, studio_server):
    relay.fault = lambda method, path: "slow"
    with (
        Studio(Connection(relay.url, studio_server.account.token, timeout_s=0.5)) as studio,
        pytest.raises(UnavailableError, match=r"did not answer within 0.5 s \(--timeout\)"),
    ):
        studio.whoami()


def test_a_wrong_token_says_where_the_right_one_is(studio_server):
    with (
        Studio(Connection(studio_server.url, "wrong")) as studio,
        pytest.raises(UnavailableError, match=r"refuses the token.*LABEL_STUDIO_API_KEY"),
    ):
        studio.whoami()


def test_another_web_server_is_told_apart(relay, studio_server):
    with (
        Studio(Connection(studio_server.url + "/user", studio_server.account.token)) as studio,
        pytest.raises(UnavailableError, match=r"is the address right|not there"),
    ):
        studio.find_projects("x")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1", "http://"])
def test_what_is_no_address_is_refused(url, studio_seed):
    with pytest.raises(InputError, match="no address of a server"):
        Studio(Connection(url, "token"))


@pytest.mark.parametrize("token", ["", "to\nken", "tökén"])
def test_what_is_no_token_is_refused(token, studio_seed):
    with pytest.raises(InputError, match="LABEL_STUDIO_API_KEY"):
        Studio(Connection("http://127.0.0.1:1", token))


def test_a_proxy_in_the_environment_is_not_asked_for_loopback(studio_server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Studio(Connection(studio_server.url, studio_server.account.token)) as studio:
        assert studio.whoami().email == studio_server.account.email


@pytest.mark.filterwarnings("ignore:.*parse_obj")  # the SDK's own, when it refreshes a token
def test_a_personal_access_token_works_too(studio_server):
    refresh = studio_server.api("POST", "/api/token/")["token"]
    with Studio(Connection(studio_server.url, refresh)) as studio:
        assert studio.whoami().email == studio_server.account.email
        assert studio.find_projects("no such project") == []


def test_a_lost_ledger_is_made_up_from_the_server(ledger, studio, studio_server, add_batch, title, tmp_path):
    add_batch(15)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=1))
    other = Ledger(tmp_path / "other")
    ensure_project(other, studio, title, overlap=1)
    assert other.asked_samples() == ledger.asked_samples()
    studio_server.annotate(other.rows("SELECT task FROM items")[0]["task"], "undesirable")
    assert pull(other, studio).n_new == 1
    other.close()


def test_a_project_keeps_its_overlap_and_its_title(ledger, studio, add_batch, title):
    add_batch(1)
    ensure_project(ledger, studio, title, overlap=2)
    with pytest.raises(InputError, match="gives each task to 2 annotators"):
        ensure_project(ledger, studio, title, overlap=3)
    with pytest.raises(InputError, match="go on there"):
        ensure_project(ledger, studio, title + "x", overlap=2)


def test_a_project_of_somebody_else_is_not_touched(ledger, studio, studio_server, title):
    config = "<View><Text name='t' value='$text'/></View>"
    studio_server.api("POST", "/api/projects/", {"title": title, "label_config": config})
    with pytest.raises(InputError, match="another project named"):
        ensure_project(ledger, studio, title, overlap=1)
    with pytest.raises(InputError, match="3 to 50 characters"):
        ensure_project(ledger, studio, "x" * 51, overlap=1)


def test_another_server_with_a_project_of_the_same_number_is_not_taken_for_ours(
    ledger, studio, relayed, add_batch, title
):
    add_batch(1)
    project = ensure_project(ledger, studio, title, overlap=1)
    assert ensure_project(ledger, relayed, title, overlap=1).id == project.id  # the same server, moved
    studio.update_project(project.id, title=title + "!")
    with pytest.raises(UnavailableError, match="another server"):
        ensure_project(ledger, studio, title, overlap=1)


def test_a_page_has_a_place_for_suggestions_from_the_start_or_never(ledger, studio, add_batch, title):
    add_batch(1)
    ensure_project(ledger, studio, title, overlap=1, show_suggestions=True)
    with pytest.raises(InputError, match="with a place for suggestions"):
        ensure_project(ledger, studio, title, overlap=1)
