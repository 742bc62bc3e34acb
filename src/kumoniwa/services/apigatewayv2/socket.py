"""Conversations with the clients of WebSocket APIs: their coming, each message they send, and their going.

A client is let in by ``$connect``, if there is such a route; then each of its messages is a call of its own, begun in the
order of the messages. ``$disconnect`` is told after the end, unless the region itself ends.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from kumoniwa.services.apigateway.exchange import Place
from kumoniwa.services.apigatewayv2 import bill, socketevent
from kumoniwa.services.apigatewayv2.connection import Connection, connections
from kumoniwa.services.apigatewayv2.socketstage import ServedSocket
from kumoniwa.services.apigatewayv2.visit import Refused, Visit
from kumoniwa.wire import websocket
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.websocket import Closed, Limits, WebSocket

LIMITS = Limits(frame_bytes=32 << 10, message_bytes=128 << 10, idle_s=600.0, life_s=7_200.0)
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""
UNDER_WAY_MAX = 100
"""Messages of one client that are being answered at once; the next has to wait."""
NO_STATUS = 1005


def _json(status: int, text: str, connection: Connection, visit: Visit) -> Response:
    body = {"message": text, "connectionId": connection.id, "requestId": visit.id}
    return Response(status, orjson.dumps(body), {"Content-Type": "application/json"})


def _visit(home: Any, served: ServedSocket, connection: Connection, kind: str) -> Visit:
    visit = Visit(home, connection.request, served, "", connection.place)
    visit.verb, visit.connection, visit.event_type, visit.authorizer = "", connection, kind, connection.authorizer
    return visit


async def come(home: Any, served: ServedSocket, request: Request, place: Place | None, find: Any) -> Response:
    """Answer a request to a WebSocket API's stage: a handshake, or one who did not mean it. ``find()`` answers the stage as
    it is served at a later moment, None if it is gone."""
    connection = Connection(home, served, request, place)
    visit = _visit(home, served, connection, socketevent.CONNECT)
    if not websocket.is_asked(request):
        return _json(403, "Forbidden", connection, visit)
    if (flaw := websocket.flaw_of(request)) is not None:
        return flaw
    subprotocol = None
    visit.route = served.routes.get("$connect")
    try:
        if visit.route is not None:
            subprotocol = await _let_in(served, visit)
    except Refused as refused:
        visit.error = refused
        response = _json(refused.status, refused.text, connection, visit)
        if refused.why:
            response.headers["x-kumoniwa-hint"] = refused.why
    else:
        talk = _Talk(home, connection, find)
        response = websocket.accepted(home, request, talk.converse, subprotocol=subprotocol, limits=LIMITS)
    # A log tells what the route answered: 200 for who was let in.
    _log(served, visit, Response(200) if response.status == 101 else response)
    return response


async def _let_in(served: ServedSocket, visit: Visit) -> str | None:
    """Put a client to the route ``$connect``; answers the subprotocol that was chosen for it. Raises Refused."""
    route = visit.route
    route.check_handshake(visit)
    if route.check is not None:
        await route.check(visit)
    served.throttle(visit)
    if route.ask is None:
        return None
    reply = await route.ask(visit)
    if not 200 <= reply.status < 300:
        raise Refused(reply.status if 400 <= reply.status <= 599 else 502, "Forbidden" if reply.status == 403 else "Internal server error")
    return reply.header("sec-websocket-protocol")


def _log(served: ServedSocket, visit: Visit, response: Response) -> None:
    if served.access_log is not None:
        served.access_log.write(visit, response)


class _Talk:
    """One client, from the moment it is let in."""

    def __init__(self, home: Any, connection: Connection, find: Any) -> None:
        self.home, self.connection, self.find = home, connection, find
        self.under_way: set[asyncio.Task] = set()

    async def converse(self, socket: WebSocket) -> None:
        known, self.connection.socket = connections(self.home).by_id, socket
        known[self.connection.id] = self.connection
        try:
            while True:
                message = await socket.receive()
                self.connection.active_at = self.home.clock.now()
                if isinstance(message, bytes):
                    # https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
                    socket.close(1003, "Binary is not supported")
                    continue
                self.connection.said(self.home, len(message.encode()))
                await self._begin(message)
        except Closed as closed:
            known.pop(self.connection.id, None)
            await self._go(closed)
        finally:
            known.pop(self.connection.id, None)
            bill.ended(self.home, self.connection)

    async def _begin(self, message: str) -> None:
        if len(self.under_way) >= UNDER_WAY_MAX:
            await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
        task = self.home.spawn(self._hear(message))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _hear(self, message: str) -> None:
        """Answer one message, if its route answers; a refusal is told in any case."""
        served = self.find()
        if served is None:
            return
        visit = _visit(self.home, served, self.connection, socketevent.MESSAGE)
        visit.message, visit.message_id = message, visit.id
        try:
            said = await self._answered(served, visit)
            status = 200
        except Refused as refused:
            visit.error, status = refused, refused.status
            said = _json(status, refused.text, self.connection, visit).body.decode()
        if said is not None:
            try:
                await self.connection.socket.send(said)
                self.connection.said(self.home, len(said.encode()))
            except Closed:
                pass  # it did not wait for the answer
        _log(served, visit, Response(status, (said or "").encode()))

    async def _answered(self, served: ServedSocket, visit: Visit) -> str | None:
        visit.route = served.find(visit)
        if visit.route is None:
            raise Refused(403, "Forbidden")
        served.throttle(visit)
        if visit.route.fits is not None and not visit.route.fits(visit):
            raise Refused(400, "Bad request body")
        if visit.route.ask is None:
            raise Refused(500, "Internal server error", why="The route has no integration")
        reply = await visit.route.ask(visit)
        return reply.text() if visit.route.is_answered else None

    async def _go(self, closed: Closed) -> None:
        """Tell the route ``$disconnect``, as well as may be: nobody hears an answer any more."""
        served = self.find()
        route = served.routes.get("$disconnect") if served is not None else None
        if route is None or route.ask is None:
            return
        visit = _visit(self.home, served, self.connection, socketevent.DISCONNECT)
        visit.route = route
        reason = "Client-side close frame status not set" if closed.code == NO_STATUS else closed.reason
        visit.goodbye = {"disconnectStatusCode": closed.code, "disconnectReason": reason}
        status = 200
        try:
            await route.ask(visit)
        except Refused as refused:
            visit.error, status = refused, refused.status
        _log(served, visit, Response(status))
