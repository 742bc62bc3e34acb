"""Where the callers of HTTP and WebSocket APIs come in: from a host name or path to a stage, a route, its guard and its back end.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import unquote

import orjson

from kumoniwa.gate.address import Address
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, host_named
from kumoniwa.kernel.meter import rounded
from kumoniwa.services.apigateway import door as restdoor
from kumoniwa.services.apigateway.domain import NONE, DomainName
from kumoniwa.services.apigateway.exchange import Place
from kumoniwa.services.apigatewayv2 import bill, cors
from kumoniwa.services.apigatewayv2.definition import Api, Deployment, Stage, account_of
from kumoniwa.services.apigatewayv2.domain import mapped
from kumoniwa.services.apigatewayv2.served import DEFAULT, ServedHttp
from kumoniwa.services.apigatewayv2.socket import come
from kumoniwa.services.apigatewayv2.socketstage import ServedSocket
from kumoniwa.services.apigatewayv2.visit import BODY_BYTES_MAX, Refused, Visit
from kumoniwa.wire.message import Request, Response

SERVED_MAX = 1024


class Doors:
    """The stages this region has served since it started, by ``api/stage``."""

    def __init__(self) -> None:
        self.served: dict[str, ServedHttp | ServedSocket] = {}


def _doors(home: Any) -> Doors:
    held = home.memory.get(("apigatewayv2", Doors))
    if held is None:
        held = home.memory["apigatewayv2", Doors] = Doors()
    return held


def forget(home: Any, api_id: str, stage: str) -> None:
    """Compile a stage again when it is next called, without what its authorizers said."""
    _doors(home).served.pop(f"{api_id}/{stage}", None)


def served(home: Any, account: str, api_id: str, name: str) -> ServedHttp | ServedSocket | None:
    """The stage, compiled; None if there is none of that name, or nothing was ever deployed to it."""
    known, key = _doors(home).served, f"{api_id}/{name}"
    stage = home.store.shelf(account, Stage).get(key)
    if stage is None or "DeploymentId" not in stage.document:
        return None
    found = known.get(key)
    if found is None or found.stage is not stage:
        deployment = home.store.shelf(account, Deployment)[f"{api_id}/{stage.document['DeploymentId']}"]
        if len(known) >= SERVED_MAX:
            known.clear()
        kind = ServedHttp if deployment.api.is_http else ServedSocket
        found = known[key] = kind(home, account, stage, deployment)
    return found


def _at_own_name(home: Any, address: Address) -> tuple[Any, str] | None:
    """The stage and the path behind it, at one of API Gateway's own names. Where no stage is called as the path begins, the
    stage ``$default`` is meant."""
    account = account_of(home, address.name)
    if account is None:
        return None
    name, slash, rest = address.path.lstrip("/").partition("/")
    found, path = served(home, account, address.name, unquote(name)) if name and name != DEFAULT else None, slash + rest
    if found is None:
        found, path = served(home, account, address.name, DEFAULT), address.path
    if found is None or found.api.document["DisableExecuteApiEndpoint"]:
        return None
    return found, path or "/"


async def _at_customers_name(home: Any, request: Request, address: Address, request_id: str) -> Response:
    """The mapping of the longest key that fits says which API and stage are meant, of either kind."""
    owner = host_named(home.store.shelf(SHARED, HostName), address.name)
    domain = home.store.shelf(owner.account, DomainName).get(owner.name)
    mapping, key, rest = mapped(domain, address.path) if domain is not None else (None, "", "")
    if mapping is None:
        return _forbidden(request_id)
    api_id, place = mapping["restApiId"], restdoor.place_of(home, domain, request, key)
    if api_id not in home.store.shelf(owner.account, Api):
        return await restdoor.serve_mapped(home, request, request_id, mapping, rest, place._replace(base_path=key or NONE))
    if place.refusal is not None:
        return _forbidden(request_id)
    found = served(home, owner.account, api_id, mapping["stage"])
    return _forbidden(request_id) if found is None else await _served(home, request, found, rest or "/", place)


def _forbidden(request_id: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ForbiddenException", "x-amzn-RequestId": request_id}
    return Response(403, b'{"message":"Forbidden"}', headers)


def _refusal(refused: Refused) -> Response:
    """What AWS answers; why, which AWS keeps to itself, stands where our hints do."""
    hint = {"x-kumoniwa-hint": refused.why} if refused.why else {}
    headers = {"content-type": "application/json", **refused.headers, **hint}
    return Response(refused.status, orjson.dumps({"message": refused.text}), headers)


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    if address.door == "host-name":
        return await _at_customers_name(home, request, address, request_id)
    found = _at_own_name(home, address)
    if found is None:
        return _refusal(Refused(404, "Not Found"))
    return await _served(home, request, *found, None)


async def _served(home: Any, request: Request, found: Any, path: str, place: Place | None) -> Response:
    if isinstance(found, ServedSocket):
        return await come(home, found, request, place, partial(served, home, found.account, found.api_id, found.name))
    visit = Visit(home, request, found, path, place)
    try:
        response = await _answered(visit)
    except Refused as refused:
        visit.error, visit.integration_error = refused, refused.why or None
        response = _refusal(refused)
    if found.cors is not None and not (response.status == 204 and visit.route is None):
        cors.lay(found.cors, visit, response)
    _measure(visit, response)
    if found.access_log is not None:
        found.access_log.write(visit, response)
    response.headers["apigw-requestid"] = visit.id
    return response


def _measure(visit: Visit, response: Response) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"""
    stage, meter = visit.served, visit.home.meter
    latency_ms = rounded((visit.home.clock.now() - visit.now) * 1000)
    api = ("ApiId", stage.api_id)
    staged = (*api, "Stage", stage.name)
    detailed = visit.route.measured_as if visit.route is not None else ()
    for dimensions in (api, staged, (*staged, *detailed)) if detailed else (api, staged):
        meter.count(stage.account, "AWS/ApiGateway", "Count", dimensions)
        meter.count(stage.account, "AWS/ApiGateway", "Latency", dimensions, latency_ms, "Milliseconds")
        for name, least in (("4xx", 400), ("5xx", 500)):
            meter.count(stage.account, "AWS/ApiGateway", name, dimensions, float(least <= response.status < least + 100))


async def _answered(visit: Visit) -> Response:
    stage: ServedHttp = visit.served
    if len(visit.request.body) > BODY_BYTES_MAX:
        raise Refused(413, "Request Entity Too Large")
    found = stage.find(visit.path, visit.verb)
    if found is None:
        if stage.cors is not None and cors.is_question(visit):
            return cors.answer(stage.cors, visit)
        raise Refused(404, "Not Found")
    visit.route, visit.labels = found
    if visit.route.check is not None:
        await visit.route.check(visit)
    stage.throttle(visit)
    bill.taken(visit)
    return await visit.route.integrate(visit)
