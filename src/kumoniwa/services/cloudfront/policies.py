"""The operations of the three sorts of policies; what they share is in ``policy``."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudfront import policy
from kumoniwa.services.cloudfront.policy import CACHE, REQUEST, RESPONSE

# CachePolicies -----------------------------------------------------------------------------


def CreateCachePolicy(call: Call, *, CachePolicyConfig: dict[str, Any]) -> dict:
    return policy.create(call, CACHE, CachePolicyConfig)


def GetCachePolicy(call: Call, *, Id: str) -> dict:
    return policy.get(call, CACHE, Id)


def GetCachePolicyConfig(call: Call, *, Id: str) -> dict:
    return policy.get_config(call, CACHE, Id)


def UpdateCachePolicy(call: Call, *, Id: str, CachePolicyConfig: dict[str, Any], IfMatch: str | None = None) -> dict:
    return policy.update(call, CACHE, Id, CachePolicyConfig, IfMatch)


def DeleteCachePolicy(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    policy.delete(call, CACHE, Id, IfMatch)


def ListCachePolicies(call: Call, *, Type: str | None = None, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    return policy.list_(call, CACHE, Type, Marker, MaxItems)


def ListDistributionsByCachePolicyId(
    call: Call, *, CachePolicyId: str, Marker: str | None = None, MaxItems: str | None = None
) -> dict:
    return policy.users(call, CACHE, CachePolicyId, Marker, MaxItems)


# OriginRequestPolicies ---------------------------------------------------------------------


def CreateOriginRequestPolicy(call: Call, *, OriginRequestPolicyConfig: dict[str, Any]) -> dict:
    return policy.create(call, REQUEST, OriginRequestPolicyConfig)


def GetOriginRequestPolicy(call: Call, *, Id: str) -> dict:
    return policy.get(call, REQUEST, Id)


def GetOriginRequestPolicyConfig(call: Call, *, Id: str) -> dict:
    return policy.get_config(call, REQUEST, Id)


def UpdateOriginRequestPolicy(call: Call, *, Id: str, OriginRequestPolicyConfig: dict[str, Any], IfMatch: str | None = None) -> dict:
    return policy.update(call, REQUEST, Id, OriginRequestPolicyConfig, IfMatch)


def DeleteOriginRequestPolicy(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    policy.delete(call, REQUEST, Id, IfMatch)


def ListOriginRequestPolicies(call: Call, *, Type: str | None = None, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    return policy.list_(call, REQUEST, Type, Marker, MaxItems)


def ListDistributionsByOriginRequestPolicyId(
    call: Call, *, OriginRequestPolicyId: str, Marker: str | None = None, MaxItems: str | None = None
) -> dict:
    return policy.users(call, REQUEST, OriginRequestPolicyId, Marker, MaxItems)


# ResponseHeadersPolicies -------------------------------------------------------------------


def CreateResponseHeadersPolicy(call: Call, *, ResponseHeadersPolicyConfig: dict[str, Any]) -> dict:
    return policy.create(call, RESPONSE, ResponseHeadersPolicyConfig)


def GetResponseHeadersPolicy(call: Call, *, Id: str) -> dict:
    return policy.get(call, RESPONSE, Id)


def GetResponseHeadersPolicyConfig(call: Call, *, Id: str) -> dict:
    return policy.get_config(call, RESPONSE, Id)


def UpdateResponseHeadersPolicy(call: Call, *, Id: str, ResponseHeadersPolicyConfig: dict[str, Any], IfMatch: str | None = None) -> dict:
    return policy.update(call, RESPONSE, Id, ResponseHeadersPolicyConfig, IfMatch)


def DeleteResponseHeadersPolicy(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    policy.delete(call, RESPONSE, Id, IfMatch)


def ListResponseHeadersPolicies(call: Call, *, Type: str | None = None, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    return policy.list_(call, RESPONSE, Type, Marker, MaxItems)


def ListDistributionsByResponseHeadersPolicyId(
    call: Call, *, ResponseHeadersPolicyId: str, Marker: str | None = None, MaxItems: str | None = None
) -> dict:
    return policy.users(call, RESPONSE, ResponseHeadersPolicyId, Marker, MaxItems)
