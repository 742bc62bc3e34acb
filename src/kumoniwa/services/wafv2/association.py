"""Associations: which web ACL guards which stage, GraphQL API, Event API, user pool or load balancer. Distributions name theirs in their own configuration."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kumoniwa.gate import firewall
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.wafv2 import errors, part, webacl
from kumoniwa.services.wafv2.checking import wrong


class Sort(NamedTuple):
    """A sort of resource: what its ARNs are like, by which calls its service finds it, and what a caller must be allowed."""

    arn: re.Pattern[str]
    looks: tuple[str, ...]
    params: tuple[str, ...]
    right: str
    release: str


SORTS = {
    "API_GATEWAY": Sort(
        re.compile(r"arn:[a-z-]+:apigateway:(?P<region>[a-z0-9-]+)::/restapis/([^/]+)/stages/([^/]+)"), ("apigateway:GetStage",),
        ("restApiId", "stageName"), "apigateway:SetWebACL", "apigateway:SetWebACL",
    ),
    "APPSYNC": Sort(
        re.compile(r"arn:[a-z-]+:appsync:(?P<region>[a-z0-9-]+):\d{12}:apis/([^/]+)"), ("appsync:GetGraphqlApi", "appsync:GetApi"),
        ("apiId",), "appsync:SetWebACL", "appsync:SetWebACL",
    ),
    "COGNITO_USER_POOL": Sort(
        re.compile(r"arn:[a-z-]+:cognito-idp:(?P<region>[a-z0-9-]+):\d{12}:userpool/([^/]+)"), ("cognito-idp:DescribeUserPool",),
        ("UserPoolId",), "cognito-idp:AssociateWebACL", "cognito-idp:DisassociateWebACL",
    ),
    "APPLICATION_LOAD_BALANCER": Sort(
        re.compile(r"(?P<arn>arn:[a-z-]+:elasticloadbalancing:(?P<region>[a-z0-9-]+):\d{12}:loadbalancer/app/[^/]+/[0-9a-f]+)"),
        ("elbv2:DescribeLoadBalancerAttributes",), ("LoadBalancerArn",), "elasticloadbalancing:SetWebACL", "elasticloadbalancing:SetWebACL",
    ),
}  # fmt: skip
_NOT_HERE = {
    "apprunner": "App Runner services", "ec2": "Verified Access instances", "amplify": "Amplify apps",
    "bedrock-agentcore": "gateways of AgentCore",
}  # fmt: skip
TYPES = {
    "APPLICATION_LOAD_BALANCER": "APPLICATION_LOAD_BALANCER", "API_GATEWAY": "API_GATEWAY", "APPSYNC": "APPSYNC", "COGNITO_USER_POOL": "COGNITO_USER_POOL",
    "APP_RUNNER_SERVICE": None, "VERIFIED_ACCESS_INSTANCE": None, "AMPLIFY": None,
}  # fmt: skip


def sort_of(call: Call, resource: str) -> tuple[Sort, dict[str, str]]:
    """What a resource is and how its service calls it. HTTP APIs, distributions and whatever else AWS does not take are refused."""
    for sort in SORTS.values():
        found = sort.arn.fullmatch(resource)
        if found is not None and found["region"] == call.region:
            named = [value for name, value in found.groupdict().items() if name == "arn"] or found.groups()[1:]
            return sort, dict(zip(sort.params, named))
    service = resource.split(":")[2] if resource.count(":") > 2 else ""
    if service in _NOT_HERE:
        raise NotImplementedHere(f"web ACLs of {_NOT_HERE[service]}")
    raise wrong(
        errors.ARN,
        "RESOURCE_ARN",
        resource,
        "Stages of REST APIs, GraphQL and Event APIs, user pools and load balancers of this region are guarded in this way.",
    )


async def _check_there(call: Call, sort: Sort, params: dict[str, Any]) -> None:
    """WAF looks by its service-linked role."""
    owner = call.by_owner()
    hint = ""
    for look in sort.looks:
        try:
            await owner.ask(look, **params)
        except AwsError as error:
            hint = error.text
        else:
            return
    raise errors.WAFNonexistentItemException(hint=hint)


async def AssociateWebACL(call: Call, *, WebACLArn: str, ResourceArn: str) -> dict:
    if firewall.is_global(WebACLArn):
        raise wrong("The scope is not valid.", "SCOPE_VALUE", "WebACLArn", "Name the web ACL in the distribution's own WebACLId.")
    sort, params = sort_of(call, ResourceArn)
    part.by_arn(call, WebACLArn, webacl.KIND)
    call.require(sort.right, ResourceArn)
    await _check_there(call, sort, params)

    def keep() -> None:
        part.by_arn(call, WebACLArn, webacl.KIND)
        firewall.associate(call, ResourceArn, WebACLArn)

    call.atomically(keep)
    return {}


def DisassociateWebACL(call: Call, *, ResourceArn: str) -> dict:
    """Nothing to undo is no error."""
    sort, _ = sort_of(call, ResourceArn)
    call.require(sort.release, ResourceArn)
    firewall.release(call, ResourceArn)
    return {}


def GetWebACLForResource(call: Call, *, ResourceArn: str) -> dict:
    sort_of(call, ResourceArn)
    arn = firewall.guarding(call, ResourceArn)
    return {"WebACL": part.by_arn(call, arn).document} if arn is not None else {}


def ListResourcesForWebACL(call: Call, *, WebACLArn: str, ResourceType: str | None = None) -> dict:
    """Of load balancers unless another type is asked for: https://docs.aws.amazon.com/waf/latest/APIReference/API_ListResourcesForWebACL.html"""
    if firewall.is_global(WebACLArn):
        raise wrong("The scope is not valid.", "SCOPE_VALUE", "WebACLArn", "Ask CloudFront: ListDistributionsByWebACLId.")
    part.by_arn(call, WebACLArn, webacl.KIND)
    if ResourceType not in (None, *TYPES):
        raise NotImplementedHere(f"resources of type {ResourceType} of wafv2")
    sort = SORTS.get(TYPES[ResourceType or "APPLICATION_LOAD_BALANCER"] or "")
    return {"ResourceArns": [arn for arn in webacl.guarded(call, WebACLArn) if sort is not None and sort.arn.fullmatch(arn)]}
