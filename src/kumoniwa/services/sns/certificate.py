"""The key by which a region signs its messages, and the certificate that it shows to whoever wants to see that they are its own.

The key is of 1,024 bits: to sign with AWS's 2,048 would cost more than all else a message costs.
"""

from __future__ import annotations

import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record

BITS = 1024
PATH = "/_aws/sns/"
GOOD_FOR = datetime.timedelta(days=36_500)
_HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 (AWS's version 1)
_PADDING = padding.PKCS1v15()


class SigningKey(Record):
    """Shelved once a region, among what belongs to no account."""

    private: bytes
    certificate: bytes
    """In PEM."""


class Signer:
    """A region's key, read once."""

    def __init__(self) -> None:
        self.key: rsa.RSAPrivateKey | None = None
        self.url = ""

    def open(self, call: Call) -> None:
        held = held_by(call)
        self.key = serialization.load_der_private_key(held.private, None)
        self.url = f"{call.home.settings.endpoint}{PATH}{call.region}/{file_name(held)}"


def held_by(call: Call) -> SigningKey:
    shelf = call.home.store.shelf(SHARED, SigningKey)
    if "key" not in shelf:
        shelf["key"] = _made(call)
    return shelf["key"]


def file_name(held: SigningKey) -> str:
    return f"SimpleNotificationService-{hashlib.sha256(held.certificate).hexdigest()[:32]}.pem"


def _made(call: Call) -> SigningKey:
    key = rsa.generate_private_key(65_537, BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sns.{call.region}.amazonaws.com")])
    began = datetime.datetime.fromtimestamp(call.now(), datetime.UTC) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + GOOD_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"sns.{call.region}.amazonaws.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SigningKey(private=private, certificate=certificate.public_bytes(serialization.Encoding.PEM))


def signed(call: Call, text: str, version: str) -> tuple[str, str]:
    """The signature of a text, and where the certificate is."""
    signer = call.memory(Signer)
    if signer.key is None:
        signer.open(call)
    return base64.b64encode(signer.key.sign(text.encode(), _PADDING, _HASHES[version])).decode(), signer.url
