"""Real probes of real endpoints on this machine, and the name server's sockets."""

from __future__ import annotations

import asyncio
import datetime
import ssl

import dns.asyncquery
import dns.message
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kumoniwa.services.route53 import probe
from kumoniwa.services.route53.probe import Prober
from kumoniwa.services.route53.server import NameServer

CONFIG = {"Type": "HTTP", "IPAddress": "127.0.0.1", "ResourcePath": "/health?x=1", "FullyQualifiedDomainName": "api.shop.example", "EnableSNI": True}


def probed(answer: bytes | None, tls: ssl.SSLContext | None = None, **config):
    """What a probe says of an endpoint that answers these bytes (None: nothing, ever), and what the endpoint was asked."""
    asked: list[str] = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await Prober(lambda name: None).probe({**CONFIG, "Port": port, **config}, "check-id"), port

    seen, port = asyncio.run(run())
    return seen, asked, port


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("status", "is_success", "text"),
    [
        ("200 OK", True, "Success: HTTP Status Code 200, OK"),
        ("302 Found", True, "Success: HTTP Status Code 302, Found"),
        ("404 Not Found", False, "Failure: HTTP Status Code 404, Not Found"),
        ("503 Nope", False, "Failure: HTTP Status Code 503, Service Unavailable"),
    ],
)
def test_a_status_from_200_to_399_is_healthy(status, is_success, text):
    seen, _, _ = probed(http(status))
    assert seen == (is_success, text)


def test_the_endpoint_is_asked_as_route_53_asks():
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html: the port stands in Host unless it is the usual one.
    _, asked, port = probed(http("200 OK"))
    head = asked[0].split("\r\n")
    assert head[0] == "GET /health?x=1 HTTP/1.1" and f"Host: api.shop.example:{port}" in head
    assert any(line.startswith("User-Agent: Amazon-Route53-Health-Check-Service (ref check-id;") for line in head)


def test_a_string_must_stand_in_the_first_5120_bytes():
    match = {"Type": "HTTP_STR_MATCH", "SearchString": "alive"}
    assert probed(http("200 OK", b"x" * 5115 + b"alive"), **match)[0].is_success
    assert probed(http("200 OK", b"x" * 5116 + b"alive"), **match)[0] == (False, probe.NOT_FOUND)
    assert probed(http("500 No", b"alive"), **match)[0].text == "Failure: HTTP Status Code 500, Internal Server Error"


def test_an_endpoint_that_does_not_answer_times_out(monkeypatch):
    monkeypatch.setattr(probe, "ANSWERED_WITHIN_S", 0.05)
    assert probed(None)[0] == (False, probe.TIMED_OUT)


def test_an_endpoint_that_breaks_off_or_talks_nonsense_is_unhealthy():
    assert probed(b"")[0] == (False, probe.UNFINISHED)
    assert probed(b"SSH-2.0-OpenSSH_9.9\r\n")[0] == (False, probe.UNFINISHED)
    assert probed(b"HTTP/1.1 200")[0] == (False, probe.UNFINISHED)


def test_a_port_where_nobody_listens_refuses():
    async def run():
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return [await Prober(lambda name: None).probe({**CONFIG, "Port": port, "Type": kind}, "") for kind in ("HTTP", "TCP")]

    assert asyncio.run(run()) == [(False, probe.REFUSED)] * 2


def test_a_tcp_check_needs_a_connection_only():
    async def run():
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        async with server:
            return await Prober(lambda name: None).probe({**CONFIG, "Type": "TCP", "Port": server.sockets[0].getsockname()[1]}, "")

    assert asyncio.run(run()).is_success


def test_names_are_resolved_by_our_own_servers_first():
    async def run(found):
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        async with server:
            config = {"Type": "TCP", "FullyQualifiedDomainName": "api.shop.example", "Port": server.sockets[0].getsockname()[1]}
            return await Prober(lambda name: found).probe(config, "")

    assert asyncio.run(run("127.0.0.1")).is_success
    assert asyncio.run(run("")) == (False, "Failure: DNS resolution failed: Rcode NXDomain(3)")


@pytest.fixture
def tls(tmp_path) -> ssl.SSLContext:
    """A server's side, with a certificate that nobody vouches for and that has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody.else")])
    then = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), then, then + datetime.timedelta(days=1))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "pem").write_bytes(pem + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    return context


def test_certificates_are_not_verified_and_names_are_told(tls):
    told = []
    tls.sni_callback = lambda connection, name, context: told.append(name)
    assert probed(http("200 OK"), tls, Type="HTTPS")[0].is_success and told == ["api.shop.example"]
    assert probed(http("200 OK"), tls, Type="HTTPS", EnableSNI=False)[0].is_success and told[1] is None
    assert probed(http("200 OK"), None, Type="HTTPS")[0].is_success is False


def test_the_name_server_answers_over_udp_and_tcp_and_survives_anything():
    def answer(packet: bytes, source: str, is_tcp: bool) -> bytes | None:
        if len(packet) < 12:
            return None
        reply = dns.message.make_response(dns.message.from_wire(packet))
        reply.set_rcode(5 if is_tcp else 3)
        return reply.to_wire()

    async def run():
        server = await NameServer.listen(answer, "127.0.0.1", 0)
        try:
            _, garbage = await asyncio.open_connection("127.0.0.1", server.port)
            garbage.write(b"\x00\x03abc\xff\xff")
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", server.port))
            transport.sendto(b"")
            transport.sendto(b"\x01")
            query = dns.message.make_query("www.shop.example", "A")
            over_udp = await dns.asyncquery.udp(query, "127.0.0.1", port=server.port, timeout=5)
            over_tcp = await dns.asyncquery.tcp(query, "127.0.0.1", port=server.port, timeout=5)
            garbage.close()
            transport.close()
            return over_udp.rcode(), over_tcp.rcode()
        finally:
            await server.close()

    assert asyncio.run(run()) == (3, 5)
