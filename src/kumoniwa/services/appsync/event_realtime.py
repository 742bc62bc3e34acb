"""The real-time endpoint of Event APIs: the WebSocket in which a client listens to channels, hears their events and may publish itself.

https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-websocket-protocol.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync import broadcasting, connection, event_door, event_log
from kumoniwa.services.appsync.broadcasting import Listening, audience
from kumoniwa.services.appsync.connection import LIFE_S, TIMEOUT_MS
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.event_door import BODY_BYTES_MAX, PUBLISH, SUBSCRIBE
from kumoniwa.services.appsync.eventapi import EventApi
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.handling import SUBSCRIBE as ON_SUBSCRIBE
from kumoniwa.services.appsync.handling import Met, handled
from kumoniwa.services.appsync.log import Log
from kumoniwa.services.appsync.realtime import SUBSCRIPTIONS_MAX
from kumoniwa.wire import websocket
from kumoniwa.wire.message import Request, Response

PROTOCOL, PATH = "aws-appsync-event-ws", "/event/realtime"


async def met(call: Call, api: EventApi, request: Request) -> Response:
    """A client that wants to listen. Who may not is told so in the connection, as AWS does."""
    if request.path != PATH:
        raise NotFoundException(f"{request.path} is not found.")
    if not websocket.is_asked(request):
        raise BadRequestException("This endpoint is for WebSockets.")
    if (flaw := websocket.flaw_of(request)) is not None:
        return flaw
    if PROTOCOL not in websocket.subprotocols(request):
        raise BadRequestException(f"The subprotocol {PROTOCOL} is required.")
    refused: AwsError | None = None
    try:
        await event_door.connecting(call, api, _signed(connection.shown(request), b"{}"))
    except NotImplementedHere:
        raise
    except AwsError as error:
        refused = error
    line = EventConnection(call, api, refused)
    limits = websocket.Limits(message_bytes=BODY_BYTES_MAX, life_s=LIFE_S)
    return websocket.accepted(call.home, request, line.converse, subprotocol=PROTOCOL, limits=limits)


def _signed(headers: dict[str, str], body: bytes) -> Request:
    """What a client that signs its messages has signed: the same said over HTTP."""
    return Request("POST", "/event", "", headers, body)


def _errors(error: Exception) -> list[dict[str, Any]]:
    if isinstance(error, Failure):
        return [{"errorType": error.kind or "Error", "message": error.message}]
    statuses = {"UnauthorizedException": 401, "NotFoundException": 404}
    return [{"errorType": error.code, "errorCode": statuses.get(error.code, error.status or 400), "message": error.text}]


class EventConnection(connection.Connection):
    """One client's connection with what it listens to."""

    def __init__(self, call: Call, api: EventApi, refused: AwsError | None) -> None:
        super().__init__(call, refused)
        self.api = api
        self.listening: dict[str, Listening] = {}

    def refusal(self, error: AwsError) -> dict[str, Any]:
        return {"type": "connection_error", "errors": _errors(error)}

    def gone(self) -> None:
        for one in self.listening.values():
            audience(self.call.home).remove(self.api.id, one)

    async def hear(self, said: dict[str, Any]) -> None:
        kind, id_ = said.get("type"), said.get("id")
        if kind == "connection_init":
            self.say(type="connection_ack", connectionTimeoutMs=TIMEOUT_MS)
            self.say(type="ka")
            return
        act = {"subscribe": self._subscribe, "unsubscribe": self._unsubscribe, "publish": self._publish}.get(kind if isinstance(kind, str) else "")
        if act is None:
            errors = [{"errorType": "UnsupportedOperation", "message": "Operation not supported through the realtime channel"}]
            self.say(type="error", **({"id": id_} if id_ is not None else {}), errors=errors)
            return
        try:
            if not isinstance(id_, str) or not id_:
                raise BadRequestException("A message needs an id.")
            await act(id_, said)
        except (AwsError, Failure) as error:
            if isinstance(error, NotImplementedHere):
                self.call.home.gate.gaps[error.what] += 1
            self.say(type=f"{kind}_error", id=id_, errors=_errors(error))

    def _api(self) -> EventApi:
        """As it is now."""
        api = self.call.shelf(EventApi).get(self.api.id)
        if api is None:
            raise NotFoundException(f"Api {self.api.id} not found.")
        return api

    async def _admitted(self, api: EventApi, said: dict[str, Any], operation: str, log: Log | None) -> Met:
        headers = connection.headers_of(said.get("authorization"))
        signed = {name: said[name] for name in ("channel", "events") if name in said}
        request = _signed(headers, orjson.dumps(signed))
        return await event_door.admitted(self.call, api, operation, said.get("channel"), request, headers, log)

    async def _subscribe(self, id_: str, said: dict[str, Any]) -> None:
        if id_ in self.listening:
            raise Failure(f"The id {id_} is in use already.", "DuplicatedOperationError")
        if len(self.listening) >= SUBSCRIPTIONS_MAX:
            raise Failure(f"Max number of {SUBSCRIPTIONS_MAX} subscriptions reached", "MaxSubscriptionsReachedError")
        api = self._api()
        with event_log.of(self.call, api, SUBSCRIBE, said.get("channel")) as log:
            found = await self._admitted(api, said, SUBSCRIBE, log)
            await handled(found, ON_SUBSCRIBE, None)
        one = self.listening[id_] = Listening(self, id_, found.segments)
        audience(self.call.home).add(self.api.id, one)
        self.say(type="subscribe_success", id=id_)

    async def _unsubscribe(self, id_: str, said: dict[str, Any]) -> None:
        one = self.listening.pop(id_, None)
        if one is None:
            raise Failure(f"Unknown operation id {id_}", "UnknownOperationError")
        audience(self.call.home).remove(self.api.id, one)
        self.say(type="unsubscribe_success", id=id_)

    async def _publish(self, id_: str, said: dict[str, Any]) -> None:
        api = self._api()
        with event_log.of(self.call, api, PUBLISH, said.get("channel")) as log:
            found = await self._admitted(api, said, PUBLISH, log)
            told = await broadcasting.published(found, broadcasting.checked(said.get("events")))
        self.say(type="publish_success", id=id_, **told)
