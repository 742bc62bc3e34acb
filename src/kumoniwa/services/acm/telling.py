"""What is told of certificates: their facts, themselves, and for some their keys.

https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.engines import certificates, cipher
from kumoniwa.gate.certificate import Certificate, users
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.acm import issuing, proof, tag
from kumoniwa.services.acm.errors import RequestInProgressException, ValidationException

KEY_TYPES = ("RSA_1024", "RSA_2048")
"""Which are listed unless others are asked for: https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html"""
TOLD_NAMES_MAX = 100
ORIGINS = {"IMPORTED": "CUSTOMER_PROVIDED", "AMAZON_ISSUED": "AWS_MANAGED"}
ISSUER = "Amazon"


class KeyLost(AwsError):
    code = "InternalServerException"
    status = 500
    message = "The key was sealed by another cloud."


def _dates(certificate: Certificate) -> dict[str, Any]:
    found = {
        "CreatedAt": certificate.created, "IssuedAt": certificate.issued, "ImportedAt": certificate.imported,
        "RevokedAt": certificate.revoked and certificate.revoked[0], "NotBefore": certificate.facts.get("NotBefore"),
        "NotAfter": certificate.facts.get("NotAfter"),
    }  # fmt: skip
    return {name: at for name, at in found.items() if at is not None}


def _algorithm(certificate: Certificate) -> str:
    """AWS's answers spell it otherwise than its requests:
    https://github.com/localstack/localstack/blob/main/tests/aws/services/acm/test_acm.snapshot.json"""
    return certificate.algorithm.replace("_", "-", 1)


def _eligibility(call: Call, certificate: Certificate) -> str:
    return "ELIGIBLE" if issuing.is_eligible(call, certificate) else "INELIGIBLE"


def DescribeCertificate(call: Call, *, CertificateArn: str) -> dict:
    certificate = tag.found(call, CertificateArn)
    is_ours, facts = certificate.kind == "AMAZON_ISSUED", certificate.facts
    options = proof.told(call, certificate.proofs) if is_ours else [{"DomainName": name} for name in certificate.names]
    told: dict[str, Any] = {
        "CertificateArn": certificate.arn, "DomainName": certificate.names[0], "SubjectAlternativeNames": list(certificate.names),
        "DomainValidationOptions": options, "Subject": facts.get("Subject", f"CN={certificate.names[0]}"),
        "Issuer": ISSUER if is_ours else facts["Issuer"], **_dates(certificate), "Status": certificate.status,
        "KeyAlgorithm": _algorithm(certificate),
        "SignatureAlgorithm": facts.get("SignatureAlgorithm", "SHA256WITHECDSA"), "InUseBy": users(call, certificate.arn),
        "Type": certificate.kind, "KeyUsages": [{"Name": name} for name in facts.get("KeyUsages", ())],
        "ExtendedKeyUsages": facts.get("ExtendedKeyUsages", []), "RenewalEligibility": _eligibility(call, certificate),
        "Options": certificate.options,
    }  # fmt: skip
    if facts:
        told["Serial"] = facts["Serial"]
    if certificate.failure:
        told["FailureReason"] = certificate.failure
    if certificate.revoked is not None:
        told["RevocationReason"] = certificate.revoked[1]
    if certificate.renewal is not None:
        proofs = proof.told(call, certificate.renewal_proofs or certificate.proofs)
        renewal = certificate.renewal
        told["RenewalSummary"] = {"RenewalStatus": renewal["status"], "DomainValidationOptions": proofs, "UpdatedAt": renewal["updated"]}
    return {"Certificate": told}


def _summary(call: Call, certificate: Certificate) -> dict[str, Any]:
    facts = certificate.facts
    return {
        "CertificateArn": certificate.arn, "DomainName": certificate.names[0],
        "SubjectAlternativeNameSummaries": list(certificate.names[:TOLD_NAMES_MAX]),
        "HasAdditionalSubjectAlternativeNames": len(certificate.names) > TOLD_NAMES_MAX, "Status": certificate.status, "Type": certificate.kind,
        "KeyAlgorithm": _algorithm(certificate), "KeyUsages": list(facts.get("KeyUsages", ())),
        "ExtendedKeyUsages": [each["Name"] for each in facts.get("ExtendedKeyUsages", ())], "ExportOption": certificate.options["Export"],
        "InUse": bool(users(call, certificate.arn)), "Exported": certificate.is_exported, "RenewalEligibility": _eligibility(call, certificate),
        "CertificateKeyPairOrigin": ORIGINS[certificate.kind], **_dates(certificate),
    }  # fmt: skip


def ListCertificates(
    call: Call,
    *,
    CertificateStatuses: list[str] | None = None,
    CertificateKeyPairOrigins: list[str] | None = None,
    Includes: dict | None = None,
    SortBy: str | None = None,
    SortOrder: str | None = None,
) -> dict:
    """Only those with keys of RSA up to 2,048 bits, unless ``Includes`` asks for others."""
    if (SortBy is None) != (SortOrder is None):
        raise ValidationException("SortBy and SortOrder must be specified together.")
    wanted = Includes or {}

    def fits(summary: dict[str, Any], certificate: Certificate) -> bool:
        return (
            (CertificateStatuses is None or certificate.status in CertificateStatuses)
            and (CertificateKeyPairOrigins is None or ORIGINS[certificate.kind] in CertificateKeyPairOrigins)
            and certificate.algorithm in (wanted.get("keyTypes") or KEY_TYPES)
            and _has_any(summary["KeyUsages"], wanted.get("keyUsage"))
            and _has_any(summary["ExtendedKeyUsages"], wanted.get("extendedKeyUsage"))
            and wanted.get("exportOption") in (None, summary["ExportOption"])
            # Nothing here is managed by CloudFront.
            and "managedBy" not in wanted
        )

    ordered = sorted(call.shelf(Certificate).values(), key=lambda each: (each.created, each.arn), reverse=SortOrder == "DESCENDING")
    return {"CertificateSummaryList": [told for each in ordered if fits(told := _summary(call, each), each)]}


def _has_any(found: list[str], wanted: list[str] | None) -> bool:
    return not wanted or "ANY" in wanted or bool({*found} & {*wanted}) or (not found and "NONE" in wanted)


def _ready(call: Call, arn: str) -> Certificate:
    certificate = tag.found(call, arn)
    if certificate.status == "PENDING_VALIDATION":
        raise RequestInProgressException(f"Certificate request {arn} is still in progress.")
    if not certificate.body:
        raise ValidationException(f"Certificate {arn} was never issued: its status is {certificate.status}.")
    return certificate


def GetCertificate(call: Call, *, CertificateArn: str) -> dict:
    certificate = _ready(call, CertificateArn)
    return {"Certificate": certificate.body} | ({"CertificateChain": certificate.chain} if certificate.chain else {})


async def ExportCertificate(call: Call, *, CertificateArn: str, Passphrase: bytes) -> dict:
    """Public certificates that were asked for with ``Export: ENABLED``.
    https://docs.aws.amazon.com/acm/latest/userguide/acm-exportable-certificates.html"""
    certificate = tag.found(call, CertificateArn)
    if certificate.options["Export"] != "ENABLED":
        raise ValidationException(f"Certificate ARN: {CertificateArn} is not a private certificate")
    certificate = _ready(call, CertificateArn)
    key = cipher.unseal(call.home.settings.seal, certificate.key, issuing.purpose(CertificateArn))
    if key is None:
        raise KeyLost
    locked = await asyncio.to_thread(certificates.locked, key, Passphrase)
    call.atomically(lambda: _exported(call, CertificateArn))
    return {"Certificate": certificate.body, "CertificateChain": certificate.chain, "PrivateKey": locked.decode()}


def _exported(call: Call, arn: str) -> None:
    call.shelf(Certificate)[arn] = changed(tag.found(call, arn), is_exported=True)
