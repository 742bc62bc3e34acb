"""What a SAML provider says of who signed in: its response is proved, and read as far as it was signed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html; texts of refusals:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.gate import saml
from kumoniwa.gate.saml import ASSERTION, moment
from kumoniwa.services.sts.web_identity import ExpiredTokenException, InvalidIdentityToken

if TYPE_CHECKING:
    from kumoniwa.engines.xml_signature import Element
    from kumoniwa.gate.federation import SamlProvider

REDEEMED_WITHIN_S = 300
SKEW_S = 60
"""By how much the provider's clock may be ahead of ours."""
AUDIENCES = frozenset({"urn:amazon:webservices", "https://signin.aws.amazon.com/saml"})
_RECIPIENT = re.compile(r"https://(?:[a-z0-9-]+\.)?signin\.aws\.amazon\.com/(?:platform/)?saml(?:/acs/[A-Za-z0-9]+)?")
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
        root = saml.response(assertion)
    except saml.NotResponse:
        raise InvalidIdentityToken("Invalid base64 SAMLResponse (Service: AWSSecurityTokenService)") from None
    if not saml.is_of_success(root):
        raise InvalidIdentityToken("Invalid SAML response: it does not tell of a success.")
    proved = saml.proved(root, provider.certificates)
    if proved is None:
        raise InvalidIdentityToken("Response signature invalid")
    issuer = (proved.findtext(f"{ASSERTION}Issuer") or "").strip()
    if issuer != provider.entity_id:
        raise InvalidIdentityToken("Issuer not present in specified provider")
    if provider.valid_until <= now:
        raise InvalidIdentityToken("The metadata of the specified provider has expired.")
    issued = moment(proved.get("IssueInstant"))
    if issued is None or not now - REDEEMED_WITHIN_S <= issued <= now + SKEW_S:
        raise ExpiredTokenException("Token must be redeemed within 5 minutes of issuance")
    return _said(proved, issuer, now)


def _said(assertion: Element, issuer: str, now: float) -> Said:
    if not saml.holds(assertion, now, SKEW_S):
        raise ExpiredTokenException("The conditions of the assertion do not hold now.")
    if not saml.audiences(assertion) & AUDIENCES:
        raise InvalidIdentityToken("Response does not contain the required audience.")
    name = assertion.find(f"{ASSERTION}Subject/{ASSERTION}NameID")
    confirmed = [
        data
        for data in assertion.iterfind(f".//{ASSERTION}SubjectConfirmationData")
        if _RECIPIENT.fullmatch(data.get("Recipient") or "") and (moment(data.get("NotOnOrAfter")) or 0) > now
    ]
    if name is None or not (name.text or "").strip() or not confirmed:
        raise InvalidIdentityToken("The assertion confirms no subject to AWS.")
    statement = assertion.find(f"{ASSERTION}AuthnStatement")
    said = Said(
        issuer, name.text.strip(), (name.get("Format") or "").removeprefix(_FORMATS), confirmed[0].get("Recipient"),
        saml.attributes(assertion), moment(statement.get("SessionNotOnOrAfter")) if statement is not None else None,
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
