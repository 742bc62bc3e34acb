"""The Lambda proxy integration's language: the event a function gets (payload format 1.0) and the answer it must give.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson

from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.wire.message import Response

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
ANSWER = frozenset(("statusCode", "headers", "multiValueHeaders", "isBase64Encoded", "body"))
REMAPPED = frozenset(
    ("connection", "content-length", "date", "server", "via", "www-authenticate", "transfer-encoding")
)
"""Headers a function may not set itself: they arrive under ``x-amzn-Remapped-``."""


RESPELLED = {"authorization": "Authorization", "user-agent": "User-Agent"}
"""Headers of a caller that reach functions in one spelling: recorded from AWS, which keeps all others as they were sent."""


def of(exchange: Exchange) -> bytes:
    """The event of one request."""
    return orjson.dumps(document(exchange))


def document(exchange: Exchange) -> dict[str, Any]:
    endpoint, served = exchange.endpoint, exchange.served
    headers, every_header = passed_headers(exchange)
    queries: dict[str, str] | None = None
    every_query: dict[str, list[str]] | None = None
    if exchange.queries:
        queries, every_query = {}, {}
        for name, value in exchange.queries:
            queries[name] = value
            every_query.setdefault(name, []).append(value)
    body, is_binary = body_of(exchange)
    return {
        "resource": endpoint.path,
        "path": exchange.public_path,
        "httpMethod": exchange.verb,
        "headers": headers,
        "multiValueHeaders": every_header,
        "queryStringParameters": queries,
        "multiValueQueryStringParameters": every_query,
        "pathParameters": exchange.labels,
        "stageVariables": served.variables or None,
        "requestContext": exchange.request_context(),
        "body": body,
        "isBase64Encoded": is_binary,
    }


def passed_headers(exchange: Exchange) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The caller's headers as functions see them: the last value of each, and every value."""
    headers: dict[str, str] = {}
    every: dict[str, list[str]] = {}
    forwarded = "127.0.0.1"
    for name, value in exchange.lines():
        lower = name.lower()
        if lower == "x-amzn-trace-id":
            continue
        name = RESPELLED.get(lower, name)
        if lower == "x-forwarded-for":
            forwarded = f"{value}, {forwarded}"
        elif name in headers:
            every[name].append(value)
            headers[name] = value
        else:
            headers[name] = value
            every[name] = [value]
    port = exchange.request.host.rpartition(":")[2]
    for name, value in (
        ("X-Amzn-Trace-Id", exchange.trace),
        ("X-Forwarded-For", forwarded),
        ("X-Forwarded-Port", port if port.isdigit() else "443"),
        ("X-Forwarded-Proto", "http"),
    ):
        headers[name] = value
        every[name] = [value]
    return headers, every


def body_of(exchange: Exchange) -> tuple[str | None, bool]:
    """The body as text, and whether it is base64 because the API calls its type binary."""
    body = exchange.request.body
    if not body:
        return None, False
    if exchange.served.is_binary(exchange.media_type("content-type")):
        return base64.b64encode(body).decode(), True
    return body.decode("utf-8", "replace"), False


def malformed() -> Refused:
    return Refused("DEFAULT_5XX", "Internal server error", status=502)


DELIMITER = bytes(8)
HEAD_BYTES_MAX = 16 << 10
HEAD = frozenset(("headers", "multiValueHeaders", "cookies", "statusCode"))
"""What stands between the head of an answer that is streamed and its body, how far in, and what the head may say.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html"""


def parted(held: bytes) -> dict[str, Any] | None:
    """The head that something begins with; None if it does not begin with one."""
    head, delimiter, _ = held[:HEAD_BYTES_MAX].partition(DELIMITER)
    if not delimiter:
        return None
    try:
        said = orjson.loads(head)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) and said.keys() <= HEAD else None


def _unstreamed(payload: bytes) -> dict[str, Any]:
    """Of what is made to be streamed a caller of a buffered method sees the status and the headers, and no body: the page's last table."""
    said = parted(payload)
    if said is None:
        raise malformed()
    return {member: value for member, value in said.items() if member in ANSWER} | {"body": ""}


def response(exchange: Exchange, payload: bytes) -> Response:
    """A function's answer as the caller's response, or AWS's refusal of an answer in another form."""
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError:
        answer = _unstreamed(payload)
    # None of the members must be there, but there must be some, and no others.
    if type(answer) is not dict or not answer or not answer.keys() <= ANSWER:
        raise malformed()
    body = answer.get("body")
    if body is None:
        body = ""
    elif type(body) is not str:
        if isinstance(body, (dict, list)):
            raise malformed()
        body = _scalar(body)
    headers = headers_of(answer)
    content = body.encode("utf-8", "surrogatepass")
    if answer.get("isBase64Encoded") is True and exchange.served.is_binary(exchange.media_type("accept")):
        try:
            content = base64.b64decode(content)
        except binascii.Error:
            # Recorded: test_aws_proxy_binary_response.
            raise Refused("DEFAULT_5XX", "Internal server error")
    return Response(status_of(answer), content, headers)


def headers_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The headers of a function's answer as the caller sees them."""
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    _lay(headers, answer.get("multiValueHeaders"), is_multiple=True)
    _lay(headers, answer.get("headers"), is_multiple=False)
    return headers


def status_of(answer: dict[str, Any]) -> int:
    return _status(answer.get("statusCode", 200))


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        raise malformed()
    if not 200 <= status <= 599 or isinstance(value, bool):
        raise malformed()
    return status


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _lay(headers: dict[str, Any], given: Any, *, is_multiple: bool) -> None:
    """Put a function's headers among the response's. A name given in both forms has the values of both."""
    if given is None:
        return
    if type(given) is not dict:
        raise malformed()
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            raise malformed()
        if is_multiple:
            if not isinstance(value, list):
                raise malformed()
            values = [_checked(one) for one in value]
        else:
            values = [_checked(value)]
        lower = name.lower()
        if lower == "content-type":
            headers["Content-Type"] = values[-1] if values else "application/json"
            continue
        if lower in REMAPPED:
            name = f"x-amzn-Remapped-{name}"
        for known in [known for known in headers if known.lower() == lower]:
            # The name that came first stays: recorded from AWS.
            before, name = headers.pop(known), known
            values = (before if isinstance(before, list) else [before]) + values
        headers[name] = values[0] if len(values) == 1 else values


def _checked(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise malformed()
    return _scalar(value)


def shown(lines: list[tuple[str, str]]) -> str:
    """Headers or parameters as the execution log writes them."""
    return "{" + ", ".join(f"{name}={value}" for name, value in lines) + "}"
