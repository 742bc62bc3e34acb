"""How a certificate comes to be, and what becomes of it in time: it is issued when its names are proven, renewed while they still are, and
otherwise ends.

Nothing here is a timer: a row says when each certificate is to be looked at again.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Any

from kumoniwa.engines import certificate_reading, certificates, cipher
from kumoniwa.gate.certificate import Certificate, Proof, held, users
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.acm import proof
from kumoniwa.store.rows import Table

DAY_S = 86_400.0
PROVEN_WITHIN_S = 72 * 3_600.0
# https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-timed-out.html
VALID_DAYS, RENEWED_DAYS_BEFORE = 198, 45
# https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
LOOK_S_FIRST, LOOK_S_MAX, RENEWAL_LOOK_S = 1.0, 60.0, 3_600.0
"""How soon missing records are looked for again; later the longer they have been missing."""
REMINDED_DAYS_BEFORE = (45, 30, 15, 7, 3, 1)
# https://docs.aws.amazon.com/acm/latest/userguide/email-renewal-validation.html
EVENTS_DAYS_BEFORE = 45

WORK = ("acm", "work")
DUE = Table("acm_due", "create table if not exists acm_due (arn text primary key, due real)")


class AccountConfiguration(Record):
    """The one record of its shelf, under its own name."""

    days_before_expiry: int = EVENTS_DAYS_BEFORE
    token: str = ""
    asked: float = 0.0


def purpose(arn: str) -> bytes:
    """What a private key is sealed for."""
    return b"acm " + arn.encode()


def sealed(call: Call, arn: str, key: bytes) -> bytes:
    return cipher.seal(call.home.settings.seal, key, purpose(arn))


def look_again(call: Call, arn: str, at: float) -> None:
    call.rows(DUE).run("insert or replace into acm_due (arn, due) values (?, ?)", arn, at)
    call.after_commit(lambda: call.home.wake(WORK))


def is_eligible(call: Call, certificate: Certificate) -> bool:
    """For renewal: only what somebody uses. https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html"""
    is_ours = certificate.kind == "AMAZON_ISSUED" and certificate.status == "ISSUED"
    return is_ours and (certificate.is_exported or bool(users(call, certificate.arn)))


def tell(call: Call, certificate: Certificate, kind: str, **detail: Any) -> None:
    """https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html"""
    call.tell(f"ACM Certificate {kind}", {"resources": [certificate.arn], "CommonName": certificate.names[0], **detail})


# Looking -------------------------------------------------------------------------------------------


async def look(call: Call, arn: str) -> None:
    """Do what is due with a certificate."""
    certificate = held(call, arn)
    if certificate is not None and certificate.status == "PENDING_VALIDATION":
        await _prove(call, certificate)
    elif certificate is not None and certificate.status == "ISSUED":
        await _keep(call, certificate)
    else:
        call.rows(DUE).run("delete from acm_due where arn = ?", arn)


Learnt = dict[tuple[str, str], dict[str, Any]]
"""What was learnt of each proof, by its domain and the token of its letters."""


async def _proven(call: Call, certificate: Certificate, proofs: tuple[Proof, ...]) -> Learnt:
    learnt: Learnt = {(domain, ""): {"status": "SUCCESS"} for domain in await proof.found(call, proofs)}
    for each in proofs:
        if each.method == "EMAIL" and not each.emails and each.status == "PENDING_VALIDATION":
            learnt[each.domain, each.token] = {"emails": await proof.write(call, certificate, each)}
    return learnt


def _with(proofs: tuple[Proof, ...], learnt: Learnt) -> tuple[Proof, ...]:
    return tuple(changed(each, **learnt.get((each.domain, each.token), {})) for each in proofs)


def _are_done(proofs: tuple[Proof, ...]) -> bool:
    return all(each.status == "SUCCESS" for each in proofs)


async def _prove(call: Call, certificate: Certificate) -> None:
    learnt = await _proven(call, certificate, certificate.proofs)
    made, is_forbidden = None, False
    if _are_done(_with(certificate.proofs, learnt)):
        is_forbidden = await proof.is_forbidden(call, certificate.names)
        made = None if is_forbidden else await _made(call, certificate)
    call.atomically(lambda: _settle(call, certificate.arn, learnt, made, is_forbidden))


def _settle(call: Call, arn: str, learnt: Learnt, made: dict[str, Any] | None, is_forbidden: bool) -> None:
    certificate, now = held(call, arn), call.now()
    if certificate is None or certificate.status != "PENDING_VALIDATION":
        return
    certificate = changed(certificate, proofs=_with(certificate.proofs, learnt))
    if is_forbidden:
        _failed(call, certificate, "FAILED", failure="CAA_ERROR")
    elif made is not None and _are_done(certificate.proofs):
        _issued(call, certificate, made, "ISSUANCE")
    elif now >= certificate.created + PROVEN_WITHIN_S:
        _failed(call, certificate, "VALIDATION_TIMED_OUT")
    else:
        call.shelf(Certificate)[arn] = certificate
        waits_for_dns = any(each.method == "DNS" and each.status != "SUCCESS" for each in certificate.proofs)
        again_s = min(max((now - certificate.created) / 4, LOOK_S_FIRST), LOOK_S_MAX)
        until = certificate.created + PROVEN_WITHIN_S
        look_again(call, arn, min(now + again_s, until) if waits_for_dns else until)


def _failed(call: Call, certificate: Certificate, status: str, **more: Any) -> None:
    proofs = tuple(each if each.status == "SUCCESS" else changed(each, status="FAILED") for each in certificate.proofs)
    call.shelf(Certificate)[certificate.arn] = changed(certificate, status=status, proofs=proofs, **more)
    call.rows(DUE).run("delete from acm_due where arn = ?", certificate.arn)


async def _made(call: Call, certificate: Certificate) -> dict[str, Any]:
    """The parts of a new certificate. Keys take their time: not on the region's loop."""
    begins, seal = math.floor(call.now()), call.home.settings.seal
    ends = begins + VALID_DAYS * DAY_S - 1

    def make() -> tuple[bytes, bytes, bytes]:
        pair = certificates.authority(seal, begins)
        return *certificates.with_key(pair, certificate.algorithm, certificate.names, begins, ends), certificates.certificate_of(pair)

    key, body, chain = await asyncio.to_thread(make)
    facts = certificate_reading.facts(certificate_reading.pieces(body)[0])
    return {"key": sealed(call, certificate.arn, key), "body": body.decode(), "chain": chain.decode(), "facts": facts}


def _issued(call: Call, certificate: Certificate, made: dict[str, Any], action: str, **more: Any) -> None:
    certificate = changed(certificate, status="ISSUED", issued=call.now(), told_days=None, **made, **more)
    call.shelf(Certificate)[certificate.arn] = certificate
    tell(
        call, certificate, "Available", Action=action, CertificateType=certificate.kind, DomainValidationMethod=certificate.proofs[0].method,
        CertificateCreatedDate=_date(certificate.facts["NotBefore"]), CertificateExpirationDate=_date(certificate.facts["NotAfter"]),
        DaysToExpiry=days_left(call, certificate), InUse=bool(users(call, certificate.arn)), Exported=certificate.is_exported,
    )  # fmt: skip
    look_again(call, certificate.arn, next_look(call, certificate))


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def days_left(call: Call, certificate: Certificate) -> int:
    """Those that have begun count."""
    return math.ceil((certificate.facts["NotAfter"] - call.now()) / DAY_S)


# Keeping -------------------------------------------------------------------------------------------


def _events_begin(call: Call, certificate: Certificate) -> float:
    configuration = call.shelf(AccountConfiguration).get("account") or AccountConfiguration()
    return certificate.facts["NotAfter"] - configuration.days_before_expiry * DAY_S


def next_look(call: Call, certificate: Certificate) -> float:
    """When something is next to be done with a certificate that is good."""
    now, ends = call.now(), certificate.facts["NotAfter"]
    begins = _events_begin(call, certificate)
    times = [ends, begins if now < begins else ends - (days_left(call, certificate) - 1) * DAY_S]
    if certificate.kind == "AMAZON_ISSUED":
        is_late = now >= ends - RENEWED_DAYS_BEFORE * DAY_S
        times.append(now + RENEWAL_LOOK_S if is_late or certificate.renewal_proofs else ends - RENEWED_DAYS_BEFORE * DAY_S)
    return max(min(times), now + 1)


async def _keep(call: Call, certificate: Certificate) -> None:
    ends = certificate.facts["NotAfter"]
    is_asked = certificate.renewal is not None and certificate.renewal["status"] == "PENDING_AUTO_RENEWAL"
    is_due = is_asked or call.now() >= ends - RENEWED_DAYS_BEFORE * DAY_S
    proofs, learnt, made = certificate.renewal_proofs, {}, None
    if call.now() < ends and is_due and is_eligible(call, certificate):
        proofs = _asked_anew(call, certificate)
        learnt = await _proven(call, certificate, proofs)
        if _are_done(_with(proofs, learnt)) and not await proof.is_forbidden(call, certificate.names):
            made = await _made(call, certificate)
    call.atomically(lambda: _go_on(call, certificate, _with(proofs, learnt), made))


def _asked_anew(call: Call, certificate: Certificate) -> tuple[Proof, ...]:
    """The proofs of a renewal: those under way, with fresh letters on the days on which their readers are reminded."""
    days = days_left(call, certificate)
    is_first = not certificate.renewal_proofs
    is_reminder = certificate.told_days != days and days in REMINDED_DAYS_BEFORE
    made = []
    for each in certificate.renewal_proofs or certificate.proofs:
        fresh = is_first or (is_reminder and each.status != "SUCCESS")
        made.append(changed(each, status="PENDING_VALIDATION", emails=(), token=call.ids.hex(64) if each.token else "") if fresh else each)
    return tuple(made)


def _go_on(call: Call, before: Certificate, proofs: tuple[Proof, ...], made: dict[str, Any] | None) -> None:
    certificate = held(call, before.arn)
    if certificate is None or certificate.status != "ISSUED" or certificate.body != before.body:
        return
    # A link may have been opened in between.
    opened = {each.token: each.status for each in certificate.renewal_proofs if each.token}
    proofs = tuple(changed(each, status=opened[each.token]) if opened.get(each.token) == "SUCCESS" else each for each in proofs)
    if made is not None:
        renewal = {"status": "SUCCESS", "updated": call.now()}
        _issued(call, certificate, made, "RENEWAL", renewal=renewal, renewal_proofs=(), proofs=proofs)
        return
    if call.now() >= certificate.facts["NotAfter"]:
        _expired(call, certificate)
        return
    if proofs and (certificate.renewal or {}).get("status") != "PENDING_VALIDATION":
        certificate = changed(certificate, renewal={"status": "PENDING_VALIDATION", "updated": call.now()})
        tell(
            call, certificate, "Renewal Action Required", Action="RENEWAL", CertificateType=certificate.kind,
            DomainValidationMethod=certificate.proofs[0].method, RenewalStatusReason="CAA_ERROR" if _are_done(proofs) else "",
            CertificateCreatedDate=_date(certificate.facts["NotBefore"]), CertificateExpirationDate=_date(certificate.facts["NotAfter"]),
            DaysToExpiry=days_left(call, certificate), InUse=bool(users(call, certificate.arn)), Exported=certificate.is_exported,
        )  # fmt: skip
    days = days_left(call, certificate)
    if call.now() >= _events_begin(call, certificate) and certificate.told_days != days:
        tell(call, certificate, "Approaching Expiration", DaysToExpiry=days)
        certificate = changed(certificate, told_days=days)
    call.shelf(Certificate)[certificate.arn] = changed(certificate, renewal_proofs=proofs)
    look_again(call, certificate.arn, next_look(call, certificate))


def _expired(call: Call, certificate: Certificate) -> None:
    renewal = certificate.renewal and {"status": "FAILED", "updated": call.now()} if certificate.renewal_proofs else certificate.renewal
    call.shelf(Certificate)[certificate.arn] = changed(certificate, status="EXPIRED", renewal=renewal)
    call.rows(DUE).run("delete from acm_due where arn = ?", certificate.arn)
    if certificate.kind == "AMAZON_ISSUED":
        tell(
            call, certificate, "Expired", CertificateType=certificate.kind, DomainValidationMethod=certificate.proofs[0].method,
            CertificateCreatedDate=_date(certificate.facts["NotBefore"]), CertificateExpirationDate=_date(certificate.facts["NotAfter"]),
            InUse=bool(users(call, certificate.arn)), Exported=certificate.is_exported,
        )  # fmt: skip
