"""Identity providers outside of AWS, and accounts that are one to the world outside, as IAM tells every region of them."""

from __future__ import annotations

import uuid
from typing import ClassVar, NamedTuple

from kumoniwa.kernel.record import Record


class WebProvider(Record):
    """An OpenID Connect provider; shelved by its ARN."""

    account: str
    arn: str
    url: str
    """The issuer, with its scheme."""
    created: float
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    """SHA-1 of certificates, in lower-case hexadecimal digits."""
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The issuer without its scheme, as condition keys spell it."""
        return self.url.partition("://")[2]


class SamlProvider(Record):
    """A SAML 2.0 identity provider; shelved by its ARN."""

    account: str
    arn: str
    created: float
    entity_id: str
    """The issuer, as its metadata names it."""
    certificates: tuple[str, ...]
    """What it signs with: X.509 certificates, DER in base 64."""
    valid_until: float
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


class IssuerKey(NamedTuple):
    name: str
    spec: str
    algorithm: str


ISSUER_KEYS = {
    "RS256": IssuerKey("RSA_0", "RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
    "ES384": IssuerKey("EC384_0", "ECC_NIST_P384", "ECDSA_SHA_384"),
}
"""The keys of an issuer by the algorithm of its tokens: what it calls them, and what the engine does."""


class TokenIssuer(Record):
    """An account as an issuer of tokens about its own principals, for those outside of AWS; shelved by its name."""

    account: str
    name: str
    """The first label of its host name."""
    keys: tuple[bytes, ...]
    """One for each of ``ISSUER_KEYS``, sealed for ``PURPOSE`` under the cloud's key."""
    is_enabled: bool = True
    PURPOSE: ClassVar[bytes] = b"token issuer"

    @property
    def url(self) -> str:
        return f"https://{self.name}.tokens.sts.global.api.aws"


def issuer_name(account: str) -> str:
    """An account is the same issuer whenever it is one. AWS's names are UUIDs of version 5 as well."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"aws account {account}"))
