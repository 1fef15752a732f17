import os
import socket
import time

import pytest

from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.sandbox import run as sandbox
from kto_data.labelers.rules.sandbox.run import isolates_network, run_tests

pytestmark = pytest.mark.slow


def result_of(code, timeout_s=5.0):
    return run_tests([("code", code), ("tests", "assert done")], timeout_s=timeout_s, memory_mb=512)


def test_code_and_tests_share_their_names():
    assert result_of("done = True").passed


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("done = False", "tests: AssertionError"),
        ("def f(:", "code: SyntaxError"),
        ("raise SystemExit(0)", "code: SystemExit: 0"),
        ("import os; os._exit(0)", "the process ended"),
        ("import ctypes; ctypes.string_at(0)", "the process ended"),
        ("done = bytearray(2 * 10**9)", "code: MemoryError"),
        ("done = open('big', 'wb').write(bytes(10**8))", "code: OSError"),
        ("import os\ndone = 'SECRET' in os.environ", "tests: AssertionError"),
    ],
)
def test_what_does_not_finish_does_not_pass(code, reason, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    result = result_of(code)
    assert not result.passed
    assert result.reason.startswith(reason)


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import os\nwhile True: os.wait() if os.fork() else os._exit(0)",
    ],
)
def test_code_that_takes_too_long_does_not_pass(code):
    start = time.monotonic()
    assert not result_of(code, timeout_s=0.5).passed
    assert time.monotonic() - start < 20


def test_what_the_code_prints_goes_nowhere(capfd):
    assert result_of("import os\nprint('hi')\nos.write(1, b'{}\\n')\nos.write(2, b'hi')\ndone = True").passed
    assert capfd.readouterr() == ("", "")


def test_the_code_has_a_folder_of_its_own_that_goes_away(tmp_path):
    (tmp_path / "here").touch()
    code = f"import os\nopen('x', 'w').write('x')\nopen({str(tmp_path / 'place')!r}, 'w').write(os.getcwd())\ndone = True"
    assert result_of(code).passed
    place = (tmp_path / "place").read_text(encoding="utf-8")
    assert place != os.getcwd()
    assert not os.path.exists(place)


def test_there_is_no_network_where_the_system_allows():
    if not isolates_network():
        pytest.skip("users cannot make namespaces here, so the network stays open")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = result_of(
            f"import socket\ndone = socket.create_connection(('127.0.0.1', {port}), timeout=2)"
        )
    assert "OSError" in result.reason or "ConnectionRefused" in result.reason


def test_a_process_that_fails_before_the_code_begins_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "_CHILD", tmp_path / "not_there.py")
    with pytest.raises(RowError, match="failed before the code began"):
        result_of("done = True")
