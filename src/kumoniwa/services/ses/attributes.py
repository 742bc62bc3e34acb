"""What an identity carries beside its proof: topics that hear of its mails, policies, and the domain of its envelopes."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.ses import configuration, verification
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.errors import (
    InvalidParameterValue,
    InvalidPolicyException,
    InvalidSNSDestinationException,
)

NOTIFICATIONS = ("Bounce", "Complaint", "Delivery")
POLICIES_MAX = 20
_POLICY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


# Notifications -------------------------------------------------------------------------------------


def GetIdentityNotificationAttributes(call: Call, *, Identities: list[str]) -> dict:
    found = {}
    for name in Identities:
        held = identities.find(call, name)
        if held is not None:
            topics = {f"{kind}Topic": held.topics[kind] for kind in NOTIFICATIONS if kind in held.topics}
            headers = {f"HeadersIn{kind}NotificationsEnabled": kind in held.with_headers for kind in NOTIFICATIONS}
            found[name] = {**topics, "ForwardingEnabled": held.is_forwarding, **headers}
    return {"NotificationAttributes": found}


def SetIdentityNotificationTopic(call: Call, *, Identity: str, NotificationType: str, SnsTopic: str | None = None) -> dict:
    held = identities.existing(call, Identity)
    topics = {kind: topic for kind, topic in held.topics.items() if kind != NotificationType}
    if SnsTopic:
        try:
            configuration.check_topic(call, SnsTopic)
        except InvalidSNSDestinationException:
            raise InvalidParameterValue(f"Invalid SNS topic <{SnsTopic}>.") from None
        topics[NotificationType] = SnsTopic
    elif not held.is_forwarding and NotificationType != "Delivery":
        raise InvalidParameterValue("Feedback forwarding must stay enabled until bounces and complaints have a topic.")
    identities.keep(call, held, topics=topics)
    return {}


def SetIdentityFeedbackForwardingEnabled(call: Call, *, Identity: str, ForwardingEnabled: bool) -> dict:
    """Somebody must hear of bounces and complaints: by mail, or both by a topic."""
    held = identities.existing(call, Identity)
    set_forwarding(call, held, ForwardingEnabled)
    return {}


def set_forwarding(call: Call, held: identities.Identity, is_forwarding: bool) -> None:
    if not is_forwarding and not {"Bounce", "Complaint"} <= held.topics.keys():
        raise InvalidParameterValue(f"Identity {held.name} must have both bounce and complaint topics set to disable feedback forwarding.")
    identities.keep(call, held, is_forwarding=is_forwarding)


def SetIdentityHeadersInNotificationsEnabled(call: Call, *, Identity: str, NotificationType: str, Enabled: bool) -> dict:
    held = identities.existing(call, Identity)
    others = tuple(kind for kind in held.with_headers if kind != NotificationType)
    identities.keep(call, held, with_headers=(*others, NotificationType) if Enabled else others)
    return {}


# Policies ------------------------------------------------------------------------------------------


def check_policy(name: str, document: str) -> None:
    if _POLICY_NAME.fullmatch(name) is None:
        raise InvalidPolicyException(f"Invalid policy name: {name}")
    try:
        parse(document, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidPolicyException(f"Policy is not valid: {error}") from None


def put_policy(call: Call, held: identities.Identity, name: str, document: str) -> None:
    check_policy(name, document)
    if name not in held.policies and len(held.policies) >= POLICIES_MAX:
        raise InvalidPolicyException("An identity has at most 20 policies.")
    identities.keep(call, held, policies={**held.policies, name: document})


def PutIdentityPolicy(call: Call, *, Identity: str, PolicyName: str, Policy: str) -> dict:
    put_policy(call, identities.existing(call, Identity), PolicyName, Policy)
    return {}


def GetIdentityPolicies(call: Call, *, Identity: str, PolicyNames: list[str]) -> dict:
    held = identities.find(call, Identity)
    policies = held.policies if held is not None else {}
    return {"Policies": {name: policies[name] for name in PolicyNames if name in policies}}


def ListIdentityPolicies(call: Call, *, Identity: str) -> dict:
    held = identities.find(call, Identity)
    return {"PolicyNames": sorted(held.policies) if held is not None else []}


def DeleteIdentityPolicy(call: Call, *, Identity: str, PolicyName: str) -> dict:
    """To delete what is not there does no harm."""
    held = identities.find(call, Identity)
    if held is not None:
        identities.keep(call, held, policies={name: held.policies[name] for name in held.policies if name != PolicyName})
    return {}


# The domain of envelopes ---------------------------------------------------------------------------


def set_mail_from(call: Call, held: identities.Identity, domain: str | None, fallback: str | None) -> None:
    """A subdomain whose MX record names SES; while it does not, mails leave as they always did or not at all, as ``fallback`` says."""
    own = held.name.rpartition("@")[2]
    if domain and not domain.lower().endswith(f".{own}"):
        raise InvalidParameterValue(f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{own}>.")
    said: dict[str, Any] = {"mail_from": (domain or "").lower(), "mail_from_status": "Pending" if domain else ""}
    identities.keep(call, held, **said, mail_from_fallback=fallback or "UseDefaultValue", mail_from_asked=call.now())
    if domain:
        verification.look_for(call, held.name)


def SetIdentityMailFromDomain(call: Call, *, Identity: str, MailFromDomain: str | None = None, BehaviorOnMXFailure: str | None = None) -> dict:
    set_mail_from(call, identities.existing(call, Identity), MailFromDomain, BehaviorOnMXFailure)
    return {}


def GetIdentityMailFromDomainAttributes(call: Call, *, Identities: list[str]) -> dict:
    found = {}
    for name in Identities:
        held = identities.find(call, name)
        if held is not None:
            domain = {"MailFromDomain": held.mail_from, "MailFromDomainStatus": held.mail_from_status} if held.mail_from else {}
            found[name] = {**domain, "BehaviorOnMXFailure": held.mail_from_fallback}
    return {"MailFromDomainAttributes": found}
