"""What a stage tells X-Ray of a request: a segment of its own, and in it the call to what stands behind the method.

Whether a request is traced its caller's header decides, and where that is silent, X-Ray's sampling rules. What is behind the stage is
handed the header of the call, also if the stage itself is not traced: then it is the caller's own.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-understanding-xray-traces.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.aws import models
from kumoniwa.gate import tracing
from kumoniwa.gate.sampling import Asked
from kumoniwa.kernel import principal as principals
from kumoniwa.services.apigateway import endpointlog, mapping
from kumoniwa.services.apigateway.exchange import Exchange, length_of
from kumoniwa.services.apigateway.target import function_of, is_function, is_streamed, target_of
from kumoniwa.wire.message import Response

ORIGIN = "AWS::ApiGateway::Stage"
Integrate = Callable[[Exchange], Awaitable[Response]]


def _name(exchange: Exchange) -> str:
    return f"{exchange.served.api.document['name']}/{exchange.served.name}"


def _arn(exchange: Exchange) -> str:
    home, served = exchange.home, exchange.served
    return f"arn:{home.partition}:apigateway:{home.name}::/restapis/{served.api_id}/stages/{served.name}"


def begin(exchange: Exchange) -> None:
    account = exchange.served.account
    call = exchange.home.call("apigateway", account, principals.root(account, partition=exchange.home.partition))
    asked = Asked(_name(exchange), ORIGIN, _arn(exchange), exchange.request.host, exchange.verb, f"/{exchange.served.name}{exchange.path}")
    exchange.part = tracing.begun(call, exchange.passed_trace, asked)
    if exchange.part is not None:
        exchange.trace = exchange.part.handed_on()


def end(exchange: Exchange, response: Response) -> None:
    part, served, request = exchange.part, exchange.served, exchange.request
    url = f"https://{served.context['domainName']}/{served.name}{exchange.path}"
    asked = {"url": url, "method": exchange.verb, "user_agent": request.headers.get("user-agent"), "client_ip": "127.0.0.1", "x_forwarded_for": True}
    answered = {"status": response.status, "content_length": length_of(exchange, response)}
    part.tell(part.segment(
        _name(exchange), ORIGIN, _arn(exchange), http={"request": _said(asked), "response": _said(answered)},
        aws={"api_gateway": {"account_id": served.account, "rest_api_id": served.api_id, "stage": served.name, "request_id": exchange.request_id}},
        annotations={"aws:api_id": served.api_id, "aws:api_stage": served.name},
        metadata={"default": {"extended_request_id": exchange.extended_id, "request_id": exchange.request_id}},
        subsegments=part.calls, **tracing.outcome(response.status),
    ))  # fmt: skip


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def prepared(served: Any, integration: dict[str, Any], integrate: Integrate) -> Integrate:
    """The integration, with a subsegment of each call where a request is traced."""
    if integration["type"] == "MOCK":
        return integrate
    called = _called(served, integration)

    async def traced(exchange: Exchange) -> Response:
        part = exchange.part
        if part is None:
            return await integrate(exchange)
        doing = part.calling()
        exchange.trace = part.handed_on(doing.id)
        status = None
        try:
            response = await integrate(exchange)
            status = 200 if integration["type"] == "AWS_PROXY" else (exchange.reply or response).status
            return response
        finally:
            flags = {"fault": True} if status is None else tracing.outcome(status)
            http = dict(called["http"]) | ({"response": {"status": status}} if status is not None else {})
            part.called(doing, **(called | {"http": http}), **flags)

    return traced


def _called(served: Any, integration: dict[str, Any]) -> dict[str, Any]:
    """What every call of an integration has in common: name, namespace, address and AWS's own facts."""
    uri, method, region = integration["uri"], integration["httpMethod"], served.home.name
    if not integration["type"].startswith("AWS"):
        url = mapping.with_variables(uri, served.variables)
        return {"name": urlsplit(url).hostname or url, "namespace": "remote", "http": {"request": {"url": url, "method": method}}}
    if is_function(uri):
        function = mapping.with_variables(function_of(uri), served.variables)
        url = endpointlog.function_url(region, function, is_streamed=is_streamed(uri))
        name, operation = function.split(":function:")[-1], "InvokeWithResponseStream" if is_streamed(uri) else "Invoke"
        facts = {"function_name": name, "region": region, "operation": operation, "resource_names": [name]}
        return {"name": "Lambda", "namespace": "aws", "http": {"request": {"url": url, "method": method}}, "aws": facts}
    target = target_of(mapping.with_variables(uri, served.variables))
    url = f"https://{target.service}.{target.region}.amazonaws.com/{'' if target.is_action else target.rest}"
    facts = {"region": target.region} | ({"operation": target.rest} if target.is_action else {})
    if target.service == "sqs" and not target.is_action:
        facts["queue_url"] = url
    return {"name": models.service(target.service).service_id, "namespace": "aws", "http": {"request": {"url": url, "method": method}}, "aws": facts}
