"""What functions behind WebSocket APIs are told of a client's coming, its messages and its going.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.apigatewayv2.visit import Visit, request_time

CONNECT, MESSAGE, DISCONNECT = "CONNECT", "MESSAGE", "DISCONNECT"


def context(visit: Visit) -> dict[str, Any]:
    connection = visit.connection
    told: dict[str, Any] = {"routeKey": visit.route.key}
    if visit.message_id is not None:
        told["messageId"] = visit.message_id
    told |= {
        "eventType": visit.event_type,
        "extendedRequestId": visit.extended_id,
        "requestTime": request_time(int(visit.now)),
        "messageDirection": "IN",
        "stage": visit.served.name,
        "connectedAt": milliseconds(connection.connected_at),
        "requestTimeEpoch": milliseconds(visit.now),
        "identity": {name: value for name, value in visit.identity().items() if value is not None},
        "requestId": visit.id,
        "domainName": visit.host,
        "connectionId": connection.id,
        "apiId": visit.served.api_id,
    }
    if connection.authorizer is not None:
        told["authorizer"] = connection.authorizer
    return told | (visit.goodbye or {})


def _every(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return every


def _beside(every: dict[str, list[str]], one: str, all_: str) -> dict[str, Any]:
    return {one: {name: values[-1] for name, values in every.items()}, all_: every}


def handshake(visit: Visit) -> dict[str, Any]:
    """The headers and the query a client came with."""
    port = visit.request.host.rpartition(":")[2]
    added = {
        "X-Amzn-Trace-Id": visit.trace,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Port": port if port.isdigit() else "443",
        "X-Forwarded-Proto": "http",
    }
    known = {name.lower() for name in added} | {"connection", "upgrade"}
    lines = [(name, value) for name, value in visit.lines() if name.lower() not in known]
    told = _beside(_every([*lines, *added.items()]), "headers", "multiValueHeaders")
    if visit.queries:
        told |= _beside(_every(visit.queries), "queryStringParameters", "multiValueQueryStringParameters")
    return told


_GONE = {"x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}


def document(visit: Visit) -> dict[str, Any]:
    """The event of one route's call."""
    event: dict[str, Any] = {}
    if visit.event_type == CONNECT:
        event = handshake(visit)
    elif visit.event_type == DISCONNECT:
        event = _beside(_every([("Host", visit.host), *_GONE.items()]), "headers", "multiValueHeaders")
    if visit.served.variables:
        event["stageVariables"] = visit.served.variables
    event["requestContext"] = context(visit)
    if visit.message is not None:
        event["body"] = visit.message
    return event | {"isBase64Encoded": False}
