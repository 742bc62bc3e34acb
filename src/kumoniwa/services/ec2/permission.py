"""Rules of security groups as requests say them, and as they are shown: one protocol with its ports and one peer each.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html. Texts are those that users of EC2 quote.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import tag
from kumoniwa.services.ec2.cidr import canonical, canonical_6
from kumoniwa.services.ec2.errors import InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import check, existing, missing
from kumoniwa.services.ec2.network import PREFIX_LIST, SECURITY_GROUP, Peering, PrefixList, SecurityGroup, SecurityRule, Vpc, net
from kumoniwa.services.ec2.prefix_names import managed

_BY_NUMBER = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_NAMES = frozenset((*_BY_NUMBER.values(), "-1"))


def protocol_of(said: str) -> str:
    """``tcp``, ``udp``, ``icmp``, ``icmpv6``, ``-1`` for all, or the number of another one."""
    found = _BY_NUMBER.get(said, said.lower())
    if found in _NAMES or (found.isascii() and found.isdigit() and int(found) <= 255):
        return found
    raise InvalidParameterValue(f"Invalid value '{said}' for IP protocol. Unknown protocol.")


def ports_of(protocol: str, first: int | None, last: int | None) -> tuple[int, int]:
    """The range of ports, or type and code of ICMP; (-1, -1) for all."""
    if protocol in ("icmp", "icmpv6"):
        return (-1 if first is None else first, -1 if last is None else last)
    if protocol not in ("tcp", "udp"):
        return -1, -1
    if first is None or last is None:
        raise InvalidParameterValue("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
    if not 0 <= first <= last <= 65_535:
        raise InvalidParameterValue(f"Invalid {protocol.upper()} port range ({first}:{last})")
    return first, last


def block(said: str) -> str:
    """An IPv4 or IPv6 block."""
    try:
        return canonical_6(said, "cidrIpv6") if ":" in said else canonical(said, "cidrIp")
    except InvalidParameterValue:
        raise InvalidParameterValue(f"CIDR block {said} is malformed") from None


def flattened(permissions: list[dict[str, Any]] | None, single: dict[str, Any]) -> list[dict[str, Any]]:
    """The permissions of a request, in either of the forms that it can have."""
    if permissions:
        return permissions
    if single.get("IpProtocol") is None:
        raise MissingParameter("The request must contain the parameter ipPermissions or securityGroupRuleIds")
    one: dict[str, Any] = {name: single[name] for name in ("IpProtocol", "FromPort", "ToPort") if single.get(name) is not None}
    if single.get("CidrIp"):
        one["IpRanges"] = [{"CidrIp": single["CidrIp"]}]
    if single.get("SourceSecurityGroupName"):
        one["UserIdGroupPairs"] = [{"GroupName": single["SourceSecurityGroupName"], "UserId": single.get("SourceSecurityGroupOwnerId")}]
    return [one]


def rules(call: Call, group: SecurityGroup, is_egress: bool, permissions: list[dict[str, Any]]) -> list[SecurityRule]:
    """Each single rule of some permissions, without an id. Raises what AWS answers to what cannot be one."""
    found = [
        SecurityRule(id="", group=group.id, is_egress=is_egress, protocol=protocol, from_port=first, to_port=last, **peer)
        for each in permissions
        for protocol in [protocol_of(each.get("IpProtocol") or "-1")]
        for first, last in [ports_of(protocol, each.get("FromPort"), each.get("ToPort"))]
        for peer in _peers(call, group, each)
    ]
    if len({each.key for each in found}) < len(found):
        raise InvalidParameterValue("The same permission must not appear multiple times")
    return found


def _peers(call: Call, group: SecurityGroup, permission: dict[str, Any]) -> Iterator[dict[str, Any]]:
    is_empty = True
    for member, name in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"), ("PrefixListIds", "PrefixListId"), ("UserIdGroupPairs", "")):
        for each in permission.get(member) or ():
            is_empty = False
            text = each.get("Description") or ""
            if len(text) > 255:
                raise InvalidParameterValue(f"Invalid rule description '{text}'. Rule descriptions cannot be longer than 255 characters.")
            said = referenced(call, group, each) if not name else {"peer": listed(call, each.get(name) or "") if name == "PrefixListId" else block(each.get(name) or "")}
            yield {**said, "description": text}
    if is_empty:
        # The words are ours.
        raise MissingParameter("A permission must contain one of ipRanges, ipv6Ranges, prefixListIds and groups")


def listed(call: Call, id_: str) -> str:
    """The id of a prefix list that is there."""
    if id_ not in managed(call.region):
        existing(call, PREFIX_LIST, id_)
    return id_


def referenced(call: Call, group: SecurityGroup, said: dict[str, Any]) -> dict[str, Any]:
    """A security group as a peer: of the same VPC, or of one that is its peer."""
    id_, owner = said.get("GroupId") or "", said.get("UserId") or call.account
    if not id_ and said.get("GroupName"):
        held = by_name(call, said["GroupName"], group.vpc)
        id_, owner = held.id, call.account
    there = _peered(call, group.vpc, id_, owner)
    if there is None:
        check(SECURITY_GROUP, id_)
        raise missing(SECURITY_GROUP, id_)
    vpc, connection = there
    if vpc != group.vpc and not connection:
        raise Refused("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
    return {"peer": id_, "owner": owner, "connection": connection}


def _peered(call: Call, vpc: str, id_: str, owner: str) -> tuple[str, str] | None:
    """The VPC of a group and the connection to it; None if there is no such group."""
    if owner == call.account:
        held = call.shelf(SecurityGroup).get(id_)
        if held is None or held.vpc == vpc:
            return None if held is None else (vpc, "")
        groups_vpc = held.vpc
    else:
        there = owner.isascii() and owner.isdigit() and len(owner) == 12 and owner in call.home.store.accounts()
        held = call.home.store.shelf(owner, SecurityGroup).get(id_) if there else None
        if held is None:
            return None
        groups_vpc = held.vpc
    for each in call.shelf(Peering).values():
        side = each.side(call.account, vpc)
        if each.state == "active" and (side.account, side.vpc) == (owner, groups_vpc):
            return groups_vpc, each.id
    return groups_vpc, ""


def by_name(call: Call, name: str, vpc: str = "") -> SecurityGroup:
    """A group of a VPC, or else of the default one, by its name."""
    vpc = vpc or next((each.id for each in call.shelf(Vpc).values() if each.is_default), "")
    if not vpc:
        raise Refused("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
    for each in call.shelf(SecurityGroup).values():
        if each.vpc == vpc and each.name == name:
            return each
    raise Refused("InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC '{vpc}'")


# As they are shown ---------------------------------------------------------------------------------


def told(rule: SecurityRule) -> str:
    """As AWS quotes a rule: ``peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW``."""
    if rule.protocol == "-1":
        return f"peer: {rule.peer}, ALL, ALLOW"
    if rule.protocol in ("tcp", "udp"):
        return f"peer: {rule.peer}, {rule.protocol.upper()}, from port: {rule.from_port}, to port: {rule.to_port}, ALLOW"
    if rule.protocol in ("icmp", "icmpv6"):
        return f"peer: {rule.peer}, {rule.protocol.upper()}, type: {rule.from_port}, code: {rule.to_port}, ALLOW"
    return f"peer: {rule.peer}, {rule.protocol}, ALLOW"


def is_version_6(cidr: str) -> bool:
    return isinstance(net(cidr), ipaddress.IPv6Network)


def show_rule(call: Call, rule: SecurityRule) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SecurityGroupRuleId": rule.id, "GroupId": rule.group, "GroupOwnerId": call.account, "IsEgress": rule.is_egress, "IpProtocol": rule.protocol,
        "FromPort": rule.from_port, "ToPort": rule.to_port, "Tags": tag.shown(rule.tags),
        "SecurityGroupRuleArn": call.arn(f"security-group-rule/{rule.id}", "ec2"),
    }  # fmt: skip
    if rule.peer.startswith("sg-"):
        said = {"GroupId": rule.peer, "UserId": rule.owner}
        shown["ReferencedGroupInfo"] = said | ({"VpcPeeringConnectionId": rule.connection, "PeeringStatus": "active"} if rule.connection else {})
    elif rule.peer.startswith("pl-"):
        shown["PrefixListId"] = rule.peer
    else:
        shown["CidrIpv6" if is_version_6(rule.peer) else "CidrIpv4"] = rule.peer
    return shown | ({"Description": rule.description} if rule.description else {})


def show_permissions(held: list[SecurityRule]) -> list[dict[str, Any]]:
    """Rules of one direction, together where protocol and ports are the same."""
    found: dict[tuple, dict[str, Any]] = {}
    for rule in held:
        key = (rule.protocol, rule.from_port, rule.to_port)
        if key not in found:
            ports = {"FromPort": rule.from_port, "ToPort": rule.to_port} if rule.protocol in ("tcp", "udp", "icmp", "icmpv6") else {}
            found[key] = {"IpProtocol": rule.protocol, **ports, "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
        text = {"Description": rule.description} if rule.description else {}
        if rule.peer.startswith("sg-"):
            connection = {"VpcPeeringConnectionId": rule.connection, "PeeringStatus": "active"} if rule.connection else {}
            found[key]["UserIdGroupPairs"].append({"GroupId": rule.peer, "UserId": rule.owner, **connection, **text})
        elif rule.peer.startswith("pl-"):
            found[key]["PrefixListIds"].append({"PrefixListId": rule.peer, **text})
        elif is_version_6(rule.peer):
            found[key]["Ipv6Ranges"].append({"CidrIpv6": rule.peer, **text})
        else:
            found[key]["IpRanges"].append({"CidrIp": rule.peer, **text})
    return list(found.values())


def weight(call: Call, rule: SecurityRule) -> int:
    """What a rule counts against the quota: with a prefix list as many as that may have entries.
    https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html has the weights of AWS's own; here they count as one."""
    found = call.shelf(PrefixList).get(rule.peer)
    return found.most if found is not None else 1
