"""The operations of connections: say something to a client, look at it, let it go.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.apigatewayv2.connection import Connection, connections, is_id
from kumoniwa.wire.websocket import NORMAL, Closed

METHODS = {"PostToConnection": "POST", "GetConnection": "GET", "DeleteConnection": "DELETE"}


class GoneException(AwsError): ...


class PayloadTooLargeException(AwsError):
    message = "The data has exceeded the maximum size allowed."


class BadRequestException(AwsError):
    status = 400


def _held(call: Call, connection_id: str) -> Connection | None:
    return connections(call.home).by_id.get(connection_id)


def _found(call: Call, connection_id: str) -> Connection:
    """A connection that is open now. One that never was is as gone as any other:
    https://github.com/localstack/localstack/issues/4694"""
    if not is_id(connection_id):
        raise BadRequestException(f"Invalid connectionId: {connection_id}")
    connection = _held(call, connection_id)
    if connection is None or not connection.socket.is_open or not _is_at(call, connection):
        raise GoneException("410")
    return connection


def _is_at(call: Call, connection: Connection) -> bool:
    """Whether a connection belongs to the stage whose name the request came in by; a plain endpoint names none."""
    address = call.request.address if call.request is not None else None
    if address is None or address.door != "execute-api":
        return True
    stage = address.path.lstrip("/").partition("/")[0]
    return address.name == connection.api_id and stage == connection.stage


async def PostToConnection(call: Call, *, Data: bytes, ConnectionId: str) -> None:
    connection = _found(call, ConnectionId)
    connection.active_at = call.now()
    try:
        await connection.socket.send(Data.decode("utf-8", "replace"))
    except Closed:
        raise GoneException("410")
    connection.said(call.home, len(Data))


def GetConnection(call: Call, *, ConnectionId: str) -> dict:
    connection = _found(call, ConnectionId)
    return {
        "ConnectedAt": connection.connected_at,
        "Identity": {"SourceIp": "127.0.0.1", "UserAgent": connection.request.headers.get("user-agent", "")},
        "LastActiveAt": connection.active_at,
    }


def DeleteConnection(call: Call, *, ConnectionId: str) -> None:
    _found(call, ConnectionId).socket.close(NORMAL, "Connection Closed Normally")


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """Whose the connection is: callers name no account."""
    connection = _held(call, params.get("ConnectionId", ""))
    return connection.account if connection is not None else None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html"""
    connection = _held(call, params.get("ConnectionId", ""))
    place = f"{connection.api_id}/{connection.stage}" if connection is not None else "*/*"
    if connection is None and call.request is not None and call.request.address.door == "execute-api":
        address = call.request.address
        place = f"{address.name}/{address.path.lstrip('/').partition('/')[0]}"
    return call.arn(f"{place}/{METHODS[operation]}/@connections/{params.get('ConnectionId', '*')}", "execute-api")


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """The one constraint of the model is how much may be said at once: 128 KB."""
    return PayloadTooLargeException()
