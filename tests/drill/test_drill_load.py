"""Journeys against a plain server on loopback that answers, refuses, goes silent or hangs up as it is told."""

import asyncio
import json
from pathlib import Path

import pytest

from kumoniwa.drill.format.page import Page
from kumoniwa.drill.format.reading import plan_of
from kumoniwa.drill.history import History, read_lines
from kumoniwa.drill.journeys import Cloud
from kumoniwa.drill.load import Load


class Server:
    """HTTP/1.1 by hand. ``answer(method, path, body)`` gives (status, body), or ``silence`` or ``reset``."""

    def __init__(self, answer):
        self.answer, self.seen, self.connections = answer, [], 0

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split("\r\n")[0].split()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.seen.append((method, path, headers, body))
                said = self.answer(method, path, body)
                if said == "reset":
                    writer.transport.abort()
                    return
                if said != "silence":
                    status, content = said
                    writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


TEXT = """\
drill: x
clients: 2
warmup: 0s
journeys:
  put: {entry: "http://127.0.0.1:PORT/orders", kind: write, key: orderId, timeout: 200ms, served-by: region}
  get: {entry: "http://127.0.0.1:PORT/orders", kind: read, timeout: 200ms}
load: {put: 20/s, get: 20/s}
steps: [{at: 2s, end: true}]
"""


def driven(answer, text=TEXT, file=None):
    """The history and the server of a load of two seconds."""

    async def run():
        server = Server(answer)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        if answer is None:
            listening.close()
        plan = plan_of(Page("drill.yaml", text.replace("PORT", str(port))), Path("."))
        history = History(file)
        load = Load(plan, Cloud("127.0.0.1", port, 0), history, "7", "r1")
        await load.run()
        load.close()
        listening.close()
        return history, server, load

    return asyncio.run(run())


def outs(history, f):
    return {(op.out, op.code) for op in history.ops if op.f == f}


class Shop:
    """Keeps what is put and gives it back."""

    def __init__(self):
        self.held = {}

    def __call__(self, method, path, body):
        if method == "POST":
            said = json.loads(body)
            self.held[said["orderId"]] = said["value"]
            return 201, b'{"region": "eu-west-1"}'
        key = path.removeprefix("/orders/")
        return (200, json.dumps({"value": self.held[key]}).encode()) if key in self.held else (404, b"{}")


def test_what_was_written_is_read_back_with_its_unique_value():
    history, server, _ = driven(Shop())
    writes = [op for op in history.ops if op.f == "write"]
    reads = [op for op in history.ops if op.f == "read"]
    assert len(writes) > 20 and len(reads) > 5
    assert outs(history, "write") == {("ok", "")} and outs(history, "read") == {("ok", "")}
    assert len({op.value for op in writes}) == len(writes)
    written = {op.key: op.value for op in writes}
    assert all(op.value == written[op.key] for op in reads)
    assert {op.served_by for op in writes} == {"eu-west-1"}
    assert {op.status for op in writes} == {201}
    assert server.connections < len(server.seen) / 3  # connections are kept
    assert {headers["host"].split(":")[0] for _, _, headers, _ in server.seen} == {"127.0.0.1"}


def test_nothing_there_is_an_answer():
    history, _, _ = driven(lambda method, path, body: (201, b"") if method == "POST" else (404, b"{}"))
    assert {(op.out, op.value, op.status) for op in history.ops if op.f == "read"} == {("ok", None, 404)}


@pytest.mark.parametrize(
    ("answer", "write", "read"),
    [
        (lambda *_: (500, b""), ("info", "HTTP 500"), ("fail", "HTTP 500")),
        (lambda *_: (503, b""), ("info", "HTTP 503"), ("fail", "HTTP 503")),
        (lambda *_: (403, b""), ("fail", "HTTP 403"), ("fail", "HTTP 403")),
        (lambda *_: "silence", ("info", "timeout"), ("fail", "timeout")),
        (None, ("fail", "refused"), ("fail", "refused")),
    ],
    ids=["500", "503", "403", "silence", "refused"],
)
def test_an_outcome_says_what_may_have_happened(answer, write, read):
    history, _, _ = driven(answer)
    assert outs(history, "write") == {write}
    assert outs(history, "read") == {read}


def test_a_connection_that_ends_after_the_request_leaves_its_outcome_unknown():
    history, _, _ = driven(lambda *_: "reset")
    assert {out for out, _ in outs(history, "write")} == {"info"}
    assert {code for _, code in outs(history, "write")} <= {"reset", "closed"}


def test_requests_start_when_they_are_due_whatever_became_of_earlier_ones():
    history, server, load = driven(lambda *_: "silence")
    due = sorted(op.due - load.zero for op in history.ops if op.f == "write")
    planned = sorted(request.at_s for request in load.requests if request.journey.name == "put")
    assert due == pytest.approx(planned, abs=1e-6)
    # A client that waited for its answer would make five requests a second; these come forty.
    assert len(history.ops) > 40
    assert all(op.t0 - op.due < 0.15 for op in history.ops)
    assert all(op.latency_s >= 0.2 for op in history.ops)


def test_the_history_on_disk_says_what_the_one_in_memory_says(tmp_path):
    with (tmp_path / "history.jsonl").open("wb") as file:
        history, _, _ = driven(Shop(), file=file)
    (again,) = read_lines((tmp_path / "history.jsonl").read_bytes().splitlines()).values()
    assert again.ops == history.ops


def test_a_body_and_a_path_are_filled_in_and_sent_by_the_method_asked_for():
    text = TEXT.replace("key: orderId,", 'key: orderId, method: PUT, path: "/{key}/notes", body: {id: "{key}", note: "a {value}"}, headers: {x-user: ann},')
    _, server, _ = driven(lambda *_: (200, b"{}"), text)
    method, path, headers, body = next(one for one in server.seen if one[0] == "PUT")
    said = json.loads(body)
    assert path == f"/orders/{said['id']}/notes"
    assert said["note"].startswith("a r1-put-")
    assert headers["x-user"] == "ann"
