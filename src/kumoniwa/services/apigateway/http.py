"""HTTP and HTTP_PROXY: an endpoint outside, called with what a mapping made or with the caller's own request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import quote, unquote, urlencode

from kumoniwa.services.apigateway import certificate, endpointlog, event, executionlog, mapping, streaming
from kumoniwa.services.apigateway.certificate import ClientCertificate
from kumoniwa.services.apigateway.exchange import HOP_BY_HOP, Exchange, Refused
from kumoniwa.services.apigateway.transform import (
    JSON,
    NOT_SENT,
    Outgoing,
    Reply,
    Send,
    Transform,
    misconfigured,
)
from kumoniwa.wire import outbound
from kumoniwa.wire.message import Response

ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?")
PROXY_REMAPPED = frozenset(
    [
        "connection",
        "content-length",
        "date",
        "server",
        "www-authenticate",
        "x-amzn-requestid",
        "authorization",
    ]
)
"""Headers of an endpoint that reach the caller under ``x-amzn-Remapped-``: recorded from AWS."""
_LABEL = re.compile(r"\{([^{}]+)\}")


def url_of(
    uri: str, variables: dict[str, str], labels: dict[str, str], queries: list[tuple[str, str]]
) -> str:
    """The endpoint's address with its labels filled in and the query behind it."""
    uri = mapping.with_variables(uri, variables)
    url = _LABEL.sub(lambda found: quote(unquote(labels.get(found[1].rstrip("+"), "")), safe="/:"), uri)
    more = urlencode(queries, quote_via=quote)
    return url if not more else f"{url}{'&' if '?' in url else '?'}{more}"


def _tls(served: Any, integration: dict[str, Any]) -> ssl.SSLContext | None:
    """How the stage speaks to its endpoint where that is not the ordinary way."""
    is_trusting = (integration.get("tlsConfig") or {}).get("insecureSkipVerification") is True
    name = served.stage.document.get("clientCertificateId")
    held = served.home.store.shelf(served.account, ClientCertificate).get(name) if name else None
    return certificate.context(held, is_trusting=is_trusting)


async def _fetched(
    exchange: Exchange,
    verb: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes,
    timeout_s: float,
    tls: ssl.SSLContext | None,
) -> outbound.Answer:
    since = exchange.home.clock.now()
    answer = await _told(exchange, url, headers, body, outbound.fetch(verb, url, headers, body, timeout_s, tls))
    endpointlog.heard(exchange, answer.status, since, answer.headers, answer.body)
    return answer


async def _told(exchange: Exchange, url: str, headers: list[tuple[str, str]], body: bytes, asking: Coroutine[Any, Any, Any]) -> Any:
    """What an endpoint answers, or what the gateway says of one that does not."""
    if not ADDRESS.fullmatch(url):
        asking.close()
        raise misconfigured(exchange, "Invalid endpoint address")
    if exchange.log is not None:
        endpointlog.sent(exchange, url, event.shown(executionlog.masked(headers)), body)
    try:
        return await asking
    except TimeoutError:
        exchange.note("Execution failed due to a timeout error")
        raise Refused("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    except outbound.Unreachable as error:
        exchange.note(f"Execution failed due to a network error communicating with endpoint: {error}")
        raise Refused("INTEGRATION_FAILURE", "Internal server error")


async def _streamed(
    exchange: Exchange, verb: str, url: str, headers: list[tuple[str, str]], timeout_s: float, tls: ssl.SSLContext | None
) -> Response:
    """The endpoint's answer as soon as its head is here. Of the length that it says no source tells; here it is the caller's, too."""
    flow, body = streaming.Flow(exchange, timeout_s), exchange.request.body
    asking = outbound.begun(verb, url, headers, body, min(timeout_s, flow.idle_s), tls)
    coming = await _told(exchange, url, headers, body, asking)
    flow.begun()
    exchange.flow = flow
    endpointlog.heard_head(exchange, coming.status, flow.since, coming.headers)
    length = next((value for name, value in coming.headers if name.lower() == "content-length"), None)
    if length is not None and verb != "HEAD":
        flow.length = int(length)
    lines = [line for line in coming.headers if line[0].lower() != "content-length"]
    headers = streaming.framed(flow, _passed_on(lines))
    if length is not None and verb == "HEAD":
        headers["Content-Length"] = length
    return Response(coming.status, flow.body(_pieces(coming)), headers)


async def _pieces(coming: outbound.Coming) -> AsyncIterator[bytes]:
    source = coming.pieces()
    try:
        async for piece in source:
            yield piece
    except outbound.Unreachable:
        raise streaming.Cut
    finally:
        await source.aclose()


def sender(served: Any, path: str, integration: dict[str, Any]) -> Send:
    uri, verb = integration["uri"], integration["httpMethod"]
    timeout_s, tls = integration["timeoutInMillis"] / 1000, _tls(served, integration)
    own = {
        "User-Agent": f"AmazonAPIGateway_{served.api_id}",
        "x-amzn-apigateway-api-id": served.api_id,
        "Accept": JSON,
    }

    async def send(exchange: Exchange, outgoing: Outgoing) -> Reply:
        headers = dict(own)
        if outgoing.body:
            headers["Content-Type"] = outgoing.content_type
        headers["X-Amzn-Trace-Id"] = exchange.trace
        _lay(headers, outgoing.headers)
        url = url_of(uri, served.variables, outgoing.labels, list(outgoing.queries.items()))
        method = exchange.verb if verb == "ANY" else verb
        answer = await _fetched(exchange, method, url, list(headers.items()), outgoing.body, timeout_s, tls)
        return Reply(answer.status, answer.headers, answer.body, str(answer.status))

    return send


def _lay(headers: dict[str, str], more: dict[str, str]) -> None:
    """Put headers over those of the same name, however they are spelled."""
    spelled = {name.lower(): name for name in headers}
    for name, value in more.items():
        headers.pop(spelled.get(name.lower(), ""), None)
        headers[name] = value


def prepared_proxy(
    served: Any, path: str, integration: dict[str, Any]
) -> Callable[[Exchange], Awaitable[Response]]:
    """The caller's request as it is, but for what the owner maps, and the endpoint's answer as it is."""
    is_streaming = streaming.is_asked(integration)
    uri, verb = integration["uri"], integration["httpMethod"]
    timeout_s, tls = integration["timeoutInMillis"] / 1000, _tls(served, integration)
    mapped = Transform(served, {"passthroughBehavior": "WHEN_NO_MATCH", **_parameters(integration)}, _nothing)

    async def integrate(exchange: Exchange) -> Response:
        outgoing = mapped.outgoing(exchange)
        headers: dict[str, str] = {}
        for name, value in exchange.lines():
            if name.lower() not in ("host", "x-amzn-trace-id"):
                headers[name] = f"{headers[name]},{value}" if name in headers else value
        headers["x-amzn-apigateway-api-id"], headers["X-Amzn-Trace-Id"] = served.api_id, exchange.trace
        _lay(headers, {name: event.passed_headers(exchange)[0][name] for name in _FORWARDED})
        _lay(headers, outgoing.headers)
        queries = [*exchange.queries, *outgoing.queries.items()]
        url = url_of(uri, served.variables, outgoing.labels, queries)
        method = exchange.verb if verb == "ANY" else verb
        if is_streaming:
            return await _streamed(exchange, method, url, list(headers.items()), timeout_s, tls)
        answer = await _fetched(
            exchange, method, url, list(headers.items()), exchange.request.body, timeout_s, tls
        )
        return Response(answer.status, answer.body, _passed_on(answer.headers))

    return integrate


_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")


def _parameters(integration: dict[str, Any]) -> dict[str, Any]:
    return {"requestParameters": integration.get("requestParameters")}


async def _nothing(exchange: Exchange, outgoing: Outgoing) -> Reply:
    raise NotImplementedError  # A proxy asks its endpoint itself.


def _passed_on(lines: list[tuple[str, str]]) -> dict[str, Any]:
    headers: dict[str, Any] = {"Content-Type": JSON}
    for name, value in lines:
        lower = name.lower()
        if lower == "content-type":
            headers["Content-Type"] = value
            continue
        if lower in PROXY_REMAPPED:
            name = f"x-amzn-Remapped-{name}"
        elif lower in NOT_SENT or lower in HOP_BY_HOP:
            continue
        before = headers.get(name)
        headers[name] = (
            value if before is None else [*(before if isinstance(before, list) else [before]), value]
        )
    return headers
