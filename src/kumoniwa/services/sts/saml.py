"""What a SAML provider says of who signed in: its response is proved, and read as far as it was signed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html; texts of refusals:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.engines import xml_signature
from kumoniwa.services.sts.web_identity import ExpiredTokenException, InvalidIdentityToken

if TYPE_CHECKING:
    from kumoniwa.engines.xml_signature import Element
    from kumoniwa.gate.federation import SamlProvider

REDEEMED_WITHIN_S = 300
SKEW_S = 60
"""By how much the provider's clock may be ahead of ours."""
AUDIENCES = frozenset({"urn:amazon:webservices", "https://signin.aws.amazon.com/saml"})
_RECIPIENT = re.compile(r"https://(?:[a-z0-9-]+\.)?signin\.aws\.amazon\.com/(?:platform/)?saml(?:/acs/[A-Za-z0-9]+)?")
_ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_FORMATS = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_OURS = "https://aws.amazon.com/SAML/Attributes/"
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


class Said(NamedTuple):
    """What was said and signed of one person."""

    issuer: str
    subject: str
    subject_type: str
    recipient: str
    attributes: dict[str, list[str]]
    ends: float | None
    """When the session that the person has with the provider ends, if the provider says so."""

    def ours(self, name: str) -> list[str]:
        return self.attributes.get(_OURS + name, [])

    def one(self, name: str) -> str:
        return next(iter(self.ours(name)), "")

    @property
    def session_name(self) -> str:
        return self.one("RoleSessionName")

    @property
    def tags(self) -> list[dict[str, str]]:
        start = _OURS + "PrincipalTag:"
        return [
            {"Key": name.removeprefix(start), "Value": value}
            for name, values in self.attributes.items()
            if name.startswith(start)
            for value in values[:1]
        ]

    def opens(self, role_arn: str, provider_arn: str) -> bool:
        """Whether the person may have this role by this provider; the two stand in either order."""
        pairs = [tuple(part.strip() for part in pair.split(",")) for pair in self.ours("Role")]
        return (role_arn, provider_arn) in pairs or (provider_arn, role_arn) in pairs

    def name_qualifier(self, provider: SamlProvider) -> str:
        """What tells subjects of one provider from those of another."""
        whole = f"{self.issuer}{provider.account}/{provider.name}"
        return base64.b64encode(hashlib.sha1(whole.encode(), usedforsecurity=False).digest()).decode()


def read(assertion: str, provider: SamlProvider, now: float) -> Said:
    """Prove a response (base 64) and read it. Raises InvalidIdentityToken and ExpiredTokenException."""
    try:
        root = xml_signature.parsed(base64.b64decode("".join(assertion.split()), validate=True))
    except (binascii.Error, xml_signature.NotXml):
        raise InvalidIdentityToken("Invalid base64 SAMLResponse (Service: AWSSecurityTokenService)") from None
    status = root.find(f"{_PROTOCOL}Status/{_PROTOCOL}StatusCode")
    if root.tag != f"{_PROTOCOL}Response" or status is None or status.get("Value") != _SUCCESS:
        raise InvalidIdentityToken("Invalid SAML response: it does not tell of a success.")
    proved = _proved(root, provider)
    issuer = (proved.findtext(f"{_ASSERTION}Issuer") or "").strip()
    if issuer != provider.entity_id:
        raise InvalidIdentityToken("Issuer not present in specified provider")
    if provider.valid_until <= now:
        raise InvalidIdentityToken("The metadata of the specified provider has expired.")
    issued = _moment(proved.get("IssueInstant"))
    if issued is None or not now - REDEEMED_WITHIN_S <= issued <= now + SKEW_S:
        raise ExpiredTokenException("Token must be redeemed within 5 minutes of issuance")
    return _said(proved, issuer, now)


def _proved(root: Element, provider: SamlProvider) -> Element:
    """The one assertion, out of what the provider signed: the assertion itself or the whole response."""
    whole = xml_signature.signed(root, provider.certificates, "./") if root.find("{*}Signature") is not None else None
    if whole is None:
        part = xml_signature.signed(root, provider.certificates, f"./{_ASSERTION}Assertion/")
        found = [part] if part is not None and part.tag == f"{_ASSERTION}Assertion" else []
    else:
        found = whole.findall(f"{_ASSERTION}Assertion") if whole.tag == f"{_PROTOCOL}Response" else []
    if len(found) != 1:
        raise InvalidIdentityToken("Response signature invalid")
    return found[0]


def _moment(text: str | None) -> float | None:
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _said(assertion: Element, issuer: str, now: float) -> Said:
    conditions = assertion.find(f"{_ASSERTION}Conditions")
    for limit, is_over in (("NotBefore", lambda at: at > now + SKEW_S), ("NotOnOrAfter", lambda at: at <= now)):
        at = _moment(conditions.get(limit)) if conditions is not None and conditions.get(limit) else None
        if at is not None and is_over(at):
            raise ExpiredTokenException("The conditions of the assertion do not hold now.")
    audiences = {(one.text or "").strip() for one in assertion.iterfind(f".//{_ASSERTION}Audience")}
    if not audiences & AUDIENCES:
        raise InvalidIdentityToken("Response does not contain the required audience.")
    name = assertion.find(f"{_ASSERTION}Subject/{_ASSERTION}NameID")
    confirmed = [
        data
        for data in assertion.iterfind(f".//{_ASSERTION}SubjectConfirmationData")
        if _RECIPIENT.fullmatch(data.get("Recipient") or "") and (_moment(data.get("NotOnOrAfter")) or 0) > now
    ]
    if name is None or not (name.text or "").strip() or not confirmed:
        raise InvalidIdentityToken("The assertion confirms no subject to AWS.")
    attributes: dict[str, list[str]] = {}
    for held in assertion.iterfind(f"{_ASSERTION}AttributeStatement/{_ASSERTION}Attribute"):
        values = ["".join(value.itertext()).strip() for value in held.iterfind(f"{_ASSERTION}AttributeValue")]
        attributes.setdefault(held.get("Name") or "", []).extend(values)
    statement = assertion.find(f"{_ASSERTION}AuthnStatement")
    said = Said(
        issuer, name.text.strip(), (name.get("Format") or "").removeprefix(_FORMATS), confirmed[0].get("Recipient"),
        attributes, _moment(statement.get("SessionNotOnOrAfter")) if statement is not None else None,
    )  # fmt: skip
    if not said.session_name:
        raise InvalidIdentityToken("RoleSessionName is required in AuthnResponse")
    if not _NAME.fullmatch(said.session_name):
        raise InvalidIdentityToken("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    source = said.one("SourceIdentity")
    if source and (not _NAME.fullmatch(source) or source.lower().startswith("aws:")):
        raise InvalidIdentityToken('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')
    return said


def keys(said: Said, provider: SamlProvider) -> dict[str, Any]:
    """The condition keys of a response: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    qualifier = said.name_qualifier(provider)
    return {
        "saml:aud": said.recipient, "saml:iss": said.issuer, "saml:sub": said.subject, "saml:sub_type": said.subject_type,
        "saml:namequalifier": qualifier, "saml:doc": f"{provider.account}/{provider.name}",
    }  # fmt: skip
