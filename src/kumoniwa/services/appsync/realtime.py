"""AppSync's WebSockets: a client connects, starts subscriptions, and is told what mutations did.

https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
"""

from __future__ import annotations

from typing import Any

import orjson
from graphql import FieldNode, OperationType, execute
from graphql.execution.values import get_argument_values, get_variable_values

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync import connection, execution, selection, subscription
from kumoniwa.services.appsync import schema as schemas
from kumoniwa.services.appsync.caller import Asked, identified
from kumoniwa.services.appsync.connection import LIFE_S, TIMEOUT_MS
from kumoniwa.services.appsync.errors import BadRequestException
from kumoniwa.services.appsync.execution import Execution
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.graphqlapi import Api
from kumoniwa.services.appsync.subscription import Subscription, hub
from kumoniwa.wire import websocket
from kumoniwa.wire.message import Request, Response

PROTOCOL = "graphql-ws"
SUBSCRIPTIONS_MAX = 200
"""Of one connection: https://docs.aws.amazon.com/general/latest/gr/appsync.html"""


# Connecting ------------------------------------------------------------------------------------------


async def met(call: Call, api: Api, request: Request) -> Response:
    """A client that wants to listen. Who may not is told so in the connection, as AWS does."""
    if not websocket.is_asked(request):
        raise BadRequestException("This endpoint is for WebSockets.")
    if (flaw := websocket.flaw_of(request)) is not None:
        return flaw
    if PROTOCOL not in websocket.subprotocols(request):
        raise BadRequestException(f"The subprotocol {PROTOCOL} is required.")
    refused: AwsError | None = None
    try:
        signed = Request("POST", "/graphql/connect", "", connection.shown(request), b"{}")
        await identified(call, api, Asked(signed))
    except NotImplementedHere:
        raise
    except AwsError as error:
        refused = error
    line = Connection(call, api, refused)
    limits = websocket.Limits(message_bytes=1 << 20, life_s=LIFE_S)
    return websocket.accepted(call.home, request, line.converse, subprotocol=PROTOCOL, limits=limits)


def _errors(error: Exception) -> dict[str, Any]:
    if isinstance(error, AwsError):
        statuses = {"UnauthorizedException": 401, "NotFoundException": 404}
        return {
            "errors": [
                {
                    "errorType": error.code,
                    "errorCode": statuses.get(error.code, error.status or 400),
                    "message": error.text,
                }
            ]
        }
    return {
        "errors": [{"errorType": error.kind, "message": error.message}] if isinstance(error, Failure) else []
    }


class Connection(connection.Connection):
    """One client's connection with its subscriptions."""

    def __init__(self, call: Call, api: Api, refused: AwsError | None) -> None:
        super().__init__(call, refused)
        self.api = api
        self.subscriptions: dict[str, Subscription] = {}

    def refusal(self, error: AwsError) -> dict[str, Any]:
        return {"type": "connection_error", "payload": _errors(error)}

    def gone(self) -> None:
        for one in self.subscriptions.values():
            hub(self.call.home).remove(self.api.id, one)

    async def hear(self, said: dict[str, Any]) -> None:
        kind = said.get("type")
        if kind == "connection_init":
            self.say(type="connection_ack", payload={"connectionTimeoutMs": TIMEOUT_MS})
            self.say(type="ka")
        elif kind == "start":
            await self._start(said)
        elif kind == "stop":
            self._stop(str(said.get("id")))
        else:
            text = (
                f"{kind if isinstance(kind, str) else 'unknown'} not supported through the realtime channel"
            )
            errors = [{"errorType": "UnsupportedOperation", "message": text}]
            self.say(type="error", payload={"errors": errors}, **({"id": said["id"]} if "id" in said else {}))

    # Subscriptions --------------------------------------------------------------------------------

    async def _start(self, said: dict[str, Any]) -> None:
        id_ = str(said.get("id") or "")
        try:
            one = await self._subscribed(id_, said.get("payload"))
        except NotImplementedHere as error:
            self.call.home.gate.gaps[error.what] += 1
            self.say(type="error", id=id_, payload=_errors(error))
        except (AwsError, Failure) as error:
            self.say(type="error", id=id_, payload=_errors(error))
        except _Flawed as flawed:
            self.say(type="error", id=id_, payload={"errors": flawed.errors})
        else:
            self.subscriptions[id_] = one
            hub(self.call.home).add(self.api.id, one)
            self.say(type="start_ack", id=id_)

    def _stop(self, id_: str) -> None:
        one = self.subscriptions.pop(id_, None)
        if one is None:
            errors = [{"errorType": "UnknownOperationError", "message": f"Unknown operation id {id_}"}]
            self.say(type="error", id=id_, payload={"errors": errors})
            return
        hub(self.call.home).remove(self.api.id, one)
        self.say(type="complete", id=id_)

    async def _subscribed(self, id_: str, payload: Any) -> Subscription:
        data = payload.get("data") if isinstance(payload, dict) else None
        asked = _json(data) if isinstance(data, str) else None
        if not id_ or not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            raise BadRequestException("A start message needs an id and a payload with data.")
        if id_ in self.subscriptions:
            raise Failure(f"The id {id_} is in use already.", "DuplicatedOperationError")
        if len(self.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise Failure(
                f"Max number of {SUBSCRIPTIONS_MAX} subscriptions reached", "MaxSubscriptionsReachedError"
            )
        variables = asked.get("variables") if isinstance(asked.get("variables"), dict) else {}
        headers = connection.headers_of((payload.get("extensions") or {}).get("authorization"))
        api = self.call.shelf(Api).get(self.api.id)
        if api is None:
            raise BadRequestException(f"GraphQL API {self.api.id} not found.")
        name = asked.get("operationName")
        shown = Asked(
            Request("POST", "/graphql", "", headers, data.encode()), asked["query"], name, variables
        )
        caller = await identified(self.call, api, shown)
        schema = await schemas.compiled(self.call, api.id)
        running = Execution(self.call, api, schema, caller, headers, variables)
        return await _begun(self, id_, running, asked["query"], name)


class _Flawed(Exception):
    """A query that cannot be subscribed to, with its errors as the caller sees them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


async def _begun(
    connection: Connection, id_: str, running: Execution, query: str, name: str | None
) -> Subscription:
    """The subscription's own resolver is asked first: it may refuse, and may set filters."""
    try:
        found = await execution.read(running.call.home, running.schema, query)
    except execution.Malformed:
        raise BadRequestException("Unable to parse GraphQL query.") from None
    if found.errors:
        raise _Flawed(found.errors)
    operation = execution.operation_of(found.document, name)
    if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
        kind = operation.operation.value if operation is not None else "unknown"
        raise Failure(f"{kind} not supported through the realtime channel", "UnsupportedOperation")
    fragments = execution.fragments_of(found.document)
    root = list(selection.fields([operation], fragments))
    if len(root) != 1:
        raise BadRequestException("A subscription has exactly one field.")
    arguments = _arguments(running, operation, root[0])
    answer = await running.run(found.document, name)
    # That there is nothing to tell yet is no error, whatever the field promises.
    errors = [error for error in answer.get("errors", ()) if "errorType" in error]
    if errors:
        raise _Flawed(errors)
    said = dict(running.extensions)
    return Subscription(
        connection, id_, root[0].name.value, running, found.document, name, arguments,
        subscription.checked(*said.get("setSubscriptionFilter", [None])),
        subscription.checked(*said.get("setSubscriptionInvalidationFilter", [None])),
    )  # fmt: skip


def _arguments(running: Execution, operation: Any, node: FieldNode) -> dict[str, Any]:
    """The arguments that were really given, null among them: those that were not filter nothing."""
    executable = running.schema.executable
    values = get_variable_values(executable, operation.variable_definitions or (), running.variables)
    if isinstance(values, list):
        raise _Flawed([{"path": None, "locations": None, "message": error.message} for error in values])
    field = executable.subscription_type.fields[node.name.value]
    return get_argument_values(field, node, values)


async def offered(running: Execution, document: Any, operation: Any) -> dict[str, Any]:
    """A subscription over HTTP, which AppSync once answered with the address of an MQTT broker."""
    raise NotImplementedHere("subscriptions over MQTT of appsync: connect to its WebSockets")


# Publishing -------------------------------------------------------------------------------------------


def publish(running: Execution, document: Any, operation: Any, data: dict[str, Any]) -> None:
    """Tell those who listen what the mutations of one operation did."""
    fragments = execution.fragments_of(document)
    nodes = {(node.alias or node.name).value: node for node in selection.fields([operation], fragments)}
    held = hub(running.call.home)
    for key, mutation in running.mutated:
        result = data.get(key)
        if not isinstance(result, dict) or key not in nodes:
            continue
        payload = selection.by_field(result, [nodes[key]], fragments)
        for field in running.schema.heard.get(mutation, ()):
            for one in held.of(running.api.id, field):
                if one.wants(payload):
                    _deliver(one, payload)
    for name, given in running.extensions:
        if name == "invalidateSubscriptions":
            _invalidate(running, given[0])


def _deliver(one: Subscription, payload: dict[str, Any]) -> None:
    running = one.running

    def resolve(source: Any, info: Any, /, **_: Any) -> Any:
        if not running.admission.allows(info.parent_type.name, info.field_name):
            raise Failure(
                f"Not Authorized to access {info.field_name} on type {info.parent_type.name}", "Unauthorized"
            )
        return source.get(info.field_name) if isinstance(source, dict) else None

    result = execute(
        running.schema.executable, one.document, root_value={one.field: payload}, variable_values=running.variables,
        operation_name=one.operation, field_resolver=resolve,
    )  # fmt: skip
    told = {"data": result.data} | (
        {"errors": [execution.told(running.schema, one.document, error) for error in result.errors]}
        if result.errors
        else {}
    )
    one.connection.say(type="data", id=one.id, payload=told)


def _invalidate(running: Execution, said: Any) -> None:
    """End the subscriptions whose invalidation filter lets the payload through."""
    said = said if isinstance(said, dict) else {}
    for one in hub(running.call.home).of(running.api.id, str(said.get("subscriptionField"))):
        if one.invalidation is not None and subscription.passes(one.invalidation, said.get("payload") or {}):
            hub(running.call.home).remove(running.api.id, one)
            one.connection.subscriptions.pop(one.id, None)
            one.connection.say(type="complete", id=one.id)
