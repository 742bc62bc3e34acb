"""OpenID Connect providers whose tokens open roles. The gate's ``WebProvider`` is all there is of one.

AWS takes ``https`` addresses only. On this machine a provider may also speak plain ``http``, on any port, as long as it
lives on a loopback address: that is where one runs in development.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kumoniwa.gate.federation import WebProvider
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.iam.entity import global_arn, now_s, shown_tags, tagged, untagged
from kumoniwa.services.iam.errors import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from kumoniwa.wire import outbound

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

PROVIDERS_MAX = 100
CLIENT_IDS_MAX = 100
THUMBPRINTS_MAX = 5


def _shelf(call: Call):
    return call.home.store.shelf(SHARED, WebProvider)


def own(call: Call) -> list[WebProvider]:
    return [provider for provider in _shelf(call).values() if provider.account == call.account]


def _found(call: Call, arn: str) -> WebProvider:
    provider = _shelf(call).get(arn)
    if provider is None or provider.account != call.account:
        raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _found(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(each.arn, each.tags) for each in _shelf(call).values() if each.account == call.account]


def _keep(call: Call, provider: WebProvider) -> None:
    _shelf(call)[provider.arn] = provider


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ValidationError("Invalid Open ID Connect Provider URL") from None
    if parts.scheme == "http" and not outbound.is_local(host):
        # Without a word: pf-iam-oidc-provider-url-https of badmintoncryer/cdk-preflight.
        raise InvalidInput("")
    if not host or parts.query or parts.fragment or parts.scheme not in ("https", "http"):
        raise ValidationError("Invalid Open ID Connect Provider URL")
    return url


def _checked_thumbprints(thumbprints: list[str] | None) -> tuple[str, ...]:
    if len(thumbprints or ()) > THUMBPRINTS_MAX:
        raise InvalidInput(f"Thumbprint list must contain fewer than {THUMBPRINTS_MAX} entries.")
    return tuple(thumbprint.lower() for thumbprint in thumbprints or ())


def CreateOpenIDConnectProvider(
    call: Call, *, Url: str, ClientIDList: list[str] | None = None, ThumbprintList: list[str] | None = None,
    Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    """Without thumbprints AWS notes that of the certificate it finds; here such a provider's certificate must be one that
    this machine trusts."""
    thumbprints = _checked_thumbprints(ThumbprintList)
    clients = tuple(dict.fromkeys(ClientIDList or ()))
    if len(clients) > CLIENT_IDS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}")
    url = _checked_url(Url)
    arn = global_arn(call, f"oidc-provider/{url.partition('://')[2]}")
    if arn in _shelf(call):
        raise EntityAlreadyExists(f"Provider with url {url} already exists.")
    if len(own(call)) >= PROVIDERS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDERS_MAX}")
    provider = WebProvider(
        account=call.account, arn=arn, url=url, created=now_s(call), client_ids=clients, thumbprints=thumbprints,
        tags=tagged({}, Tags),
    )  # fmt: skip
    _keep(call, provider)
    return {"OpenIDConnectProviderArn": arn} | ({"Tags": shown_tags(provider.tags)} if provider.tags else {})


def GetOpenIDConnectProvider(call: Call, *, OpenIDConnectProviderArn: str) -> dict:
    provider = _found(call, OpenIDConnectProviderArn)
    return {
        "Url": provider.name,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
        "Tags": shown_tags(provider.tags),
    }


def ListOpenIDConnectProviders(call: Call) -> dict:
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in own(call)]}


def DeleteOpenIDConnectProvider(call: Call, *, OpenIDConnectProviderArn: str) -> None:
    """One that is gone stays gone: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html"""
    if any(provider.arn == OpenIDConnectProviderArn for provider in own(call)):
        del _shelf(call)[OpenIDConnectProviderArn]


def AddClientIDToOpenIDConnectProvider(call: Call, *, OpenIDConnectProviderArn: str, ClientID: str) -> None:
    provider = _found(call, OpenIDConnectProviderArn)
    clients = tuple(dict.fromkeys((*provider.client_ids, ClientID)))
    if len(clients) > CLIENT_IDS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}")
    _keep(call, changed(provider, client_ids=clients))


def RemoveClientIDFromOpenIDConnectProvider(
    call: Call, *, OpenIDConnectProviderArn: str, ClientID: str
) -> None:
    provider = _found(call, OpenIDConnectProviderArn)
    _keep(call, changed(provider, client_ids=tuple(one for one in provider.client_ids if one != ClientID)))


def UpdateOpenIDConnectProviderThumbprint(
    call: Call, *, OpenIDConnectProviderArn: str, ThumbprintList: list[str]
) -> None:
    provider = _found(call, OpenIDConnectProviderArn)
    _keep(call, changed(provider, thumbprints=_checked_thumbprints(ThumbprintList)))


def TagOpenIDConnectProvider(call: Call, *, OpenIDConnectProviderArn: str, Tags: list[dict]) -> None:
    provider = _found(call, OpenIDConnectProviderArn)
    _keep(call, changed(provider, tags=tagged(provider.tags, Tags)))


def UntagOpenIDConnectProvider(call: Call, *, OpenIDConnectProviderArn: str, TagKeys: list[str]) -> None:
    provider = _found(call, OpenIDConnectProviderArn)
    _keep(call, changed(provider, tags=untagged(provider.tags, TagKeys)))


def ListOpenIDConnectProviderTags(call: Call, *, OpenIDConnectProviderArn: str) -> dict:
    return {"Tags": shown_tags(_found(call, OpenIDConnectProviderArn).tags)}
