"""AWS::ElasticLoadBalancingV2: load balancers, their listeners, rules and certificates, and target groups with what is registered in them."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import ID, Call, Name, Reading, ResourceType, Setting, Work, carries, gone_tags, made, p, same, seen, use


class _First(Call):
    """Of an operation that answers a list."""

    def __init__(self, operation: str, member: str, /, **parameters: Any) -> None:
        super().__init__(operation, **parameters)
        self.member = member

    async def look(self, work: Work) -> dict[str, Any]:
        return (await super().look(work))[self.member][0]


_TAGS = (
    Call("elbv2:RemoveTags", ResourceArns=[ID], TagKeys=gone_tags).when(gone_tags),
    Call("elbv2:AddTags", ResourceArns=[ID], Tags=p.Tags).when(p.Tags),
)
_HELD_TAGS = Reading(
    {"Tags": use(lambda found: found[0]["Tags"], seen.TagDescriptions)}, Call("elbv2:DescribeTags", ResourceArns=[ID])
)


def _after(part: str) -> Any:
    """``app/NAME/ID`` in an ARN, or ``targetgroup/NAME/ID``."""
    return use(lambda arn: arn.partition(part)[2], ID)


LoadBalancer = ResourceType(
    name=Name("Name", 32, tells=False),
    create=Call(
        "elbv2:CreateLoadBalancer", "Name Scheme SecurityGroups SubnetMappings Subnets Tags Type IpAddressType",
    ),
    id=use(lambda found: found[0]["LoadBalancerArn"], made.LoadBalancers),
    read=_First("elbv2:DescribeLoadBalancers", "LoadBalancers", LoadBalancerArns=[ID]),
    ready={"State.Code": "active"},
    settings=(
        Setting(Call("elbv2:ModifyLoadBalancerAttributes", LoadBalancerArn=ID, Attributes=p.LoadBalancerAttributes).when(p.LoadBalancerAttributes)),
    ),
    update=(
        Call("elbv2:SetSubnets", "Subnets SubnetMappings", LoadBalancerArn=ID),
        Call("elbv2:SetSecurityGroups", "SecurityGroups", LoadBalancerArn=ID).when(p.SecurityGroups),
        Call("elbv2:SetIpAddressType", "IpAddressType", LoadBalancerArn=ID).when(p.IpAddressType),
        *_TAGS,
    ),
    delete=Call("elbv2:DeleteLoadBalancer", LoadBalancerArn=ID),
    absent="LoadBalancerNotFound LoadBalancerNotFoundException",
    attributes={
        "CanonicalHostedZoneID": seen.CanonicalHostedZoneId, "DNSName": seen.DNSName, "LoadBalancerArn": ID,
        "LoadBalancerFullName": _after(":loadbalancer/"), "LoadBalancerName": seen.LoadBalancerName, "SecurityGroups": seen.SecurityGroups,
    },
    drift=(Reading(same("Scheme IpAddressType SecurityGroups Type", seen)), _HELD_TAGS),
)  # fmt: skip

Listener = ResourceType(
    create=Call(
        "elbv2:CreateListener", "AlpnPolicy Certificates DefaultActions LoadBalancerArn MutualAuthentication Port Protocol SslPolicy Tags",
    ),
    id=use(lambda found: found[0]["ListenerArn"], made.Listeners),
    read=_First("elbv2:DescribeListeners", "Listeners", ListenerArns=[ID]),
    settings=(Setting(Call("elbv2:ModifyListenerAttributes", ListenerArn=ID, Attributes=p.ListenerAttributes).when(p.ListenerAttributes)),),
    update=(
        Call("elbv2:ModifyListener", "AlpnPolicy Certificates DefaultActions MutualAuthentication Port Protocol SslPolicy", ListenerArn=ID),
        *_TAGS,
    ),
    delete=Call("elbv2:DeleteListener", ListenerArn=ID),
    absent="ListenerNotFound ListenerNotFoundException",
    attributes={"ListenerArn": ID},
    drift=(Reading(same("Port Protocol SslPolicy", seen)), _HELD_TAGS),
)  # fmt: skip

ListenerRule = ResourceType(
    create=Call("elbv2:CreateRule", "Actions Conditions ListenerArn Priority Tags Transforms"),
    id=use(lambda found: found[0]["RuleArn"], made.Rules),
    read=_First("elbv2:DescribeRules", "Rules", RuleArns=[ID]),
    update=(
        Call("elbv2:ModifyRule", "Actions Conditions Transforms", RuleArn=ID),
        Call("elbv2:SetRulePriorities", RulePriorities=[{"RuleArn": ID, "Priority": p.Priority}]),
        *_TAGS,
    ),
    delete=Call("elbv2:DeleteRule", RuleArn=ID),
    absent="RuleNotFound RuleNotFoundException",
    attributes={"RuleArn": ID, "IsDefault": seen.IsDefault},
    drift=(Reading({"Priority": use(int, seen.Priority)}), _HELD_TAGS),
)  # fmt: skip


@carries("Targets")
async def _register(work: Work) -> None:
    """What the template no longer names is deregistered."""
    wanted, old = work.properties.get("Targets") or [], work.old.get("Targets") or []
    gone, new = [each for each in old if each not in wanted], [each for each in wanted if each not in old]
    for operation, targets in (("elbv2:DeregisterTargets", gone), ("elbv2:RegisterTargets", new)):
        if targets:
            await work.ask(operation, TargetGroupArn=work.id, Targets=targets)


_CHECKED = (
    "HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort HealthCheckProtocol HealthCheckTimeoutSeconds "
    "HealthyThresholdCount Matcher UnhealthyThresholdCount"
)

TargetGroup = ResourceType(
    name=Name("Name", 32, tells=False),
    create=Call("elbv2:CreateTargetGroup", f"{_CHECKED} IpAddressType Name Port Protocol ProtocolVersion Tags TargetType VpcId"),
    id=use(lambda found: found[0]["TargetGroupArn"], made.TargetGroups),
    read=_First("elbv2:DescribeTargetGroups", "TargetGroups", TargetGroupArns=[ID]),
    settings=(
        Setting(Call("elbv2:ModifyTargetGroupAttributes", TargetGroupArn=ID, Attributes=p.TargetGroupAttributes).when(p.TargetGroupAttributes)),
        Setting(_register, _register),
    ),
    update=(Call("elbv2:ModifyTargetGroup", _CHECKED, TargetGroupArn=ID), *_TAGS),
    delete=Call("elbv2:DeleteTargetGroup", TargetGroupArn=ID),
    absent="TargetGroupNotFound TargetGroupNotFoundException",
    attributes={
        "LoadBalancerArns": seen.LoadBalancerArns, "TargetGroupArn": ID, "TargetGroupFullName": use(lambda arn: arn.rpartition(":")[2], ID),
        "TargetGroupName": seen.TargetGroupName,
    },
    drift=(
        Reading(same(f"{_CHECKED} Port Protocol TargetType VpcId", seen)),
        _HELD_TAGS,
    ),
)  # fmt: skip


@carries("Certificates")
async def _exchange(work: Work) -> None:
    old, new = work.old.get("Certificates") or [], work.properties.get("Certificates") or []
    listener = work.properties["ListenerArn"]
    if gone := [each for each in old if each not in new]:
        await work.ask("elbv2:RemoveListenerCertificates", ListenerArn=listener, Certificates=gone)
    if more := [each for each in new if each not in old]:
        await work.ask("elbv2:AddListenerCertificates", ListenerArn=listener, Certificates=more)


ListenerCertificate = ResourceType(
    create=Call("elbv2:AddListenerCertificates", "Certificates ListenerArn"),
    id=p.ListenerArn,
    read=Call("elbv2:DescribeListenerCertificates", ListenerArn=ID),
    update=(_exchange,),
    delete=Call("elbv2:RemoveListenerCertificates", ListenerArn=ID, Certificates=p.Certificates),
    absent="ListenerNotFound ListenerNotFoundException",
    attributes={"Id": ID},
)
