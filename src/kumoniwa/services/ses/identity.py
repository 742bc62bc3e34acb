"""Identities: the addresses and domains that an account may send from, once they are proven to be its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ses import address
from kumoniwa.services.ses.errors import InvalidParameterValue, LimitExceededException

IDENTITIES_MAX = 10_000
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html


class Identity(Record):
    """Shelved by its name: an address, or a domain in lower case."""

    name: str
    created: float
    asked: float
    """When its verification was last asked for."""
    token: str
    """Of its link, or of its TXT record."""
    status: str = "Pending"
    verified: float | None = None
    dkim_tokens: tuple[str, ...] = ()
    dkim_status: str = "NotStarted"
    is_dkim_enabled: bool = False
    dkim_key: bytes = b""
    """PEM, made when the first mail is signed; or the customer's own."""
    dkim_selector: str = ""
    """The customer's own."""
    dkim_bits: int = 2048
    topics: dict[str, str] = {}
    """By what is told there: Bounce, Complaint, Delivery."""
    with_headers: tuple[str, ...] = ()
    is_forwarding: bool = True
    mail_from: str = ""
    mail_from_status: str = ""
    mail_from_asked: float = 0.0
    mail_from_fallback: str = "UseDefaultValue"
    policies: dict[str, str] = {}
    configuration_set: str = ""
    tags: dict[str, str] = {}

    @property
    def is_domain(self) -> bool:
        return "@" not in self.name

    @property
    def is_verified(self) -> bool:
        return self.status == "Success" or (self.is_domain and self.dkim_status == "Success")


def name_of(text: str) -> str:
    """Raises InvalidParameterValue."""
    if "@" not in text:
        return _domain(text)
    if not address.is_address(text):
        raise InvalidParameterValue(f"Invalid email address<{text}>.")
    return address.parse(text).bare


def _domain(text: str) -> str:
    if not address.is_domain(text):
        raise InvalidParameterValue(f"Invalid domain name {text}.")
    return text.lower()


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"identity/{name}", "ses")


def find(call: Call, name: str) -> Identity | None:
    held = call.shelf(Identity).get(name)
    if held is None and "@" in name:
        local, _, domain = name.rpartition("@")
        held = call.shelf(Identity).get(f"{local}@{domain.lower()}")
    return held if held is not None or "@" in name else call.shelf(Identity).get(name.lower())


def keep(call: Call, identity: Identity, **said: Any) -> Identity:
    identity = call.shelf(Identity)[identity.name] = changed(identity, **said) if said else identity
    return identity


def candidates(sender: address.Address) -> Iterable[str]:
    """The identities that let an address send, the nearest first: itself, itself without its label, its domain and those above."""
    yield sender.bare
    if "+" in sender.local:
        yield f"{sender.local.partition('+')[0]}@{sender.domain.lower()}"
    labels = sender.domain.lower().split(".")
    for n in range(len(labels) - 1):
        yield ".".join(labels[n:])


def sending_as(call: Call, sender: address.Address) -> Identity | None:
    """The verified identity by which an address may send."""
    for name in candidates(sender):
        held = call.shelf(Identity).get(name)
        if held is not None and held.is_verified:
            return held
    return None


def made(call: Call, name: str) -> Identity:
    """The identity of a name, newly made if there is none."""
    held = find(call, name)
    if held is not None:
        return held
    if len(call.shelf(Identity)) >= IDENTITIES_MAX:
        raise LimitExceededException("The maximum number of identities has been reached.")
    name, now = name_of(name), call.now()
    return Identity(name=name, created=now, asked=now, token=token(call))


def token(call: Call) -> str:
    """As TXT records carry it: 32 bytes in base64."""
    return call.ids.secret(43) + "="


def dkim_tokens(call: Call) -> tuple[str, ...]:
    return tuple(call.ids.lower(32) for _ in range(3))


# Operations ----------------------------------------------------------------------------------------


def ListIdentities(call: Call, *, IdentityType: str | None = None) -> dict:
    found = [
        name
        for name, identity in sorted(call.shelf(Identity).items())
        if IdentityType is None or (IdentityType == "Domain") == identity.is_domain
    ]
    return {"Identities": found}


def ListVerifiedEmailAddresses(call: Call) -> dict:
    """Old: of ListIdentities only the addresses that are verified."""
    return {
        "VerifiedEmailAddresses": [
            name for name, held in sorted(call.shelf(Identity).items()) if not held.is_domain and held.is_verified
        ]
    }


def DeleteIdentity(call: Call, *, Identity: str) -> dict:
    """To delete what is not there does no harm."""
    drop(call, Identity)
    return {}


def drop(call: Call, name: str) -> bool:
    held = find(call, name)
    if held is not None:
        del call.shelf(Identity)[held.name]
    return held is not None


def DeleteVerifiedEmailAddress(call: Call, *, EmailAddress: str) -> None:
    drop(call, EmailAddress)


def GetIdentityVerificationAttributes(call: Call, *, Identities: list[str]) -> dict:
    """Of what is no identity nothing is said. Only a domain has a token to tell."""
    found = {}
    for name in Identities:
        held = find(call, name)
        if held is not None:
            status = "Success" if held.is_verified else held.status
            found[name] = {"VerificationStatus": status} | ({"VerificationToken": held.token} if held.is_domain else {})
    return {"VerificationAttributes": found}


def GetIdentityDkimAttributes(call: Call, *, Identities: list[str]) -> dict:
    """An address is signed for as its domain is."""
    found = {}
    for name in Identities:
        held = find(call, name)
        if held is not None:
            domain = held if held.is_domain else find(call, held.name.rpartition("@")[2]) or held
            found[name] = {"DkimEnabled": domain.is_dkim_enabled, "DkimVerificationStatus": domain.dkim_status}
            if domain.dkim_tokens:
                found[name]["DkimTokens"] = list(domain.dkim_tokens)
    return {"DkimAttributes": found}


def SetIdentityDkimEnabled(call: Call, *, Identity: str, DkimEnabled: bool) -> dict:
    held = existing(call, Identity)
    if DkimEnabled and held.is_domain and held.dkim_status == "NotStarted":
        raise InvalidParameterValue(f"Identity {Identity} is not verified for DKIM signing.")
    keep(call, held, is_dkim_enabled=DkimEnabled)
    return {}


def existing(call: Call, name: str) -> Identity:
    """Raises InvalidParameterValue."""
    held = find(call, name)
    if held is None:
        raise InvalidParameterValue(f"Identity {name} does not exist.")
    return held
