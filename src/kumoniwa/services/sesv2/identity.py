"""Identities, as the second API tells them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ses import attributes, configuration, page, signing, verification
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.identity import Identity
from kumoniwa.services.sesv2.errors import (
    AlreadyExistsException,
    BadRequestException,
    NotFoundException,
    in_own_words,
)

STATUSES = {"Pending": "PENDING", "Success": "SUCCESS", "Failed": "FAILED", "TemporaryFailure": "TEMPORARY_FAILURE", "NotStarted": "NOT_STARTED"}
FALLBACKS = {"USE_DEFAULT_VALUE": "UseDefaultValue", "REJECT_MESSAGE": "RejectMessage"}
_FALLBACKS_BACK = {first: second for second, first in FALLBACKS.items()}
BITS = {"RSA_1024_BIT": 1024, "RSA_2048_BIT": 2048}
ZONE = "dkim.amazonses.com"


def existing(call: Call, name: str) -> Identity:
    held = identities.find(call, name)
    if held is None:
        raise NotFoundException(f"Email identity {name} does not exist.")
    return held


def tags_of(said: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in said or ()}


def told_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _kind(held: Identity) -> str:
    return "DOMAIN" if held.is_domain else "EMAIL_ADDRESS"


def _dkim(held: Identity) -> dict[str, Any]:
    status = STATUSES[held.dkim_status]
    if not held.is_domain:
        return {"SigningEnabled": False, "Status": status, "SigningAttributesOrigin": "AWS_SES"}
    own = {"SigningAttributesOrigin": "EXTERNAL", "Tokens": [held.dkim_selector]}
    bits = f"RSA_{held.dkim_bits}_BIT"
    easy = {
        "SigningAttributesOrigin": "AWS_SES", "Tokens": list(held.dkim_tokens), "SigningHostedZone": ZONE, "NextSigningKeyLength": bits,
        "CurrentSigningKeyLength": bits, "LastKeyGenerationTimestamp": held.created,
    }  # fmt: skip
    return {"SigningEnabled": held.is_dkim_enabled, "Status": status, **(own if held.dkim_selector else easy)}


def CreateEmailIdentity(
    call: Call, *, EmailIdentity: str, Tags: list[dict[str, str]] | None = None, DkimSigningAttributes: dict[str, Any] | None = None,
    ConfigurationSetName: str | None = None,
) -> dict:  # fmt: skip
    """An address gets its letter, a domain the names of its keys."""
    if identities.find(call, EmailIdentity) is not None:
        raise AlreadyExistsException(f"Email identity {EmailIdentity} already exist.")
    with in_own_words():
        said: dict[str, Any] = {"tags": tags_of(Tags), "configuration_set": ConfigurationSetName or ""}
        if ConfigurationSetName:
            configuration.existing(call, ConfigurationSetName)
        if "@" in EmailIdentity:
            if DkimSigningAttributes:
                raise BadRequestException("DKIM signing attributes can only be given for a domain.")
            held = verification.ask_by_mail(call, EmailIdentity, **said)
        else:
            held = verification.ask_by_records(call, EmailIdentity, **said, **_keys(call, DkimSigningAttributes or {}))
    # Nobody has looked for the keys in the DNS yet: so AWS answers, and PENDING from then on.
    dkim = {**_dkim(held), "Status": "NOT_STARTED"}
    return {"IdentityType": _kind(held), "VerifiedForSendingStatus": held.is_verified, "DkimAttributes": dkim}


def _keys(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    """The customer's own key, or names for keys that SES makes."""
    origin = said.get("DomainSigningAttributesOrigin")
    if origin not in (None, "AWS_SES", "EXTERNAL"):
        raise NotImplementedHere(f"keys of another region's identity ({origin})")
    ready = {"dkim_status": "Pending", "is_dkim_enabled": True}
    if "DomainSigningPrivateKey" in said or "DomainSigningSelector" in said:
        if {"DomainSigningPrivateKey", "DomainSigningSelector"} - said.keys() or "NextSigningKeyLength" in said:
            raise BadRequestException("A key of your own needs its selector, and has its own length.")
        key = signing.pem_of(said["DomainSigningPrivateKey"])
        if key is None:
            raise BadRequestException("The private key is not a base64 encoded RSA key.")
        return {**ready, "dkim_key": key, "dkim_selector": said["DomainSigningSelector"]}
    bits = BITS[said.get("NextSigningKeyLength", "RSA_2048_BIT")]
    return {**ready, "dkim_key": b"", "dkim_selector": "", "dkim_bits": bits, "dkim_tokens": identities.dkim_tokens(call)}


def DeleteEmailIdentity(call: Call, *, EmailIdentity: str) -> dict:
    identities.drop(call, existing(call, EmailIdentity).name)
    return {}


def GetEmailIdentity(call: Call, *, EmailIdentity: str) -> dict:
    held = existing(call, EmailIdentity)
    mail_from = {"BehaviorOnMxFailure": _FALLBACKS_BACK[held.mail_from_fallback]}
    if held.mail_from:
        mail_from |= {"MailFromDomain": held.mail_from, "MailFromDomainStatus": STATUSES[held.mail_from_status]}
    info = {"VerificationInfo": {"LastSuccessTimestamp": held.verified, "LastCheckedTimestamp": held.verified}} if held.verified else {}
    return {
        "IdentityType": _kind(held),
        "FeedbackForwardingStatus": held.is_forwarding,
        "VerifiedForSendingStatus": held.is_verified,
        "VerificationStatus": "SUCCESS" if held.is_verified else STATUSES[held.status],
        "DkimAttributes": _dkim(held),
        "MailFromAttributes": mail_from,
        "Policies": held.policies,
        "Tags": told_tags(held.tags),
        **({"ConfigurationSetName": held.configuration_set} if held.configuration_set else {}),
        **info,
    }


def ListEmailIdentities(call: Call, *, NextToken: str | None = None, PageSize: int | None = None) -> dict:
    names, more = page.cut(call.shelf(Identity), NextToken, PageSize, usual=1000)
    told = []
    for name in names:
        held = existing(call, name)
        status = "SUCCESS" if held.is_verified else STATUSES[held.status]
        told.append({"IdentityType": _kind(held), "IdentityName": name, "SendingEnabled": held.is_verified, "VerificationStatus": status})
    return {"EmailIdentities": told, **more}


# What an identity carries --------------------------------------------------------------------------


def PutEmailIdentityDkimAttributes(call: Call, *, EmailIdentity: str, SigningEnabled: bool | None = None) -> dict:
    identities.keep(call, existing(call, EmailIdentity), is_dkim_enabled=bool(SigningEnabled))
    return {}


def PutEmailIdentityDkimSigningAttributes(
    call: Call, *, EmailIdentity: str, SigningAttributesOrigin: str, SigningAttributes: dict[str, Any] | None = None
) -> dict:
    held = existing(call, EmailIdentity)
    if not held.is_domain:
        raise BadRequestException("DKIM signing attributes can only be given for a domain.")
    if (SigningAttributesOrigin == "EXTERNAL") != ("DomainSigningPrivateKey" in (SigningAttributes or {})):
        raise BadRequestException("The origin of signing attributes is EXTERNAL for a key of your own and AWS_SES for others.")
    said = _keys(call, {**(SigningAttributes or {}), "DomainSigningAttributesOrigin": SigningAttributesOrigin})
    held = verification.ask_by_records(call, held.name, **said)
    told = _dkim(held)
    return {"DkimStatus": told["Status"], "DkimTokens": told["Tokens"], **({} if held.dkim_selector else {"SigningHostedZone": ZONE})}


def PutEmailIdentityFeedbackAttributes(call: Call, *, EmailIdentity: str, EmailForwardingEnabled: bool | None = None) -> dict:
    with in_own_words():
        attributes.set_forwarding(call, existing(call, EmailIdentity), bool(EmailForwardingEnabled))
    return {}


def PutEmailIdentityMailFromAttributes(
    call: Call, *, EmailIdentity: str, MailFromDomain: str | None = None, BehaviorOnMxFailure: str | None = None
) -> dict:
    with in_own_words():
        attributes.set_mail_from(call, existing(call, EmailIdentity), MailFromDomain, FALLBACKS.get(BehaviorOnMxFailure or ""))
    return {}


def PutEmailIdentityConfigurationSetAttributes(call: Call, *, EmailIdentity: str, ConfigurationSetName: str | None = None) -> dict:
    held = existing(call, EmailIdentity)
    with in_own_words():
        if ConfigurationSetName:
            configuration.existing(call, ConfigurationSetName)
    identities.keep(call, held, configuration_set=ConfigurationSetName or "")
    return {}


# Policies ------------------------------------------------------------------------------------------


def CreateEmailIdentityPolicy(call: Call, *, EmailIdentity: str, PolicyName: str, Policy: str) -> dict:
    held = existing(call, EmailIdentity)
    if PolicyName in held.policies:
        raise AlreadyExistsException(f"Policy {PolicyName} already exists.")
    with in_own_words():
        attributes.put_policy(call, held, PolicyName, Policy)
    return {}


def UpdateEmailIdentityPolicy(call: Call, *, EmailIdentity: str, PolicyName: str, Policy: str) -> dict:
    held = existing(call, EmailIdentity)
    if PolicyName not in held.policies:
        raise NotFoundException(f"Policy {PolicyName} does not exist.")
    with in_own_words():
        attributes.put_policy(call, held, PolicyName, Policy)
    return {}


def DeleteEmailIdentityPolicy(call: Call, *, EmailIdentity: str, PolicyName: str) -> dict:
    held = existing(call, EmailIdentity)
    identities.keep(call, held, policies={name: held.policies[name] for name in held.policies if name != PolicyName})
    return {}


def GetEmailIdentityPolicies(call: Call, *, EmailIdentity: str) -> dict:
    return {"Policies": existing(call, EmailIdentity).policies}
