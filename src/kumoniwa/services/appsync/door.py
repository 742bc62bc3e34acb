"""Where GraphQL comes in over HTTP, and what is for an Event API (``event_door``) is told apart.

What AWS answers to what: https://github.com/graphql/graphql-over-http/issues/81, told by AppSync's own team.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from graphql import OperationType, Visitor, visit

from kumoniwa.gate import firewall, firewall_guard
from kumoniwa.gate.address import Address
from kumoniwa.gate.firewall_record import Source
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync import event_door, event_realtime, execution, realtime, selection, tracing
from kumoniwa.services.appsync import schema as schemas
from kumoniwa.services.appsync.caller import Asked, identified
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.eventapi import EventApi
from kumoniwa.services.appsync.execution import Execution
from kumoniwa.services.appsync.graphqlapi import Address as ApiAddress
from kumoniwa.services.appsync.graphqlapi import Api, arn_of
from kumoniwa.wire import websocket
from kumoniwa.wire.message import Request, Response

BODY_BYTES_MAX = 1 << 20
"""https://docs.aws.amazon.com/general/latest/gr/appsync.html"""
ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version",
}
STATUSES = {"UnauthorizedException": 401, "NotFoundException": 404, "NotImplemented": 501}


class MalformedHttpRequestException(AwsError):
    status = 400


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    try:
        response = await _served(home, request, address, request_id)
    except NotImplementedHere:
        raise
    except AwsError as error:
        response = refusal(error)
    response.headers["x-amzn-RequestId"] = request_id
    return response


def refusal(error: AwsError) -> Response:
    status = STATUSES.get(error.code, error.status or 400)
    body = orjson.dumps({"errors": [{"errorType": error.code, "message": error.text}]})
    headers = {"Content-Type": "application/json;charset=UTF-8", "x-amzn-ErrorType": error.code, **ANYWHERE}
    if error.hint:
        headers["x-kumoniwa-hint"] = error.hint
    return Response(status, body, headers)


def _found(home: Any, api_id: str, request: Request, request_id: str) -> tuple[Call, Api | EventApi]:
    held = home.store.shelf(SHARED, ApiAddress).get(api_id)
    # The address of an account that was emptied leads nowhere.
    api: Api | EventApi | None = None
    if held is not None:
        api = home.store.shelf(held.account, Api).get(api_id) or home.store.shelf(held.account, EventApi).get(api_id)
    if api is None:
        raise NotFoundException(f"GraphQL API {api_id} not found.")
    call = Call(home, held.account, principals.ANONYMOUS, "appsync", "GraphQL", request_id, request)
    return call, api


async def _served(home: Any, request: Request, address: Address, request_id: str) -> Response:
    call, api = _found(home, address.name, request, request_id)
    if (refused := _guarded(call, api, request)) is not None:
        return refused
    if request.method == "OPTIONS":
        return _preflight(request)
    if isinstance(api, EventApi):
        return await _of_events(call, api, address, request)
    if address.door == "appsync-realtime-api" or websocket.is_asked(request):
        return await realtime.met(call, api, request)
    if request.method not in ("POST", "GET"):
        raise BadRequestException(f"{request.method} is not supported.")
    if request.method == "POST" and not request.body:
        # Whoever asks nothing is still asked who he is: first the request, then the query.
        await identified(call, api, Asked(request))
        raise MalformedHttpRequestException("Request body is empty.")
    if len(request.body) > BODY_BYTES_MAX:
        raise BadRequestException("Request body size exceeds the limit of 1 MB.")
    said = _question(request)
    asked = Asked(request, said["query"], said["operationName"], said["variables"])
    caller = await identified(call, api, asked)
    if not said["query"]:
        raise MalformedHttpRequestException("Unable to parse GraphQL query.")
    schema = await schemas.compiled(call, api.id)
    running = Execution(call, api, schema, caller, dict(request.headers), said["variables"])
    if running.log is not None:
        running.log.begin(said["query"], said["operationName"], said["variables"])
    running.part = tracing.begun(call, api, request)
    answer = await answered(running, said["query"], said["operationName"])
    if running.part is not None:
        tracing.over(running.part, api, request, 200)
    if running.log is not None:
        running.log.end(answer.get("errors", []))
    headers = {"Content-Type": "application/json;charset=UTF-8", **ANYWHERE, **running.response_headers}
    return Response(200, orjson.dumps(answer), headers)


async def _of_events(call: Call, api: EventApi, address: Address, request: Request) -> Response:
    if address.door == "appsync-realtime-api" or websocket.is_asked(request):
        return await event_realtime.met(call, api, request)
    response = await event_door.served(call, api, request)
    response.headers.update(ANYWHERE)
    return response


class WAFForbiddenException(AwsError):
    status = 403
    message = "403 Forbidden"


def _guarded(call: Call, api: Api | EventApi, request: Request) -> Response | None:
    """What the API's web ACL answers instead."""
    guard = firewall_guard.guard_of(call.shelf(firewall.Association), call.home, call.account, arn_of(call, api.id))
    if guard is None:
        return None
    met = guard.meet(request, Source("APPSYNC", "APPSYNC", f"{call.account}:{api.id}"), call.request_id)
    if not met.is_blocked:
        met.mark(request)
        return None
    return met.response() or refusal(WAFForbiddenException())


def _preflight(request: Request) -> Response:
    wanted = request.headers.get("access-control-request-headers", "*")
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET,POST,OPTIONS",
        "Access-Control-Allow-Headers": wanted,
        "Access-Control-Max-Age": "172800",
    }
    return Response(200, b"", headers)


def _question(request: Request) -> dict[str, Any]:
    """The query, its operation's name and its variables; an empty query for what cannot be read."""
    said: Any = None
    if request.method == "GET":
        said = dict(parse_qsl(request.query))
        if said.get("variables"):
            said["variables"] = _json(said["variables"].encode())
    else:
        said = _json(request.body)
    said = said if isinstance(said, dict) else {}
    query, variables, operation = said.get("query"), said.get("variables"), said.get("operationName")
    if isinstance(variables, str):
        variables = _json(variables.encode())
    return {
        "query": query if isinstance(query, str) else "",
        "variables": variables if isinstance(variables, dict) else {},
        "operationName": operation if isinstance(operation, str) and operation else None,
    }


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


class _Introspects(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_field(self, node: Any, *_: Any) -> None:
        self.found = self.found or node.name.value in ("__schema", "__type")


def _flaw(running: Execution, document: Any, operation: Any) -> dict[str, Any] | None:
    """What the API's own settings have against an operation."""
    settings = running.api.settings
    if settings.get("introspectionConfig") == "DISABLED":
        visit(document, seen := _Introspects())
        if seen.found:
            return {
                "path": None,
                "locations": None,
                "message": "Introspection is disabled.",
                "errorType": "Unauthorized",
            }
    limit = settings.get("queryDepthLimit", 0)
    if limit:
        fragments = execution.fragments_of(document)
        if selection.depth([operation], fragments) > limit:
            return {
                "path": None,
                "locations": None,
                "message": f"The maximum query depth of {limit} is exceeded.",
                "errorType": "QueryDepthLimitReached",
            }
    return None


async def answered(running: Execution, query: str, name: str | None) -> dict[str, Any]:
    """The answer to a query or mutation. What mutations changed, subscribers are told."""
    try:
        found = await execution.read(running.call.home, running.schema, query)
    except execution.Malformed:
        raise MalformedHttpRequestException("Unable to parse GraphQL query.") from None
    if found.errors:
        return {"data": None, "errors": found.errors}
    operation = execution.operation_of(found.document, name)
    if operation is None:
        text = (
            f"Unknown operation named '{name}'."
            if name
            else "Must provide operation name if query contains multiple operations."
        )
        return {"data": None, "errors": [{"path": None, "locations": None, "message": text}]}
    if operation.operation is OperationType.SUBSCRIPTION:
        return await realtime.offered(running, found.document, operation)
    if (flaw := _flaw(running, found.document, operation)) is not None:
        return {"data": None, "errors": [flaw]}
    answer = await running.run(found.document, name)
    if operation.operation is OperationType.MUTATION:
        realtime.publish(running, found.document, operation, answer["data"] or {})
    return answer
