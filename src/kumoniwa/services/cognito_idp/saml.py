"""Federation with SAML 2.0: somebody is sent to his provider with a request, and his browser brings back what the provider signed.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-SAML-session-initiation.html. How failures begin:
https://repost.aws/knowledge-center/cognito-invalid-saml-response-errors
"""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from kumoniwa.engines import xml_signature
from kumoniwa.gate import saml
from kumoniwa.gate.saml import ASSERTION, moment
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cognito_idp import ticket
from kumoniwa.services.cognito_idp.errors import InvalidParameterException
from kumoniwa.services.cognito_idp.federation import ANSWERED_WITHIN_S, LEEWAY_S, Failed
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.provider import IdentityProvider, is_safe, key_of
from kumoniwa.wire import outbound

TOLD = ("MetadataURL", "MetadataFile", "IDPSignout", "IDPInit", "EncryptedResponses", "RequestSigningAlgorithm")
FOUND = ("SSORedirectBindingURI", "SLORedirectBindingURI", "ActiveEncryptionCertificate")
"""What AWS adds, which clients tell again as they were shown it."""
READ_AGAIN_S = 6 * 3_600.0
"""A document at an address is read again after six hours: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-saml-idp.html"""
UNSOLICITED_S = 360.0
"""How old a response may be that nobody asked for: "must have been issued within the previous 6 minutes"."""
BAD_METADATA = "Unable to unmarshall metadata"
"""https://github.com/ory/mocksaml/issues/103"""


# What is told of a provider ------------------------------------------------------------------------


async def details(call: Call, told: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """A provider's details as they are shown, and what its metadata say. Texts of which document: cdk-preflight's pf-cognito-idp-saml-…"""
    documents = sum(bool(told.get(name)) for name in ("MetadataURL", "MetadataFile"))
    if documents != 1:
        raise InvalidParameterException(f"{'Only' if documents else 'At least'} one of the MetadataURL or MetadataFile should be provided.")
    strange = set(told) - {*TOLD, *FOUND}
    if strange:
        raise InvalidParameterException(f"Unknown provider detail: {min(strange)}")
    for name in ("IDPSignout", "EncryptedResponses"):
        if told.get(name, "false").lower() == "true":
            raise NotImplementedHere(f"{name} of cognito-idp's SAML providers")
    if told.get("RequestSigningAlgorithm"):
        raise NotImplementedHere("RequestSigningAlgorithm of cognito-idp's SAML providers")
    known = _known(told.get("MetadataFile") or await _fetched(told["MetadataURL"])) | {"read": call.now()}
    return {name: value for name, value in told.items() if name in TOLD} | {"SSORedirectBindingURI": known["sign_on"]}, known


async def _fetched(url: str) -> str:
    """The document at an address. Raises InvalidParameterException."""
    if not is_safe(url):
        raise InvalidParameterException("The metadata URL must start with https://", hint=url)
    try:
        answer = await outbound.fetch("GET", url, [("Accept", "application/samlmetadata+xml, application/xml")], b"", ANSWERED_WITHIN_S)
    except (TimeoutError, outbound.Unreachable) as error:
        raise InvalidParameterException(f"Unable to reach remote metadata source {url}", hint=str(error)) from None
    if answer.status != 200:
        # https://github.com/aws-solutions/aws-data-lake-solution/issues/31
        raise InvalidParameterException(f"Non-ok status code {answer.status} returned from remote metadata source {url}")
    return answer.body.decode("utf-8", "replace")


def _known(document: str) -> dict[str, Any]:
    """What metadata say, as it is kept. People are sent on by a redirection: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-saml-idp.html"""
    try:
        xml_signature.parsed(document.encode())
        said = saml.metadata(document)
    except (xml_signature.NotXml, saml.NotMetadata) as error:
        raise InvalidParameterException(BAD_METADATA, hint=str(error)) from None
    if not is_safe(said.sign_on.get(saml.REDIRECT, "")):
        raise InvalidParameterException(BAD_METADATA, hint="It names no SingleSignOnService by HTTP-Redirect.")
    return {"issuer": said.entity_id, "certificates": list(said.certificates), "sign_on": said.sign_on[saml.REDIRECT]}


async def current(call: Call, provider: IdentityProvider) -> IdentityProvider:
    """The provider with its metadata of today. Where they cannot be read now, those of before hold."""
    url = provider.details.get("MetadataURL")
    if url is None or call.now() < provider.metadata["read"] + READ_AGAIN_S:
        return provider
    try:
        known = _known(await _fetched(url)) | {"read": call.now()}
    except InvalidParameterException:
        return provider
    shown = provider.details | {"SSORedirectBindingURI": known["sign_on"]}
    provider = changed(provider, metadata=known, details=shown)
    call.shelf(IdentityProvider)[key_of(provider.pool, provider.name)] = provider
    return provider


# The way there -------------------------------------------------------------------------------------


def entity_of(pool: UserPool) -> str:
    """What a pool is called among those who rely on providers."""
    return f"urn:amazon:cognito:sp:{pool.id}"


def address(call: Call, pool: UserPool, provider: IdentityProvider, back: str, state: str, request_id: str) -> str:
    """Where somebody is sent with a request to sign in. ``back`` is where the answer shall be brought."""
    where, at = provider.metadata["sign_on"], datetime.fromtimestamp(call.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    request = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<saml2p:AuthnRequest xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" AssertionConsumerServiceURL={quoteattr(back)} '
        f'Destination={quoteattr(where)} ID="{request_id}" IssueInstant="{at}" '
        'ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Version="2.0">'
        f'<saml2:Issuer xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion">{entity_of(pool)}</saml2:Issuer></saml2p:AuthnRequest>'
    )
    packer = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(packer.compress(request.encode()) + packer.flush()).decode()
    return outbound.with_query(where, {"SAMLRequest": packed, "RelayState": state})


# What the provider says ----------------------------------------------------------------------------


class Said(NamedTuple):
    subject: str
    claims: dict[str, str]


def read(call: Call, pool: UserPool, provider: IdentityProvider, told: str, backs: tuple[str, ...], request_id: str | None) -> Said:
    """Prove a response and read what it says of one person. ``request_id`` is that of the request it answers; None where nobody asked, and
    then it opens once. Raises Failed; of most texts no record is at hand."""
    try:
        root = saml.response(told)
    except saml.NotResponse:
        raise Failed("Invalid samlResponse") from None
    if not saml.is_of_success(root):
        raise Failed("The response does not tell of a success.")
    assertion, now = saml.proved(root, tuple(provider.metadata["certificates"])), call.now()
    if assertion is None:
        # https://github.com/aws/aws-sdk-js-v3/issues/6201
        raise Failed("SAML Assertion signature is invalid.")
    if (assertion.findtext(f"{ASSERTION}Issuer") or "").strip() != provider.metadata["issuer"]:
        raise Failed("The issuer is not that of the provider's metadata.")
    if not saml.holds(assertion, now, LEEWAY_S):
        raise Failed("The conditions of the assertion do not hold now.")
    if entity_of(pool) not in saml.audiences(assertion):
        raise Failed(f"Audience restriction {entity_of(pool)} is not met.")
    name = (assertion.findtext(f"{ASSERTION}Subject/{ASSERTION}NameID") or "").strip()
    if not name:
        raise Failed("The assertion names no subject.")
    if not any(_confirms(data, backs, request_id, now) for data in assertion.iterfind(f".//{ASSERTION}SubjectConfirmationData")):
        raise Failed("The assertion confirms no subject to this user pool.")
    if request_id is None:
        _check_unsolicited(call, assertion, root, now)
    return Said(name, {key: _flat(values) for key, values in saml.attributes(assertion).items() if values})


def _confirms(data: Any, backs: tuple[str, ...], request_id: str | None, now: float) -> bool:
    return data.get("Recipient") in backs and (moment(data.get("NotOnOrAfter")) or 0) > now and data.get("InResponseTo") == request_id


def _check_unsolicited(call: Call, assertion: Any, root: Any, now: float) -> None:
    issued = moment(assertion.get("IssueInstant"))
    if root.get("InResponseTo") is not None or issued is None or not now - UNSOLICITED_S <= issued <= now + LEEWAY_S:
        raise Failed("The assertion was not issued within the previous 6 minutes, or answers a request.")
    seen = f"assertion {assertion.get('ID')}"
    if ticket.is_revoked(call, seen):
        raise Failed("The assertion was used before.")
    ticket.revoke(call, seen, issued + UNSOLICITED_S + LEEWAY_S)


def _flat(values: list[str]) -> str:
    """"Amazon Cognito flattens all values into a comma-delimited string enclosed in the square bracket characters", and "form-encodes the values
    containing non-alphanumeric characters except for . - * _":
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-saml-idp-things-to-know.html"""
    if len(values) == 1:
        return values[0]
    return f"[{', '.join(quote(value, safe='*').replace('~', '%7E').replace('%20', '+') for value in values)}]"
