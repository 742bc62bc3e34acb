"""Where events come in over HTTP, and clients that want to listen: the addresses of an Event API.

    POST /event              {"channel": "default/news", "events": ["{\\"a\\": 1}"]}
    GET  /event/realtime     a WebSocket of the subprotocol aws-appsync-event-ws

https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.appsync import broadcasting, channel, event_log, eventapi
from kumoniwa.services.appsync.caller import NOT_AUTHORIZED, Asked, Caller, identified
from kumoniwa.services.appsync.channel import Namespace
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException, UnauthorizedException
from kumoniwa.services.appsync.eventapi import EventApi
from kumoniwa.services.appsync.failure import Failure, Unauthorized
from kumoniwa.services.appsync.graphqlapi import arn_of
from kumoniwa.services.appsync.handling import Met
from kumoniwa.services.appsync.log import Log
from kumoniwa.wire.message import Request, Response

BODY_BYTES_MAX = broadcasting.EVENTS_MAX * broadcasting.EVENT_BYTES_MAX + (64 << 10)
CONNECT, PUBLISH, SUBSCRIBE = "Connect", "Publish", "Subscribe"


class HandlerFailed(AwsError):
    """A handler said an error: it is told by the kind that the handler gave it."""

    status = 400

    @classmethod
    def of(cls, failure: Failure) -> HandlerFailed:
        status = 403 if isinstance(failure, Unauthorized) else 400
        return type("HandlerFailed", (cls,), {"code": failure.kind or "Error", "status": status})(failure.message)


async def served(call: Call, api: EventApi, request: Request) -> Response:
    """One publication over HTTP; refusals are raised as AwsError."""
    if request.path != "/event":
        raise NotFoundException(f"{request.path} is not found.")
    if request.method != "POST":
        raise BadRequestException(f"{request.method} is not supported.")
    if len(request.body) > BODY_BYTES_MAX:
        raise BadRequestException(f"The request body exceeds {BODY_BYTES_MAX} bytes.")
    try:
        said = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        said = None
    said = said if isinstance(said, dict) else {}
    try:
        with event_log.of(call, api, PUBLISH, said.get("channel")) as log:
            met = await admitted(call, api, PUBLISH, said.get("channel"), request, request.headers, log)
            told = await broadcasting.published(met, broadcasting.checked(said.get("events")))
    except Failure as failure:
        raise HandlerFailed.of(failure) from None
    return Response(200, orjson.dumps(told), {"Content-Type": "application/json"})


async def admitted(
    call: Call, api: EventApi, operation: str, path: Any, request: Request, headers: Mapping[str, str], log: Log | None = None
) -> Met:
    """Whoever may publish to a channel, or listen to it. Raises what AWS answers to others."""
    segments = channel.segments_of(path if isinstance(path, str) else "", may_be_wild=operation == SUBSCRIBE)
    namespace = call.shelf(Namespace).get(f"{api.id}/{segments[0]}")
    own = None
    if namespace is not None:
        own = namespace.publish_modes if operation == PUBLISH else namespace.subscribe_modes
    modes = list(own) if own is not None else api.config[eventapi.PUBLISH if operation == PUBLISH else eventapi.SUBSCRIBE]
    place = {"channelNamespaceName": segments[0], "channel": "/" + "/".join(segments)}
    who = await known(call, api, operation, modes, request, **place)
    if namespace is None:
        raise NotFoundException(f"Channel namespace {segments[0]} not found.")
    if who.mode == "AWS_IAM":
        _check_granted(call, who, operation, channel.arn(call, namespace))
    return Met(call, namespace, segments, who, headers, log)


async def known(call: Call, api: EventApi, operation: str, modes: list[dict[str, str]], request: Request, **place: str) -> Caller:
    """Who it is, by one of the modes."""
    asked = Asked(request, context={"operation": f"EVENT_{operation.upper()}", **place})
    return await identified(call, eventapi.admitting(api, modes), asked)


async def connecting(call: Call, api: EventApi, request: Request) -> None:
    """Raises what AWS answers to who may not connect."""
    who = await known(call, api, CONNECT, api.config[eventapi.CONNECT], request)
    if who.mode == "AWS_IAM":
        _check_granted(call, who, CONNECT, arn_of(call, api.id))


def _check_granted(call: Call, who: Caller, operation: str, arn: str) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsappsync.html"""
    principal = who.principal
    if principal.is_unbound_root and principal.account == call.account:
        return
    decision = call.home.gate.authorizer.decided(call.speaking(principal), f"appsync:Event{operation}", arn, None)
    if decision is not None and not decision.is_allowed:
        raise UnauthorizedException(NOT_AUTHORIZED, hint=f"appsync:Event{operation} on {arn} is not allowed.")
