"""How an identity is proven: an address by the link in a mail to it, a domain by records in its DNS.

The mail lies in the mailbox, the records are asked of this cloud's name servers. An identity that is not proven in time has failed.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import regions
from kumoniwa.gate.address import EDGE
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses import mailbox, message
from kumoniwa.services.ses.errors import InvalidParameterValue
from kumoniwa.services.ses.identity import Identity
from kumoniwa.store.rows import Table

LINK_S = 86_400.0
RECORDS_S = 72 * 3_600.0
# https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
LOOK_S_FIRST, LOOK_S_MAX = 1.0, 60.0
"""How soon the records of a domain are looked for again; later the longer they have been missing."""

WAITING = ("ses", "verification")
DUE = Table("ses_unproven", "create table if not exists ses_unproven (identity text primary key, due real)")
"""Identities that are not proven, and when each is to be looked at again."""

AMAZON = "no-reply-aws@amazon.com"
LETTER = """Dear Amazon Web Services Customer,

We have received a request to authorize this email address for use with Amazon SES and Amazon Pinpoint in region {region}. If you requested this verification, please go to the following URL to confirm that you are authorized to use this email address:

{link}

Your request will not be processed unless you confirm the address using this URL. This link expires 24 hours after your original verification request.

If you did NOT request to verify this email address, do not click on the link. Please note that many times, the situation isn't a phishing attempt, but either a misunderstanding of how to use our service, or someone setting up email-sending capabilities on your behalf as part of a legitimate service, but without having fully communicated the procedure first. If you are still concerned, please forward this notification to aws-email-domain-verification@amazon.com and let us know in the forward that you did not request the verification.

To learn more about sending email from Amazon Web Services, please refer to the Amazon SES Developer Guide at http://docs.aws.amazon.com/ses/latest/DeveloperGuide/Welcome.html and Amazon Pinpoint Developer Guide at http://docs.aws.amazon.com/pinpoint/latest/userguide/welcome.html.

Sincerely,

The Amazon Web Services Team.
"""


# Asking for it -------------------------------------------------------------------------------------


def VerifyEmailIdentity(call: Call, *, EmailAddress: str) -> dict:
    ask_by_mail(call, EmailAddress)
    return {}


def VerifyEmailAddress(call: Call, *, EmailAddress: str) -> None:
    """Old: VerifyEmailIdentity."""
    ask_by_mail(call, EmailAddress)


def ask_by_mail(call: Call, name: str, **said: Any) -> Identity:
    """The letter of a verified address is sent again too; the address stays verified meanwhile."""
    if "@" not in name:
        raise InvalidParameterValue(f"Invalid email address<{name}>.")
    held = identities.made(call, name)
    status = "Success" if held.is_verified else "Pending"
    held = identities.keep(call, held, asked=call.now(), token=call.ids.lower(40), status=status, **said)
    link = f"{call.home.settings.endpoint}/_aws/ses/{call.region}/verify/{call.account}/{held.token}"
    place = regions.region(call.region).name
    subject = f"Amazon Web Services – Email Address Verification Request in region {place}"
    post(call, AMAZON, held.name, subject, LETTER.format(region=place, link=link))
    _look_again(call, held.name, held.asked + LINK_S)
    return held


def post(call: Call, source: str, to: str, subject: str, text: str, id_: str = "") -> None:
    """Put a letter of Amazon's own into the mailbox."""
    id_, destination = id_ or message.new_id(call), {"ToAddresses": [to]}
    raw = message.stamped(call, message.written(source, destination, subject, text, None), id_)
    facts = {"destination": destination, "outcome": {to: "Delivered"}, "kind": "simple", "body": (text, None)}
    mailbox.keep(call, mailbox.Mail(id_, call.now(), source, subject, facts, raw), is_own=True)


def VerifyDomainIdentity(call: Call, *, Domain: str) -> dict:
    return {"VerificationToken": ask_by_records(call, Domain).token}


def VerifyDomainDkim(call: Call, *, Domain: str) -> dict:
    """The domain becomes an identity, if it is none. Signing begins when the records are found."""
    held = identities.find(call, Domain)
    if held is None or not held.dkim_tokens:
        held = ask_by_records(call, Domain, dkim_tokens=identities.dkim_tokens(call), dkim_status="Pending", is_dkim_enabled=True)
    return {"DkimTokens": list(held.dkim_tokens)}


def ask_by_records(call: Call, name: str, **said: Any) -> Identity:
    if "@" in name:
        raise InvalidParameterValue(f"Invalid domain name {name}.")
    held = identities.made(call, name)
    status = "Success" if held.status == "Success" else "Pending"
    held = identities.keep(call, held, asked=call.now(), status=status, **said)
    _look_again(call, held.name, call.now())
    return held


def look_for(call: Call, name: str) -> None:
    """Something new is to be found in the DNS of an identity."""
    _look_again(call, name, call.now())


def _look_again(call: Call, name: str, at: float) -> None:
    call.rows(DUE).run("insert or replace into ses_unproven (identity, due) values (?, ?)", name, at)
    call.after_commit(lambda: call.home.wake(WAITING))


# Finding it ----------------------------------------------------------------------------------------


def opened(call: Call, token: str) -> bool:
    """Somebody opened the link of a verification mail; whether it is one that still counts."""
    for held in call.shelf(Identity).values():
        if not held.is_domain and held.token == token and call.now() < held.asked + LINK_S:
            identities.keep(call, held, status="Success", verified=held.verified or call.now())
            return True
    return False


async def run(region: Any) -> None:
    """Look for the records of domains, and let time run out for what is not proven."""
    while True:
        until = region.clock.now() + LINK_S
        for call in region.calls("ses", "ses.amazonaws.com"):
            for (name,) in call.rows(DUE).all("select identity from ses_unproven where due <= ?", call.now()):
                await _look(call, name)
            until = min(until, call.rows(DUE).one("select min(due) from ses_unproven")[0] or until)
        await region.wait(WAITING, until)


async def _look(call: Call, name: str) -> None:
    held = identities.find(call, name)
    found = await _found(call, held) if held is not None else {}
    call.atomically(lambda: _settle(call, name, found))


def _pending(held: Identity) -> dict[str, float]:
    """What of an identity is not proven, and when that has failed."""
    until = {
        "status": held.asked + (RECORDS_S if held.is_domain else LINK_S),
        "dkim_status": held.asked + RECORDS_S,
        "mail_from_status": held.mail_from_asked + RECORDS_S,
    }
    return {each: at for each, at in until.items() if getattr(held, each) == "Pending" and not (each == "status" and held.is_verified)}


def _settle(call: Call, name: str, found: dict[str, Any]) -> None:
    held, now = identities.find(call, name), call.now()
    if held is not None and found:
        held = identities.keep(call, held, **found, verified=held.verified or now)
    if held is not None and (late := {each: "Failed" for each, at in _pending(held).items() if at <= now}):
        held = identities.keep(call, held, **late)
    if held is None or not (pending := _pending(held)):
        call.rows(DUE).run("delete from ses_unproven where identity = ?", name)
        return
    # A link is opened when somebody likes; records are looked for, the longer they are missing the more rarely.
    asks_dns = held.is_domain or "mail_from_status" in pending
    again_s = min(max((now - max(held.asked, held.mail_from_asked)) / 4, LOOK_S_FIRST), LOOK_S_MAX)
    due = min(now + again_s, *pending.values()) if asks_dns else min(pending.values())
    call.rows(DUE).run("update ses_unproven set due = ? where identity = ?", due, name)


async def _found(call: Call, held: Identity) -> dict[str, Any]:
    """What of an identity's records is there by now."""
    found: dict[str, Any] = {}
    pending = _pending(held)
    if held.is_domain and "status" in pending and held.token in await answers(call, f"_amazonses.{held.name}", "TXT"):
        found["status"] = "Success"
    if "dkim_status" in pending and await _has_keys(call, held):
        found["dkim_status"] = "Success"
    if "mail_from_status" in pending and f"10 feedback-smtp.{call.region}.amazonses.com" in await answers(call, held.mail_from, "MX"):
        found["mail_from_status"] = "Success"
    return found


async def _has_keys(call: Call, held: Identity) -> bool:
    """Whether the DNS leads to the keys of signatures: SES's by three names, or the customer's own."""
    if held.dkim_selector:
        return any("p=" in text for text in await answers(call, f"{held.dkim_selector}._domainkey.{held.name}", "TXT"))
    for each in held.dkim_tokens:
        if f"{each}.dkim.amazonses.com" not in await answers(call, f"{each}._domainkey.{held.name}", "CNAME"):
            return False
    return True


async def answers(call: Call, name: str, kind: str) -> list[str]:
    """What the name servers of this cloud answer, which hold the zones of all accounts; nothing while they are dark."""
    try:
        said = await call.home.exchange(EDGE, "route53", {"ask": "resolve", "name": name, "type": kind, "subnet": ""})
    except (AwsError, ConnectionError):
        return []
    return [value.replace('"', "").rstrip(".") for value in said.get("addresses", ())]
