"""Rules of security groups, one by one."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import SECURITY_GROUP, SECURITY_RULE, SecurityGroup, SecurityRule, Vpc, rules_of
from kumoniwa.services.ec2.permission import (
    block,
    flattened,
    listed,
    ports_of,
    protocol_of,
    referenced,
    rules,
    show_permissions,
    show_rule,
    told,
    weight,
)
from kumoniwa.services.ec2.security_group import named

RULES_MAX = 60
"""In each direction: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups"""


def _authorize(
    call: Call, group: SecurityGroup, is_egress: bool, permissions: list[dict], specifications: list[dict] | None
) -> dict[str, Any]:
    held = {each.key: each for each in rules_of(call, group.id)}
    tags = tag.of_each(call, specifications, {"security-group-rule": "security-group-rule/*"}).get("security-group-rule", {})
    made = [changed(each, id=fresh(call, "sgr"), tags=tags) for each in rules(call, group, is_egress, permissions)]
    for each in made:
        if each.key in held:
            raise Refused("InvalidPermission.Duplicate", f'the specified rule "{told(each)}" already exists')
    counted = sum(weight(call, each) for each in (*held.values(), *made) if each.is_egress == is_egress)
    if counted > RULES_MAX:
        raise Refused("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
    for each in made:
        keep(call, each)
    return {"Return": True, "SecurityGroupRules": [show_rule(call, each) for each in made]}


@may_be_dry
def AuthorizeSecurityGroupIngress(
    call: Call, *, GroupId: str | None = None, GroupName: str | None = None, IpPermissions: list[dict] | None = None, IpProtocol: str | None = None,
    FromPort: int | None = None, ToPort: int | None = None, CidrIp: str | None = None, SourceSecurityGroupName: str | None = None,
    SourceSecurityGroupOwnerId: str | None = None, TagSpecifications: list[dict] | None = None,
) -> dict:  # fmt: skip
    group = named(call, GroupId, GroupName)
    single = {
        "IpProtocol": IpProtocol or ("-1" if SourceSecurityGroupName else None), "FromPort": FromPort, "ToPort": ToPort, "CidrIp": CidrIp,
        "SourceSecurityGroupName": SourceSecurityGroupName, "SourceSecurityGroupOwnerId": SourceSecurityGroupOwnerId,
    }  # fmt: skip
    return _authorize(call, group, False, flattened(IpPermissions, single), TagSpecifications)


@may_be_dry
def AuthorizeSecurityGroupEgress(
    call: Call, *, GroupId: str, IpPermissions: list[dict] | None = None, IpProtocol: str | None = None, FromPort: int | None = None,
    ToPort: int | None = None, CidrIp: str | None = None, TagSpecifications: list[dict] | None = None,
) -> dict:  # fmt: skip
    group = existing(call, SECURITY_GROUP, GroupId)
    single = {"IpProtocol": IpProtocol, "FromPort": FromPort, "ToPort": ToPort, "CidrIp": CidrIp}
    return _authorize(call, group, True, flattened(IpPermissions, single), TagSpecifications)


def _revoke(call: Call, group: SecurityGroup, is_egress: bool, ids: list[str] | None, permissions: list[dict]) -> dict[str, Any]:
    """Rules that are not there are told in a default VPC, and refused in any other, as the reference of the operation says."""
    held = {each.key: each for each in rules_of(call, group.id)}
    unknown: list[SecurityRule] = []
    if ids:
        gone = [_of_group(call, group, id_, is_egress) for id_ in dict.fromkeys(ids)]
    else:
        asked = rules(call, group, is_egress, permissions)
        gone = [held[each.key] for each in asked if each.key in held]
        unknown = [each for each in asked if each.key not in held]
    if unknown and not call.shelf(Vpc)[group.vpc].is_default:
        raise Refused("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    for each in gone:
        del call.shelf(SecurityRule)[each.id]
    revoked = []
    for each in gone:
        shown = show_rule(call, each)
        if "ReferencedGroupInfo" in shown:
            shown["ReferencedGroupId"] = shown.pop("ReferencedGroupInfo")["GroupId"]
        revoked.append({name: value for name, value in shown.items() if name not in ("GroupOwnerId", "Tags", "SecurityGroupRuleArn")})
    return {"Return": True, "RevokedSecurityGroupRules": revoked} | ({"UnknownIpPermissions": show_permissions(unknown)} if unknown else {})


def _of_group(call: Call, group: SecurityGroup, id_: str, is_egress: bool | None = None) -> SecurityRule:
    found = existing(call, SECURITY_RULE, id_)
    if found.group != group.id or found.is_egress != (found.is_egress if is_egress is None else is_egress):
        raise Refused("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{id_}' does not exist")
    return found


@may_be_dry
def RevokeSecurityGroupIngress(
    call: Call, *, GroupId: str | None = None, GroupName: str | None = None, IpPermissions: list[dict] | None = None,
    SecurityGroupRuleIds: list[str] | None = None, IpProtocol: str | None = None, FromPort: int | None = None, ToPort: int | None = None,
    CidrIp: str | None = None, SourceSecurityGroupName: str | None = None, SourceSecurityGroupOwnerId: str | None = None,
) -> dict:  # fmt: skip
    group = named(call, GroupId, GroupName)
    single = {
        "IpProtocol": IpProtocol or ("-1" if SourceSecurityGroupName else None), "FromPort": FromPort, "ToPort": ToPort, "CidrIp": CidrIp,
        "SourceSecurityGroupName": SourceSecurityGroupName, "SourceSecurityGroupOwnerId": SourceSecurityGroupOwnerId,
    }  # fmt: skip
    return _revoke(call, group, False, SecurityGroupRuleIds, [] if SecurityGroupRuleIds else flattened(IpPermissions, single))


@may_be_dry
def RevokeSecurityGroupEgress(
    call: Call, *, GroupId: str, IpPermissions: list[dict] | None = None, SecurityGroupRuleIds: list[str] | None = None,
    IpProtocol: str | None = None, FromPort: int | None = None, ToPort: int | None = None, CidrIp: str | None = None,
) -> dict:  # fmt: skip
    group = existing(call, SECURITY_GROUP, GroupId)
    single = {"IpProtocol": IpProtocol, "FromPort": FromPort, "ToPort": ToPort, "CidrIp": CidrIp}
    return _revoke(call, group, True, SecurityGroupRuleIds, [] if SecurityGroupRuleIds else flattened(IpPermissions, single))


# Described and changed -----------------------------------------------------------------------------

_NAMES: filters.Names = {"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"}


@may_be_dry
def DescribeSecurityGroupRules(call: Call, *, SecurityGroupRuleIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    for value in (value for each in Filters or () if each.get("Name") == "group-id" for value in each.get("Values") or ()):
        if not value.startswith("sg-"):
            # Seen of AWS by moto's test_invalid_security_group_id_in_rules_search.
            raise Refused("InvalidGroupId.Malformed", f"The security group ID '{value}' is malformed")
    return {"SecurityGroupRules": described(call, SECURITY_RULE, SecurityGroupRuleIds, Filters, _NAMES, show_rule)}


@may_be_dry
def ModifySecurityGroupRules(call: Call, *, GroupId: str, SecurityGroupRules: list[dict]) -> dict:
    """Texts: getmoto/moto, test_modify_security_group_rules, which is verified against AWS."""
    group = existing(call, SECURITY_GROUP, GroupId)
    for each in SecurityGroupRules:
        rule, said = _of_group(call, group, each.get("SecurityGroupRuleId") or ""), each.get("SecurityGroupRule") or {}
        if not said.get("IpProtocol"):
            raise InvalidParameterValue("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
        protocol = protocol_of(said["IpProtocol"])
        if protocol in ("tcp", "udp") and (said.get("FromPort") is None or said.get("ToPort") is None):
            raise InvalidParameterValue("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
        first, last = ports_of(protocol, said.get("FromPort"), said.get("ToPort"))
        peers = [name for name in ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId") if said.get(name)]
        if not peers:
            raise MissingParameter("The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId")
        if len(peers) > 1:
            raise InvalidParameterCombination("Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
        value = said[peers[0]]
        if peers[0] == "ReferencedGroupId":
            peer = referenced(call, group, {"GroupId": value})
        else:
            peer = {"peer": listed(call, value) if peers[0] == "PrefixListId" else block(value), "owner": "", "connection": ""}
        new = changed(rule, protocol=protocol, from_port=first, to_port=last, description=said.get("Description") or "", **peer)
        if any(other.key == new.key and other.id != rule.id for other in rules_of(call, group.id)):
            raise Refused("InvalidPermission.Duplicate", f'the specified rule "{told(new)}" already exists')
        keep(call, new)
    return {"Return": True}


def _describe_anew(call: Call, group: SecurityGroup, is_egress: bool, permissions: list[dict] | None, by_id: list[dict] | None) -> dict[str, Any]:
    if not permissions and not by_id:
        raise MissingParameter("The request must contain the parameter ipPermissions or securityGroupRuleDescriptions")
    held = {each.key: each for each in rules_of(call, group.id)}
    for each in by_id or ():
        keep(call, _of_group(call, group, each.get("SecurityGroupRuleId") or "", is_egress), description=each.get("Description") or "")
    for rule in rules(call, group, is_egress, permissions) if permissions else ():
        if rule.key not in held:
            raise Refused("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        keep(call, held[rule.key], description=rule.description)
    return {"Return": True}


@may_be_dry
def UpdateSecurityGroupRuleDescriptionsIngress(
    call: Call, *, GroupId: str | None = None, GroupName: str | None = None, IpPermissions: list[dict] | None = None,
    SecurityGroupRuleDescriptions: list[dict] | None = None,
) -> dict:  # fmt: skip
    return _describe_anew(call, named(call, GroupId, GroupName), False, IpPermissions, SecurityGroupRuleDescriptions)


@may_be_dry
def UpdateSecurityGroupRuleDescriptionsEgress(
    call: Call, *, GroupId: str | None = None, GroupName: str | None = None, IpPermissions: list[dict] | None = None,
    SecurityGroupRuleDescriptions: list[dict] | None = None,
) -> dict:  # fmt: skip
    return _describe_anew(call, named(call, GroupId, GroupName), True, IpPermissions, SecurityGroupRuleDescriptions)
