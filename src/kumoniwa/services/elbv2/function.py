"""Requests that go to a Lambda function: they become an event, its answer the response.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson

from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.elbv2 import attribute
from kumoniwa.services.elbv2.balancer import SERVICE
from kumoniwa.services.elbv2.forwarding import passed_on
from kumoniwa.services.elbv2.page import SERVER, Refused
from kumoniwa.services.elbv2.target_group import Target, TargetGroup
from kumoniwa.services.elbv2.visit import Visit
from kumoniwa.wire import websocket
from kumoniwa.wire.message import BodyTooLarge, Disconnected, Response

PAYLOAD_BYTES_MAX = 1 << 20
_TEXT = re.compile(r"text/|application/(?:json|javascript|xml)\s*(?:;|$)")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"connection", "content-length", "date", "transfer-encoding", "keep-alive", "upgrade"})


def _body(visit: Visit) -> tuple[str, bool]:
    """As text where the client says that it is, and in base 64 whatever is compressed or something else."""
    body, headers = visit.request.body, visit.request.headers
    if not body:
        return "", False
    if "content-encoding" not in headers and _TEXT.match(headers.get("content-type", "").lower()):
        return body.decode("utf-8", "replace"), False
    return base64.b64encode(body).decode(), True


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def event(visit: Visit, group: TargetGroup) -> dict[str, Any]:
    """Names in small letters, queries as they were sent; of what is said twice the last, unless the group wants them all."""
    headers = _grouped([(name.lower(), value) for name, value in passed_on(visit)])
    if visit.request.body:
        headers.setdefault("content-length", [str(len(visit.request.body))])
    parts = [part.partition("=") for part in visit.request.query.split("&") if part]
    queries = _grouped([(name, value) for name, _, value in parts])
    told: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": group.arn}}, "httpMethod": visit.request.method, "path": visit.request.path,
    }  # fmt: skip
    if group.attribute(attribute.MULTI_VALUE) == "true":
        told |= {"multiValueQueryStringParameters": queries, "multiValueHeaders": headers}
    else:
        told |= {
            "queryStringParameters": {name: values[-1] for name, values in queries.items()},
            "headers": {name: values[-1] for name, values in headers.items()},
        }
    told["body"], told["isBase64Encoded"] = _body(visit)
    return told


async def asked(visit: Visit, call: Any, group: TargetGroup, target: Target) -> Response:
    """What a function answers. Raises Refused."""
    request = visit.request
    if websocket.is_asked(request):
        raise Refused(400)
    if request.stream is not None:
        try:
            request.body, request.stream = await request.stream.whole(PAYLOAD_BYTES_MAX), None
        except BodyTooLarge:
            raise Refused(413, "LambdaRequestTooLarge") from None
        except Disconnected:
            raise Refused(460) from None
    if len(request.body) > PAYLOAD_BYTES_MAX:
        raise Refused(413, "LambdaRequestTooLarge")
    speaker = call.acting(SERVICE, **{"aws:SourceArn": group.arn, "aws:SourceAccount": visit.account}).traced(visit.trace)
    try:
        reply = await speaker.ask("lambda:Invoke", FunctionName=target.id, Payload=orjson.dumps(event(visit, group)))
    except AwsError as error:
        raise Refused(502, _ERRORS.get(error.code, "LambdaInternalError")) from None
    if "FunctionError" in reply:
        raise Refused(502, "LambdaUnhandled")
    payload = bytes(reply["Payload"])
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise Refused(502, "LambdaResponseTooLarge")
    try:
        return _response(orjson.loads(payload), is_many=group.attribute(attribute.MULTI_VALUE) == "true")
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        raise Refused(502, "LambdaInvalidResponse") from None


_ERRORS = {
    "AccessDeniedException": "LambdaAccessDenied",
    "AccessDenied": "LambdaAccessDenied",
    "TooManyRequestsException": "LambdaThrottling",
    "ResourceNotFoundException": "LambdaInternalError",
    "KMSDisabledException": "LambdaKMSDisabledException",
    "KMSAccessDeniedException": "LambdaKMSAccessDenied",
    "InvalidZipFileException": "LambdaInvalidZip",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#error-reason-codes"""


def _response(answer: dict[str, Any], *, is_many: bool) -> Response:
    """Raises one of many errors for an answer that is none."""
    status = answer["statusCode"]
    if isinstance(status, bool) or not 100 <= int(status) <= 599:
        raise ValueError
    body = "" if answer.get("body") is None else answer["body"]
    content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    headers: dict[str, Any] = {"Server": SERVER}
    said = answer.get("multiValueHeaders" if is_many else "headers") or {}
    for name, value in said.items():
        values = [_plain(each) for each in value] if is_many else _plain(value)
        if not _NAME.fullmatch(name):
            raise ValueError
        if name.lower() not in _OURS:
            headers = {held: each for held, each in headers.items() if held.lower() != name.lower()} | {name: values}
    if content and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/octet-stream"
    return Response(int(status), content, headers)


def _plain(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise ValueError
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
