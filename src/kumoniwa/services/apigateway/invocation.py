"""Trying a method or an authorizer of the draft, with the log of what happened.

Recorded from AWS: neither the path's form nor the method's authorization is looked at; the log's lines and their order.
"""

from __future__ import annotations

import time
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import authorizer as authorizers
from kumoniwa.services.apigateway import certificate as certificates
from kumoniwa.services.apigateway import executionlog, gatewayresponse, model, restapi, streaming, userpool
from kumoniwa.services.apigateway import method as methods
from kumoniwa.services.apigateway.deployment import Deployment
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.stage import Stage
from kumoniwa.services.apigateway.tree import Served
from kumoniwa.wire.message import Request, Response

METHOD_STAGE, AUTHORIZER_STAGE = "test-invoke-stage", "ESTestInvoke-stage"


def _served(
    call: Call, api: RestApi, stage: str, variables: dict[str, str] | None, certificate: str | None = None
) -> Served:
    document = {"stageName": stage, "variables": variables or {}, "methodSettings": {}}
    if certificate:
        document["clientCertificateId"] = certificate
    api = changed(api, document=api.document | {"disableExecuteApiEndpoint": False})
    return Served(call.home, call.account, Stage(document=document), Deployment(id="", created=0.0, api=api))


def _request(
    verb: str,
    target: str,
    body: str | None,
    headers: dict[str, str] | None,
    more: dict[str, list[str]] | None,
) -> Request:
    lines = [
        *(headers or {}).items(),
        *((name, one) for name, values in (more or {}).items() for one in values),
    ]
    joined: dict[str, str] = {}
    for name, value in lines:
        lower = name.lower()
        joined[lower] = f"{joined[lower]},{value}" if lower in joined else value
    path, _, query = target.partition("?")
    spelled = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in lines
    ]
    return Request(verb, path, query, joined, (body or "").encode("utf-8", "replace"), lines=spelled)


def _log(exchange: Exchange) -> str:
    noted = [f"{time.strftime('%a %b %d %H:%M:%S UTC %Y', time.gmtime(at))} : {line}" for at, line in exchange.log or ()]
    return "\n".join([f"Execution log for request {exchange.request_id}", *noted, ""])


def _latency_ms(exchange: Exchange) -> int:
    return int((exchange.home.clock.now() - exchange.now) * 1000)


# A method --------------------------------------------------------------------------------------------------


def _labels_of(resource: str) -> dict[str, str] | None:
    """A path's labels, each standing for itself."""
    names = [part[1:-1].rstrip("+") for part in resource.split("/") if part.startswith("{")]
    return {name: f"{{{name}}}" for name in names} or None


def _exchange(call: Call, served: Served, request: Request, verb: str, resource: dict[str, Any]) -> Exchange:
    place = next(iter(served.endpoints()))
    exchange = Exchange(call.home, request, call.request_id, served, request.path or resource["path"])
    exchange.endpoint, exchange.log = place, []
    if not request.path:
        exchange.labels = _labels_of(resource["path"])
    else:
        found = served.find(request.path, verb)
        exchange.labels = found[1] if found is not None else None
    executionlog.started(exchange, verb, list(exchange.lines()))
    return exchange


async def _answered(exchange: Exchange, served: Served, method: dict[str, Any]) -> Response:
    try:
        for check in model.checks(served.api, served.schemas, method):
            check(exchange)
        integrating = exchange.endpoint.integrate(exchange)
        response = await (streaming.tried(exchange, integrating) if streaming.is_asked(method["methodIntegration"]) else integrating)
    except Refused as refused:
        response = gatewayresponse.response(exchange, refused)
        if exchange.error is not None and exchange.log is not None and "failed" not in exchange.log[-1][1]:
            exchange.note(f"Execution failed due to configuration error: {refused.text}")
        response.headers.pop("Content-Type", None)
        exchange.note(f"Method completed with status: {response.status}")
    else:
        executionlog.completed(exchange, response)
    return response


async def TestInvokeMethod(
    call: Call,
    *,
    restApiId: str,
    resourceId: str,
    httpMethod: str,
    pathWithQueryString: str | None = None,
    body: str | None = None,
    headers: dict[str, str] | None = None,
    multiValueHeaders: dict[str, list[str]] | None = None,
    clientCertificateId: str | None = None,
    stageVariables: dict[str, str] | None = None,
) -> dict:
    api, resource, method = methods.found(call, restApiId, resourceId, httpMethod, or_any=True)
    if clientCertificateId:
        certificates.found(call, clientCertificateId)
    if "methodIntegration" not in method:
        raise BadRequestException("No integration defined for method")
    alone = {**resource, "resourceMethods": {method["httpMethod"]: method}}
    root = {key: value for key, value in api.root.items() if key != "resourceMethods"}
    served = _served(
        call,
        changed(api, resources={root["id"]: root, resourceId: alone}),
        METHOD_STAGE,
        stageVariables,
        clientCertificateId,
    )
    request = _request(httpMethod, pathWithQueryString or "", body, headers, multiValueHeaders)
    exchange = _exchange(call, served, request, httpMethod, resource)
    response = await _answered(exchange, served, method)
    every = executionlog.headers_of(response)
    return {
        "status": response.status,
        "body": executionlog.text_of(response),
        "headers": {name: values[-1] for name, values in every.items() if values},
        "multiValueHeaders": every,
        "log": "" if streaming.is_asked(method["methodIntegration"]) else _log(exchange),
        "latency": _latency_ms(exchange),
    }


# An authorizer ---------------------------------------------------------------------------------------------


class _Root:
    """The place an authorizer is tried at."""

    __slots__ = ("path", "context")

    def __init__(self, served: Served) -> None:
        self.path, self.context = "/", {"resourcePath": "/", **served.context}


async def TestInvokeAuthorizer(
    call: Call,
    *,
    restApiId: str,
    authorizerId: str,
    headers: dict[str, str] | None = None,
    multiValueHeaders: dict[str, list[str]] | None = None,
    pathWithQueryString: str | None = None,
    body: str | None = None,
    stageVariables: dict[str, str] | None = None,
    additionalContext: dict[str, str] | None = None,
) -> dict:
    api = restapi.find(call, restApiId)
    known = api.authorizers.get(authorizerId)
    if known is None:
        raise NotFoundException("Invalid Authorizer identifier specified")
    if known["type"] == userpool.KIND:
        raise NotImplementedHere("TestInvokeAuthorizer of a user pool in apigateway")
    served = _served(
        call,
        changed(api, resources={api.root["id"]: {"id": api.root["id"], "path": "/"}}),
        AUTHORIZER_STAGE,
        stageVariables,
    )
    request = _request("GET", pathWithQueryString or "/", body, headers, multiValueHeaders)
    exchange = Exchange(call.home, request, call.request_id, served, request.path)
    exchange.endpoint, exchange.log = _Root(served), []
    for name, value in (additionalContext or {}).items():
        exchange.request_context()[name] = value
    exchange.note(f"Starting authorizer: {authorizerId} for request: {call.request_id}")
    answer: dict[str, Any] = {"clientStatus": 0}
    try:
        verdict = await authorizers.Question(served, known).answered(exchange)
        exchange.note(f"Using valid authorizer policy for principal: {verdict.context.get('principalId')}")
        answer |= {"principalId": str(verdict.context.get("principalId", "")), "policy": verdict.document}
        exchange.note("Successfully completed authorizer execution")
    except Refused as refused:
        answer["clientStatus"] = int(gatewayresponse.TYPES[refused.kind][0])
        exchange.note(f"{refused.text or 'Execution failed due to configuration error: Authorizer error'}")
        exchange.note(f"Authorizer completed with status: {answer['clientStatus']}")
    return answer | {"log": _log(exchange), "latency": _latency_ms(exchange)}
