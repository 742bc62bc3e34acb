"""The operations of Elastic Load Balancing. Network and gateway load balancers, instances as targets, trust stores, reserved capacity and
address pools are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.elbv2.balancer import (
    PREFIX,
    CreateLoadBalancer,
    DescribeLoadBalancerAttributes,
    DescribeLoadBalancers,
    SetIpAddressType,
    SetSecurityGroups,
    SetSubnets,
)
from kumoniwa.services.elbv2.bill import standing_of
from kumoniwa.services.elbv2.change import DeleteLoadBalancer, ModifyLoadBalancerAttributes
from kumoniwa.services.elbv2.limit import DescribeAccountLimits
from kumoniwa.services.elbv2.listener import (
    AddListenerCertificates,
    CreateListener,
    DeleteListener,
    DescribeListenerAttributes,
    DescribeListenerCertificates,
    DescribeListeners,
    ModifyListener,
    ModifyListenerAttributes,
    RemoveListenerCertificates,
)
from kumoniwa.services.elbv2.listening import listening_of
from kumoniwa.services.elbv2.rule_control import CreateRule, DeleteRule, DescribeRules, ModifyRule, SetRulePriorities
from kumoniwa.services.elbv2.security_policy import DescribeSSLPolicies
from kumoniwa.services.elbv2.tag import reserved_tag
from kumoniwa.services.elbv2.tagging import AddTags, DescribeTags, RemoveTags, all_tags, tags_of
from kumoniwa.services.elbv2.target import DeregisterTargets, DescribeTargetHealth, RegisterTargets
from kumoniwa.services.elbv2.target_group import (
    CreateTargetGroup,
    DeleteTargetGroup,
    DescribeTargetGroupAttributes,
    DescribeTargetGroups,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
)

_MADE = {"CreateLoadBalancer": "loadbalancer/app/{}/*", "CreateTargetGroup": "targetgroup/{}/*"}
_ARNS = ("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn")


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> list[str] | str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html"""
    if operation.startswith("Describe"):
        return "*"
    if operation in _MADE:
        return call.arn(_MADE[operation].format(params.get("Name", "*")), PREFIX)
    if isinstance(params.get("ResourceArns"), list):
        return [str(each) for each in params["ResourceArns"]]
    if isinstance(params.get("RulePriorities"), list):
        return [str(each.get("RuleArn", "*")) for each in params["RulePriorities"]] or "*"
    return next((params[name] for name in _ARNS if isinstance(params.get(name), str)), "*")


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html#awselasticloadbalancingv2-policy-keys"""
    members = {"scheme": "Scheme", "listenerprotocol": "Protocol", "securitypolicy": "SslPolicy", "subnet": "Subnets", "securitygroup": "SecurityGroups"}
    if operation == "CreateTargetGroup":
        return {}
    return {f"elasticloadbalancing:{key}": params[member] for key, member in members.items() if isinstance(params.get(member), str | list)}


def confided_of(operation: str, params: dict[str, Any]) -> tuple[str, ...]:
    """The model does not say that the client of an identity provider has a secret."""
    actions = params.get("DefaultActions" if operation.endswith("Listener") else "Actions") or ()
    configs = [each.get("AuthenticateOidcConfig") or {} for each in actions if isinstance(each, dict)]
    return tuple(each["ClientSecret"] for each in configs if isinstance(each, dict) and isinstance(each.get("ClientSecret"), str))


__all__ = [
    "AddListenerCertificates", "AddTags", "CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup", "DeleteListener",
    "DeleteLoadBalancer", "DeleteRule", "DeleteTargetGroup", "DeregisterTargets", "DescribeAccountLimits", "DescribeListenerAttributes",
    "DescribeListenerCertificates", "DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeRules",
    "DescribeSSLPolicies", "DescribeTags", "DescribeTargetGroupAttributes", "DescribeTargetGroups", "DescribeTargetHealth", "ModifyListener",
    "ModifyListenerAttributes", "ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup", "ModifyTargetGroupAttributes",
    "RegisterTargets", "RemoveListenerCertificates", "RemoveTags", "SetIpAddressType", "SetRulePriorities", "SetSecurityGroups", "SetSubnets",
    "all_tags", "confided_of", "listening_of", "reserved_tag", "standing_of", "tags_of",
]  # fmt: skip
TAG_CONDITIONS = ("elasticloadbalancing:ResourceTag",)
"""Its own name for the tags of what is touched, which is older than ``aws:ResourceTag``."""
