"""Calls of a deployed API's methods by services of this region, as roles: what targets and tasks name by ``execute-api`` ARNs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.outbound import laid


def place_of(arn: arns.Arn) -> tuple[str, str, str, str] | None:
    """API, stage, method and path that an ARN names."""
    api, _, rest = arn.resource.partition("/")
    stage, _, rest = rest.partition("/")
    method, _, path = rest.partition("/")
    return (api, stage, method, path) if api and stage and method else None


async def call_method(call: Call, arn: arns.Arn, body: bytes, parameters: dict[str, Any], headers: dict[str, str]) -> Response:
    """Call the method an ARN names, with the ``HttpParameters`` of a target: values for the wildcards of its path, a query and headers.
    A slash ends the path: localstack's test_put_events_with_target_api_gateway, recorded."""
    api, stage, method, path = place_of(arn)
    for value in parameters.get("PathParameterValues") or ():
        path = path.replace("*", quote(value, safe=""), 1)
    query = urlencode(parameters.get("QueryStringParameters") or {}, quote_via=quote)
    lines = laid(headers, parameters.get("HeaderParameters") or {})
    host, path = f"{api}.execute-api.{arn.region}.amazonaws.com", f"/{stage}/{path}".rstrip("/") + "/"
    return await request(call.home, call.principal, host, method, path, query, body, lines)


async def request(
    home: Any, speaker: Principal | None, host: str, method: str, path: str, query: str, body: bytes, headers: list[tuple[str, str]]
) -> Response:
    """One request to a data plane of this region; signed by nobody if there is no speaker."""
    lines = [*headers, ("Host", host), ("Content-Length", str(len(body)))]
    sent = {name.lower(): value for name, value in lines}
    spelled = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in lines]
    response = await home.gate.visit(speaker, Request(method, path, query, sent, body, lines=spelled))
    if not isinstance(response.body, bytes):
        raise NotImplementedHere("streaming answers of APIs that services call")
    return response
