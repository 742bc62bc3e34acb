"""How certificates change and end, and what an account decides about all of them."""

from __future__ import annotations

from kumoniwa.gate.certificate import Certificate, users
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.acm import issuing, tag
from kumoniwa.services.acm.errors import (
    ConflictException,
    InvalidStateException,
    RequestInProgressException,
    ResourceInUseException,
    ValidationException,
)
from kumoniwa.services.acm.issuing import AccountConfiguration

ONCE_S = 3_600.0


def DeleteCertificate(call: Call, *, CertificateArn: str) -> None:
    tag.found(call, CertificateArn)
    if users(call, CertificateArn):
        raise ResourceInUseException.of(call, CertificateArn)
    del call.shelf(Certificate)[CertificateArn]
    call.rows(issuing.DUE).run("delete from acm_due where arn = ?", CertificateArn)


def RenewCertificate(call: Call, *, CertificateArn: str) -> None:
    """Ahead of its time, and by the proofs that an automatic renewal asks for."""
    certificate = tag.found(call, CertificateArn)
    if certificate.status == "PENDING_VALIDATION" or certificate.renewal_proofs:
        raise RequestInProgressException(f"Certificate request {CertificateArn} is still in progress.")
    if not issuing.is_eligible(call, certificate):
        raise ValidationException(
            f"Certificate {CertificateArn} is not eligible for renewal.", hint="It must be issued by ACM, and be in use or exported."
        )
    renewal = {"status": "PENDING_AUTO_RENEWAL", "updated": call.now()}
    call.shelf(Certificate)[CertificateArn] = changed(certificate, renewal=renewal)
    issuing.look_again(call, CertificateArn, call.now())


def RevokeCertificate(call: Call, *, CertificateArn: str, RevocationReason: str) -> dict:
    """Only what was exported can have come into wrong hands. https://docs.aws.amazon.com/acm/latest/APIReference/API_RevokeCertificate.html"""
    certificate = tag.found(call, CertificateArn)
    if users(call, CertificateArn):
        raise ResourceInUseException.of(call, CertificateArn)
    if certificate.status != "ISSUED" or not certificate.is_exported:
        raise ConflictException(f"Certificate {CertificateArn} was not exported, and cannot be revoked.")
    revoked = changed(certificate, status="REVOKED", revoked=(call.now(), RevocationReason))
    call.shelf(Certificate)[CertificateArn] = revoked
    call.rows(issuing.DUE).run("delete from acm_due where arn = ?", CertificateArn)
    issuing.tell(call, revoked, "Revoked", CertificateType=revoked.kind, RevocationReason=RevocationReason, Exported=True)
    return {"CertificateArn": CertificateArn}


def UpdateCertificateOptions(call: Call, *, CertificateArn: str, Options: dict[str, str]) -> None:
    certificate = tag.found(call, CertificateArn)
    if "ValidationMethod" in Options:
        raise NotImplementedHere("a change of the validation method of a certificate of acm")
    if certificate.kind != "AMAZON_ISSUED" or certificate.status not in ("PENDING_VALIDATION", "ISSUED"):
        raise InvalidStateException(f"The options of certificate {CertificateArn} cannot be changed.")
    call.shelf(Certificate)[CertificateArn] = changed(certificate, options=certificate.options | Options)


# The account ---------------------------------------------------------------------------------------


def GetAccountConfiguration(call: Call) -> dict:
    held = call.shelf(AccountConfiguration).get("account") or AccountConfiguration()
    return {"ExpiryEvents": {"DaysBeforeExpiry": held.days_before_expiry}}


def PutAccountConfiguration(call: Call, *, IdempotencyToken: str, ExpiryEvents: dict[str, int] | None = None) -> None:
    """https://docs.aws.amazon.com/acm/latest/APIReference/API_PutAccountConfiguration.html; the refusal: getmoto/moto, test_acm.py at 0af643a5."""
    if not ExpiryEvents:
        raise ValidationException("Configuration for events is empty.")
    days = ExpiryEvents.get("DaysBeforeExpiry", issuing.EVENTS_DAYS_BEFORE)
    if days > issuing.EVENTS_DAYS_BEFORE:
        raise ValidationException(f"DaysBeforeExpiry must be between 1 and {issuing.EVENTS_DAYS_BEFORE}")
    before, now = call.shelf(AccountConfiguration).get("account"), call.now()
    if before is not None and before.token == IdempotencyToken and now < before.asked + ONCE_S and days != before.days_before_expiry:
        raise ConflictException("The idempotency token was used for another configuration.")
    call.shelf(AccountConfiguration)["account"] = AccountConfiguration(days_before_expiry=days, token=IdempotencyToken, asked=now)
    for certificate in call.shelf(Certificate).values():
        if certificate.status == "ISSUED":
            issuing.look_again(call, certificate.arn, now)
