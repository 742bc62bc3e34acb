"""The operations of CloudFront, by what they are about, and what the gate must know of each call."""

# ruff: noqa: F401 (an operation of CloudFront is whatever this module holds under a CapWords name)

from __future__ import annotations

from typing import Any

from kumoniwa.gate import edge_store
from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudfront import held
from kumoniwa.services.cloudfront.access import (
    CreateCloudFrontOriginAccessIdentity,
    CreateKeyGroup,
    CreateOriginAccessControl,
    CreatePublicKey,
    DeleteCloudFrontOriginAccessIdentity,
    DeleteKeyGroup,
    DeleteOriginAccessControl,
    DeletePublicKey,
    GetCloudFrontOriginAccessIdentity,
    GetCloudFrontOriginAccessIdentityConfig,
    GetKeyGroup,
    GetKeyGroupConfig,
    GetOriginAccessControl,
    GetOriginAccessControlConfig,
    GetPublicKey,
    GetPublicKeyConfig,
    ListCloudFrontOriginAccessIdentities,
    ListDistributionsByKeyGroup,
    ListKeyGroups,
    ListOriginAccessControls,
    ListPublicKeys,
    UpdateCloudFrontOriginAccessIdentity,
    UpdateKeyGroup,
    UpdateOriginAccessControl,
    UpdatePublicKey,
)
from kumoniwa.services.cloudfront.distribution import (
    AssociateDistributionWebACL,
    CreateDistribution,
    CreateDistributionWithTags,
    CreateInvalidation,
    DeleteDistribution,
    DisassociateDistributionWebACL,
    GetDistribution,
    GetDistributionConfig,
    GetInvalidation,
    ListDistributions,
    ListDistributionsByWebACLId,
    ListInvalidations,
    ListTagsForResource,
    TagResource,
    UntagResource,
    UpdateDistribution,
    all_tags,  # noqa: F401 (the gate's hook)
    tags_of,
)
from kumoniwa.services.cloudfront.function import (
    CreateFunction,
    DeleteFunction,
    DescribeFunction,
    GetFunction,
    ListFunctions,
    PublishFunction,
    TestFunction,
    UpdateFunction,
)
from kumoniwa.services.cloudfront.keyvaluestore import (
    CreateKeyValueStore,
    DeleteKeyValueStore,
    DescribeKeyValueStore,
    ListKeyValueStores,
    UpdateKeyValueStore,
)
from kumoniwa.services.cloudfront.policies import (
    CreateCachePolicy,
    CreateOriginRequestPolicy,
    CreateResponseHeadersPolicy,
    DeleteCachePolicy,
    DeleteOriginRequestPolicy,
    DeleteResponseHeadersPolicy,
    GetCachePolicy,
    GetCachePolicyConfig,
    GetOriginRequestPolicy,
    GetOriginRequestPolicyConfig,
    GetResponseHeadersPolicy,
    GetResponseHeadersPolicyConfig,
    ListCachePolicies,
    ListDistributionsByCachePolicyId,
    ListDistributionsByOriginRequestPolicyId,
    ListDistributionsByResponseHeadersPolicyId,
    ListOriginRequestPolicies,
    ListResponseHeadersPolicies,
    UpdateCachePolicy,
    UpdateOriginRequestPolicy,
    UpdateResponseHeadersPolicy,
)

_IDS = {
    "DistributionId": "distribution", "CachePolicyId": "cache-policy", "OriginRequestPolicyId": "origin-request-policy",
    "ResponseHeadersPolicyId": "response-headers-policy", "KeyGroupId": "*", "Name": "function",
}  # fmt: skip
_NAMED = {
    "Distribution": "distribution", "CachePolicy": "cache-policy", "OriginRequestPolicy": "origin-request-policy",
    "ResponseHeadersPolicy": "response-headers-policy", "OriginAccessControl": "origin-access-control",
    "CloudFrontOriginAccessIdentity": "origin-access-identity",
}  # fmt: skip


def _store_of(call: Call, name: Any) -> str:
    """Stores are asked for by name, and have ids in their ARNs."""
    found = next((each for each in held.all_of(call, edge_store.KIND) if each.config["Name"] == name), None)
    return held.arn(call, edge_store.KIND, found.id) if found is not None else "*"


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[tuple[str, str]]:
    """CloudFront's ARNs name no region; public keys and key groups have none.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudfront.html"""
    if operation == "CreateDistributionWithTags":
        # It has no action of its own: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistributionWithTags.html
        return [("cloudfront:CreateDistribution", "*"), ("cloudfront:TagResource", "*")]
    if isinstance(params.get("Resource"), str):
        return params["Resource"]
    if operation.endswith(("KeyValueStore", "KeyValueStores")):
        return _store_of(call, params.get("Name"))
    kind, id = "", params.get("Id")
    if operation.endswith("DistributionWebACL"):
        kind = "distribution"
    elif id is not None:
        thing = operation.removeprefix("Get").removeprefix("Update").removeprefix("Delete").removesuffix("Config")
        kind = "distribution" if "DistributionId" in params else _NAMED.get(thing, "")
        id = params.get("DistributionId", id)
    else:
        member = next((member for member in _IDS if member in params), "")
        kind, id = _IDS.get(member, ""), params.get(member)
    return f"arn:{call.home.partition}:cloudfront::{call.account}:{kind}/{id}" if kind and kind != "*" else "*"
