"""The claim: asking judges takes as long as the server takes, hardly any processor time, and no more memory for more.

A loopback server answers after 250 ms and refuses (429) what exceeds 64 requests at once. `kto`'s own run asks it
20,000 questions that no cache holds yet, with the cache on, in a process of its own; the ideal is 64 / 250 ms. The
processor time is that process's, all of it: reading rows, prompts, the cache, parsing, votes.

    python benchmarks/judges.py --json
    python benchmarks/judges.py --clients aiohttp httpx httpx2     # what the client was chosen by
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VERDICT = json.dumps({"reason": "It says what was asked for, in few words.", "verdict": "desirable"})


class Server(asyncio.Protocol):
    """Answers every request after a while; says 429 to what is too much at once."""

    latency_s, limit, now, most, n_refused = 0.25, 64, 0, 0, 0

    def connection_made(self, transport: Any) -> None:
        """Keep the connection."""
        self._transport, self._waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        """Take requests apart."""
        self._waiting += data
        while True:
            end = self._waiting.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._waiting[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._waiting) < end + 4 + length:
                return
            self._waiting = self._waiting[end + 4 + length :]
            self._answer()

    def _answer(self) -> None:
        cls = Server
        if cls.now >= cls.limit:
            cls.n_refused += 1
            self._reply(b"429 Too Many Requests", b'{"error": {"message": "too many at once"}}')
            return
        cls.now += 1
        asyncio.get_running_loop().call_later(cls.latency_s, self._done)

    def _done(self) -> None:
        Server.now -= 1
        Server.most += 1
        body = {
            "id": f"chatcmpl-{Server.most}",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": VERDICT}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 300, "completion_tokens": 30},
        }
        self._reply(b"200 OK", json.dumps(body).encode())

    def _reply(self, status: bytes, body: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (
                status,
                len(body),
            )
            self._transport.write(head + body)


def serve(latency_s: float, limit: int) -> None:
    """Serve until killed; say the port first."""
    Server.latency_s, Server.limit = latency_s, limit

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


def ask(port: int, n: int, folder: Path) -> None:
    """Judge n made-up rows, and say what it took."""
    import pyarrow as pa

    from kto_data.config.yaml_file import parse_yaml
    from kto_data.labelers.judges.cache import AnswerCache
    from kto_data.labelers.judges.load import read_judge
    from kto_data.labelers.judges.run import JudgeRun
    from kto_data.schema import rows_schema

    text = f'version: 1\nid: bench\nmodel: m\nrubric: Be helpful.\nbackend: {{openai: {{base_url: "http://127.0.0.1:{port}/v1"}}}}\n'
    judge = read_judge(parse_yaml(text, name="bench.yaml", folder=folder), folder / "bench.yaml")

    def rows() -> Iterator[pa.RecordBatch]:
        for start in range(0, n, 256):
            yield pa.RecordBatch.from_pylist(
                [row(number) for number in range(start, min(start + 256, n))], rows_schema()
            )

    def row(number: int) -> dict[str, Any]:
        prompt = [{"role": "user", "content": f"Question {number}: " + "how does it work? " * 10}]
        completion = [{"role": "assistant", "content": f"Answer {number}: " + "it works like this. " * 40}]
        ids = {
            "row_id": f"b#{number}",
            "sample_id": f"{number:032x}",
            "prompt_id": f"{number:032x}",
            "source": "b",
        }
        return {**ids, "prompt": prompt, "completion": completion}

    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with AnswerCache(folder / f"answers-{n}.sqlite") as cache:
        run = JudgeRun(judge, cache)
        n_votes = sum(votes.num_rows for votes, _ in run.vote(rows()))
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {"votes": n_votes, "wall_s": wall, "cpu_s": cpu, "rss_mb": after.ru_maxrss / 1024}
    print(json.dumps(told | {"events": dict(run.counts.events)}))


def client(name: str, port: int, n: int, at_once: int) -> None:
    """Send n requests with one HTTP client and nothing else, and say what it took."""
    url, body = (
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps({"messages": ["x" * 2000]}).encode(),
    )

    async def run() -> None:
        if name == "aiohttp":
            import aiohttp

            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

            async def one() -> Any:
                async with session.post(url, data=body) as response:
                    return json.loads(await response.read())
        else:
            import importlib

            module = importlib.import_module(name)
            session = module.AsyncClient(
                limits=module.Limits(max_connections=None, max_keepalive_connections=None)
            )

            async def one() -> Any:
                return (await session.post(url, content=body)).json()

        left = iter(range(n))

        async def work() -> None:
            for _ in left:
                await one()

        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(json.dumps({"wall_s": wall, "cpu_s": cpu}))
        await (session.close() if name == "aiohttp" else session.aclose())

    asyncio.run(run())


def measured(latency_s: float, limit: int, *arguments: object) -> dict[str, Any]:
    """Run this script against a server of its own, and return what it said."""
    me = [sys.executable, __file__]
    with subprocess.Popen(
        [*me, "--serve", str(latency_s), str(limit)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            command = [*me, *(str(part).replace("PORT", port) for part in arguments)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        finally:
            server.kill()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures(requests: int, most: int, latency_s: float, limit: int) -> dict[str, Any]:
    """Return the figures of the claim."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            n: measured(latency_s, limit, "--ask", "PORT", n, folder) for n in sorted({1000, requests, most})
        }
    one = found[requests]
    ideal = limit / latency_s
    return {
        "requests": requests,
        "latency_ms": latency_s * 1000,
        "limit": limit,
        "ratio": requests / one["wall_s"] / ideal,
        "requests_per_s": requests / one["wall_s"],
        "ideal_per_s": ideal,
        "cpu_ms_per_request": 1000 * one["cpu_s"] / requests,
        "events": one["events"],
        "all_answered": all(one["votes"] == n for n, one in found.items()),
        "rss_mb": {str(n): round(one["rss_mb"], 1) for n, one in found.items()},
        "rss_growth": found[max(found)]["rss_mb"] / found[1000]["rss_mb"],
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument(
        "--most", type=int, default=50_000, help="requests of the run whose memory is compared with 1,000's"
    )
    parser.add_argument("--latency", type=float, default=0.25)
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--clients", nargs="+", help="compare bare HTTP clients instead")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--ask", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(float(options.serve[0]), int(options.serve[1]))
    elif options.ask:
        ask(int(options.ask[0]), int(options.ask[1]), Path(options.ask[2]))
    elif options.client:
        name, port, n, at_once = options.client
        client(name, int(port), int(n), int(at_once))
    elif options.clients:
        for name in options.clients:
            n = 2000
            one = measured(0.05, 10_000, "--client", name, "PORT", n, 64)
            share, cpu = n * 0.05 / 64 / one["wall_s"], 1000 * one["cpu_s"] / n
            print(f"{name:<8} {share:.2f} of the ideal at 50 ms and 64 at once, {cpu:.2f} ms CPU a request")
    else:
        found = figures(options.requests, options.most, options.latency, options.limit)
        if options.json:
            print(json.dumps(found, indent=2))
        else:
            for name, value in found.items():
                print(f"{name:<20} {value}")


if __name__ == "__main__":
    main()
