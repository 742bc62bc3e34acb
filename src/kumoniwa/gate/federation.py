"""Identity providers outside of AWS, as IAM tells every region of them."""

from __future__ import annotations

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
