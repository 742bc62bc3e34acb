"""AWS's Lambda Runtime API (2018-06-01) over HTTP on loopback, for custom runtimes: one small server per process.

The process polls ``next`` and posts ``response`` or ``error``; its first ``next`` says that it is ready. Paths,
headers and statuses are from AWS's page "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import socket
import time
from collections.abc import Callable

import httptools

from kumoniwa.engines.lambda_runtime.frames import (
    CHUNK,
    ERROR,
    INIT_ERROR,
    READY,
    RESPONSE_BYTES_MAX,
    RESULT,
    STREAM,
    TOO_LARGE,
)
from kumoniwa.engines.lambda_runtime.process import Fields, ForkedProcess, Reply
from kumoniwa.kernel.clock import monotonic

_PREFIX = "/2018-06-01/runtime/"
_ERROR_BYTES_MAX = 1 << 18
_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
}


class RuntimeApiProcess(ForkedProcess):
    """The process of a custom runtime. ``address`` is what its AWS_LAMBDA_RUNTIME_API says."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, hear: Callable[[int, bytes], None], memory_mb: int
    ) -> None:
        super().__init__(loop, hear)
        self.memory_max_kib = memory_mb * 1024
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.connections: set[_Connection] = set()
        self.poller: _Connection | None = None
        """The connection whose ``next`` waits for a request."""
        self.request: tuple[str, bytes] | None = None
        """The request in flight: its id and, until somebody took it, the response to ``next``."""
        self.streaming: _Connection | None = None
        """The connection on which a streamed response arrives."""
        self.began_s = 0.0
        self.is_ready = False
        loop.add_reader(self.listener, self._accept)

    def _accept(self) -> None:
        try:
            accepted, _ = self.listener.accept()
        except OSError:
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(self)
        self.connections.add(connection)
        connection.task = self.loop.create_task(
            self.loop.connect_accepted_socket(lambda: connection, accepted)
        )

    def ask(self, fields: Fields, payload: bytes, timeout_ms: int) -> asyncio.Future[Reply]:
        request_id, arn, trace_id, client_context, identity = fields
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + timeout_ms),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Lambda-Runtime-Trace-Id": trace_id,
            "Lambda-Runtime-Client-Context": client_context,
            "Lambda-Runtime-Cognito-Identity": identity,
        }
        self.request = (request_id, _response(200, payload, headers))
        self.began_s = monotonic()
        waiter = self.expect()
        self._hand_over()
        return waiter

    def _hand_over(self) -> None:
        if self.poller is not None and self.request is not None and self.request[1]:
            poller, self.poller = self.poller, None
            request_id, response = self.request
            self.request = (request_id, b"")
            poller.transport.write(response)

    def answer(
        self, connection: _Connection, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Answer one HTTP request of the process."""
        kind, _, rest = path.removeprefix(_PREFIX).partition("/")
        if not path.startswith(_PREFIX):
            connection.refuse(404, "NotFound", f"No such path: {path}")
        elif method == "GET" and (kind, rest) == ("invocation", "next"):
            self.poller = connection
            if not self.is_ready:
                self.is_ready = True
                self._settle(Reply(READY))
            self._hand_over()
        elif method == "POST" and (kind, rest) == ("init", "error"):
            connection.accept()
            self._settle(Reply(INIT_ERROR, _error_body(body, headers), memory_kib=self._peak_kib()))
        elif method == "POST" and kind == "invocation" and rest.endswith(("/response", "/error")):
            request_id, _, what = rest.rpartition("/")
            if self.request is None or self.request[0] != request_id:
                connection.refuse(400, "InvalidRequestID", "Invalid request ID")
            else:
                self._conclude(connection, what, headers, body)
        else:
            connection.refuse(404, "NotFound", f"No such operation: {method} {path}")

    def is_streamed(self, path: str, headers: dict[str, str]) -> bool:
        """Whether a body that begins to arrive is a response to be passed on as it comes."""
        request_id = path.removeprefix(f"{_PREFIX}invocation/").removesuffix("/response")
        is_response = self.request is not None and self.request[0] == request_id and path.endswith("/response")
        return is_response and headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming"

    def begin_stream(self, connection: _Connection, content_type: str) -> None:
        self.streaming = connection
        self.hear(STREAM, content_type.encode("latin-1"))

    def pause(self) -> None:
        if self.streaming is not None:
            self.streaming.transport.pause_reading()

    def resume(self) -> None:
        if self.streaming is not None and not self.streaming.transport.is_closing():
            self.streaming.transport.resume_reading()

    def end_stream(self, connection: _Connection, headers: dict[str, str]) -> None:
        """The trailers of a streamed response may say that the function failed in the middle."""
        self.streaming = None
        kind = headers.get("lambda-runtime-function-error-type")
        if kind is None:
            self._conclude(connection, "response", headers, b"")
            return
        try:
            said = base64.b64decode(headers.get("lambda-runtime-function-error-body", ""))
        except binascii.Error:
            said = b""
        self._conclude(connection, "error", headers, said)

    def _conclude(self, connection: _Connection, what: str, headers: dict[str, str], body: bytes) -> None:
        self.request = None
        self._read_output()
        duration_us = int((monotonic() - self.began_s) * 1e6)
        used_kib = self._peak_kib()
        if used_kib > self.memory_max_kib:
            self.is_out_of_memory = True
            self._kill()
        elif what == "error":
            connection.accept()
            self._settle(Reply(ERROR, _error_body(body, headers), duration_us, used_kib))
        elif len(body) > RESPONSE_BYTES_MAX:
            text = f"Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
            connection.refuse(413, "RequestEntityTooLarge", text)
            self._settle(Reply(TOO_LARGE, b"", duration_us, used_kib))
        else:
            connection.accept()
            self._settle(Reply(RESULT, body, duration_us, used_kib))

    def _peak_kib(self) -> int:
        """What the kernel says the process, without its children, has used at most."""
        try:
            with open(f"/proc/{self.pid}/status") as file:
                lines = dict(line.split(":", 1) for line in file if ":" in line)
            self.memory_kib = int(lines["VmHWM"].split()[0])
        except (OSError, KeyError):
            pass  # It is a zombie by now; the last figure stands.
        return self.memory_kib

    def close(self) -> None:
        if not self.is_over:
            self.loop.remove_reader(self.listener)
            self.listener.close()
            for connection in self.connections:
                connection.task.cancel()
                if connection.transport is not None:
                    connection.transport.abort()
        super().close()


def _error_body(body: bytes, headers: dict[str, str]) -> bytes:
    """The error a runtime posted. A body that is no JSON object becomes one, with the type its header names."""
    try:
        if isinstance(json.loads(body), dict):
            return body
    except ValueError:
        pass
    kind = headers.get("lambda-runtime-function-error-type", "Runtime.Unknown")
    text = body[:_ERROR_BYTES_MAX].decode("utf-8", "replace")
    return json.dumps({"errorMessage": text, "errorType": kind}).encode()


def _response(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    """One connection of the process; requests are answered in order, bodies held whole."""

    def __init__(self, process: RuntimeApiProcess) -> None:
        self.process = process
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport | None = None
        self.on_message_begin()

    def connection_made(self, transport) -> None:
        self.transport = transport

    def connection_lost(self, error) -> None:
        self.process.connections.discard(self)
        if self.process.poller is self:
            self.process.poller = None

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self.path, self.headers, self.body = b"", {}, bytearray()
        self.is_streamed = False

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.is_streamed = self.process.is_streamed(self.path.decode("latin-1"), self.headers)
        if self.is_streamed:
            self.process.begin_stream(self, self.headers.get("content-type", "application/octet-stream"))

    def on_body(self, piece: bytes) -> None:
        if self.is_streamed:
            self.process.hear(CHUNK, piece)
            return
        # One byte too many is enough to know that it is too large; the rest is read and dropped.
        if len(self.body) <= RESPONSE_BYTES_MAX:
            self.body += piece

    def on_message_complete(self) -> None:
        if self.is_streamed:
            self.process.end_stream(self, self.headers)
            return
        method, path = self.parser.get_method().decode(), self.path.decode("latin-1").partition("?")[0]
        self.process.answer(self, method, path, self.headers, bytes(self.body))

    def accept(self) -> None:
        self.transport.write(_response(202, b'{"status":"OK"}\n', {"Content-Type": "application/json"}))

    def refuse(self, status: int, kind: str, text: str) -> None:
        body = json.dumps({"errorMessage": text, "errorType": kind}).encode()
        self.transport.write(_response(status, body, {"Content-Type": "application/json"}))
