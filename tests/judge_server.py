"""A server that speaks OpenAI's and Anthropic's protocols as a script says: with faults, limits and latency; it counts what
it was paid."""

import asyncio
import itertools
import json
import threading
from collections import Counter

FAULTS = {
    "429": (429, {}, b'{"error": {"message": "slow down"}}'),
    "429 with Retry-After": (429, {"Retry-After": "0.3"}, b'{"error": {"message": "slow down"}}'),
    "500": (500, {}, b'{"error": {"message": "oops"}}'),
    "503": (503, {}, b"busy"),
    "invalid JSON": (200, {}, b'{"choices": [{"mess'),
    "HTML": (200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>Bad gateway</title>"),
    "wrong schema": (200, {}, b'{"id": "x", "object": "list", "data": []}'),
}
"""Faults that are a whole reply."""

OTHER_FAULTS = ("half reply", "no reply", "reset", "twice")


class JudgeServer:
    """Answers `POST /v1/chat/completions` and `POST /v1/messages` from a thread of its own.

    `script(request, n)` gets the body and how often exactly this body has come before, and returns the model's text,
    or the name of a fault. A request is paid when a whole good reply to it was sent.
    """

    def __init__(self):
        self.faults = dict(FAULTS)
        self.script = lambda request, n: '{"reason": "fine", "verdict": "desirable"}'
        self.latency_s = 0.0
        self.limit = None
        self.usage = {"prompt_tokens": 100, "completion_tokens": 20}
        self.reset()
        self._number = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def reset(self):
        self.paid, self.came, self.replies = Counter(), Counter(), Counter()
        self.times, self.headers = [], []
        self.now = self.most_at_once = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self):
        async def start():
            self._server = await asyncio.start_server(
                self._connection, "127.0.0.1", 0, limit=1 << 24, backlog=4096
            )
            self.port = self._server.sockets[0].getsockname()[1]

        async def end():
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(start())
            self._ready.set()
            self._loop.run_forever()
            runner.run(end())

    async def _connection(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        complete = self._message if lines[0].split(" ")[1] == "/v1/messages" else self._completion
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        n, self.came[raw] = self.came[raw], self.came[raw] + 1
        self.times.append(asyncio.get_running_loop().time())
        self.headers.append(headers)
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            said = (
                "429" if self.limit is not None and self.now > self.limit else self.script(json.loads(raw), n)
            )
            self.replies[said if _is_fault(said, self.faults) else "answer"] += 1
            if isinstance(said, str) and said in self.faults:
                status, more, body = self.faults[said]
                writer.write(_reply(status, body, more))
                return True
            await asyncio.sleep(self.latency_s)
            if said == "no reply":
                await asyncio.sleep(30)
                return False
            if said == "reset":
                writer.transport.abort()
                return False
            whole = _reply(200, complete("{}" if _is_fault(said, self.faults) else said))
            if said == "half reply":
                writer.write(whole[: len(whole) // 2])
                return False
            if said == "twice":
                whole = _reply(200, complete(self.script(json.loads(raw), 1)))
                writer.write(whole)
                await writer.drain()
                await asyncio.sleep(0.005)
            self.paid[raw] += 1
            writer.write(whole)
            await writer.drain()
            return True
        finally:
            self.now -= 1

    def _completion(self, said):
        message = said if isinstance(said, dict) else {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        logprobs = message.pop("logprobs", None)
        if logprobs is not None:
            choice["logprobs"] = logprobs
        body = {
            "id": f"chatcmpl-{next(self._number)}",
            "object": "chat.completion",
            "model": "m",
            "choices": [choice],
        }
        return json.dumps(body | {"usage": self.usage}).encode()

    def _message(self, said):
        """Anthropic's: a script returns the parts of the message, or the whole of it as a dict."""
        body = said if isinstance(said, dict) else {"content": said, "stop_reason": "end_turn"}
        usage = {"input_tokens": 100, "output_tokens": 20}
        head = {"id": f"msg_{next(self._number)}", "type": "message", "role": "assistant", "model": "m"}
        return json.dumps(head | {"usage": usage} | body).encode()


def _is_fault(said, faults):
    return isinstance(said, str) and (said in faults or said in OTHER_FAULTS)


def _reply(status, body, headers=None):
    told = {"Content-Type": "application/json"} | (headers or {}) | {"Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body
