"""HTTP as a data source: any endpoint, AWS's own among them, signed in the role of the data source where it says so.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-mapping-template-reference-http.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from kumoniwa.gate import signing
from kumoniwa.gate.address import locate
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.wire import outbound
from kumoniwa.wire.message import Request

TIMEOUT_S = 29.0
ANSWER_BYTES_MAX = 1 << 20
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
_AWS = re.compile(r"(?:.+\.)?amazonaws\.com(?:\.cn)?")


def _made(config: dict[str, Any], request: dict[str, Any]) -> Request:
    method, path = request.get("method"), request.get("resourcePath")
    if method not in METHODS:
        raise Failure(f"Unsupported method '{method}'.", "MappingTemplate")
    if not isinstance(path, str) or not path.startswith("/"):
        raise Failure("Value for field '$[resourcePath]' must begin with a slash.", "MappingTemplate")
    said = request.get("params") or {}
    body = said.get("body")
    data = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
    query = urlencode(
        {name: str(value) for name, value in (said.get("query") or {}).items()}, quote_via=quote
    )
    parts = urlsplit(config["endpoint"])
    headers = {"host": parts.netloc}
    for name, value in (said.get("headers") or {}).items():
        if value is not None:
            headers[str(name).lower()] = str(value)
    if data and "content-type" not in headers:
        headers["content-type"] = "application/json"
    whole = parts.path.rstrip("/") + quote(path, safe="/:@!$&'()*+,;=-._~%")
    return Request(method, whole, query, headers, data)


async def _relayed(call: Call, made: Request) -> tuple[int, dict[str, Any], bytes]:
    """What an AWS service of this region answers: it is asked without a detour through the network."""
    made.headers["content-length"] = str(len(made.body))
    made.address = locate(made)
    if made.address.region not in (None, call.region):
        raise NotImplementedHere("HTTP data sources of appsync that are AWS services of another region")
    response, _, _ = await call.home.gate.relay(call.principal, made)
    if not isinstance(response.body, bytes):
        raise NotImplementedHere("HTTP data sources of appsync that answer in a stream")
    return response.status, response.headers, response.body


async def _fetched(made: Request, endpoint: str) -> tuple[int, dict[str, Any], bytes]:
    scheme = urlsplit(endpoint).scheme
    url = f"{scheme}://{made.headers['host']}{made.path}" + (f"?{made.query}" if made.query else "")
    lines = [(name, value) for name, value in made.headers.items() if name not in ("host", "content-length")]
    try:
        answer = await outbound.fetch(made.method, url, lines, made.body, TIMEOUT_S)
    except TimeoutError:
        raise Failure("The request to the HTTP endpoint timed out.", "HttpTimeout") from None
    except outbound.Unreachable as error:
        raise Failure(str(error), "HttpConnectionFailure") from None
    headers: dict[str, Any] = {}
    for name, value in answer.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return answer.status, headers, answer.body


async def ask(call: Call, config: dict[str, Any], request: dict[str, Any]) -> Any:
    """The endpoint's answer, whatever its status. Raises Failure if none came."""
    made = _made(config, request)
    iam = (config.get("authorizationConfig") or {}).get("awsIamConfig")
    if iam is not None and _AWS.fullmatch(urlsplit(config["endpoint"]).hostname or ""):
        status, headers, body = await _relayed(call, made)
    else:
        if iam is not None:
            region, service = iam.get("signingRegion") or call.region, iam["signingServiceName"]
            made.headers |= signing.headers(call.home, call.principal, made, region, service)
        status, headers, body = await _fetched(made, config["endpoint"])
    if len(body) > ANSWER_BYTES_MAX:
        raise Failure("The HTTP endpoint's answer is larger than 1 MB.", "HttpResponseTooLarge")
    return {"statusCode": status, "headers": headers, "body": body.decode("utf-8", "replace")}
