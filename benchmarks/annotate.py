"""Pushing to and pulling from a real Label Studio server, beside what its own tools do in the same run.

    python benchmarks/annotate.py --json

* push: our rate of tasks as a share of that of raw batched imports (wanted: at least .8)
* pull: how many times faster than the SDK's default listing 10,000 annotated tasks are votes (wanted: at least 4)
* incremental: seconds until 100 changes among 10,000 tasks are votes (wanted: under 2)

The server runs on loopback in a virtual environment of its own (installed on first use), with SQLite.
"""

import argparse
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.connection import Connection
from kto_data.labelers.humans.labeling_config import labeling_config
from kto_data.labelers.humans.ledger import MAIN, SENT, Batch, Item, Ledger
from kto_data.labelers.humans.local_server import Account, LocalServer, install
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import TASKS_PER_IMPORT, ensure_project, send
from kto_data.labelers.humans.task_text import task_data
from kto_data.labelers.humans.votes import tell
from kto_data.votes.log import VoteLog

ACCOUNT = Account("admin@example.com", "admin-password-1", "0123456789abcdef0123456789abcdef01234567")
PROMPT = "How do I do it? " * 12
COMPLETION = "Like this, step by step. " * 45


def items(n: int, batch: str) -> list[Item]:
    """Make items of about 1.5 kB."""
    found = []
    for number in range(n):
        one = f"{batch}-s{number:05d}"
        data = task_data(
            one,
            [{"role": "user", "content": f"{number} {PROMPT}"}],
            [{"role": "assistant", "content": f"{number} {COMPLETION}"}],
        )
        found.append(Item(one, batch, f"s{number:05d}", "all", 0.5, "random", "label", data))
    return found


@contextmanager
def timed() -> Iterator[list[float]]:
    """Measure wall seconds, into a list of one."""
    seconds: list[float] = []
    started = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - started)


def push_rates(studio: Studio, folder: Path, n: int, rounds: int) -> dict[str, Any]:
    """Push and import by turns, so that both meet the same machine and the same growing database."""
    ours, raw = [], []

    def push(number: int) -> None:
        ledger = Ledger(folder / f"push{number}")
        ledger.add_batch(Batch("b", 1, MAIN, "r", "random", 1, 0), items(n, "b"))
        project = ensure_project(ledger, studio, f"push {uuid.uuid4().hex[:8]}", overlap=1)
        with timed() as seconds:
            send(ledger, studio, project)
        ours.append(n / seconds[0])
        ledger.close()

    def import_raw() -> None:
        tasks = [{"data": item.data} for item in items(n, "b")]
        config = labeling_config(show_suggestions=False)
        other = studio.create_project(
            f"raw {uuid.uuid4().hex[:8]}", description="", label_config=config, overlap=1
        )
        with timed() as seconds:
            for start in range(0, n, TASKS_PER_IMPORT):
                studio.import_tasks(other.id, tasks[start : start + TASKS_PER_IMPORT])
        raw.append(n / seconds[0])

    for number in range(rounds):
        if number % 2:
            import_raw()
            push(number)
        else:
            push(number)
            import_raw()
    return {
        "tasks_per_s": max(ours),
        "raw_tasks_per_s": max(raw),
        "ratio": max(ours) / max(raw),
        "wanted": 0.8,
    }


def annotated_project(studio: Studio, folder: Path, n: int) -> tuple[Ledger, int]:
    """Return a ledger whose n items are on the server and annotated."""
    ledger = Ledger(folder / "pull")
    made = items(n, "b")
    ledger.add_batch(Batch("b", 1, MAIN, "r", "random", 1, 0), made)
    project = ensure_project(ledger, studio, f"pull {uuid.uuid4().hex[:8]}", overlap=1)
    result = [
        {
            "from_name": "verdict",
            "to_name": "completion",
            "type": "choices",
            "value": {"choices": ["desirable"]},
        }
    ]
    for start in range(
        0, n, TASKS_PER_IMPORT
    ):  # answers can come with the tasks, a thousand times faster than alone
        part = made[start : start + TASKS_PER_IMPORT]
        numbers = studio.import_tasks(
            project.id,
            [{"data": item.data, "annotations": [{"result": result, "lead_time": 3.0}]} for item in part],
        )
        ledger.mark([item.external_id for item in part], SENT, tasks=numbers)
    return ledger, project.id


def pull_times(studio: Studio, server: LocalServer, folder: Path, n: int, n_changes: int) -> dict[str, Any]:
    """Time a first pull, the SDK's default listing, and a pull after some changes."""
    ledger, project = annotated_project(studio, folder, n)
    log = VoteLog(folder / "votes")
    with timed() as ours:
        pulled = pull(ledger, studio)
        told = tell(ledger, log)
    assert (pulled.n_new, told.n_votes) == (n, n)
    with timed() as theirs:
        n_listed = sum(1 for _ in default_listing(server, project))
    assert n_listed == n
    time.sleep(6)  # else the first pull's last moments are read again
    pull(ledger, studio)
    numbers = [
        row["id"] for row in ledger.rows("SELECT id FROM annotations ORDER BY id LIMIT ?", [n_changes])
    ]
    change = [
        {
            "from_name": "verdict",
            "to_name": "completion",
            "type": "choices",
            "value": {"choices": ["undesirable"]},
        }
    ]
    for number in numbers:
        studio.connection.call(
            lambda number=number: studio.connection.sdk.annotations.update(number, result=change)
        )
    with timed() as incremental:
        pulled = pull(ledger, studio)
        told = tell(ledger, log)
    assert (pulled.n_changed, told.n_votes) == (n_changes, n_changes)
    ledger.close()
    return {
        "n_tasks": n,
        "seconds": ours[0],
        "sdk_default_listing_s": theirs[0],
        "times_faster": theirs[0] / ours[0],
        "wanted_times_faster": 4.0,
        "n_changes": n_changes,
        "incremental_s": incremental[0],
        "wanted_incremental_s": 2.0,
        "n_tasks_fetched_incrementally": pulled.n_tasks,
    }


def default_listing(server: LocalServer, project: int) -> Iterator[Any]:
    """List tasks as the SDK does by default, answers included."""
    import httpx
    from label_studio_sdk import LabelStudio

    with httpx.Client(trust_env=False, timeout=120) as http:
        client = LabelStudio(base_url=server.url, api_key=ACCOUNT.token, httpx_client=http)
        yield from client.tasks.list(project=project, fields="all")


def main() -> None:
    """Run all three and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--push-tasks", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed-data", type=Path, help="a server's data folder to copy instead of making one")
    given = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.seed_data:
            shutil.copytree(given.seed_data, folder / "server")
        with (
            LocalServer(folder / "server", ACCOUNT) as server,
            Studio(Connection(server.url, ACCOUNT.token, timeout_s=300)) as studio,
        ):
            found = {
                "push": push_rates(studio, folder, given.push_tasks, given.rounds),
                "pull": pull_times(studio, server, folder, given.tasks, 100),
            }
    if given.json:
        print(json.dumps(found, indent=2))
        return
    push, pulled = found["push"], found["pull"]
    print(f"push         {push['tasks_per_s']:,.0f} tasks/s, {push['ratio']:.2f} of raw imports (wanted .8)")
    print(
        f"pull         {pulled['seconds']:.1f} s for {pulled['n_tasks']:,} tasks, {pulled['times_faster']:.1f} times faster than "
        "the SDK's listing (wanted 4)"
    )
    print(f"incremental  {pulled['incremental_s']:.2f} s for {pulled['n_changes']} changes (wanted 2)")


if __name__ == "__main__":
    main()
