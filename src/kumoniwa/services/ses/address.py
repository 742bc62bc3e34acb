"""Addresses as mail writes them, ``Ann <ann@example.com>``, and what SES says of those that are none.

SES parses with JavaMail, whose texts it passes on.
"""

from __future__ import annotations

import re
from email.utils import formataddr, parseaddr
from typing import NamedTuple

from kumoniwa.services.ses.errors import InvalidParameterValue

_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


class Address(NamedTuple):
    name: str
    local: str
    domain: str

    @property
    def bare(self) -> str:
        """The domain is the same in any case, what stands before it need not be."""
        return f"{self.local}@{self.domain.lower()}"

    def __str__(self) -> str:
        return formataddr((self.name, self.bare)) if self.name else self.bare


def is_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None


def parse(text: str) -> Address:
    """Raises InvalidParameterValue."""
    name, bare = parseaddr(text) if "<" in text or "(" in text else ("", text.strip())
    local, at, domain = bare.rpartition("@")
    if not at:
        raise InvalidParameterValue("Missing final '@domain'")
    if not local:
        raise InvalidParameterValue("Missing local name")
    if not domain:
        raise InvalidParameterValue("Missing domain")
    if re.search(r"[\s\x00-\x1f\x7f]", domain):
        raise InvalidParameterValue("Domain contains control or whitespace")
    if re.search(r"[\s\x00-\x1f\x7f]", local) and not (local[0] == local[-1] == '"'):
        raise InvalidParameterValue("Local address contains control or whitespace")
    if not local.isascii():
        raise InvalidParameterValue("Local address contains illegal character")
    if domain.startswith("."):
        raise InvalidParameterValue("Domain starts with dot")
    if ".." in domain:
        raise InvalidParameterValue("Domain contains dot-dot")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        raise InvalidParameterValue("Domain contains illegal character") from None
    if not is_domain(domain):
        raise InvalidParameterValue("Domain contains illegal character")
    return Address(name, local, domain)


def is_address(text: str) -> bool:
    """Whether a text is nothing but an address, without a name."""
    try:
        return parse(text).bare.lower() == text.lower()
    except InvalidParameterValue:
        return False
