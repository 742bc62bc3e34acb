"""Signatures in XML documents, checked by signxml: what was really signed, and by whose certificate.

Only the element that a signature covers is ever given back, so that nobody can hang a forged one beside it.
https://www.w3.org/TR/xmldsig-core1/
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere

Element = Any
"""An element as lxml holds it, which reads like one of ElementTree."""


class NotXml(ValueError):
    """A document that cannot be read, or that has a document type, which no message between machines needs."""


def parsed(document: bytes) -> Element:
    try:
        from lxml import etree  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("signatures in XML without the extra kumoniwa[identity]")
    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotXml(str(error)) from None
    if root.getroottree().docinfo.doctype:
        raise NotXml("a document type")
    return root


def signed(root: Element, certificates: tuple[str, ...], location: str) -> Element | None:
    """The element covered by the signature at ``location`` (an XPath from the root), if one of the certificates made it;
    they are DER in base 64, and trusted as they are. None if nobody signed there or somebody else did."""
    from lxml.etree import LxmlError  # noqa: PLC0415 (an extra)
    from signxml import SignatureConfiguration, XMLVerifier  # noqa: PLC0415 (an extra)
    from signxml.exceptions import SignXMLException  # noqa: PLC0415 (an extra)

    for certificate in certificates:
        pem = f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"
        try:
            where = SignatureConfiguration(location=location)
            return XMLVerifier().verify(root, x509_cert=pem, expect_config=where).signed_xml
        except (SignXMLException, ValueError, LxmlError):
            continue
    return None
