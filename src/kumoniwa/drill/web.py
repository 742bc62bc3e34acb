"""A small HTTP/1.1 client for load: kept connections, one time limit per request, and honesty about what may have happened.

The one question that matters after a failure is whether the request may have been carried out. ``NotSent`` says it was not,
``Unknown`` says that nobody can tell.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import httptools

IDLE_PER_ADDRESS = 256


class NotSent(Exception):
    """The request never left: refused or unreachable."""


class Unknown(Exception):
    """The request left, and no answer came: it may have been carried out."""


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class _Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.waiting: asyncio.Future | None = None
        self.is_open = True
        self._begin()

    def _begin(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []

    # asyncio's side -----------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._fail(Unknown("reset" if error is not None else "closed"))

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Unknown(f"malformed answer: {error}"))
            self.close()

    # llhttp's side ------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < 200:
            self.headers, self.pieces = {}, []
            return
        answer = Answer(status, self.headers, b"".join(self.pieces))
        if not self.parser.should_keep_alive():
            self.close()
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    # Ours ---------------------------------------------------------------------------------------

    def ask(self, request: bytes) -> asyncio.Future:
        self._begin()
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiting

    def _fail(self, error: Exception) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def close(self) -> None:
        self.is_open = False
        if self.transport is not None:
            self.transport.abort()


class Web:
    """Connections by address. Never retries: a request that failed is an answer about the system."""

    def __init__(self) -> None:
        self.idle: dict[tuple[str, int], list[_Line]] = defaultdict(list)

    async def ask(
        self, address: tuple[str, int], method: str, target: str, headers: dict[str, str], body: bytes = b"", timeout_s: float = 3.0
    ) -> Answer:
        """One request within its time. Raises NotSent or Unknown."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        line = await self._line(address, timeout_s)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"content-length: {len(body)}\r\n" if body or method in ("POST", "PUT", "PATCH") else ""
        try:
            request = f"{method} {target} HTTP/1.1\r\n{head}{length}\r\n".encode("latin-1") + body
            async with asyncio.timeout_at(deadline):
                answer = await line.ask(request)
        except TimeoutError:
            line.close()
            raise Unknown("timeout")
        except asyncio.CancelledError:
            line.close()
            raise
        idle = self.idle[address]
        if line.is_open and len(idle) < IDLE_PER_ADDRESS:
            idle.append(line)
        else:
            line.close()
        return answer

    async def _line(self, address: tuple[str, int], timeout_s: float) -> _Line:
        idle = self.idle[address]
        while idle:
            line = idle.pop()
            if line.is_open and not line.transport.is_closing():
                return line
        try:
            async with asyncio.timeout(timeout_s):
                _, line = await asyncio.get_running_loop().create_connection(_Line, *address)
        except TimeoutError:
            raise NotSent("connect timeout")
        except OSError as error:
            raise NotSent("refused" if isinstance(error, ConnectionRefusedError) else f"unreachable: {error.strerror or error}")
        return line

    def close(self) -> None:
        for idle in self.idle.values():
            for line in idle:
                line.close()
        self.idle.clear()
