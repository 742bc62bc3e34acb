"""Response streaming: what stands behind a proxy is passed on to the caller as it comes.

What is known only when the last byte has left (how long it took, how much it was) is told then: ``Flow.closed`` is called once, however the
response ends. A response that breaks off when its head is gone breaks the caller's connection.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway import event
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.wire.message import Response

IDLE_S = {"EDGE": 30.0, "REGIONAL": 300.0}
"""By the API's endpoint type: how long nothing may come."""
BURST_BYTES = 10 << 20
BYTES_PER_S = 2 << 20
"""How fast what comes after the burst is passed on."""
_FRAMING = ("content-length", "transfer-encoding")


class Cut(ConnectionAbortedError):
    """The response broke off when its status had long left: all that is left to break is the connection."""


def is_asked(integration: dict[str, Any]) -> bool:
    return integration.get("responseTransferMode") == "STREAM"


def malformed() -> Refused:
    """What the function says does not begin with its head, or the function failed before it said one."""
    return Refused("DEFAULT_5XX", "Internal server error")


class Flow:
    """One response on its way: what is asked of its source within the integration's time, and when what came."""

    def __init__(self, exchange: Exchange, timeout_s: float) -> None:
        self.home = exchange.home
        self.since = self.home.clock.now()
        self.timeout_s = timeout_s
        self.idle_s = IDLE_S[exchange.served.api.document["endpointConfiguration"]["types"][0]]
        self.head_s: float | None = None
        self.first_s: float | None = None
        """When the head was here, and when the first byte of the body, since the integration was asked."""
        self.passed_bytes = 0
        self.length: int | None = None
        """How many bytes the body says that it has."""
        self.rest = b""
        """What of the body came along with its head."""
        self.closed: Callable[[], None] = lambda: None

    @property
    def taken_s(self) -> float:
        return self.home.clock.now() - self.since

    async def within(self, step: Any) -> Any:
        """What a step answers that may last as long as the integration has, and no longer than anything may be silent. Raises TimeoutError."""
        async with asyncio.timeout(max(0.0, min(self.timeout_s - self.taken_s, self.idle_s))):
            return await step

    def begun(self) -> None:
        """The head is here."""
        self.head_s = self.taken_s

    async def body(self, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is passed on to the caller: no more than it said that it has."""
        try:
            async for piece in self._paced(source):
                if self.length is not None and self.passed_bytes + len(piece) > self.length:
                    piece = piece[: self.length - self.passed_bytes]
                self.passed_bytes += len(piece)
                yield piece
                if self.length is not None and self.passed_bytes >= self.length:
                    break
            if self.length is not None and self.passed_bytes < self.length:
                raise Cut
        finally:
            await source.aclose()
            self.closed()

    async def _paced(self, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        if self.rest:
            self.first_s = self.taken_s
            yield self.rest
        fast_until = None
        while (piece := await self.within(anext(source, None))) is not None:
            if self.first_s is None:
                self.first_s = self.taken_s
            yield piece
            beyond = self.passed_bytes - BURST_BYTES
            if beyond > 0:
                fast_until = self.taken_s if fast_until is None else fast_until
                await asyncio.sleep(max(0.0, fast_until + beyond / BYTES_PER_S - self.taken_s))


# Functions -------------------------------------------------------------------------------------------


async def invoked(exchange: Exchange, flow: Flow, principal: Principal, function: str, payload: bytes, trace: str) -> AsyncIterator[bytes]:
    """What the function says, from its first byte on. Raises AwsError, or TimeoutError; the function itself goes on then, as on AWS."""
    home = exchange.home
    asked = home.ask(principal, "lambda:InvokeWithResponseStream", {"FunctionName": function, "Payload": payload}, trace=trace)
    task = home.spawn(asked)
    await asyncio.wait((task,), timeout=min(flow.timeout_s, flow.idle_s))
    if not task.done():
        task.add_done_callback(lambda late: _leave(home, late))
        raise TimeoutError
    return _said(task.result()["EventStream"])


def _leave(home: Any, late: asyncio.Task) -> None:
    """Nobody waits for the answer any more: its stream is opened and left, so that the function is held up by nobody."""
    if not late.cancelled() and late.exception() is None:
        home.spawn(_left(_said(late.result()["EventStream"])))


async def _left(source: AsyncIterator[bytes]) -> None:
    try:
        await anext(source, None)
    except Cut:
        pass  # it failed, which is nobody's concern now
    finally:
        await source.aclose()


async def _said(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    try:
        async for each in events:
            if "PayloadChunk" in each:
                yield each["PayloadChunk"]["Payload"]
            elif "ErrorCode" in each["InvokeComplete"]:
                raise Cut
    finally:
        await events.aclose()


async def head_of(flow: Flow, source: AsyncIterator[bytes]) -> dict[str, Any]:
    """What a function says of its response before it begins. Raises Refused, or TimeoutError."""
    held = b""
    try:
        while event.DELIMITER not in held and len(held) < event.HEAD_BYTES_MAX:
            piece = await flow.within(anext(source, None))
            if piece is None:
                break
            held += piece
    except Cut:
        raise malformed()
    said = event.parted(held)
    if said is None:
        raise malformed()
    flow.begun()
    flow.rest = held.partition(event.DELIMITER)[2]
    return said


def headers_of(flow: Flow, said: dict[str, Any]) -> dict[str, Any]:
    """The response's headers, without those that say how long it is: of these the flow knows. Raises Refused."""
    given = {}
    for member in ("headers", "multiValueHeaders"):
        if not isinstance(said.get(member) or {}, dict):
            raise malformed()
        given[member] = {name: value for name, value in (said.get(member) or {}).items() if name.lower() not in _FRAMING}
        for name, value in (said.get(member) or {}).items():
            if name.lower() == "content-length":
                flow.length = _length(value[-1] if isinstance(value, list) and value else value)
    headers = event.headers_of(given)
    cookies = said.get("cookies") or []
    if not isinstance(cookies, list) or not all(isinstance(each, str) for each in cookies):
        raise malformed()
    if cookies:
        before = headers.pop("Set-Cookie", [])
        headers["Set-Cookie"] = [*(before if isinstance(before, list) else [before]), *cookies]
    return framed(flow, headers)


def _length(value: Any) -> int:
    try:
        return max(0, int(value))
    except (TypeError, ValueError):
        raise malformed()


def framed(flow: Flow, headers: dict[str, Any]) -> dict[str, Any]:
    """Without a length of its own a body goes out in chunks, as the server sends what has none."""
    return headers if flow.length is None else headers | {"Content-Length": str(flow.length)}


# Trying ----------------------------------------------------------------------------------------------

TRIED_S = 35.0
TRIED_BYTES = 1 << 20
"""How long, and how much, is gathered for who tries a method, who is told no execution log.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-troubleshoot.html"""


async def tried(exchange: Exchange, integrating: Awaitable[Response]) -> Response:
    """What there is of a response when its time is over: a status of 0 where not even that is known."""
    until = exchange.now + TRIED_S
    try:
        async with asyncio.timeout(TRIED_S):
            response = await integrating
    except TimeoutError:
        return Response(0)
    held, source = bytearray(), response.body
    try:
        async with asyncio.timeout(until - exchange.home.clock.now()):
            async for piece in source:
                held += piece
                if len(held) > TRIED_BYTES:
                    break
    except (TimeoutError, ConnectionError):
        pass  # what came is told
    finally:
        await source.aclose()
    response.body = bytes(held)
    return response
