"""Requests that go to a server: what it is told beside them, and what comes back. Bodies pass in both directions as they come.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from kumoniwa.gate.viewer import HEADER
from kumoniwa.services.elbv2.health import trusting
from kumoniwa.services.elbv2.page import Refused
from kumoniwa.services.elbv2.target_group import Target, TargetGroup
from kumoniwa.services.elbv2.visit import TRACE, Visit
from kumoniwa.wire import outbound, websocket
from kumoniwa.wire.message import Disconnected, Response, Upgrade
from kumoniwa.wire.splice import Splice

CONNECTED_WITHIN_S = 10.0
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-504-issues"""
_OURS = frozenset({
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "content-length", "expect", "host",
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", TRACE.lower(), HEADER, "upgrade",
})  # fmt: skip
"""Headers of a client that no target sees as they were."""
_OF_USERS = "x-amzn-oidc-"
"""How the headers begin that say who has signed in: nobody says so himself."""
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "date"})


def _is_plain_name(name: str) -> bool:
    return name.replace("-", "").isalnum() and name.isascii()


def forwarded(visit: Visit) -> list[tuple[str, str]]:
    """What a target is told of a client that it does not see itself."""
    said, mode = visit.request.headers.get("x-forwarded-for"), visit.balancer.attribute("routing.http.xff_header_processing.mode")
    told = []
    if mode == "append":
        told.append(("X-Forwarded-For", f"{said}, {visit.client}" if said else visit.client))
    elif mode == "preserve" and said is not None:
        told.append(("X-Forwarded-For", said))
    told += [("X-Forwarded-Proto", visit.listener.protocol.lower()), ("X-Forwarded-Port", str(visit.listener.port)), (TRACE, visit.trace)]
    session = visit.request.session
    if session is not None and visit.balancer.is_on("routing.http.x_amzn_tls_version_and_cipher_suite.enabled"):
        told += [("X-Amzn-Tls-Version", session.version), ("X-Amzn-Tls-Cipher-Suite", session.cipher)]
    return told


def host_told(visit: Visit) -> str:
    """Without a port at the listeners of 80 and 443, with it at others, unless it is to stay as it came.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#host-header-preservation"""
    host = visit.request.host
    if visit.balancer.is_on("routing.http.preserve_host_header.enabled"):
        return host
    if visit.asked_port and visit.listener.is_public:
        return host.rpartition(":")[0]
    return host if visit.asked_port or visit.listener.is_public else f"{host}:{visit.listener.port}"


def passed_on(visit: Visit) -> list[tuple[str, str]]:
    """The header lines of the client's request as its target gets them."""
    drops = visit.balancer.is_on("routing.http.drop_invalid_header_fields.enabled")
    lines = [(name, value) for name, value in visit.lines() if name.lower() not in _OURS and (not drops or _is_plain_name(name))]
    return [("Host", host_told(visit)), *forwarded(visit), *visit.told_of_user, *(line for line in lines if not line[0].lower().startswith(_OF_USERS))]


async def asked(visit: Visit, group: TargetGroup, target: Target, ended: Callable[[], None], closed: Callable[[int], None]) -> Response:
    """What a server answers, as soon as it begins to; ``ended`` is called when all has passed, ``closed`` when a WebSocket is over, with how many
    bytes its client was sent. Raises Refused."""
    request = visit.request
    headers = passed_on(visit)
    if websocket.is_asked(request):
        headers.append(("Upgrade", request.headers["upgrade"]))
    query = f"?{request.query}" if request.query else ""
    url = f"{group.protocol.lower()}://{target.id}:{target.port}{request.path}{query}"
    body = request.stream if request.stream is not None else request.body or (b"" if "content-length" in request.headers else None)
    idle_s = float(visit.balancer.attribute("idle_timeout.timeout_seconds"))
    tls = trusting() if group.protocol == "HTTPS" else None
    try:
        coming = await outbound.begun(request.method, url, headers, body, idle_s, tls, connected_within_s=CONNECTED_WITHIN_S)
    except (TimeoutError, outbound.Unheard):
        raise Refused(504) from None
    except outbound.Unreachable:
        raise Refused(502) from None
    except Disconnected:
        raise Refused(460) from None
    if coming.status == 101:
        return _switched(visit, coming, idle_s, ended, closed)
    whole = coming.whole
    if whole is not None:
        return Response(coming.status, whole, _returned(coming.headers))
    return Response(coming.status, _passing(coming, idle_s, ended), _returned(coming.headers))


def _switched(visit: Visit, coming: outbound.Coming, idle_s: float, ended: Callable[[], None], closed: Callable[[int], None]) -> Response:
    """The client and his target speak another protocol from now on, which is none of the balancer's business.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#listener-configuration"""
    reader, writer, first = coming.switched()

    def over(sent_bytes: int) -> None:
        ended()
        closed(sent_bytes)

    def begin(transport: asyncio.Transport | None) -> Splice:
        splice = Splice(visit.home, reader, writer, first, idle_s, over)
        if transport is None:
            splice.end()
        return splice

    said = next((value for name, value in coming.headers if name.lower() == "upgrade"), "websocket")
    return Response(101, Upgrade(begin), {**_returned(coming.headers), "Upgrade": said, "Connection": "Upgrade"})


def _returned(lines: list[tuple[str, str]]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for name, value in lines:
        lower = name.lower()
        if lower in _HOP_BY_HOP:
            continue
        name = spelled.setdefault(lower, "Content-Length" if lower == "content-length" else name)
        before = headers.get(name)
        headers[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return headers


async def _passing(coming: outbound.Coming, idle_s: float, ended: Callable[[], None]) -> AsyncIterator[bytes]:
    """A body as it comes. One that breaks off, or is silent for too long, ends the client's connection in its midst."""
    source = coming.pieces()
    try:
        while True:
            async with asyncio.timeout(idle_s):
                piece = await anext(source, None)
            if piece is None:
                return
            yield piece
    except (outbound.Unreachable, TimeoutError):
        raise ConnectionResetError from None
    finally:
        await source.aclose()
        ended()
