"""How a certificate is asked for, and its letters once more."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from kumoniwa.engines import certificates
from kumoniwa.gate.certificate import Certificate, Proof
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.acm import issuing, proof, tag
from kumoniwa.services.acm.errors import (
    InvalidDomainValidationOptionsException,
    InvalidParameterException,
    InvalidStateException,
    LimitExceededException,
)

NAMES_MAX = 10
# https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
COMMON_NAME_LENGTH_MAX = 64
TOKEN_S = 3_600.0
AMAZONS = ("amazonaws.com", "cloudfront.net", "elasticbeanstalk.com")
"""Nobody else's: https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html"""
OPTIONS = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}


def _is_within(domain: str, above: str) -> bool:
    return domain == above or domain.endswith(f".{above}")


def _names(domain: str, alternatives: list[str] | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.lower() for name in (domain, *(alternatives or ()))))
    if len(names[0]) > COMMON_NAME_LENGTH_MAX:
        raise InvalidParameterException("The first domain name can be no longer than 64 octets.", hint="Name a shorter one first.")
    if len(names) > NAMES_MAX:
        raise LimitExceededException(f"The certificate has {len(names)} domain names. Its limit is {NAMES_MAX}.")
    return names


def _domains(names: tuple[str, ...], given: list[dict[str, str]] | None) -> dict[str, str]:
    """Where each name is to be proven: at itself, or at a domain above it."""
    domains = {name: name for name in names}
    for option in given or ():
        name, above = option["DomainName"].lower(), option["ValidationDomain"].lower()
        if name not in domains:
            raise InvalidDomainValidationOptionsException(f"The domain {name} is not one of the domains of the certificate.")
        if above != name and not _is_within(proof.apex(name), above):
            raise InvalidDomainValidationOptionsException(f"The validation domain {above} is neither {name} nor a domain above it.")
        domains[name] = above
    return domains


def RequestCertificate(
    call: Call,
    *,
    DomainName: str,
    ValidationMethod: str = "EMAIL",
    SubjectAlternativeNames: list[str] | None = None,
    IdempotencyToken: str | None = None,
    DomainValidationOptions: list[dict[str, str]] | None = None,
    Options: dict[str, str] | None = None,
    Tags: list[dict[str, str]] | None = None,
    KeyAlgorithm: str = "RSA_2048",
) -> dict:
    """Its key is made when it is issued, which happens when every name is proven."""
    names, options = _names(DomainName, SubjectAlternativeNames), Options or {}
    if ValidationMethod == "HTTP" or "ValidationMethod" in options:
        raise NotImplementedHere("the validation method HTTP, and ValidationMethod in Options, of acm")
    if KeyAlgorithm not in certificates.ALGORITHMS:
        raise InvalidParameterException(
            f"The key algorithm {KeyAlgorithm} is for imported certificates only.", hint=f"Ask for one of {', '.join(certificates.ALGORITHMS)}."
        )
    domains = _domains(names, DomainValidationOptions)
    asked = [names, domains, ValidationMethod, options, KeyAlgorithm, Tags or []]
    request = (IdempotencyToken or "", hashlib.sha256(orjson.dumps(asked)).hexdigest())
    for held in call.shelf(Certificate).values():
        if IdempotencyToken and held.request == request and call.now() < held.created + TOKEN_S:
            return {"CertificateArn": held.arn}
    arn = call.arn(f"certificate/{call.new_id()}")
    proofs = tuple(
        Proof(domain=name, validation_domain=domains[name], method=ValidationMethod, token=call.ids.hex(64) if ValidationMethod == "EMAIL" else "")
        for name in names
    )
    made = Certificate(
        arn=arn, kind="AMAZON_ISSUED", status="PENDING_VALIDATION", names=names, algorithm=KeyAlgorithm, created=call.now(), proofs=proofs,
        options=OPTIONS | options, request=request, tags=tag.checked({}, Tags),
    )  # fmt: skip
    if any(_is_within(proof.apex(name), above) for name in names for above in AMAZONS):
        proofs = tuple(changed(each, status="FAILED") for each in proofs)
        made = changed(made, status="FAILED", failure="ADDITIONAL_VERIFICATION_REQUIRED", proofs=proofs)
    else:
        issuing.look_again(call, arn, call.now())
    call.shelf(Certificate)[arn] = made
    return {"CertificateArn": arn}


def ResendValidationEmail(call: Call, *, CertificateArn: str, Domain: str, ValidationDomain: str) -> None:
    """The links of the letters before count no more."""
    certificate, name = tag.found(call, CertificateArn), Domain.lower()
    if certificate.kind != "AMAZON_ISSUED" or certificate.proofs[0].method != "EMAIL" or certificate.status != "PENDING_VALIDATION":
        raise InvalidStateException(f"Certificate {CertificateArn} does not wait for an approval by email.")
    above = _domains(certificate.names, [{"DomainName": name, "ValidationDomain": ValidationDomain}])[name]

    def again(each: Proof) -> Proof:
        return changed(each, validation_domain=above, status="PENDING_VALIDATION", emails=(), token=call.ids.hex(64))

    proofs: Any = tuple(again(each) if each.domain == name else each for each in certificate.proofs)
    call.shelf(Certificate)[CertificateArn] = changed(certificate, proofs=proofs)
    issuing.look_again(call, CertificateArn, call.now())
