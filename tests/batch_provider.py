"""A provider of batches on loopback: OpenAI's `/v1/files` and `/v1/batches`, and Anthropic's `/v1/messages/batches`.

It answers each question as `verdict` says when `finish` is called, and counts what it was asked to do and is paid for.
"""

import email
import email.policy
import itertools
import json
import threading
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ENDED = {"completed", "failed", "expired", "cancelled", "ended"}


class BatchProvider:
    """Both providers in one server.

    Attributes:
        faults: What to do with the next requests that make something, in order: `None`, `"drop"` (it is made, and the reply
            never comes), `"refuse"` (400), `"error"` (500, and it is not made), `"error after"` (500, and it is made).
        verdict: The JSON text that answers a request's body; None fails it.
        paid: How often each question was asked.
    """

    def __init__(self):
        self.files, self.batches = {}, {}
        self.faults, self.headers, self.paid = [], [], Counter()
        self.verdict = lambda body: '{"reason": "fine", "verdict": "desirable"}'
        self._number = itertools.count(1)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.handle(self, None)

            def do_POST(self):
                provider.handle(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def handle(self, http, body):
        parts = urlsplit(http.path)
        self.headers.append({name.lower(): value for name, value in http.headers.items()})
        fault = self.faults.pop(0) if body is not None and self.faults else None
        if fault in ("refuse", "error"):
            self._reply(http, 400 if fault == "refuse" else 500, {"error": {"message": fault}})
            return
        if body is None:
            status, told = self._get(parts.path, parse_qs(parts.query))
        else:
            status, told = self._post(parts.path, http.headers, body)
        if fault == "error after":
            status, told = 500, {"error": {"message": "oops"}}
        if fault == "drop":
            http.close_connection = True
            http.connection.close()
            return
        self._reply(http, status, told)

    def _reply(self, http, status, told):
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        http.send_response(status)
        http.send_header("Content-Length", str(len(content)))
        http.end_headers()
        http.wfile.write(content)

    def _post(self, path, headers, body):
        name = f"id{next(self._number)}"
        if path == "/v1/files":
            raw = f"Content-Type: {headers['Content-Type']}\n\n".encode() + body
            form = email.message_from_bytes(raw, policy=email.policy.HTTP)
            found = {p.get_param("name", header="content-disposition"): p for p in form.iter_parts()}
            assert found["purpose"].get_content().strip() == "batch"
            self.files[name] = found["file"].get_payload(decode=True)
            return 200, {"id": name, "object": "file", "purpose": "batch"}
        told = json.loads(body)
        if path == "/v1/batches":
            assert told["endpoint"] == "/v1/chat/completions"
            lines = [json.loads(line) for line in self.files[told["input_file_id"]].splitlines()]
            requests = {line["custom_id"]: line["body"] for line in lines}
            batch = {"status": "in_progress", "metadata": told["metadata"], "total": len(lines)}
        else:
            assert path == "/v1/messages/batches"
            assert headers["anthropic-version"]
            requests = {one["custom_id"]: one["params"] for one in told["requests"]}
            batch = {"status": "in_progress"}
        self.batches[name] = batch | {"id": name, "requests": requests, "at": datetime.now(UTC).isoformat()}
        self.paid.update(list(requests))
        return 200, self._told(path.startswith("/v1/messages"), self.batches[name])

    def finish(self, status="completed", n=None):
        """End every batch; with `n` only so many questions of each are answered."""
        for batch in self.batches.values():
            if batch["status"] == "in_progress":
                batch["status"], batch["n"] = status, n

    def _results(self, batch, anthropic):
        for number, (name, body) in enumerate(reversed(batch["requests"].items())):
            text = self.verdict(body) if batch["n"] is None or number < batch["n"] else None
            if anthropic:
                call = {"type": "tool_use", "name": "verdict", "input": json.loads(text or "null")}
                message = {"content": [call], "stop_reason": "tool_use"}
                message["usage"] = {"input_tokens": 100, "output_tokens": 10}
                good = {"type": "succeeded", "message": message}
                yield {"custom_id": name, "result": good if text else {"type": "expired"}}
            elif text:
                choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                usage = {"prompt_tokens": 100, "completion_tokens": 10}
                response = {"status_code": 200, "body": {"choices": [choice], "usage": usage}}
                yield {"custom_id": name, "response": response, "error": None}

    def _get(self, path, query):
        anthropic = path.startswith("/v1/messages")
        parts = path.strip("/").split("/")
        if parts[-1] == "batches":
            # one at a time, so that whoever looks has to turn pages; the newest first
            names = list(reversed(self.batches))
            after = query.get("after", query.get("after_id", [None]))[0]
            names = names[names.index(after) + 1 :] if after else names
            data = [self._told(anthropic, self.batches[name]) for name in names[:1]]
            return 200, {"data": data, "has_more": len(names) > 1}
        if parts[1] == "files" or parts[-1] == "results":
            name = parts[2] if parts[1] == "files" else parts[3]
            lines = self._results(self.batches[name.removeprefix("out-")], anthropic)
            return 200, "".join(json.dumps(line) + "\n" for line in lines).encode()
        return 200, self._told(anthropic, self.batches[parts[-1]])

    def _told(self, anthropic, batch):
        ended = batch["status"] in ENDED
        if anthropic:
            counts = {"processing": 0 if ended else len(batch["requests"]), "succeeded": 0}
            counts["succeeded"] = len(batch["requests"]) - counts["processing"]
            url = f"{self.url}/v1/messages/batches/{batch['id']}/results" if ended else None
            told = {"processing_status": "ended" if ended else "in_progress", "request_counts": counts}
            return told | {"id": batch["id"], "created_at": batch["at"], "results_url": url}
        counts = {"total": len(batch["requests"]), "completed": 0, "failed": 0}
        told = {"id": batch["id"], "status": batch["status"], "metadata": batch.get("metadata")}
        return told | {"request_counts": counts, "output_file_id": f"out-{batch['id']}" if ended else None}
