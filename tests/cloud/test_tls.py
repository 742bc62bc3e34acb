"""TLS on the one port: every name has a certificate of the cloud's own authority, and policies know how a request came."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from services.certificate_workshop import authority, certificate, vouched

from cloud.conftest import eventually
from cloud.test_processes import answer, request
from kumoniwa.cloud.hello import Incomplete, host_of


@pytest.fixture
def trust(shared, tmp_path):
    """What a client has who trusts the cloud's authority, and its file."""
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
    connection.request("GET", "/_kumoniwa/ca.pem")
    file = tmp_path / "ca.pem"
    file.write_bytes(connection.getresponse().read())
    connection.close()
    return ssl.create_default_context(cafile=file), str(file)


def secure(shared, trust, name="localhost") -> ssl.SSLSocket:
    return trust[0].wrap_socket(shared.socket(), server_hostname=name)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "abc123.execute-api.us-east-1.localhost", "bucket.s3.localhost"])
def test_each_name_has_a_certificate_that_the_authority_vouches_for(shared, trust, name):
    with secure(shared, trust, name) as connection:
        connection.sendall(request())
        assert answer(connection) == (200, b"{}") and connection.version() in ("TLSv1.2", "TLSv1.3")


def test_who_does_not_know_the_authority_does_not_trust_it(shared):
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(shared.socket(), server_hostname="localhost")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_protocols_are_refused(shared, trust):
    trust[0].minimum_version, trust[0].maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    trust[0].set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure(shared, trust)


def test_a_connection_wanders_between_regions_and_stays_encrypted(shared, trust):
    with secure(shared, trust) as connection:
        for region in ("us-east-1", "eu-west-1", "us-east-1"):
            connection.sendall(request(region))
            assert answer(connection)[0] == 200
    assert {"us-east-1", "eu-west-1"} <= set(shared.regions())


def test_a_bucket_may_refuse_what_comes_in_plain(shared, trust):
    plain = shared.client("s3")
    plain.create_bucket(Bucket="guarded")
    plain.put_object(Bucket="guarded", Key="k", Body=b"x" * 3_000_000)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::guarded", "arn:aws:s3:::guarded/*"]}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    plain.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    with pytest.raises(ClientError, match="AccessDenied"):
        plain.get_object(Bucket="guarded", Key="k")
    url = plain.generate_presigned_url("get_object", {"Bucket": "guarded", "Key": "k"}).partition(f":{shared.port}")[2]
    connection = http.client.HTTPSConnection("127.0.0.1", shared.port, context=trust[0], timeout=20)
    connection.request("GET", url)
    reply = connection.getresponse()
    assert (reply.status, len(reply.read())) == (200, 3_000_000)
    connection.close()


def test_a_dead_region_is_silent_on_encrypted_connections_too(shared, trust):
    with secure(shared, trust) as connection:
        connection.sendall(request())
        assert answer(connection)[0] == 200
        shared.region("us-east-1", "kill")
        connection.sendall(request())
        connection.settimeout(1.0)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        shared.region("us-east-1", "restart")
        connection.settimeout(10.0)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert connection.recv(1) == b""
    with secure(shared, trust) as connection:
        connection.sendall(request())
        assert answer(connection)[0] == 200


def test_what_begins_like_a_handshake_and_is_none_ends(shared):
    with shared.socket() as connection:
        connection.sendall(b"\x16\x03\x01\xff\xff" + b"nonsense" * 100)
        connection.settimeout(10.0)
        with contextlib.suppress(ConnectionError):
            while connection.recv(65536):
                pass
    with shared.socket() as connection:
        connection.sendall(request())
        assert answer(connection)[0] == 200


def test_a_client_that_leaves_leaves_nothing_behind(shared, trust):
    for _ in range(20):
        with secure(shared, trust) as connection:
            connection.sendall(request())
            answer(connection)
    assert eventually(lambda: shared.regions()["us-east-1"]["connections"] == 0)


# Customers' own names -----------------------------------------------------------------------------------------------


def seen(shared, name: str) -> tuple[x509.Certificate, ssl.SSLSocket]:
    """What is shown to who asks for a name, whoever vouches for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = context.wrap_socket(shared.socket(), server_hostname=name)
    return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)), connection


def brought(shared, *names: str) -> tuple[str, bytes]:
    body, key = certificate(*names, kind="P256")
    return shared.client("acm").import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"], body


def test_a_custom_domain_of_an_api_shows_the_certificate_that_it_names(shared):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html"""
    arn, body = brought(shared, "api.shop.example")
    client = shared.client("apigateway")
    assert "Kumoniwa" in seen(shared, "api.shop.example")[0].issuer.rfc4514_string()
    client.create_domain_name(domainName="api.shop.example", regionalCertificateArn=arn, endpointConfiguration={"types": ["REGIONAL"]})
    api = client.create_rest_api(name="shop")
    place = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    client.put_method(**place, authorizationType="NONE")
    client.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    client.put_method_response(**place, statusCode="200")
    client.put_integration_response(**place, statusCode="200", responseTemplates={"application/json": '{"hello": "you"}'})
    client.create_deployment(restApiId=api["id"], stageName="prod")
    client.create_base_path_mapping(domainName="api.shop.example", restApiId=api["id"], stage="prod")
    shown, connection = seen(shared, "API.shop.example")
    assert shown == x509.load_pem_x509_certificate(body)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: api.shop.example\r\n\r\n")
    assert answer(connection) == (200, b'{"hello": "you"}')
    other, again = brought(shared, "*.shop.example")
    client.update_domain_name(domainName="api.shop.example", patchOperations=[{"op": "replace", "path": "/regionalCertificateArn", "value": other}])
    assert seen(shared, "api.shop.example")[0] == x509.load_pem_x509_certificate(again)
    shared.region("us-east-1", "kill")
    shared.region("us-east-1", "restart")
    assert eventually(lambda: seen(shared, "api.shop.example")[0] == x509.load_pem_x509_certificate(again))
    client.delete_domain_name(domainName="api.shop.example")
    assert "Kumoniwa" in seen(shared, "api.shop.example")[0].issuer.rfc4514_string()


def partner(shared, tmp_path, pair: tuple[bytes, bytes] | None) -> ssl.SSLSocket:
    """A client's connection to the partners' name, with a certificate if he has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if pair is not None:
        file = tmp_path / "client.pem"
        file.write_bytes(b"".join(pair))
        context.load_cert_chain(file)
    return context.wrap_socket(shared.socket(), server_hostname="api.partner.example")


def approved(shared, host: str) -> str:
    """A certificate that ACM has issued: somebody followed the link of its letter."""
    acm = shared.client("acm")
    arn = acm.request_certificate(DomainName=host, ValidationMethod="EMAIL")["CertificateArn"]

    def got(path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
        connection.request("GET", path)
        return connection.getresponse().read()

    def letters() -> list[dict]:
        return json.loads(got(f"/_aws/ses?email=admin@{host}"))["messages"]

    assert eventually(letters)
    got(re.search(r"http://[^/]+(/_aws/acm/\S+)", letters()[0]["Body"]["text_part"])[1])
    assert eventually(lambda: acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED", 30.0)
    return arn


def test_a_name_that_asks_for_certificates_shakes_hands_with_those_alone_whom_its_truststore_knows(shared, tmp_path):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html"""
    s3, client = shared.client("s3"), shared.client("apigateway")
    s3.create_bucket(Bucket="trust")
    s3.put_object(Bucket="trust", Key="partners.pem", Body=authority())
    arn, host = approved(shared, "api.partner.example"), "api.partner.example"
    client.create_domain_name(
        domainName=host, regionalCertificateArn=arn, endpointConfiguration={"types": ["REGIONAL"]},
        mutualTlsAuthentication={"truststoreUri": "s3://trust/partners.pem"},
    )  # fmt: skip
    api = client.create_rest_api(name="partners")
    place = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    client.put_method(**place, authorizationType="NONE")
    client.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    client.put_method_response(**place, statusCode="200")
    told = {"application/json": "$context.identity.clientCert.subjectDN"}
    client.put_integration_response(**place, statusCode="200", responseTemplates=told)
    client.create_deployment(restApiId=api["id"], stageName="prod")
    client.create_base_path_mapping(domainName=host, restApiId=api["id"], stage="prod")
    asking = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def heard(pair) -> tuple[int, bytes]:
        with partner(shared, tmp_path, pair) as connection:
            connection.sendall(asking)
            connection.settimeout(10.0)
            return answer(connection)

    assert heard(vouched("Partner")) == (200, b"O=Shop,CN=Partner")
    for stranger in (None, vouched("Stranger", issuer="Strangers", signer="P521")):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            heard(stranger)
    with shared.socket() as plain:
        plain.sendall(asking)
        assert answer(plain) == (403, b'{"message":"Forbidden"}')
    s3.put_object(Bucket="trust", Key="partners.pem", Body=authority("Strangers", "P521"))
    change = {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": "s3://trust/partners.pem"}
    client.update_domain_name(domainName=host, patchOperations=[change])
    assert heard(vouched("Stranger", issuer="Strangers", signer="P521"))[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        heard(vouched("Partner"))
    client.delete_domain_name(domainName=host)
    assert heard(None)[0] != 200


def test_an_alias_of_a_distribution_shows_the_certificate_that_it_names(shared):
    arn, body = brought(shared, "*.edge.example")
    client = shared.client("cloudfront")
    origin = {"Id": "o", "DomainName": "o.example", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}
    behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}
    config = {
        "CallerReference": "r", "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": behavior,
        "Aliases": {"Quantity": 1, "Items": ["www.edge.example"]}, "ViewerCertificate": {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only"},
    }  # fmt: skip
    domain = client.create_distribution(DistributionConfig=config)["Distribution"]["DomainName"]
    assert eventually(lambda: seen(shared, "www.edge.example")[0] == x509.load_pem_x509_certificate(body))
    assert "Kumoniwa" in seen(shared, domain)[0].issuer.rfc4514_string()


@given(junk=st.binary(max_size=600), cut=st.integers(0, 600))
def test_first_words_are_read_or_not_and_never_break(junk, cut):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="a.shop.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    assert host_of(hello) == host_of(hello + junk) == "a.shop.example"
    for damaged in (hello[:cut], b"\x16" + junk, hello[:cut] + junk + hello[cut + len(junk) :]):
        with contextlib.suppress(Incomplete):
            host_of(damaged)


def test_who_is_refused_while_he_sends_a_large_body_hears_why(shared, trust):
    """S3's clients took it for a broken certificate: "SSL validation failed … EOF occurred in violation of protocol"."""
    with secure(shared, trust, "never-made.s3.us-east-1.amazonaws.com") as connection:
        head = b"PUT /k HTTP/1.1\r\nHost: never-made.s3.us-east-1.amazonaws.com\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (32 << 20))
        for _ in range(32):
            connection.sendall(bytes(1 << 20))
        heard = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert heard.startswith(b"HTTP/1.1 404 ") and b"<Code>NoSuchBucket</Code>" in heard
