"""What SAML 2.0 looks like to whoever relies on a provider: its metadata, and what of a response it has signed.

IAM and STS read it, and Cognito. https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree

from cryptography import x509

from kumoniwa.engines import xml_signature
from kumoniwa.engines.xml_signature import Element

ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_METADATA, _SIGNATURE = "{urn:oasis:names:tc:SAML:2.0:metadata}", "{http://www.w3.org/2000/09/xmldsig#}"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"


class NotMetadata(ValueError):
    """A document that names no issuer, or nothing that it signs with."""


class NotResponse(ValueError):
    """No response in base 64, or one that does not tell of a success."""


class Metadata(NamedTuple):
    entity_id: str
    certificates: tuple[str, ...]
    """What the provider signs with: DER in base 64."""
    ends: float | None
    """Until when it holds, if it says so."""
    sign_on: dict[str, str]
    """Where people are sent to sign in, by binding."""


def moment(text: str | None) -> float | None:
    """Epoch seconds; what names no zone is of UTC, as SAML has it."""
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def metadata(document: str) -> Metadata:
    """What a provider publishes of itself. Raises NotMetadata."""
    try:
        root = ElementTree.fromstring(document)
        descriptors = list(root.iterfind(f"{_METADATA}IDPSSODescriptor"))
        keys = [key for one in descriptors for key in one.iterfind(f"{_METADATA}KeyDescriptor") if key.get("use") in (None, "signing")]
        certificates = []
        for held in (found for key in keys for found in key.iter(f"{_SIGNATURE}X509Certificate")):
            der = base64.b64decode("".join((held.text or "").split()), validate=True)
            x509.load_der_x509_certificate(der)
            certificates.append(base64.b64encode(der).decode())
    except (ElementTree.ParseError, binascii.Error, ValueError, LookupError) as error:
        raise NotMetadata(str(error)) from None
    until, entity_id = root.get("validUntil"), root.get("entityID")
    ends = moment(until)
    if root.tag != f"{_METADATA}EntityDescriptor" or not entity_id or not certificates or until and ends is None:
        raise NotMetadata("an issuer and its certificates")
    doors = [door for one in descriptors for door in one.iterfind(f"{_METADATA}SingleSignOnService")]
    return Metadata(entity_id, tuple(certificates), ends, {door.get("Binding", ""): door.get("Location", "") for door in doors})


def response(told: str) -> Element:
    """A response in base 64, of which nothing is proved yet. Raises NotResponse."""
    try:
        return xml_signature.parsed(base64.b64decode("".join(told.split()), validate=True))
    except (binascii.Error, xml_signature.NotXml) as error:
        raise NotResponse(str(error)) from None


def is_of_success(root: Element) -> bool:
    status = root.find(f"{PROTOCOL}Status/{PROTOCOL}StatusCode")
    return root.tag == f"{PROTOCOL}Response" and status is not None and status.get("Value") == _SUCCESS


def proved(root: Element, certificates: tuple[str, ...]) -> Element | None:
    """The one assertion, out of what the provider signed: the assertion itself or the whole response. None if it signed neither."""
    whole = xml_signature.signed(root, certificates, "./") if root.find("{*}Signature") is not None else None
    if whole is None:
        part = xml_signature.signed(root, certificates, f"./{ASSERTION}Assertion/")
        found = [part] if part is not None and part.tag == f"{ASSERTION}Assertion" else []
    else:
        found = whole.findall(f"{ASSERTION}Assertion") if whole.tag == f"{PROTOCOL}Response" else []
    return found[0] if len(found) == 1 else None


def holds(assertion: Element, now: float, skew_s: float) -> bool:
    """Whether its conditions hold now, as far as they speak of time."""
    conditions = assertion.find(f"{ASSERTION}Conditions")
    begins, ends = (moment(conditions.get(limit)) if conditions is not None else None for limit in ("NotBefore", "NotOnOrAfter"))
    return not (begins is not None and begins > now + skew_s or ends is not None and ends <= now)


def audiences(assertion: Element) -> set[str]:
    return {(one.text or "").strip() for one in assertion.iterfind(f".//{ASSERTION}Audience")}


def attributes(assertion: Element) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for held in assertion.iterfind(f"{ASSERTION}AttributeStatement/{ASSERTION}Attribute"):
        values = ["".join(value.itertext()).strip() for value in held.iterfind(f"{ASSERTION}AttributeValue")]
        told.setdefault(held.get("Name") or "", []).extend(values)
    return told
