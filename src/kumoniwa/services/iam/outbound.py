"""Tokens of an account's own for services outside of AWS: whether STS may issue them, and the keys that it signs them with.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kumoniwa.engines import cipher, key_material
from kumoniwa.gate.federation import ISSUER_KEYS, TokenIssuer, issuer_name
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


class FeatureEnabled(AwsError):
    status = 409
    message = "The outbound identity federation feature is already enabled for this account."


class FeatureDisabled(AwsError):
    status = 404
    message = "The outbound identity federation feature is not enabled for this account."


def _issuer(call: Call) -> TokenIssuer | None:
    return call.home.store.shelf(SHARED, TokenIssuer).get(issuer_name(call.account))


def _enabled(call: Call) -> TokenIssuer:
    issuer = _issuer(call)
    if issuer is None or not issuer.is_enabled:
        raise FeatureDisabled
    return issuer


def _keep(call: Call, issuer: TokenIssuer) -> None:
    call.home.store.shelf(SHARED, TokenIssuer)[issuer.name] = issuer


async def EnableOutboundWebIdentityFederation(call: Call) -> dict:
    """The issuer that an account once was it is again, with its keys: tokens outlive that the feature is disabled."""
    secrets = []
    if _issuer(call) is None:
        secrets = [await asyncio.to_thread(key_material.make, kind.spec) for kind in ISSUER_KEYS.values()]
    issuer = _issuer(call)
    if issuer is not None and issuer.is_enabled:
        raise FeatureEnabled
    if issuer is None:
        keys = tuple(cipher.seal(call.home.settings.seal, secret, TokenIssuer.PURPOSE) for secret in secrets)
        issuer = TokenIssuer(account=call.account, name=issuer_name(call.account), keys=keys)
    _keep(call, changed(issuer, is_enabled=True))
    return {"IssuerIdentifier": issuer.url}


def DisableOutboundWebIdentityFederation(call: Call) -> None:
    _keep(call, changed(_enabled(call), is_enabled=False))


def GetOutboundWebIdentityFederationInfo(call: Call) -> dict:
    return {"IssuerIdentifier": _enabled(call).url, "JwtVendingEnabled": True}
