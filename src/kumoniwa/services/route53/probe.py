"""One probe of an endpoint, with the time limits of Route 53's checkers: 4 s to connect, 2 s more to answer, 10 s to connect by TCP alone.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
Certificates are not verified, as Route 53 does not.
"""

from __future__ import annotations

import asyncio
import http
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import httptools

from kumoniwa.kernel.clock import outside
from kumoniwa.services.route53.checking import Observation

CONNECTED_WITHIN_S = 4.0
ANSWERED_WITHIN_S = 2.0
TCP_CONNECTED_WITHIN_S = 10.0
SEARCHED_BYTES = 5120
PIECE_BYTES = 16384

TIMED_OUT = (
    "Failure: Connection timed out. The endpoint or the internet connection is down, or requests are being blocked by your firewall. "
    "See https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-router-firewall-rules.html"
)
REFUSED = "Failure: Connection refused. The endpoint is not listening on the port, or requests are being blocked by your firewall."
UNFINISHED = "Failure: The endpoint closed the connection before it sent a complete HTTP response."
UNENCRYPTED = "Failure: The SSL handshake with the endpoint failed."
NOT_FOUND = "Failure: The specified string was not found in the first 5120 bytes of the response body."


class Prober:
    """Reaches endpoints for real. ``resolve(name)`` is what the cloud's own name servers say, or None for names that are not theirs."""

    def __init__(self, resolve: Callable[[str], str | None]) -> None:
        self._resolve = resolve

    async def probe(self, config: dict[str, Any], check_id: str) -> Observation:
        """See whether an endpoint answers as a HealthCheckConfig wants it to."""
        with outside():
            address = config.get("IPAddress") or await self._address(config["FullyQualifiedDomainName"])
            if address is None:
                return Observation(False, "Failure: DNS resolution failed: Rcode NXDomain(3)")
            try:
                return await _probe(address, config, check_id)
            except TimeoutError:
                return Observation(False, TIMED_OUT)
            except ssl.SSLError:
                return Observation(False, UNENCRYPTED)
            except ConnectionRefusedError:
                return Observation(False, REFUSED)
            except (OSError, ValueError, httptools.HttpParserError):
                return Observation(False, UNFINISHED)

    async def _address(self, name: str) -> str | None:
        own = self._resolve(name)
        if own is not None:
            return own or None
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
        except OSError:
            return None
        return found[0][4][0]


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _probe(address: str, config: dict[str, Any], check_id: str) -> Observation:
    kind, port = config["Type"], config["Port"]
    if kind == "TCP":
        async with asyncio.timeout(TCP_CONNECTED_WITHIN_S):
            _, writer = await asyncio.open_connection(address, port)
        writer.close()
        return Observation(True, "Success: TCP connection established")
    name = config.get("FullyQualifiedDomainName")
    tls: dict[str, Any] = {}
    if kind.startswith("HTTPS"):
        tls = {"ssl": _tls(), "server_hostname": name if name and config["EnableSNI"] else ""}
    async with asyncio.timeout(CONNECTED_WITHIN_S):
        reader, writer = await asyncio.open_connection(address, port, **tls)
    try:
        writer.write(_request(address, config, check_id))
        return await _judged(reader, config)
    finally:
        writer.transport.abort()


def _request(address: str, config: dict[str, Any], check_id: str) -> bytes:
    """The port stands in the Host header only if it is not the protocol's own."""
    usual = 443 if config["Type"].startswith("HTTPS") else 80
    host = config.get("FullyQualifiedDomainName") or (f"[{address}]" if ":" in address else address)
    host += "" if config["Port"] == usual else f":{config['Port']}"
    path = config.get("ResourcePath") or "/"
    return (
        f"GET {path if path.startswith('/') else '/' + path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAccept: */*\r\n"
        f"User-Agent: Amazon-Route53-Health-Check-Service (ref {check_id}; report http://amzn.to/1vsZADi)\r\n\r\n"
    ).encode("utf-8", "replace")


class _Response:
    """What httptools tells of a response."""

    def __init__(self) -> None:
        self.body, self.has_head, self.is_complete = bytearray(), False, False
        self.parser = httptools.HttpResponseParser(self)

    @property
    def status(self) -> int:
        return self.parser.get_status_code()

    def on_headers_complete(self) -> None:
        self.has_head = self.status >= 200

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.is_complete = self.has_head


async def _judged(reader: asyncio.StreamReader, config: dict[str, Any]) -> Observation:
    response = _Response()
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while not response.has_head:
            if not (piece := await reader.read(PIECE_BYTES)):
                return Observation(False, UNFINISHED)
            response.parser.feed_data(piece)
    said = f"HTTP Status Code {response.status}, {_phrase(response.status)}"
    if not 200 <= response.status < 400:
        return Observation(False, f"Failure: {said}")
    wanted = config.get("SearchString")
    if wanted is not None:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while not response.is_complete and len(response.body) < SEARCHED_BYTES and (piece := await reader.read(PIECE_BYTES)):
                response.parser.feed_data(piece)
        if wanted.encode() not in response.body[:SEARCHED_BYTES]:
            return Observation(False, NOT_FOUND)
    return Observation(True, f"Success: {said}")


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
