"""Network ACLs: numbered entries in either direction, of which the first that fits decides."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters, tag
from kumoniwa.services.ec2.cidr import canonical, canonical_6
from kumoniwa.services.ec2.default_network import ANYWHERE
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import DependencyViolation, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import LAST_RULE, NETWORK_ACL, VPC, AclEntry, Association, NetworkAcl

ENTRIES_MAX = 20
"""In each direction: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-nacls"""
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1"}


def _entry(each: AclEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "CidrBlock" if ":" not in each.cidr else "Ipv6CidrBlock": each.cidr, "Egress": each.is_egress, "Protocol": each.protocol,
        "RuleAction": "allow" if each.allows else "deny", "RuleNumber": each.number,
    }  # fmt: skip
    if each.from_port >= 0:
        shown["PortRange"] = {"From": each.from_port, "To": each.to_port}
    if each.icmp is not None:
        shown["IcmpTypeCode"] = {"Type": each.icmp[0], "Code": each.icmp[1]}
    return shown


def show(call: Call, acl: NetworkAcl) -> dict[str, Any]:
    entries = sorted(acl.entries, key=lambda each: (not each.is_egress, each.number))
    associations = [{"NetworkAclAssociationId": each.id, "NetworkAclId": acl.id, "SubnetId": each.subnet} for each in acl.associations]
    return {
        "NetworkAclId": acl.id, "VpcId": acl.vpc, "OwnerId": call.account, "IsDefault": acl.is_default, "Entries": [_entry(each) for each in entries],
        "Associations": associations, "Tags": tag.shown(acl.tags),
    }  # fmt: skip


@may_be_dry
def CreateNetworkAcl(call: Call, *, VpcId: str, TagSpecifications: list[dict] | None = None, ClientToken: str | None = None) -> dict:
    """One that lets nothing pass."""
    existing(call, VPC, VpcId)
    id_ = fresh(call, "acl")
    entries = tuple(AclEntry(number=LAST_RULE, is_egress=is_egress, allows=False, protocol="-1", cidr=ANYWHERE) for is_egress in (True, False))
    made = keep(call, NetworkAcl(id=id_, vpc=VpcId, entries=entries, tags=tag.of_new(call, TagSpecifications, NETWORK_ACL, id_)))
    return {"NetworkAcl": show(call, made)} | ({"ClientToken": ClientToken} if ClientToken else {})


@may_be_dry
def DeleteNetworkAcl(call: Call, *, NetworkAclId: str) -> None:
    acl = existing(call, NETWORK_ACL, NetworkAclId)
    if acl.is_default:
        raise InvalidParameterValue(f"cannot delete default network ACL {NetworkAclId}")
    if acl.associations:
        raise DependencyViolation(f"The networkAcl '{NetworkAclId}' has dependencies and cannot be deleted.")
    del call.shelf(NetworkAcl)[NetworkAclId]


_NAMES: filters.Names = {
    "association.association-id": "Associations.NetworkAclAssociationId", "association.network-acl-id": "Associations.NetworkAclId",
    "association.subnet-id": "Associations.SubnetId", "default": "IsDefault", "entry.cidr": "Entries.CidrBlock", "entry.egress": "Entries.Egress",
    "entry.icmp.code": "Entries.IcmpTypeCode.Code", "entry.icmp.type": "Entries.IcmpTypeCode.Type", "entry.ipv6-cidr": "Entries.Ipv6CidrBlock",
    "entry.port-range.from": "Entries.PortRange.From", "entry.port-range.to": "Entries.PortRange.To", "entry.protocol": "Entries.Protocol",
    "entry.rule-action": "Entries.RuleAction", "entry.rule-number": "Entries.RuleNumber", "network-acl-id": "NetworkAclId", "owner-id": "OwnerId",
    "vpc-id": "VpcId",
}  # fmt: skip


@may_be_dry
def DescribeNetworkAcls(call: Call, *, NetworkAclIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"NetworkAcls": described(call, NETWORK_ACL, NetworkAclIds, Filters, _NAMES, show)}


# Entries -------------------------------------------------------------------------------------------


def _made(
    number: int, protocol: str, action: str, is_egress: bool, block: str | None, block_6: str | None, icmp: dict | None, ports: dict | None
) -> AclEntry:
    if not 1 <= number < LAST_RULE:
        raise InvalidParameterValue(f"Value ({number}) for parameter ruleNumber is invalid. Rule numbers are between 1 and {LAST_RULE - 1}.")
    protocol = _NUMBERS.get(protocol.lower(), protocol)
    if protocol != "-1" and not (protocol.isascii() and protocol.isdigit() and int(protocol) <= 255):
        raise InvalidParameterValue(f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")
    if action not in ("allow", "deny"):
        raise InvalidParameterValue(f"Value ({action}) for parameter ruleAction is invalid.")
    if bool(block) == bool(block_6):
        raise MissingParameter("The request must contain exactly one of cidrBlock and ipv6CidrBlock")
    cidr = canonical(block, "cidrBlock") if block else canonical_6(block_6 or "", "ipv6CidrBlock")
    first = last = -1
    if protocol in ("6", "17"):
        if ports is None or "From" not in ports or "To" not in ports:
            raise MissingParameter("The request must contain the parameter portRange")
        first, last = ports["From"], ports["To"]
        if not 0 <= first <= last <= 65_535:
            raise InvalidParameterValue(f"Invalid {'TCP' if protocol == '6' else 'UDP'} port range ({first}:{last})")
    kind = (icmp.get("Type", -1), icmp.get("Code", -1)) if icmp and protocol in ("1", "58") else None
    if protocol in ("1", "58") and kind is None:
        raise MissingParameter("The request must contain the parameter icmpTypeCode")
    return AclEntry(
        number=number, is_egress=is_egress, allows=action == "allow", protocol=protocol, cidr=cidr, from_port=first, to_port=last, icmp=kind
    )


def _held(acl: NetworkAcl, number: int, is_egress: bool) -> AclEntry | None:
    return next((each for each in acl.entries if (each.number, each.is_egress) == (number, is_egress)), None)


def _missing(number: int) -> Refused:
    return Refused("InvalidNetworkAclEntry.NotFound", f"The network acl entry identified by {number} does not exist.")


@may_be_dry
def CreateNetworkAclEntry(
    call: Call, *, NetworkAclId: str, RuleNumber: int, Protocol: str, RuleAction: str, Egress: bool, CidrBlock: str | None = None,
    Ipv6CidrBlock: str | None = None, IcmpTypeCode: dict | None = None, PortRange: dict | None = None,
) -> None:  # fmt: skip
    acl = existing(call, NETWORK_ACL, NetworkAclId)
    made = _made(RuleNumber, Protocol, RuleAction, Egress, CidrBlock, Ipv6CidrBlock, IcmpTypeCode, PortRange)
    if _held(acl, RuleNumber, Egress) is not None:
        raise Refused("NetworkAclEntryAlreadyExists", f"The network acl entry identified by {RuleNumber} already exists.")
    if sum(each.is_egress == Egress and each.number != LAST_RULE for each in acl.entries) >= ENTRIES_MAX:
        raise Refused("NetworkAclEntryLimitExceeded", "The maximum number of network ACL entries has been reached.")
    keep(call, acl, entries=(*acl.entries, made))


@may_be_dry
def ReplaceNetworkAclEntry(
    call: Call, *, NetworkAclId: str, RuleNumber: int, Protocol: str, RuleAction: str, Egress: bool, CidrBlock: str | None = None,
    Ipv6CidrBlock: str | None = None, IcmpTypeCode: dict | None = None, PortRange: dict | None = None,
) -> None:  # fmt: skip
    acl = existing(call, NETWORK_ACL, NetworkAclId)
    made = _made(RuleNumber, Protocol, RuleAction, Egress, CidrBlock, Ipv6CidrBlock, IcmpTypeCode, PortRange)
    held = _held(acl, RuleNumber, Egress)
    if held is None:
        raise _missing(RuleNumber)
    keep(call, acl, entries=tuple(made if each is held else each for each in acl.entries))


@may_be_dry
def DeleteNetworkAclEntry(call: Call, *, NetworkAclId: str, RuleNumber: int, Egress: bool) -> None:
    acl = existing(call, NETWORK_ACL, NetworkAclId)
    held = _held(acl, RuleNumber, Egress) if RuleNumber < LAST_RULE else None
    if held is None:
        raise _missing(RuleNumber)
    keep(call, acl, entries=tuple(each for each in acl.entries if each is not held))


@may_be_dry
def ReplaceNetworkAclAssociation(call: Call, *, AssociationId: str, NetworkAclId: str) -> dict:
    """A subnet goes by another ACL. The association has a new id afterwards."""
    wanted = existing(call, NETWORK_ACL, NetworkAclId)
    for acl in call.shelf(NetworkAcl).values():
        for each in acl.associations:
            if each.id != AssociationId:
                continue
            if acl.vpc != wanted.vpc:
                raise InvalidParameterValue(f"networkAcl {NetworkAclId} and subnet {each.subnet} belong to different networks")
            made = Association(id=fresh(call, "aclassoc"), subnet=each.subnet)
            keep(call, acl, associations=tuple(one for one in acl.associations if one is not each))
            keep(call, wanted, associations=(*call.shelf(NetworkAcl)[NetworkAclId].associations, made))
            return {"NewAssociationId": made.id}
    raise Refused("InvalidAssociationID.NotFound", f"The association ID '{AssociationId}' does not exist")
