"""What functions behind HTTP APIs are told and what they may answer: the payload formats 1.0 and 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import urlencode

import orjson

from kumoniwa.gate.organization import organization_id
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.apigateway.exchange import HOP_BY_HOP, NOBODY
from kumoniwa.services.apigatewayv2.parameter import Sent
from kumoniwa.services.apigatewayv2.visit import Visit, failed, request_time
from kumoniwa.wire.message import Response

_TEXT = re.compile(r"text/|application/(?:json|xml|javascript|graphql|[a-z0-9.-]+\+(?:json|xml))")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
TEXT_TYPE = "text/plain;charset=utf-8"
OURS = frozenset(["connection", "content-length", "date", "transfer-encoding"])
"""Headers of an answer that belong to the connection with the caller, and that no function sets."""


def body_of(visit: Visit) -> tuple[str | None, bool]:
    """The body, and whether it is in base 64: everything is that does not call itself text."""
    body = visit.request.body
    if not body:
        return None, False
    if _TEXT.match(visit.request.headers.get("content-type", "text/plain").lower()):
        return body.decode("utf-8", "replace"), False
    return base64.b64encode(body).decode(), True


def _forwarded(visit: Visit) -> dict[str, str]:
    before = visit.request.headers.get("x-forwarded-for")
    port = visit.request.host.rpartition(":")[2]
    return {
        "x-amzn-trace-id": visit.trace,
        "x-forwarded-for": f"{before}, 127.0.0.1" if before else "127.0.0.1",
        "x-forwarded-port": port if port.isdigit() else "443",
        "x-forwarded-proto": "http",
    }


def passed(visit: Visit, sent: Sent) -> dict[str, list[str]]:
    """Headers by name in small letters, with what the gateway adds."""
    every: dict[str, list[str]] = {}
    for name, value in sent.lines:
        every.setdefault(name.lower(), []).append(value)
    for name in HOP_BY_HOP - {"content-length"}:
        every.pop(name, None)
    for name, value in _forwarded(visit).items():
        every[name] = [value]
    every.setdefault("content-length", [str(len(visit.request.body))])
    return every


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return every


def _principal(visit: Visit) -> dict[str, Any]:
    caller = visit.principal
    return {
        "accessKey": caller.key_id,
        "accountId": caller.account,
        "callerId": caller.user_id,
        "cognitoIdentity": None,
        "principalOrgId": organization_id(visit.home, caller.account),
        "userArn": caller.arn,
        "userId": caller.user_id,
    }


def _authorizer(visit: Visit) -> dict[str, Any] | None:
    if visit.principal is not None:
        return {"iam": _principal(visit)}
    return visit.authorizer


# Format 2.0 -------------------------------------------------------------------------------------------


def context(visit: Visit) -> dict[str, Any]:
    served, path = visit.served, visit.public_path
    told: dict[str, Any] = {
        "accountId": served.account,
        "apiId": served.api_id,
        "domainName": visit.host,
        "domainPrefix": visit.host.partition(".")[0],
        "http": {
            "method": visit.verb,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": visit.request.headers.get("user-agent", ""),
        },
        "requestId": visit.id,
        "routeKey": visit.route.key,
        "stage": served.name,
        "time": request_time(int(visit.now)),
        "timeEpoch": milliseconds(visit.now),
    }
    if visit.place is not None and visit.place.client:
        told["authentication"] = visit.place.client
    authorizer = _authorizer(visit)
    return told if authorizer is None else told | {"authorizer": authorizer}


def of_2(visit: Visit, sent: Sent) -> dict[str, Any]:
    headers = passed(visit, sent)
    cookies = headers.pop("cookie", None)
    body, is_binary = body_of(visit)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": visit.route.key,
        "rawPath": sent.path if sent.path is not None else visit.public_path,
        "rawQueryString": visit.request.query if sent.is_query_as_sent else urlencode(sent.queries),
    }
    if cookies is not None:
        event["cookies"] = [one.strip() for line in cookies for one in line.split(";") if one.strip()]
    event["headers"] = {name: ",".join(values) for name, values in headers.items()}
    if sent.queries:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in _grouped(sent.queries).items()}
    event["requestContext"] = context(visit)
    if visit.labels:
        event["pathParameters"] = visit.labels
    if visit.served.variables:
        event["stageVariables"] = visit.served.variables
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = is_binary
    return event


# Format 1.0 -------------------------------------------------------------------------------------------


def _context_1(visit: Visit, path: str) -> dict[str, Any]:
    served = visit.served
    said = visit.authorizer or {}
    authorizer = said.get("jwt") or said.get("lambda") or {"claims": None, "scopes": None}
    return {
        "accountId": served.account,
        "apiId": served.api_id,
        "authorizer": authorizer,
        "domainName": visit.host,
        "domainPrefix": visit.host.partition(".")[0],
        "extendedRequestId": visit.extended_id,
        "httpMethod": visit.verb,
        "identity": {**NOBODY, **visit.identity()},
        "path": path,
        "protocol": "HTTP/1.1",
        "requestId": visit.id,
        "requestTime": request_time(int(visit.now)),
        "requestTimeEpoch": milliseconds(visit.now),
        "resourceId": visit.route.key,
        "resourcePath": visit.route.path,
        "stage": served.name,
    }


_CAPITALS = {
    "content-length": "Content-Length", "host": "Host", "user-agent": "User-Agent", "x-amzn-trace-id": "X-Amzn-Trace-Id",
    "x-forwarded-for": "X-Forwarded-For", "x-forwarded-port": "X-Forwarded-Port", "x-forwarded-proto": "X-Forwarded-Proto",
}  # fmt: skip
"""How these are spelled in format 1.0; all others in small letters: https://github.com/milliHQ/terraform-aws-next-js/pull/31"""


def of_1(visit: Visit, sent: Sent) -> dict[str, Any]:
    every = {_CAPITALS.get(name, name): values for name, values in passed(visit, sent).items()}
    queries = _grouped(sent.queries)
    body, is_binary = body_of(visit)
    path = sent.path if sent.path is not None else visit.public_path
    if visit.place is not None and visit.place.base_path and sent.path is None:
        # Here, unlike in format 2.0, the mapping's key is told.
        path = f"/{visit.place.base_path}{path.removeprefix(visit.served.path_prefix)}"
    return {
        "version": "1.0",
        "resource": visit.route.path,
        "path": path,
        "httpMethod": visit.verb,
        "headers": {name: values[-1] for name, values in every.items()},
        "multiValueHeaders": every,
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
        "multiValueQueryStringParameters": queries or None,
        "requestContext": _context_1(visit, path),
        "pathParameters": visit.labels or None,
        "stageVariables": visit.served.variables or None,
        "body": body,
        "isBase64Encoded": is_binary,
    }


FORMATS = {"1.0": of_1, "2.0": of_2}


# Answers ----------------------------------------------------------------------------------------------


def response(payload: bytes, version: str) -> Response:
    """A function's answer as the caller's response. Raises Refused for one that is none."""
    try:
        answer = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        raise failed("The response from the Lambda function is not JSON")
    if isinstance(answer, dict) and "statusCode" in answer:
        return _whole(answer)
    if version != "2.0" or answer is None and payload.strip() != b"null":
        raise failed("Lambda function returned a malformed response: statusCode is missing")
    # Whatever else a function returns is the body of a success.
    body = answer.encode("utf-8", "surrogatepass") if isinstance(answer, str) else b"" if answer is None else payload
    return Response(200, body, {"content-type": "application/json"})


def _whole(answer: dict[str, Any]) -> Response:
    try:
        status, body = int(answer["statusCode"]), answer.get("body")
        if not 100 <= status <= 599 or isinstance(answer["statusCode"], bool):
            raise ValueError
        content = b"" if body is None else body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)
        if answer.get("isBase64Encoded") is True:
            content = base64.b64decode(content)
        headers = _headers(answer)
    except (TypeError, ValueError, AttributeError, binascii.Error):
        raise failed("Lambda function returned a malformed response")
    if not any(name.lower() == "content-type" for name in headers) and content:
        headers["content-type"] = TEXT_TYPE
    return Response(status, content, headers)


def _headers(answer: dict[str, Any]) -> dict[str, Any]:
    """Headers and cookies of an answer. Raises ValueError for what is none."""
    found: dict[str, list[str]] = {}
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        found[name.lower()] = [_plain(value) for value in values]
    for name, value in (answer.get("headers") or {}).items():
        if name.lower() not in found:
            found[name.lower()] = [_plain(value)]
    if answer.get("cookies"):
        found["set-cookie"] = found.get("set-cookie", []) + [_plain(one) for one in answer["cookies"]]
    if not all(_NAME.fullmatch(name) for name in found):
        raise ValueError
    return {name: values[0] if len(values) == 1 else values for name, values in found.items() if name not in OURS}


def _plain(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise ValueError
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
