"""The certificates of callers at custom domain names that ask for one.

Who shows none, or one that does not lead up to the name's truststore, does not get past the handshake: the library that speaks TLS here
decides then, while AWS lets the latter in and answers him 403. What comes to the name by another way, in plain or under another name, has
shown nothing, and is answered as AWS answers who is not trusted.
https://repost.aws/knowledge-center/api-gateway-mutual-tls-403-errors
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, host_named
from kumoniwa.services.apigateway.domain import DomainName
from kumoniwa.services.apigateway.truststore import is_weak, named
from kumoniwa.wire.message import Request

UNKNOWN = "Could not find issuer for certificate"
WEAK = "Client cert using an insecure Signature Algorithm"
OWN = "self signed certificate"
_DECIMAL_BITS = 63


def refusal_of(home: Any, domain: DomainName, request: Request) -> str | None:
    """Why a caller is not let in, in AWS's words; None if he is, or if the name asks for nothing."""
    if "mutualTlsAuthentication" not in domain.document:
        return None
    client = request.client
    shown_to = host_named(home.store.shelf(SHARED, HostName), client.name) if client is not None else None
    if shown_to is None or shown_to.name != domain.name.lower():
        return UNKNOWN
    return _wrong(client.certificate)


@lru_cache(maxsize=256)
def _wrong(der: bytes) -> str | None:
    certificate = x509.load_der_x509_certificate(der)
    if certificate.issuer == certificate.subject:
        return OWN
    return WEAK if is_weak(certificate) else None


@lru_cache(maxsize=256)
def described(der: bytes) -> dict[str, Any]:
    """The certificate as events and ``$context`` tell it, in OpenSSL's spelling: a serial number of up to eight bytes in decimals.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    certificate = x509.load_der_x509_certificate(der)
    number = certificate.serial_number
    return {
        "clientCertPem": certificate.public_bytes(Encoding.PEM).decode(),
        "subjectDN": named(certificate.subject),
        "issuerDN": named(certificate.issuer),
        "serialNumber": str(number) if number.bit_length() <= _DECIMAL_BITS else number.to_bytes((number.bit_length() + 7) // 8, "big").hex(":"),
        "validity": {"notBefore": _moment(certificate.not_valid_before_utc), "notAfter": _moment(certificate.not_valid_after_utc)},
    }


def _moment(at: Any) -> str:
    return time.strftime("%b %e %H:%M:%S %Y GMT", at.utctimetuple())


def of(request: Request) -> dict[str, Any]:
    """``{"clientCert": …}`` of a request that shows one."""
    return {} if request.client is None else {"clientCert": described(request.client.certificate)}
