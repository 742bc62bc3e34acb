"""Where content comes from: a bucket, a data plane of this cloud, or any HTTP server.

A bucket is asked through its gate: by an origin access control as the service cloudfront.amazonaws.com for this distribution, by an
origin access identity as that, else by nobody. What lives in another region is asked there, over the link between the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from kumoniwa.gate.address import EDGE, GLOBAL, locate
from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, host_named, region_of_bucket
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import ANONYMOUS, Principal, service
from kumoniwa.services.cloudfront import access, held
from kumoniwa.services.cloudfront.cache import COPY_BYTES_MAX, Headers, header
from kumoniwa.services.cloudfront.checking import OAI
from kumoniwa.wire import outbound
from kumoniwa.wire.message import File, Request, Response

CLOUDFRONT = "cloudfront.amazonaws.com"
ACROSS_BYTES_MAX = 32 << 20
"""What one answer from another region may hold."""
ACROSS_WITHIN_S = 60.0
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length")
)
NOT_PASSED = HOP_BY_HOP | {"x-amz-request-id", "x-amz-id-2"}


class Unanswered(Exception):
    """The origin gave no whole answer; the text says why. ``status`` is what the viewer is told."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Asked(NamedTuple):
    """What an origin is asked, before its own path and headers are added."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Lower-case names; with ``host`` only where the viewer's is forwarded."""
    body: bytes
    is_tls: bool


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: Any
    """``bytes``, or what passes through unkept: see ``wire.message.Response``."""
    length: str | None = None
    """The Content-Length the origin said, also of a body that it did not send."""


class Destination(msgspec.Struct):
    """A request within this cloud, as it travels to the region that answers it."""

    is_operation: bool
    """Whether it is one of S3's operations; else it is for a data plane."""
    principal: Principal | None
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


async def fetch(home: Any, distribution: EdgeResource, origin: dict[str, Any], asked: Asked) -> Answer:
    """The origin's answer. Raises Unanswered."""
    domain = origin["DomainName"].lower()
    headers = dict(asked.headers)
    for each in origin["CustomHeaders"].get("Items") or ():
        headers[each["HeaderName"].lower()] = each["HeaderValue"]
    asked = asked._replace(path=origin["OriginPath"] + asked.path, headers=headers)
    timeout_s = (origin.get("CustomOriginConfig") or origin.get("S3OriginConfig") or {}).get("OriginReadTimeout", 30)
    address = locate(Request("GET", "/", "", {"host": domain}))
    is_ours = address.door is not None or host_named(home.store.shelf(SHARED, HostName), domain) is not None
    try:
        async with asyncio.timeout(timeout_s):
            if address.door == "s3":
                return await _from_bucket(home, distribution, origin, address.name, asked)
            if is_ours:
                return await _from_data_plane(home, distribution, origin, domain, address.region, asked)
            return await _from_outside(origin, domain, asked, timeout_s)
    except TimeoutError:
        raise Unanswered("CloudFront attempted to establish a connection with the origin, but either the attempt failed or the origin "
                         "closed the connection.", 504) from None  # fmt: skip


# Within this cloud -----------------------------------------------------------------------------------------


def _speaker(home: Any, distribution: EdgeResource, origin: dict[str, Any]) -> Principal | None:
    """As whom an origin is asked; None for nobody."""
    control = held.shelf(home).get(key_of(access.CONTROL.name, origin["OriginAccessControlId"]))
    if control is not None and control.config["SigningBehavior"] == "always":
        account = distribution.account
        arn = f"arn:aws:cloudfront::{account}:distribution/{distribution.id}"
        return service(CLOUDFRONT, account, **{"aws:SourceArn": arn, "aws:SourceAccount": account})
    identity = (origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity", "").removeprefix(OAI)
    if identity:
        # It is nobody's user: only what a bucket's policy says of it counts.
        return service(f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {identity}", distribution.account,
                       canonicaluser=access.canonical_user(identity))  # fmt: skip
    return None


async def _from_bucket(home: Any, distribution: EdgeResource, origin: dict[str, Any], bucket: str, asked: Asked) -> Answer:
    headers = {**asked.headers, "host": "s3.localhost"}
    where = Destination(
        True,
        _speaker(home, distribution, origin) or ANONYMOUS,
        asked.method,
        f"/{quote(bucket)}{asked.path}",
        asked.query,
        headers,
        asked.body,
    )
    return await _reached(home, region_of_bucket(home, bucket), where)


async def _from_data_plane(
    home: Any, distribution: EdgeResource, origin: dict[str, Any], domain: str, region: str | None, asked: Asked
) -> Answer:
    if asked.headers.get("host", domain) != domain:
        # It goes by the host name, and the viewer's is none of its own.
        return Answer(403, [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")], b'{"message":"Forbidden"}')
    headers = {**asked.headers, "host": domain}
    where = Destination(False, _speaker(home, distribution, origin), asked.method, asked.path, asked.query, headers, asked.body)
    return await _reached(home, region or home.name, where)


async def _reached(home: Any, region: str, where: Destination) -> Answer:
    if region in (home.name, GLOBAL, EDGE):
        return _lines(await reach(home, where))
    try:
        said = await home.exchange(region, "cloudfront", msgspec.to_builtins(where, builtin_types=(bytes,)), ACROSS_WITHIN_S)
    except AwsError as error:
        raise Unanswered(f"CloudFront wasn't able to connect to the origin. {error.text}", 502) from None
    if "wrong" in said:
        raise Unanswered(said["wrong"], 502)
    return Answer(said["status"], [(name, value) for name, value in said["headers"]], said["body"], said["length"])


async def reach(home: Any, where: Destination) -> Response:
    """Ask what lives in this region."""
    headers = {**where.headers, **({"content-length": str(len(where.body))} if where.body or where.method in ("POST", "PUT") else {})}
    request = Request(where.method, where.path, where.query, headers, where.body)
    if where.is_operation:
        response, _, _ = await home.gate.relay(where.principal, request)
        return response
    return await home.gate.visit(where.principal, request)


def _lines(response: Response) -> Answer:
    lines = [
        (name, each)
        for name, value in response.headers.items()
        if name.lower() not in NOT_PASSED
        for each in (value if isinstance(value, list) else [value])
    ]
    length = next((value for name, value in response.headers.items() if name.lower() == "content-length"), None)
    if isinstance(response.body, (File, tuple)):
        length = str(_size(response.body))
    return Answer(response.status, lines, response.body, length)


def _size(body: File | tuple) -> int:
    parts = body if isinstance(body, tuple) else (body,)
    return sum(part.length if isinstance(part, File) else len(part) for part in parts)


async def taken(body: Any, limit_bytes: int = COPY_BYTES_MAX) -> Any:
    """A body in memory as ``bytes``; one that is larger than that as it came, to pass through."""
    if body is None or isinstance(body, bytes):
        return body or b""
    if isinstance(body, (File, tuple)):
        if _size(body) > limit_bytes:
            return body
        parts = body if isinstance(body, tuple) else (body,)
        return b"".join([part if isinstance(part, bytes) else await asyncio.to_thread(_read, part) for part in parts])
    pieces, size = [], 0
    stream = aiter(body)
    async for piece in stream:
        pieces.append(piece)
        size += len(piece)
        if size > limit_bytes:
            return _going_on(pieces, stream)
    return b"".join(pieces)


async def _going_on(pieces: list[bytes], stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    async for piece in stream:
        yield piece


def _read(file: File) -> bytes:
    with open(file.path, "rb") as opened:
        opened.seek(file.offset)
        return opened.read(file.length)


async def heard(home: Any, message: dict[str, Any]) -> dict[str, Any]:
    """What another region's edge location asked of what lives here."""
    answer = _lines(await reach(home, msgspec.convert(message, Destination)))
    body = await taken(answer.body, ACROSS_BYTES_MAX)
    if not isinstance(body, bytes):
        return {"wrong": f"What the origin answers in {home.name} is larger than the {ACROSS_BYTES_MAX >> 20} MiB that pass between regions."}
    return {"status": answer.status, "headers": answer.headers, "body": body, "length": answer.length}


# Outside ------------------------------------------------------------------------------------------------------


async def _connected(origin: dict[str, Any], ask: Callable[[float], Awaitable[outbound.Answer]]) -> outbound.Answer:
    """Ask as often as the origin's settings say, until somebody takes the connection."""
    for _ in range(origin["ConnectionAttempts"] - 1):
        try:
            return await ask(origin["ConnectionTimeout"])
        except outbound.Unconnected:
            continue
    return await ask(origin["ConnectionTimeout"])


async def _from_outside(origin: dict[str, Any], domain: str, asked: Asked, timeout_s: float) -> Answer:
    custom = origin["CustomOriginConfig"]
    protocol = custom["OriginProtocolPolicy"]
    is_tls = protocol == "https-only" or (protocol == "match-viewer" and asked.is_tls)
    scheme, port = ("https", custom["HTTPSPort"]) if is_tls else ("http", custom["HTTPPort"])
    netloc = domain if port == (443 if is_tls else 80) else f"{domain}:{port}"
    url = f"{scheme}://{netloc}{asked.path}" + (f"?{asked.query}" if asked.query else "")
    try:
        found = await _connected(origin, lambda within_s: outbound.fetch(
            asked.method, url, list(asked.headers.items()), asked.body, timeout_s, connected_within_s=within_s
        ))  # fmt: skip
    except outbound.Unreachable as error:
        raise Unanswered(f"CloudFront wasn't able to connect to the origin. {error}", 502) from None
    return Answer(found.status, [(name, value) for name, value in found.headers if name.lower() not in NOT_PASSED], found.body,
                  header(found.headers, "content-length"))  # fmt: skip
