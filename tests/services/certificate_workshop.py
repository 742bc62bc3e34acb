"""Certificates for tests: made by somebody else, and brought to ACM."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

BEGINS, ENDS = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


def pem(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@cache
def key_of(kind: str):
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind.partition("_")[2]))
    return ec.generate_private_key({"P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}[kind]())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Shop"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(*names: str, kind: str = "RSA_2048", begins=BEGINS, ends=ENDS, signer=None, issuer: str = "") -> tuple[bytes, bytes]:
    """A certificate for names, by itself or by another's key, and its own key."""
    key = key_of(kind)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(names[0]))
        .issuer_name(named(issuer or names[0]))
        .public_key(key.public_key())
        .serial_number(1001)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(signer or key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), pem(key)


def brought(cloud, *names: str, region: str = "us-east-1", key: str = "test") -> str:
    """The ARN of a certificate for these names."""
    body, secret = certificate(*names, kind="P256")
    return cloud.client("acm", region, key=key).import_certificate(Certificate=body, PrivateKey=secret)["CertificateArn"]


def authority(name: str = "Partners", kind: str = "P256", ends=ENDS, issuer: str = "", signer=None) -> bytes:
    """The certificate of who vouches for others, by itself or by another's key."""
    key = key_of(kind)
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer or name)).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(BEGINS).not_valid_after(ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(signer or key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def vouched(name: str, issuer: str = "Partners", kind: str = "P384", signer: str = "P256", serial: int = 7, hashed=hashes.SHA256) -> tuple[bytes, bytes]:
    """A client's certificate, and its key."""
    key = key_of(kind)
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
    builder = builder.serial_number(serial).not_valid_before(BEGINS).not_valid_after(ENDS)
    return builder.sign(key_of(signer), hashed()).public_bytes(serialization.Encoding.PEM), pem(key)

