"""Certificates of a local authority: one that a person may trust, and one for each name that somebody asks for by it."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256: FIPS 186-4, D.1.2.3."""
AUTHORITY_DAYS = 3_650
ISSUED_DAYS = 397
"""Browsers take no longer ones."""
DAY_S = 86_400.0

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
ALGORITHMS: dict[str, Callable[[], PrivateKey]] = {
    "RSA_2048": lambda: rsa.generate_private_key(65537, 2048),
    "EC_prime256v1": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EC_secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
}
"""How keys are made, by ACM's names."""


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64]), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Kumoniwa")])


def _authority_key(seal: bytes) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(hmac.digest(seal, b"local authority", "sha512"), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def pair_of(seal: bytes, certificate: bytes) -> bytes:
    """What ``authority`` made, from the certificate in it."""
    return _pem(_authority_key(seal)) + certificate_of(certificate)


def authority(seal: bytes, at: float) -> bytes:
    """The authority of a cloud: its key and its certificate, in PEM, one behind the other. The key follows from the cloud's seal, so that
    every process of the cloud speaks for the same authority. ``at`` is epoch seconds."""
    key, name, now = _authority_key(seal), _named("Kumoniwa local authority"), datetime.fromtimestamp(at, UTC)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(key) + made.public_bytes(serialization.Encoding.PEM)


def certificate_of(pair: bytes) -> bytes:
    """The certificate in what ``authority`` made, without its key."""
    return x509.load_pem_x509_certificate(pair).public_bytes(serialization.Encoding.PEM)


def signed(pair: bytes, key: PrivateKey, names: Sequence[str], begins: float, ends: float) -> bytes:
    """A certificate of the authority for host names or addresses, the first of which is its common name if it is short enough to be one."""
    signer, issuer = serialization.load_pem_private_key(pair, None), x509.load_pem_x509_certificate(pair)
    said: list[x509.GeneralName] = []
    for name in names:
        try:
            said.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            said.append(x509.DNSName(name))
    usage = x509.KeyUsage(
        digital_signature=True, key_encipherment=isinstance(key, rsa.RSAPrivateKey), key_cert_sign=False, crl_sign=False,
        content_commitment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(names[0]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(begins, UTC))
        .not_valid_after(datetime.fromtimestamp(ends, UTC))
        .add_extension(x509.SubjectAlternativeName(said), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def issued(pair: bytes, name: str, at: float) -> bytes:
    """A key, a certificate for a host name or an address that the authority answers for, and the authority's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _pem(key) + signed(pair, key, [name], at - DAY_S, at + ISSUED_DAYS * DAY_S) + certificate_of(pair)


def with_key(pair: bytes, algorithm: str, names: Sequence[str], begins: float, ends: float) -> tuple[bytes, bytes]:
    """A new key of one of ``ALGORITHMS``, and the authority's certificate for it. Keys of RSA take a good part of a second."""
    key = ALGORITHMS[algorithm]()
    return _pem(key), signed(pair, key, names, begins, ends)


def locked(key: bytes, passphrase: bytes) -> bytes:
    """A private key in PEM as only the passphrase opens it."""
    opened = serialization.load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True)
    how = serialization.BestAvailableEncryption(passphrase)
    return opened.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
