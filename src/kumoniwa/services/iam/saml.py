"""SAML 2.0 identity providers: an organization's own sign-in, known by the metadata document it publishes.

What STS must know of one, its issuer's name and the certificates it signs with, is the gate's ``SamlProvider``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_saml.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate import saml
from kumoniwa.gate.federation import SamlProvider
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.iam.entity import global_arn, now_s, shown_tags, tagged, untagged
from kumoniwa.services.iam.errors import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

PROVIDERS_MAX = 100
VALID_S = 100 * 365.25 * 86_400
"""A provider whose metadata name no end lasts a century."""


class Metadata(Record):
    """The document as it was uploaded, which only IAM is asked for; shelved by the provider's ARN."""

    document: str
    uuid: str


def _shelf(call: Call):
    return call.home.store.shelf(SHARED, SamlProvider)


def own(call: Call) -> list[SamlProvider]:
    return [provider for provider in _shelf(call).values() if provider.account == call.account]


def _found(call: Call, arn: str) -> SamlProvider:
    provider = _shelf(call).get(arn)
    if provider is None or provider.account != call.account:
        raise NoSuchEntity(f"Manifest not found for arn {arn}")
    return provider


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _found(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(each.arn, each.tags) for each in own(call)]


def _read(document: str, now: float) -> dict[str, Any]:
    """What a metadata document says: the issuer, its signing certificates, until when. Raises InvalidInput."""
    try:
        said = saml.metadata(document)
    except saml.NotMetadata:
        raise InvalidInput("Could not parse metadata") from None
    valid_until = said.ends if said.ends is not None else now + VALID_S
    return {"entity_id": said.entity_id, "certificates": said.certificates, "valid_until": float(int(valid_until))}


def CreateSAMLProvider(call: Call, *, SAMLMetadataDocument: str, Name: str, Tags: list[dict] | None = None) -> dict:
    said = _read(SAMLMetadataDocument, now_s(call))
    arn = global_arn(call, f"saml-provider/{Name}")
    if arn in _shelf(call):
        raise EntityAlreadyExists(f"SAMLProvider {Name} already exists.")
    if len(own(call)) >= PROVIDERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for SAMLProvidersPerAccount: {PROVIDERS_MAX}")
    provider = _shelf(call)[arn] = SamlProvider(
        account=call.account, arn=arn, created=now_s(call), tags=tagged({}, Tags), **said
    )
    call.shelf(Metadata)[arn] = Metadata(document=SAMLMetadataDocument, uuid=call.ids.upper(24))
    return {"SAMLProviderArn": arn} | ({"Tags": shown_tags(provider.tags)} if provider.tags else {})


def GetSAMLProvider(call: Call, *, SAMLProviderArn: str) -> dict:
    provider = _found(call, SAMLProviderArn)
    metadata = call.shelf(Metadata)[SAMLProviderArn]
    return {
        "SAMLProviderUUID": metadata.uuid,
        "SAMLMetadataDocument": metadata.document,
        "CreateDate": provider.created,
        "ValidUntil": provider.valid_until,
        "Tags": shown_tags(provider.tags),
    }


def ListSAMLProviders(call: Call) -> dict:
    return {
        "SAMLProviderList": [
            {"Arn": provider.arn, "ValidUntil": provider.valid_until, "CreateDate": provider.created} for provider in own(call)
        ]
    }


def UpdateSAMLProvider(call: Call, *, SAMLProviderArn: str, SAMLMetadataDocument: str | None = None) -> dict:
    provider = _found(call, SAMLProviderArn)
    if SAMLMetadataDocument is not None:
        _shelf(call)[provider.arn] = changed(provider, **_read(SAMLMetadataDocument, now_s(call)))
        held = call.shelf(Metadata)[provider.arn]
        call.shelf(Metadata)[provider.arn] = changed(held, document=SAMLMetadataDocument)
    return {"SAMLProviderArn": provider.arn}


def DeleteSAMLProvider(call: Call, *, SAMLProviderArn: str) -> None:
    """Roles that name it stay, and nobody opens them any more."""
    arn = _found(call, SAMLProviderArn).arn
    del _shelf(call)[arn]
    del call.shelf(Metadata)[arn]


def TagSAMLProvider(call: Call, *, SAMLProviderArn: str, Tags: list[dict]) -> None:
    provider = _found(call, SAMLProviderArn)
    _shelf(call)[provider.arn] = changed(provider, tags=tagged(provider.tags, Tags))


def UntagSAMLProvider(call: Call, *, SAMLProviderArn: str, TagKeys: list[str]) -> None:
    provider = _found(call, SAMLProviderArn)
    _shelf(call)[provider.arn] = changed(provider, tags=untagged(provider.tags, TagKeys))


def ListSAMLProviderTags(call: Call, *, SAMLProviderArn: str) -> dict:
    return {"Tags": shown_tags(_found(call, SAMLProviderArn).tags)}
