"""What a certificate says, by AWS's names, and whether a certificate, a key and a chain belong together."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SHORT = {
    NameOID.COUNTRY_NAME: "C", NameOID.STATE_OR_PROVINCE_NAME: "ST", NameOID.LOCALITY_NAME: "L", NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU", NameOID.COMMON_NAME: "CN", NameOID.EMAIL_ADDRESS: "EMAILADDRESS",
}  # fmt: skip
_USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE", "content_commitment": "NON_REPUDIATION", "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT", "key_agreement": "KEY_AGREEMENT", "key_cert_sign": "CERTIFICATE_SIGNING", "crl_sign": "CRL_SIGNING",
}  # fmt: skip
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "TLS_WEB_SERVER_AUTHENTICATION", ExtendedKeyUsageOID.CLIENT_AUTH: "TLS_WEB_CLIENT_AUTHENTICATION",
    ExtendedKeyUsageOID.CODE_SIGNING: "CODE_SIGNING", ExtendedKeyUsageOID.EMAIL_PROTECTION: "EMAIL_PROTECTION",
    ExtendedKeyUsageOID.TIME_STAMPING: "TIME_STAMPING", ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP_SIGNING",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "ANY",
}  # fmt: skip
_CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
_RSA_BITS = (1024, 2048, 3072, 4096)


class Unfit(Exception):
    """What was brought is no certificate, key or chain, or they are not of each other. ``part`` says which of them."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


def pieces(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


def algorithm_of(key: Any) -> str:
    """AWS's name for a kind of key, empty for one that AWS does not know."""
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)) and key.key_size in _RSA_BITS:
        return f"RSA_{key.key_size}"
    return _CURVES.get(key.curve.name, "") if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)) else ""


def _spelled(name: x509.Name) -> str:
    return ",".join(f"{_SHORT.get(each.oid, each.oid.dotted_string)}={each.value}" for each in name)


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _extension(certificate: x509.Certificate, kind: type) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _names(certificate: x509.Certificate) -> list[str]:
    common, said = _first(certificate.subject, NameOID.COMMON_NAME), _extension(certificate, x509.SubjectAlternativeName)
    names = [] if said is None else [str(name) for kind in (x509.DNSName, x509.IPAddress) for name in said.get_values_for_type(kind)]
    return list(dict.fromkeys([*([common] if common else []), *names]))


def facts(certificate: x509.Certificate) -> dict[str, Any]:
    """What DescribeCertificate tells of a certificate that is there; the names it is for are under ``names``."""
    digits = f"{certificate.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    digest = certificate.signature_hash_algorithm
    is_rsa = certificate.signature_algorithm_oid.dotted_string.startswith("1.2.840.113549")
    usage, purposes = _extension(certificate, x509.KeyUsage), _extension(certificate, x509.ExtendedKeyUsage)
    return {
        "names": _names(certificate),
        "Serial": ":".join(digits[n : n + 2] for n in range(0, len(digits), 2)),
        "Subject": _spelled(certificate.subject),
        "Issuer": _first(certificate.issuer, NameOID.ORGANIZATION_NAME) or _first(certificate.issuer, NameOID.COMMON_NAME),
        "NotBefore": certificate.not_valid_before_utc.timestamp(),
        "NotAfter": certificate.not_valid_after_utc.timestamp(),
        "SignatureAlgorithm": f"{digest.name.upper() if digest else 'NONE'}WITH{'RSA' if is_rsa else 'ECDSA'}",
        "KeyUsages": [name for member, name in _USAGES.items() if usage is not None and getattr(usage, member)],
        "ExtendedKeyUsages": [{"Name": _PURPOSES.get(each, "CUSTOM"), "OID": each.dotted_string} for each in purposes or ()],
    }


def brought(body: bytes, key: bytes, chain: bytes | None) -> tuple[dict[str, Any], str, str]:
    """What a certificate from elsewhere says, the kind of its key, and that key in PEM. Raises Unfit."""
    found = pieces(body)
    if len(found) != 1:
        raise Unfit("certificates" if found else "certificate")
    try:
        secret = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, AttributeError):
        raise Unfit("key") from None
    algorithm = algorithm_of(secret)
    if not algorithm or found[0].public_key() != secret.public_key():
        raise Unfit("pair" if algorithm else "key")
    _check_chain(found[0], chain)
    kept = secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return facts(found[0]), algorithm, kept.decode()


def _check_chain(certificate: x509.Certificate, chain: bytes | None) -> None:
    """Each link vouches for the one before it, up to a root; what follows a root is not of the path."""
    if not chain:
        return
    links = pieces(chain)
    if not links:
        raise Unfit("chain")
    for below, above in zip([certificate, *links], links, strict=False):
        if below is not certificate and below.issuer == below.subject:
            return
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            raise Unfit("links") from None
