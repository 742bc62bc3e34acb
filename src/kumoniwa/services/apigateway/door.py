"""Where the callers of APIs come in: from a host name or path to a stage, a method, its checks and its integration.

A refusal on the way is a gateway response, which the API's owner may have worded.
"""

from __future__ import annotations

import contextlib
import zlib
from functools import partial
from typing import Any
from urllib.parse import unquote

from kumoniwa.gate import firewall_guard
from kumoniwa.gate.address import Address
from kumoniwa.gate.firewall_record import Source
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.meter import rounded
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import bill, executionlog, gatewayresponse, tracing
from kumoniwa.services.apigateway import client as clients
from kumoniwa.services.apigateway import deployment as deployments
from kumoniwa.services.apigateway import stage as stages
from kumoniwa.services.apigateway.cache import caches
from kumoniwa.services.apigateway.deployment import Deployment
from kumoniwa.services.apigateway.domain import DomainName
from kumoniwa.services.apigateway.exchange import BODY_BYTES_MAX, Exchange, Place, Refused
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.stage import Stage
from kumoniwa.services.apigateway.tree import Served
from kumoniwa.wire.message import Request, Response

SERVED_MAX = 1024


class Doors:
    """The stages this region has served since it started."""

    def __init__(self) -> None:
        self.accounts: dict[str, str] = {}
        """Whose an API is: a caller names no account."""
        self.served: dict[str, Served] = {}


def doors(home: Any) -> Doors:
    held = home.memory.get(("apigateway", Doors))
    if held is None:
        held = home.memory["apigateway", Doors] = Doors()
    return held


def _account_of(home: Any, known: Doors, api_id: str) -> str | None:
    account = known.accounts.get(api_id)
    if account is not None and api_id in home.store.shelf(account, RestApi):
        return account
    for account in home.store.accounts():
        if account.isdigit() and api_id in home.store.shelf(account, RestApi):
            known.accounts[api_id] = account
            return account
    return None


def served(home: Any, api_id: str, name: str) -> Served | None:
    """The stage, compiled; None if there is none of that name."""
    known = doors(home)
    account = _account_of(home, known, api_id)
    if account is None:
        return None
    key = stages.key(api_id, name)
    stage = home.store.shelf(account, Stage).get(key)
    if stage is None:
        return None
    found = known.served.get(key)
    if found is None or found.stage is not stage:
        shown = home.store.shelf(account, Deployment)
        deployment = shown[deployments.key(api_id, stage.document["deploymentId"])]
        if len(known.served) >= SERVED_MAX:
            known.served.clear()
        found = known.served[key] = Served(home, account, stage, deployment)
        if found.canary_settings is not None:
            deployment = shown[deployments.key(api_id, found.canary_settings["deploymentId"])]
            found.canary = Served(home, account, stage, deployment, is_canary=True)
    return found


def FlushStageAuthorizersCache(call: Call, *, restApiId: str, stageName: str) -> None:
    """What authorizers said is remembered with the compiled stage, and forgotten with it."""
    stages.found(call, restApiId, stageName)
    doors(call.home).served.pop(stages.key(restApiId, stageName), None)


def FlushStageCache(call: Call, *, restApiId: str, stageName: str) -> None:
    stages.found(call, restApiId, stageName)
    caches(call.home).flush(restApiId, stageName)


def _forbidden(request_id: str) -> Response:
    """There is no API, or no stage, whose owner could have worded the refusal."""
    headers = {
        "Content-Type": "application/json",
        "x-amzn-ErrorType": "ForbiddenException",
        "x-amzn-RequestId": request_id,
    }
    return Response(403, b'{"message":"Forbidden"}', headers)


def _exchange(home: Any, request: Request, address: Address, request_id: str) -> Exchange | None:
    """The request at one of API Gateway's own names, where its path begins with the stage."""
    name, slash, rest = address.path.lstrip("/").partition("/")
    found = served(home, address.name, unquote(name))
    if found is None or found.is_disabled:
        return None
    return Exchange(home, request, request_id, found.met(), slash + rest or "/")


def _exchange_at_name(home: Any, request: Request, address: Address, request_id: str) -> Exchange | None:
    """The request at a customer's own name, whose base path mappings say which API and stage are meant."""
    owner = home.store.shelf(SHARED, HostName)[address.name]
    domain = home.store.shelf(owner.account, DomainName).get(address.name)
    mapping, rest = domain.mapped(address.path) if domain is not None else (None, "")
    if mapping is None:
        return None
    return _exchange_mapped(home, request, request_id, mapping, rest, place_of(home, domain, request, mapping["basePath"]))


def place_of(home: Any, domain: DomainName, request: Request, base_path: str) -> Place:
    """Where a customer's own name brought a request in, and with which certificate of its caller."""
    refusal = clients.refusal_of(home, domain, request)
    is_asked = "mutualTlsAuthentication" in domain.document
    return Place(request.host.partition(":")[0].lower(), base_path, clients.of(request) if is_asked else {}, refusal)


def _exchange_mapped(
    home: Any, request: Request, request_id: str, mapping: dict[str, str], rest: str, place: Place
) -> Exchange | None:
    stage = mapping.get("stage")
    if stage is None:
        # Where the mapping names no stage, callers do.
        stage, slash, rest = rest.lstrip("/").partition("/")
        stage, rest = unquote(stage), slash + rest
    found = served(home, mapping["restApiId"], stage)
    return Exchange(home, request, request_id, found.met(), rest or "/", place) if found is not None else None


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    seek = _exchange_at_name if address.door == "host-name" else _exchange
    return await _served(seek(home, request, address, request_id), request_id)


async def serve_mapped(
    home: Any, request: Request, request_id: str, mapping: dict[str, str], rest: str, place: Place
) -> Response:
    """Answer a request whose mapping somebody else has found; ``rest`` is the path behind the mapping's."""
    return await _served(_exchange_mapped(home, request, request_id, mapping, rest, place), request_id)


async def _served(exchange: Exchange | None, request_id: str) -> Response:
    if exchange is None:
        return _forbidden(request_id)
    found = exchange.served
    if found.is_traced:
        tracing.begin(exchange)
    if found.execution_log is not None:
        exchange.log = []
        exchange.note(f"Extended Request Id: {exchange.extended_id}")
    try:
        if exchange.place is not None and exchange.place.refusal is not None:
            _turn_away(exchange)
        blocked = _guarded(exchange) if found.guards else None
        response = blocked or await _answered(exchange)
    except Refused as refused:
        response = gatewayresponse.response(exchange, refused)
        bill.refused(exchange, refused)
        if exchange.log is not None:
            executionlog.refused(exchange, refused, response)
    else:
        if exchange.flow is not None:
            # What is told of a response when it is over, a streamed one has yet to come to.
            exchange.flow.closed = partial(_taken, exchange, response)
            if exchange.verb == "HEAD" or response.status in BODILESS:
                await _leave_unsaid(response)
        else:
            if blocked is None:
                bill.taken(exchange)
            if exchange.log is not None:
                executionlog.completed(exchange, response)
    if exchange.flow is None:
        _tell(exchange, response)
    if found.compression_bytes_min is not None:
        _compress(exchange, response)
    response.headers["x-amzn-RequestId"] = request_id
    response.headers["x-amz-apigw-id"] = exchange.extended_id
    if exchange.request.headers.get("connection", "").lower() != "close":
        response.headers["Connection"] = "keep-alive"
    return response


def _taken(exchange: Exchange, response: Response) -> None:
    """A response that was streamed is over, or its caller has left."""
    bill.taken(exchange)
    if exchange.log is not None:
        executionlog.completed(exchange, response)
    _tell(exchange, response)


BODILESS = (204, 304)


async def _leave_unsaid(response: Response) -> None:
    """Nobody hears the body of this answer: it is left where it begins."""
    source = response.body
    with contextlib.suppress(ConnectionError, TimeoutError):
        await anext(source, None)
    await source.aclose()
    if response.status in BODILESS:
        response.body = b""
        response.headers.pop("Content-Length", None)


def _tell(exchange: Exchange, response: Response) -> None:
    """What is measured, traced and logged of a request when it is over."""
    found = exchange.served
    _measure(exchange, response)
    if exchange.part is not None:
        tracing.end(exchange, response)
    if found.access_log is not None:
        found.access_log.write(exchange, response)
    if found.execution_log is not None:
        found.execution_log.write(exchange, response)


def _turn_away(exchange: Exchange) -> None:
    """Whose certificate is not trusted; why stands in the log of the method that was meant.
    https://repost.aws/knowledge-center/api-gateway-mutual-tls-403-errors"""
    found = exchange.served.find(exchange.path, exchange.verb)
    if found is not None:
        exchange.endpoint, exchange.labels = found
    exchange.note(f"Access denied. Reason: {exchange.place.refusal}")
    raise Refused("DEFAULT_4XX", "Forbidden", status=403, error_type="ForbiddenException")


def _guarded(exchange: Exchange) -> Response | None:
    """What the stage's web ACL answers instead, which is asked before everything else.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-aws-waf.html"""
    found = exchange.served
    guard = firewall_guard.guard_of(found.guards, exchange.home, found.account, found.stage_arn)
    if guard is None:
        return None
    source = Source("API_GATEWAY", "APIGW", f"{found.account}:{found.api_id}:{found.name}")
    met = guard.meet(exchange.request, source, exchange.request_id)
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
    exchange.guarded = {"webaclArn": guard.arn, "wafResponseCode": "WAF_BLOCK" if met.is_blocked else "WAF_ALLOW"}
    if not met.is_blocked:
        met.mark(exchange.request)
        return None
    response = met.response()
    if response is None:
        raise Refused("WAF_FILTERED", "Forbidden")
    return response


def _measure(exchange: Exchange, response: Response) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
    found, meter = exchange.served, exchange.home.meter
    latency_ms = rounded((exchange.home.clock.now() - exchange.now) * 1000)
    api = ("ApiName", found.api.document["name"])
    stage = (*api, "Stage", found.name)
    detailed = exchange.endpoint.measured_as if exchange.endpoint is not None else ()
    for dimensions in (api, stage, (*stage, *detailed)) if detailed else (api, stage):
        meter.count(found.account, "AWS/ApiGateway", "Count", dimensions)
        meter.count(found.account, "AWS/ApiGateway", "Latency", dimensions, latency_ms, "Milliseconds")
        for name, least in (("4XXError", 400), ("5XXError", 500)):
            meter.count(found.account, "AWS/ApiGateway", name, dimensions, float(least <= response.status < least + 100))


CODINGS = {"gzip": 31, "deflate": 15}
"""By name: what zlib calls the form."""


def _compress(exchange: Exchange, response: Response) -> None:
    """Pack a body that is large enough for its API's owner, if the caller can unpack it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
    """
    body = response.body
    if not isinstance(body, bytes) or len(body) < max(exchange.served.compression_bytes_min, 1):
        return
    if any(name.lower() == "content-encoding" for name in response.headers):
        return
    accepted = [
        part.partition(";")[0].strip().lower()
        for part in (exchange.header("accept-encoding") or "").split(",")
    ]
    coding = next(
        (name for name in CODINGS if name in accepted or (name == "gzip" and "*" in accepted)), None
    )
    if coding is not None:
        packing = zlib.compressobj(wbits=CODINGS[coding])
        response.body = packing.compress(body) + packing.flush()
        response.headers["Content-Encoding"] = coding


def _unpack(exchange: Exchange) -> None:
    """Unpack what a caller sent packed: an API that compresses takes compressed bodies, too."""
    wbits = CODINGS.get((exchange.header("content-encoding") or "").strip().lower())
    if wbits is None:
        return
    unpacking = zlib.decompressobj(wbits)
    try:
        body = unpacking.decompress(exchange.request.body, BODY_BYTES_MAX + 1)
    except zlib.error:
        body = None
    if body is None or (not unpacking.eof and len(body) <= BODY_BYTES_MAX):
        raise Refused(
            "DEFAULT_4XX",
            "Could not decompress the request body",
            status=400,
            error_type="BadRequestException",
        )
    request = exchange.request
    headers = {name: value for name, value in request.headers.items() if name != "content-encoding"}
    lines = (
        [line for line in request.lines if line[0].lower() != b"content-encoding"] if request.lines else None
    )
    exchange.request = changed(
        request, body=body, headers=headers | {"content-length": str(len(body))}, lines=lines
    )


async def _answered(exchange: Exchange) -> Response:
    if exchange.served.compression_bytes_min is not None and "content-encoding" in exchange.request.headers:
        _unpack(exchange)
    if len(exchange.request.body) > BODY_BYTES_MAX:
        raise Refused("REQUEST_TOO_LARGE", "Request Too Long")
    found = exchange.served.find(exchange.path, exchange.verb)
    if found is None:
        raise Refused("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    exchange.endpoint, exchange.labels = found
    for check in exchange.endpoint.checks:
        waiting = check(exchange)
        if waiting is not None:
            await waiting
    if exchange.log is not None:
        executionlog.admitted(exchange)
    return await exchange.endpoint.integrate(exchange)
