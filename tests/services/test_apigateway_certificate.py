"""Client certificates: an HTTPS endpoint sees that API Gateway asks."""

from __future__ import annotations

import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from api_workshop import deploy, rest_api
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class _Greeting(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        body = b"welcome"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Silent(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Clients without a certificate are what the test is about."""


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def server(tmp_path):
    """An HTTPS server of its own certificate that lets in only who shows the one it was told of; called with that one's PEM."""
    servers = []

    def opened(pem: str) -> str:
        key = generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        trusted = x509.load_pem_x509_certificate(pem.encode())
        begins = trusted.not_valid_before_utc - timedelta(days=4000)
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(begins).not_valid_after(begins + timedelta(days=40000)).sign(key, SHA256())
        )  # fmt: skip
        file, client = tmp_path / "server.pem", tmp_path / "client.pem"
        file.write_bytes(
            made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        )
        client.write_text(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | 0x200000  # X509_V_FLAG_NO_CHECK_TIME: time is virtual here
        httpd = _Silent(("127.0.0.1", 0), _Greeting)
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        servers.append(httpd)
        return f"https://127.0.0.1:{httpd.server_address[1]}/"

    yield opened
    for httpd in servers:
        httpd.shutdown()
        httpd.server_close()


def test_a_certificate_is_made_described_and_deleted(cloud, gateway):
    made = gateway.generate_client_certificate(description="d", tags={"a": "b"})
    certificate = x509.load_pem_x509_certificate(made["pemEncodedCertificate"].encode())
    assert certificate.not_valid_before_utc == made["createdDate"]
    assert made["expirationDate"] - made["createdDate"] == timedelta(days=365)
    here = {"clientCertificateId": made["clientCertificateId"]}
    patch = [{"op": "replace", "path": "/description", "value": "e"}]
    assert gateway.update_client_certificate(**here, patchOperations=patch)["description"] == "e"
    cloud.restart(kill=True)
    known = gateway.get_client_certificate(**here)
    assert (known["pemEncodedCertificate"], known["tags"]) == (made["pemEncodedCertificate"], {"a": "b"})
    assert len(gateway.get_client_certificates()["items"]) == 1
    gateway.delete_client_certificate(**here)
    with pytest.raises(ClientError, match="NotFoundException"):
        gateway.get_client_certificate(**here)


def test_an_endpoint_that_asks_for_a_certificate_is_shown_the_stages(cloud, gateway, server):
    made = gateway.generate_client_certificate()
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(
        **here, type="HTTP_PROXY", integrationHttpMethod="GET", uri=server(made["pemEncodedCertificate"]),
        tlsConfig={"insecureSkipVerification": True},
    )  # fmt: skip
    deploy(gateway, api)
    path = f"/restapis/{api}/prod/_user_request_/"
    assert cloud.http("GET", path)[0] == 504
    stage = {"restApiId": api, "stageName": "prod"}
    patch = [{"op": "replace", "path": "/clientCertificateId", "value": made["clientCertificateId"]}]
    assert gateway.update_stage(**stage, patchOperations=patch)["clientCertificateId"] == made["clientCertificateId"]
    assert cloud.http("GET", path)[2] == b"welcome"
    with pytest.raises(ClientError, match="in use"):
        gateway.delete_client_certificate(clientCertificateId=made["clientCertificateId"])
    tried = gateway.test_invoke_method(**here, clientCertificateId=made["clientCertificateId"])
    assert (tried["status"], tried["body"]) == (200, "welcome")


def test_a_stage_names_only_certificates_that_are_there(gateway):
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(**here, type="MOCK")
    deploy(gateway, api)
    patch = [{"op": "replace", "path": "/clientCertificateId", "value": "none"}]
    with pytest.raises(ClientError, match="BadRequestException"):
        gateway.update_stage(restApiId=api, stageName="prod", patchOperations=patch)
