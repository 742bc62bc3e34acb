"""Listeners of load balancers at ports of their own: heard where clients find them on AWS, in TLS as well."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from services.balancer_workshop import fixed, listener

from cloud.conftest import eventually
from cloud.test_tls import brought
from cloud.test_tls_balancers import balancer, said
from kumoniwa.aws.regions import loopback


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def at(port: int, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((address, port), timeout=10)


def is_heard(port: int) -> bool:
    try:
        at(port).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_listener_of_another_port_is_heard_there(shared):
    client, made, port = shared.client("elbv2"), balancer(shared, "ports"), free_port()
    arn = listener(client, made, fixed("plain"), Port=port)
    for address in ("127.0.0.1", loopback("us-east-1")):
        with at(port, address) as connection:
            assert said(connection, "any.example") == (200, b"plain")
            # And again, in the same connection.
            assert said(connection, "any.example", "/again") == (200, b"plain")
    other = free_port()
    client.modify_listener(ListenerArn=arn, Port=other)
    assert eventually(lambda: not is_heard(port))
    shared.region("us-east-1", "kill")
    assert eventually(lambda: not is_heard(other))
    shared.region("us-east-1", "restart")
    assert eventually(lambda: is_heard(other))
    with at(other) as connection:
        assert said(connection, "any.example") == (200, b"plain")
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert eventually(lambda: not is_heard(other))


def test_a_port_that_somebody_else_has_is_refused(shared):
    client, made = shared.client("elbv2"), balancer(shared, "taken")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ClientError, match=f"Port {port} of this machine cannot be listened at: Address already in use"):
            listener(client, made, fixed(), Port=port)
        assert client.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])["Listeners"] == []
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def secure(port: int, name: str, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, newest
    return context.wrap_socket(at(port), server_hostname=name)


def test_tls_ends_there_as_well(shared):
    client, made, port = shared.client("elbv2"), balancer(shared, "secure-ports"), free_port()
    (first, one), (second, other) = brought(shared, "one.ports.example"), brought(shared, "*.more.example")
    policy = "ELBSecurityPolicy-TLS13-1-3-2021-06"
    arn = listener(client, made, fixed("secret"), Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": first}], SslPolicy=policy)
    client.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}])
    for name, body in (("one.ports.example", one), ("a.more.example", other), ("stranger.example", one)):
        with secure(port, name) as connection:
            assert connection.getpeercert(binary_form=True) == x509.load_pem_x509_certificate(body).public_bytes(Encoding.DER)
            assert said(connection, name) == (200, b"secret")
    with pytest.raises(ssl.SSLError):
        secure(port, "one.ports.example", ssl.TLSVersion.TLSv1_2)
    with at(port) as plain, contextlib.suppress(ConnectionError):
        plain.sendall(b"GET / HTTP/1.1\r\nHost: one.ports.example\r\n\r\n")
        plain.settimeout(10.0)
        assert plain.recv(1) == b""
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
