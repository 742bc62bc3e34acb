"""AWS::EC2: security groups with their rules, network interfaces, VPC endpoints, peering connections and prefix lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    as_json,
    at,
    carries,
    from_json,
    made,
    p,
    same,
    seen,
    use,
)
from kumoniwa.deploy.resources.ec2_network import First, Patient, tagged, tags
from kumoniwa.kernel.errors import NotImplementedHere

_TOLD_TAGS = Reading({"Tags": seen.Tags})

# Security groups -----------------------------------------------------------------------------------

_PEERS = {
    "CidrIp": ("IpRanges", "CidrIp"), "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"), "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"), "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"), "SourceSecurityGroupName": ("UserIdGroupPairs", "GroupName"),
}  # fmt: skip
_EVERYTHING_OUT = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
"""What a new group lets out, until a template says what it shall."""


def permission(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a template says it, as EC2 takes it."""
    found: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    found |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    for name, (member, spelled) in _PEERS.items():
        if name in rule:
            peer = {spelled: rule[name]}
            if "SourceSecurityGroupOwnerId" in rule and member == "UserIdGroupPairs":
                peer["UserId"] = rule["SourceSecurityGroupOwnerId"]
            found[member] = [peer | ({"Description": rule["Description"]} if rule.get("Description") else {})]
    return found


def _without_words(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "Description"}


async def _change(work: Work, way: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    """Have a group's rules be the new ones instead of the old ones; only words change in place."""
    gone = [each for each in old if _without_words(each) not in map(_without_words, new)]
    come = [each for each in new if _without_words(each) not in map(_without_words, old)]
    described = [each for each in new if each not in old and each not in come]
    for operation, rules in (
        (f"ec2:RevokeSecurityGroup{way}", gone), (f"ec2:AuthorizeSecurityGroup{way}", come),
        (f"ec2:UpdateSecurityGroupRuleDescriptions{way}", described),
    ):  # fmt: skip
        if rules:
            await work.ask(operation, GroupId=work.id, IpPermissions=[permission(each) for each in rules])


@carries("SecurityGroupIngress")
async def _ingress(work: Work) -> None:
    await _change(work, "Ingress", work.old.get("SecurityGroupIngress") or [], work.properties.get("SecurityGroupIngress") or [])


@carries("SecurityGroupEgress")
async def _egress(work: Work) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html#cfn-ec2-securitygroup-securitygroupegress"""
    old, new = (said.get("SecurityGroupEgress") or [_EVERYTHING_OUT] for said in (work.old, work.properties))
    await _change(work, "Egress", old, new)


SecurityGroup = ResourceType(
    name=Name("GroupName", 255, tells=False),
    create=Call("ec2:CreateSecurityGroup", "GroupName VpcId", Description=p.GroupDescription, TagSpecifications=tagged("security-group")),
    id=made.GroupId,
    read=First("ec2:DescribeSecurityGroups", "SecurityGroups", GroupIds=[ID]),
    settings=(Setting(_ingress, _ingress), Setting(_egress, _egress)),
    update=tags(),
    delete=Patient("ec2:DeleteSecurityGroup", GroupId=ID),
    absent="InvalidGroup.NotFound",
    attributes={"GroupId": ID, "Id": ID, "VpcId": seen.VpcId},
    drift=(Reading({"GroupDescription": seen.Description, "GroupName": seen.GroupName, "VpcId": seen.VpcId}), _TOLD_TAGS),
)

_rule_id = use(lambda rules: rules[0]["SecurityGroupRuleId"] if rules else OMIT, made.SecurityGroupRules)
_SAID = "CidrIp CidrIpv6 Description FromPort IpProtocol ToPort"


def _one(peers: str) -> Any:
    names = (*_SAID.split(), *peers.split())
    return use(lambda _, *said: [permission({name: value for name, value in zip(names, said) if value is not None})], p.IpProtocol, *(getattr(p, n) for n in names))


def _described(way: str) -> Call:
    said = [{"SecurityGroupRuleId": ID, "Description": p.Description}]
    return Call(f"ec2:UpdateSecurityGroupRuleDescriptions{way}", GroupId=at(p.GroupId), SecurityGroupRuleDescriptions=said)


SecurityGroupIngress = ResourceType(
    create=Call(
        "ec2:AuthorizeSecurityGroupIngress", "GroupId GroupName",
        IpPermissions=_one("SourcePrefixListId SourceSecurityGroupId SourceSecurityGroupName SourceSecurityGroupOwnerId"),
    ),
    id=_rule_id,
    read=First("ec2:DescribeSecurityGroupRules", "SecurityGroupRules", SecurityGroupRuleIds=[ID]),
    update=(_described("Ingress"),),
    delete=Call("ec2:RevokeSecurityGroupIngress", GroupId=at(p.GroupId), GroupName=at(p.GroupName), SecurityGroupRuleIds=[ID]),
    absent="InvalidSecurityGroupRuleId.NotFound InvalidGroup.NotFound",
    defaults={"Description": ""},
    attributes={"Id": ID},
)  # fmt: skip

SecurityGroupEgress = ResourceType(
    create=Call("ec2:AuthorizeSecurityGroupEgress", "GroupId", IpPermissions=_one("DestinationPrefixListId DestinationSecurityGroupId")),
    id=_rule_id,
    read=First("ec2:DescribeSecurityGroupRules", "SecurityGroupRules", SecurityGroupRuleIds=[ID]),
    update=(_described("Egress"),),
    delete=Call("ec2:RevokeSecurityGroupEgress", GroupId=at(p.GroupId), SecurityGroupRuleIds=[ID]),
    absent="InvalidSecurityGroupRuleId.NotFound InvalidGroup.NotFound",
    defaults={"Description": ""},
    attributes={"Id": ID},
)

# Network interfaces --------------------------------------------------------------------------------

_ATTRIBUTE = "ec2:ModifyNetworkInterfaceAttribute"

NetworkInterface = ResourceType(
    create=Call(
        "ec2:CreateNetworkInterface", "Description InterfaceType PrivateIpAddress PrivateIpAddresses SecondaryPrivateIpAddressCount SubnetId",
        Groups=p.GroupSet, TagSpecifications=tagged("network-interface"),
    ),
    id=made.NetworkInterface.NetworkInterfaceId,
    read=First("ec2:DescribeNetworkInterfaces", "NetworkInterfaces", NetworkInterfaceIds=[ID]),
    settings=(
        Setting(
            Call(_ATTRIBUTE, NetworkInterfaceId=ID, SourceDestCheck={"Value": p.SourceDestCheck}),
            Call(_ATTRIBUTE, NetworkInterfaceId=ID, SourceDestCheck={"Value": True}),
        ),
    ),
    update=(
        Call(_ATTRIBUTE, NetworkInterfaceId=ID, Description={"Value": p.Description}),
        Call(_ATTRIBUTE, NetworkInterfaceId=ID, Groups=p.GroupSet),
        *tags(),
    ),
    delete=Call("ec2:DeleteNetworkInterface", NetworkInterfaceId=ID),
    absent="InvalidNetworkInterfaceID.NotFound",
    fixed="PrivateIpAddresses SecondaryPrivateIpAddressCount",
    defaults={"Description": ""},
    attributes={
        "Id": ID, "VpcId": seen.VpcId, "PrimaryPrivateIpAddress": seen.PrivateIpAddress,
        "SecondaryPrivateIpAddresses": use(lambda found: [each["PrivateIpAddress"] for each in found if not each["Primary"]], seen.PrivateIpAddresses),
    },
    drift=(Reading(same("Description SourceDestCheck SubnetId", seen)), Reading({"Tags": seen.TagSet})),
)  # fmt: skip

# Endpoints -----------------------------------------------------------------------------------------

_LISTS = {"RouteTableIds": "RouteTableIds", "SubnetIds": "SubnetIds", "SecurityGroupIds": "SecurityGroupIds"}
_IN_PLACE = "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds SubnetIds"


@carries(_IN_PLACE)
async def _other_ends(work: Work) -> None:
    said: dict[str, Any] = {}
    for name in _LISTS:
        old, new = (each.get(name) or [] for each in (work.old, work.properties))
        said |= {f"Add{name}": [each for each in new if each not in old], f"Remove{name}": [each for each in old if each not in new]}
    if "PrivateDnsEnabled" in work.changed:
        said["PrivateDnsEnabled"] = work.properties.get("PrivateDnsEnabled", False)
    if "PolicyDocument" in work.changed:
        policy = as_json(p.PolicyDocument)._read(work)
        said |= {"ResetPolicy": True} if policy is OMIT else {"PolicyDocument": policy}
    await work.ask("ec2:ModifyVpcEndpoint", VpcEndpointId=work.id, **{name: value for name, value in said.items() if value != []})


_other_ends.handles_absence = True  # type: ignore[attr-defined]


def _moment(value: Any) -> str:
    return value if isinstance(value, str) else datetime.fromtimestamp(float(value)).isoformat()


VPCEndpoint = ResourceType(
    create=Call(
        "ec2:CreateVpcEndpoint", "PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds VpcEndpointType VpcId",
        PolicyDocument=as_json(p.PolicyDocument), TagSpecifications=tagged("vpc-endpoint"),
    ),
    id=made.VpcEndpoint.VpcEndpointId,
    read=First("ec2:DescribeVpcEndpoints", "VpcEndpoints", VpcEndpointIds=[ID]),
    ready={"State": "available"},
    update=(_other_ends, *tags()),
    delete=Call("ec2:DeleteVpcEndpoints", VpcEndpointIds=[ID]),
    absent="InvalidVpcEndpointId.NotFound",
    attributes={
        "Id": ID, "NetworkInterfaceIds": seen.NetworkInterfaceIds, "CreationTimestamp": use(_moment, seen.CreationTimestamp),
        "DnsEntries": use(lambda found: [f"{each['HostedZoneId']}:{each['DnsName']}" for each in found], seen.DnsEntries),
    },
    drift=(Reading(same("ServiceName VpcEndpointType VpcId", seen) | {"PolicyDocument": from_json(seen.PolicyDocument)}), _TOLD_TAGS),
)  # fmt: skip

# Peering and prefix lists --------------------------------------------------------------------------


@carries("PeerOwnerId PeerRegion PeerVpcId Tags VpcId")
async def _peer(work: Work) -> dict[str, Any]:
    """With a VPC of the same account it is accepted at once."""
    said = {name: work.properties[name] for name in ("PeerOwnerId", "PeerRegion", "PeerVpcId", "VpcId") if name in work.properties}
    own = str(work.pseudo.get("AWS::AccountId"))
    if said.get("PeerOwnerId", own) != own:
        raise NotImplementedHere("VPC peering with another account by a template")
    specifications = tagged("vpc-peering-connection")._read(work)
    answer = await work.ask("ec2:CreateVpcPeeringConnection", **said, **({} if specifications is OMIT else {"TagSpecifications": specifications}))
    await work.ask("ec2:AcceptVpcPeeringConnection", VpcPeeringConnectionId=answer["VpcPeeringConnection"]["VpcPeeringConnectionId"])
    return answer


VPCPeeringConnection = ResourceType(
    create=_peer,
    id=made.VpcPeeringConnection.VpcPeeringConnectionId,
    update=tags(),
    delete=Call("ec2:DeleteVpcPeeringConnection", VpcPeeringConnectionId=ID),
    absent="InvalidVpcPeeringConnectionID.NotFound InvalidStateTransition",
    attributes={"Id": ID},
)


@carries("Entries")
async def _other_entries(work: Work) -> None:
    old, new = ({each["Cidr"]: each for each in said.get("Entries") or []} for said in (work.old, work.properties))
    change = {
        "AddEntries": [each for cidr, each in new.items() if old.get(cidr) != each],
        "RemoveEntries": [{"Cidr": cidr} for cidr in old if cidr not in new],
    }
    change = {name: found for name, found in change.items() if found}
    if change:
        await work.ask("ec2:ModifyManagedPrefixList", PrefixListId=work.id, CurrentVersion=work.seen["Version"], **change)


_other_entries.handles_absence = True  # type: ignore[attr-defined]

PrefixList = ResourceType(
    create=Call("ec2:CreateManagedPrefixList", "AddressFamily Entries MaxEntries PrefixListName", TagSpecifications=tagged("prefix-list")),
    id=made.PrefixList.PrefixListId,
    read=First("ec2:DescribeManagedPrefixLists", "PrefixLists", PrefixListIds=[ID]),
    update=(
        Call("ec2:ModifyManagedPrefixList", "MaxEntries", PrefixListId=ID),
        Call("ec2:ModifyManagedPrefixList", "PrefixListName", PrefixListId=ID),
        _other_entries,
        *tags(),
    ),
    delete=Call("ec2:DeleteManagedPrefixList", PrefixListId=ID),
    absent="InvalidPrefixListID.NotFound",
    fixed="AddressFamily",
    attributes={"PrefixListId": ID, "Arn": seen.PrefixListArn, "OwnerId": seen.OwnerId, "Version": seen.Version},
    drift=(Reading(same("AddressFamily MaxEntries PrefixListName", seen)), _TOLD_TAGS),
)
