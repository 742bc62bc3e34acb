"""Client certificates: with which a stage shows its HTTPS endpoints that it is API Gateway who asks.

https://docs.aws.amazon.com/apigateway/latest/developerguide/getting-started-client-side-ssl-authentication.html
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules
from kumoniwa.services.apigateway.stage import Stage

VALID = timedelta(days=365)


class ClientCertificate(Record):
    document: dict[str, Any]
    """What GetClientCertificate answers, without tags."""
    key: str
    """The private key in PEM, which nobody is shown."""
    tags: dict[str, str] = {}


RULES = Rules({"/description": Rule("description")}, is_listed=True)


def _made(begins: datetime) -> tuple[str, str]:
    """A certificate that signs itself, and its key."""
    key = generate_private_key(65537, 2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Washington"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Seattle"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Amazon.com"),
            x509.NameAttribute(NameOID.COMMON_NAME, "ApiGateway"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + VALID)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), secret.decode()


def found(call: Call, certificate_id: str) -> ClientCertificate:
    certificate = call.shelf(ClientCertificate).get(certificate_id)
    if certificate is None:
        raise NotFoundException("Invalid client certificate ID specified")
    return certificate


def _shown(certificate: ClientCertificate) -> dict[str, Any]:
    return certificate.document | ({"tags": certificate.tags} if certificate.tags else {})


async def GenerateClientCertificate(
    call: Call, *, description: str | None = None, tags: dict[str, str] | None = None
) -> dict:
    now = float(int(call.now()))
    # Keys take their time: not on the region's loop.
    pem, key = await asyncio.to_thread(_made, datetime.fromtimestamp(now, UTC))
    document = {
        "clientCertificateId": call.ids.lower(6), "pemEncodedCertificate": pem, "createdDate": now,
        "expirationDate": now + VALID.total_seconds(),
    }  # fmt: skip
    document |= {"description": description} if description else {}
    certificate = ClientCertificate(document=document, key=key, tags=tags or {})
    call.shelf(ClientCertificate)[document["clientCertificateId"]] = certificate
    return _shown(certificate)


def GetClientCertificate(call: Call, *, clientCertificateId: str) -> dict:
    return _shown(found(call, clientCertificateId))


def GetClientCertificates(call: Call) -> dict:
    return {"items": [_shown(certificate) for certificate in call.shelf(ClientCertificate).values()]}


def UpdateClientCertificate(
    call: Call, *, clientCertificateId: str, patchOperations: list[dict] | None = None
) -> dict:
    certificate = found(call, clientCertificateId)
    certificate = changed(certificate, document=RULES.applied(certificate.document, patchOperations))
    call.shelf(ClientCertificate)[clientCertificateId] = certificate
    return _shown(certificate)


def DeleteClientCertificate(call: Call, *, clientCertificateId: str) -> None:
    found(call, clientCertificateId)
    users = [key for key, stage in call.shelf(Stage).items() if stage.document.get("clientCertificateId") == clientCertificateId]
    if users:
        raise BadRequestException(f"Cannot delete client certificate. It is in use by stage {users[0]}")
    del call.shelf(ClientCertificate)[clientCertificateId]


def context(certificate: ClientCertificate | None, *, is_trusting: bool = False) -> ssl.SSLContext | None:
    """How to speak to an HTTPS endpoint with this certificate; None for the ordinary way.

    ``is_trusting`` takes any certificate of the endpoint's, as ``insecureSkipVerification`` asks.
    """
    if certificate is None and not is_trusting:
        return None
    made = ssl.create_default_context()
    if is_trusting:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if certificate is not None:
        # Python reads a client's certificate from files alone.
        with tempfile.NamedTemporaryFile("w") as file:
            os.chmod(file.name, 0o600)
            file.write(certificate.document["pemEncodedCertificate"] + certificate.key)
            file.flush()
            made.load_cert_chain(file.name)
    return made
