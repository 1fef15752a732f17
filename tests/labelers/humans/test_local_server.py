"""A local server, started as `kto annotate serve` starts it."""

import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

START = """
import sys, time
from pathlib import Path
from kto_data.labelers.humans.local_server import Account, LocalServer
with LocalServer(Path(sys.argv[1]), Account(*sys.argv[2:5])) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
def test_a_server_ends_when_its_starter_is_killed(studio_seed, studio_server, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(studio_seed, data)
    account = studio_server.account
    command = [sys.executable, "-c", START, str(data), account.email, account.password, account.token]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        url = starter.stdout.readline().strip()
        assert answers(url)
        starter.kill()
    deadline = time.monotonic() + 20
    while answers(url):
        assert time.monotonic() < deadline, "the server outlives its starter"
        time.sleep(0.1)


def answers(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False
