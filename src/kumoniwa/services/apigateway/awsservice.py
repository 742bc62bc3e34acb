"""AWS integrations with services other than Lambda: the request goes through the region's gate as the integration's role.

``…:sqs:path/account/queue`` says a path of the service's HTTP API, ``…:dynamodb:action/PutItem`` an operation. Services
of the Query protocol answer XML, or JSON to who accepts it, and API Gateway does.
https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html (uri)
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree

import orjson

from kumoniwa.aws import models
from kumoniwa.aws.models import Shape
from kumoniwa.gate.address import Address
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway import endpointlog, mapping
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.proxy import acting
from kumoniwa.services.apigateway.target import Target, target_of
from kumoniwa.services.apigateway.transform import JSON, Outgoing, Reply, Send, misconfigured
from kumoniwa.wire.message import File, Request, Response
from kumoniwa.wire.query import Readers, folded

BODY_BYTES_MAX = 10 << 20
QUERY_TOO = frozenset(["sqs"])
"""Services whose model says JSON and who still understand Query: recorded from AWS."""
FORMS = frozenset(["ssm"])
"""Services whose actions API Gateway asks for in Query's older way, of which their models say nothing: recorded from AWS. Here the form is
read for them, and their answer told in Query's JSON."""


def sender(served: Any, path: str, integration: dict[str, Any]) -> Send:
    target = target_of(mapping.with_variables(integration["uri"], served.variables))
    role = mapping.with_variables(integration.get("credentials") or "", served.variables)
    verb, timeout_s = integration["httpMethod"], integration["timeoutInMillis"] / 1000

    async def send(exchange: Exchange, outgoing: Outgoing) -> Reply:
        request = asked(target, exchange.verb if verb == "ANY" else verb, outgoing)
        since = exchange.home.clock.now()
        if exchange.log is not None:
            endpointlog.signed(exchange, f"https://{request.host}{request.path}", request.body)
        if exchange.part is not None:
            request.headers["x-amzn-trace-id"] = exchange.trace
        principal = _assumed(exchange, role)
        relayed = exchange.home.spawn(exchange.home.gate.relay(principal, request))
        await asyncio.wait((relayed,), timeout=timeout_s)
        if not relayed.done():
            relayed.add_done_callback(lambda late: late.cancelled() or late.exception())
            exchange.note("Execution failed due to a timeout error")
            raise Refused("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        response, route, result = relayed.result()
        headers, body = dict(response.headers), await _content(response)
        is_form = _is_form(target, outgoing)
        if route is not None and (route.protocol == "query" or is_form) and "json" in request.headers["accept"]:
            headers["Content-Type"] = JSON
            body = _as_json(target.service, route.name, result, body, str(headers.get("x-amzn-RequestId", "")))
        lines = [
            (name, line)
            for name, value in headers.items()
            for line in (value if isinstance(value, list) else [value])
        ]
        endpointlog.heard(exchange, response.status, since, lines, body)
        return Reply(response.status, lines, body, str(response.status))

    def _assumed(exchange: Exchange, arn: str) -> Principal:
        try:
            return acting(exchange, arn)
        except NotImplementedHere:
            raise
        except AwsError:
            raise misconfigured(exchange, "API Gateway does not have permission to assume the provided role")

    return send


def _is_form(target: Target, outgoing: Outgoing) -> bool:
    is_targeted = any(name.lower() == "x-amz-target" for name in outgoing.headers)
    return target.is_action and target.service in FORMS and not is_targeted


def asked(target: Target, verb: str, outgoing: Outgoing) -> Request:
    """The request as the service's own clients would make it."""
    model = models.service(target.service)
    has_query = "query" in model.protocols or target.service in QUERY_TOO
    path, _, query = target.rest.partition("?")
    for name, value in outgoing.labels.items():
        path = path.replace(f"{{{name}}}", quote(unquote(value), safe="/"))
    headers = {"content-type": outgoing.content_type, "accept": JSON}
    queries = dict(outgoing.queries)
    if target.is_action:
        if model.target_prefix and not has_query:
            headers["x-amz-target"] = f"{model.target_prefix}.{path}"
            headers["content-type"] = f"application/x-amz-json-{model.json_version}"
        else:
            queries |= {"Action": path, "Version": model.api_version}
        path = ""
    headers |= {name.lower(): value for name, value in outgoing.headers.items()}
    body = outgoing.body
    if _is_form(target, outgoing):
        operation = model.operation(target.rest.partition("?")[0])
        form = "&".join(filter(None, [query, urlencode(queries), body.decode("utf-8", "replace") if b"=" in body else ""]))
        body, query, queries = orjson.dumps(Readers().structure(operation.input)(folded(form))), "", {}
    if "x-amz-target" not in headers and has_query:
        # Query's parameters are one list, whether they stand in the path or in the body.
        headers["content-type"] = "application/x-www-form-urlencoded"
        if queries or query:
            text = body.decode("utf-8", "replace") if b"=" in body else ""
            body, query = "&".join(filter(None, [query, urlencode(queries), text])).encode(), ""
        verb, queries = "POST", {}
        if b"QueueUrl=" not in body and target.service == "sqs" and path:
            body += (
                b"&QueueUrl=" + quote(f"https://sqs.{target.region}.amazonaws.com/{path}", safe="").encode()
            )
    if target.prefix and target.service == "s3":
        path = f"{target.prefix}/{path}"
    headers |= {
        "host": f"{model.endpoint_prefix}.{target.region}.amazonaws.com",
        "content-length": str(len(body)),
    }
    query = "&".join(filter(None, [query, urlencode(queries, quote_via=quote)]))
    address = Address(region=target.region, signing_name=model.signing_name)
    return Request(verb, f"/{path}", query, headers, body, address=address)


async def _content(response: Response) -> bytes:
    """A response's body, wherever it is."""
    body = response.body
    if isinstance(body, bytes):
        return body
    if isinstance(body, (File, tuple)):
        return b"".join(await asyncio.to_thread(_read, body if isinstance(body, tuple) else (body,)))
    pieces, size = [], 0
    async for piece in body:
        size += len(piece)
        if size > BODY_BYTES_MAX:
            raise Refused("INTEGRATION_FAILURE", "Internal server error")
        pieces.append(piece)
    return b"".join(pieces)


def _read(files: tuple[File, ...]) -> list[bytes]:
    if sum(file.length for file in files) > BODY_BYTES_MAX:
        raise Refused("INTEGRATION_FAILURE", "Internal server error")
    pieces = []
    for file in files:
        with open(file.path, "rb") as held:
            held.seek(file.offset)
            pieces.append(held.read(file.length))
    return pieces


def _as_json(service: str, operation: str, result: dict | None, body: bytes, request_id: str) -> bytes:
    """A Query service's answer as JSON: recorded from AWS, the shape of the XML in JSON's types, with what it does not say as null."""
    if result is not None:
        answer: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
        shape = models.service(service).operation(operation).output
        if shape is not None and shape.members:
            answer = {f"{operation}Result": _whole(shape, result), **answer}
        return orjson.dumps({f"{operation}Response": answer}, default=_plain)
    try:
        texts = {part.tag.rpartition("}")[2]: part.text or "" for part in ElementTree.fromstring(body).iter()}
    except ElementTree.ParseError:
        return body
    error = {name: texts.get(name, "") for name in ("Code", "Message", "Type")}
    return orjson.dumps({"Error": error, "RequestId": request_id})


def _whole(shape: Shape, value: Any) -> Any:
    if shape.type == "structure" and isinstance(value, dict):
        return {name: _whole(member.shape, value.get(name)) for name, member in sorted(shape.members.items())}
    if shape.type == "list" and isinstance(value, (list, tuple)):
        return [_whole(shape.element.shape, one) for one in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
