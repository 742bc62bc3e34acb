"""Truststores: the certificates that those of a custom domain name's callers must lead up to, kept by their owner in S3.

They are read, with the owner's permissions, when the name is told of them, and not again: who changes the object must tell the name of its
new version.
https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html. What AWS says of a truststore that it cannot use, or
warns of, no source tells; the words are ours.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.apigateway.patch import BadRequestException
from kumoniwa.wire.message import BodyTooLarge, whole

BYTES_MAX = 1 << 20
RSA_BITS_MIN = 2048
WEAK = ("md5", "sha1", "sha224")
_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class Truststore(NamedTuple):
    pem: str
    """What could be read of it."""
    warnings: list[str]


async def read(call: Call, uri: str, version: str | None) -> Truststore:
    """Raises BadRequestException."""
    place = _URI.fullmatch(uri)
    if place is None:
        raise BadRequestException(f"Invalid truststore URI: {uri}. It must be an S3 URL such as s3://bucket-name/key-name.")
    asked = {"Bucket": place["bucket"], "Key": place["key"], **({"VersionId": version} if version else {})}
    try:
        reply = await call.ask("s3:GetObject", to_region=region_of_bucket(call.home, place["bucket"]), **asked)
        text = (await whole(reply["Body"], BYTES_MAX)).decode("utf-8", "replace")
    except BodyTooLarge:
        raise BadRequestException(f"The truststore {uri} is larger than {BYTES_MAX} bytes.")
    except AwsError as error:
        raise BadRequestException(f"Unable to read the truststore {uri}: {error.text}")
    return _of(text, call.now())


def _of(text: str, now: float) -> Truststore:
    known: dict[bytes, x509.Certificate] = {}
    warnings = []
    for number, block in enumerate(_BLOCK.findall(text), 1):
        try:
            certificate = x509.load_pem_x509_certificate(block.encode())
            known.setdefault(certificate.public_bytes(Encoding.DER), certificate)
        except ValueError:
            warnings.append(f"Certificate {number} could not be parsed.")
    if not known and not warnings:
        warnings.append("The truststore contains no certificates.")
    subjects = {certificate.subject for certificate in known.values()}
    for certificate in known.values():
        warnings += [f"Certificate {named(certificate.subject)} {what}" for what in _wrong(certificate, subjects, now)]
    return Truststore("".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in known.values()), warnings)


def _wrong(certificate: x509.Certificate, subjects: set[x509.Name], now: float) -> list[str]:
    wrong = []
    at = datetime.fromtimestamp(now, UTC)
    if at > certificate.not_valid_after_utc:
        wrong.append("has expired.")
    if at < certificate.not_valid_before_utc:
        wrong.append("is not valid yet.")
    if is_weak(certificate):
        wrong.append("uses an insecure algorithm.")
    if certificate.issuer not in subjects:
        wrong.append("was issued by a certificate that is not in the truststore.")
    return wrong


def is_weak(certificate: x509.Certificate) -> bool:
    """Whether it is signed with less than SHA-256, or its key is shorter than RSA's 2048 bits or ECDSA's 256."""
    algorithm, key = certificate.signature_hash_algorithm, certificate.public_key()
    if algorithm is not None and algorithm.name in WEAK:
        return True
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < RSA_BITS_MIN
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < 256


def named(name: x509.Name) -> str:
    """A distinguished name as it stands in the certificate: ``C=US,ST=Washington,…,CN=My Client``."""
    return ",".join(part.rfc4514_string() for part in name.rdns)
