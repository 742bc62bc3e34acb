"""TLS ends at load balancers: certificates that clients verify, several at one listener, and security policies that are obeyed."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest
from cryptography import x509
from services.balancer_workshop import fixed, forward, listener, network
from services.endpoint_workshop import Endpoint
from services.firewall_workshop import Wall, contains, rule

from cloud.conftest import eventually
from cloud.test_processes import answer
from cloud.test_tls import approved, brought, seen, trust  # noqa: F401 (the fixture)


def balancer(shared, name: str) -> dict:
    client = shared.client("elbv2")
    made = client.create_load_balancer(Name=name, Subnets=network(shared)[1])["LoadBalancers"][0]
    assert eventually(lambda: client.describe_load_balancers(Names=[name])["LoadBalancers"][0]["State"]["Code"] == "active")
    return made


def said(connection: socket.socket, host: str, path: str = "/") -> tuple[int, bytes]:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    connection.settimeout(10.0)
    return answer(connection)


def speaking(shared, name: str, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> str | None:
    """The version that is agreed upon, None where there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = oldest, newest
    context.set_ciphers("ALL:@SECLEVEL=0")
    with contextlib.suppress(ssl.SSLError, ConnectionError), context.wrap_socket(shared.socket(), server_hostname=name) as connection:
        return connection.version()
    return None


def test_a_client_that_trusts_the_authority_verifies_the_name_at_which_tls_ends(shared, trust):  # noqa: F811
    client, made = shared.client("elbv2"), balancer(shared, "verified")
    arn = approved(shared, "www.verified.example")
    listener(client, made, fixed("secret"), Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}])
    with trust[0].wrap_socket(shared.socket(), server_hostname="www.verified.example") as connection:
        assert said(connection, "www.verified.example") == (200, b"secret")
    # The balancer's own name has the same certificate, which is not for it: as on AWS.
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        trust[0].wrap_socket(shared.socket(), server_hostname=made["DNSName"])
    # What comes in plain is heard by nobody.
    with shared.socket() as plain, contextlib.suppress(ConnectionError):
        plain.sendall(b"GET / HTTP/1.1\r\nHost: www.verified.example\r\n\r\n")
        plain.settimeout(10.0)
        assert plain.recv(1) == b""
    shared.region("us-east-1", "kill")
    shared.region("us-east-1", "restart")
    with trust[0].wrap_socket(shared.socket(), server_hostname="www.verified.example") as connection:
        assert said(connection, "www.verified.example") == (200, b"secret")
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert shared.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == []


def test_each_name_is_shown_the_certificate_of_its_own(shared):
    client, made = shared.client("elbv2"), balancer(shared, "several")
    (first, one), (second, other), (third, exact) = brought(shared, "a.several.example"), brought(shared, "*.wild.example"), brought(shared, "b.wild.example")
    arn = listener(client, made, fixed(), Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": first}])
    client.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}, {"CertificateArn": third}])
    shown = {name: seen(shared, name)[0] for name in ("a.several.example", "x.wild.example", "b.wild.example", made["DNSName"])}
    loaded = [x509.load_pem_x509_certificate(body) for body in (one, other, exact)]
    assert shown == {"a.several.example": loaded[0], "x.wild.example": loaded[1], "b.wild.example": loaded[2], made["DNSName"]: loaded[0]}
    client.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": third}])
    assert seen(shared, "b.wild.example")[0] == loaded[1]
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_security_policy_says_which_versions_are_spoken(shared):
    """TLS 1.0 is refused by all that do not have it. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""
    client, made = shared.client("elbv2"), balancer(shared, "policies")
    certificate = [{"CertificateArn": brought(shared, "p.policies.example")[0]}]
    arn = listener(client, made, fixed(), Protocol="HTTPS", Port=443, Certificates=certificate, SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-2021-06")
    version, host = ssl.TLSVersion, "p.policies.example"
    assert speaking(shared, host, version.TLSv1, version.TLSv1_1) is None
    assert speaking(shared, host, version.TLSv1, version.TLSv1_3) == "TLSv1.3"
    assert speaking(shared, host, version.TLSv1, version.TLSv1_2) == "TLSv1.2"
    client.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-TLS13-1-3-2021-06")
    assert speaking(shared, host, version.TLSv1, version.TLSv1_2) is None
    client.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-2016-08")
    assert [speaking(shared, host, each, each) for each in (version.TLSv1, version.TLSv1_1, version.TLSv1_2, version.TLSv1_3)] == [
        "TLSv1", "TLSv1.1", "TLSv1.2", None,
    ]  # fmt: skip
    client.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-TLS-1-2-2017-01")
    assert speaking(shared, host, version.TLSv1, version.TLSv1_1) is None
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_a_target_is_told_what_was_agreed_upon(shared):
    client, made, endpoint = shared.client("elbv2"), balancer(shared, "agreed"), Endpoint()
    try:
        group = client.create_target_group(Name="agreed", Protocol="HTTP", Port=80, VpcId=made["VpcId"], TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        client.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": endpoint.server.server_port}])
        listener(client, made, forward(group), Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": brought(shared, "agreed.example")[0]}])
        attribute = {"Key": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "Value": "true"}
        client.modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"], Attributes=[attribute])
        _, connection = seen(shared, "agreed.example")
        with connection:
            assert said(connection, "agreed.example", "/x")[0] == 200
        (asked,) = [each.headers for each in endpoint.asked if each.path == "/x"]
        assert (asked["x-forwarded-proto"], asked["x-forwarded-port"], asked["x-amzn-tls-version"]) == ("https", "443", "TLSv1.2")
        assert asked["x-amzn-tls-cipher-suite"].startswith("ECDHE-ECDSA-AES")
    finally:
        endpoint.close()
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_bodies_pass_in_both_directions_while_they_come(shared):
    """A server that answers before it has heard all, and sends on for as long as it is listened to."""
    client, made = shared.client("elbv2"), balancer(shared, "streaming")
    server = socket.create_server(("127.0.0.1", 0))
    try:
        group = client.create_target_group(Name="streaming", Protocol="HTTP", Port=80, VpcId=made["VpcId"], TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        client.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": server.getsockname()[1]}])
        listener(client, made, forward(group))
        with shared.socket() as caller:
            caller.sendall(f"POST /echo HTTP/1.1\r\nHost: {made['DNSName']}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n".encode())
            while True:
                behind, _ = server.accept()
                behind.settimeout(10.0)
                head = behind.recv(65_536)
                if head.startswith(b"POST /echo"):
                    break
                behind.close()  # somebody asks how it is
            while b"first" not in head:
                head += behind.recv(65_536)
            assert b"Transfer-Encoding: chunked\r\n" in head
            behind.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            caller.settimeout(10.0)
            heard = b""
            while b"one" not in heard:
                heard += caller.recv(65_536)
            assert heard.startswith(b"HTTP/1.1 200 ")
            caller.sendall(b"6\r\nsecond\r\n0\r\n\r\n")
            rest = b""
            while b"second" not in rest:
                rest += behind.recv(65_536)
            behind.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
            while b"two" not in heard:
                heard += caller.recv(65_536)
            behind.close()
    finally:
        server.close()
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_at_its_own_address_a_balancer_is_meant_whatever_name_is_asked_for(shared, trust):  # noqa: F811
    """As on AWS, where an alias or a CNAME leads to it without its knowing."""
    client, made, names = shared.client("elbv2"), balancer(shared, "addressed"), shared.client("route53")
    arn, body = brought(shared, "www.addressed.example")
    held = listener(client, made, fixed("plain"))
    zone = names.create_hosted_zone(Name="addressed.example", CallerReference="a")["HostedZone"]["Id"]

    def change(record: dict) -> None:
        names.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]})

    change({"Name": "alias.addressed.example", "Type": "A", "AliasTarget": {"HostedZoneId": made["CanonicalHostedZoneId"], "DNSName": made["DNSName"], "EvaluateTargetHealth": False}})  # fmt: skip
    change({"Name": "name.addressed.example", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": made["DNSName"]}]})

    def addresses(name: str) -> list[str]:
        return shared.admin("GET", f"resolve?name={name}&type=A")[1].get("addresses", [])

    assert eventually(lambda: addresses("alias.addressed.example"))
    (address,) = addresses("alias.addressed.example")
    assert address.startswith("127.") and addresses("name.addressed.example") == [address]
    for host in ("alias.addressed.example", "name.addressed.example", "sqs.us-east-1.amazonaws.com"):
        with socket.create_connection((address, shared.port), timeout=10) as connection:
            assert said(connection, host) == (200, b"plain")
    with socket.create_connection((address, shared.port), timeout=10) as connection:
        assert said(connection, "x.example", "/_kumoniwa/health") == (200, b"plain")
    listener(client, made, fixed("secret"), Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name in ("stranger.example", None):
        with context.wrap_socket(socket.create_connection((address, shared.port), timeout=10), server_hostname=name) as connection:
            assert x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)) == x509.load_pem_x509_certificate(body)
            assert said(connection, "stranger.example") == (200, b"secret")
    shared.region("us-east-1", "kill")
    with socket.create_connection((address, shared.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x.example\r\n\r\n")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        shared.region("us-east-1", "restart")
        connection.settimeout(10.0)
        assert answer(connection) == (200, b"plain")
    client.delete_listener(ListenerArn=held)
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_a_web_acl_looks_into_a_body_that_still_arrives(shared):
    client, made, endpoint = shared.client("elbv2"), balancer(shared, "walled"), Endpoint()
    try:
        group = client.create_target_group(Name="walled", Protocol="HTTP", Port=80, VpcId=made["VpcId"], TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        client.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": endpoint.server.server_port}])
        listener(client, made, forward(group))
        wall = Wall(shared, rule("no", contains("evil", {"Body": {"OversizeHandling": "CONTINUE"}})), name="walled")
        wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=made["LoadBalancerArn"])

        def sent(body: bytes) -> int:
            with shared.socket() as connection:
                connection.sendall(f"POST /up HTTP/1.1\r\nHost: {made['DNSName']}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                connection.settimeout(10.0)
                return answer(connection)[0]

        assert sent(b"evil" + b"x" * 3_000_000) == 403
        assert sent(b"good" + b"x" * 3_000_000) == 200
        (asked,) = [each for each in endpoint.asked if each.path == "/up"]
        assert asked.body == b"good" + b"x" * 3_000_000
    finally:
        endpoint.close()
    client.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
