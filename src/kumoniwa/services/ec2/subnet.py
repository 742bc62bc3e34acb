"""Subnets."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.zones import Zone, zones
from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import default_network, filters, tag
from kumoniwa.services.ec2.cidr import checked, overlapping
from kumoniwa.services.ec2.dry_run import may_be_dry, without_dry_run
from kumoniwa.services.ec2.errors import DependencyViolation, InvalidParameterCombination, InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import SUBNET, VPC, Interface, NatGateway, NetworkAcl, RouteTable, Subnet, Vpc, net

RESERVED = 5
"""The first four addresses of a subnet and its last: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


def free(call: Call, subnet: Subnet) -> int:
    """How many addresses are left."""
    taken = sum(len(each.ips) for each in call.shelf(Interface).values() if each.subnet == subnet.id)
    return net(subnet.cidr).num_addresses - RESERVED - taken


def show(call: Call, subnet: Subnet) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "SubnetId": subnet.id, "VpcId": subnet.vpc, "CidrBlock": subnet.cidr, "AvailabilityZone": subnet.zone,
        "AvailabilityZoneId": next(each.id for each in zones(call.region) if each.name == subnet.zone),
        "AvailableIpAddressCount": free(call, subnet), "DefaultForAz": subnet.is_default, "MapPublicIpOnLaunch": subnet.is_public,
        "MapCustomerOwnedIpOnLaunch": False, "AssignIpv6AddressOnCreation": False, "EnableDns64": False, "Ipv6Native": False,
        "Ipv6CidrBlockAssociationSet": [], "OwnerId": call.account, "State": "available", "SubnetArn": call.arn(f"subnet/{subnet.id}", "ec2"),
        "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": subnet.hostnames, "EnableResourceNameDnsARecord": subnet.names_a, "EnableResourceNameDnsAAAARecord": False,
        },
    }  # fmt: skip
    return shown | ({"Tags": tag.shown(subnet.tags)} if subnet.tags else {})


def _zone(call: Call, name: str | None, id_: str | None) -> Zone:
    found = zones(call.region)
    if name and id_:
        raise InvalidParameterCombination("Only one of availabilityZone and availabilityZoneId can be specified")
    said, parameter = (name, "availabilityZone") if name else (id_, "availabilityZoneId")
    if not said:
        return found[0]
    held = next((each for each in found if said in (each.name if name else each.id,)), None)
    if held is None:
        names = ", ".join(each.name if name else each.id for each in found)
        raise InvalidParameterValue(
            f"Value ({said}) for parameter {parameter} is invalid. Subnets can currently only be created in the following availability zones: {names}."
        )
    return held


@may_be_dry
def CreateSubnet(
    call: Call, *, VpcId: str, CidrBlock: str | None = None, AvailabilityZone: str | None = None, AvailabilityZoneId: str | None = None,
    TagSpecifications: list[dict] | None = None,
) -> dict:  # fmt: skip
    """Without a zone it is the first one, where AWS chooses one."""
    vpc: Vpc = existing(call, VPC, VpcId)
    if not CidrBlock:
        raise MissingParameter("Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    cidr = checked(CidrBlock, "cidrBlock", "InvalidSubnet.Range")
    if not any(net(cidr).subnet_of(net(each)) for each in vpc.cidrs):  # type: ignore[arg-type]
        raise Refused("InvalidSubnet.Range", f"The CIDR '{CidrBlock}' is invalid.")
    if overlapping(cidr, (each.cidr for each in call.shelf(Subnet).values() if each.vpc == VpcId)):
        raise Refused("InvalidSubnet.Conflict", f"The CIDR '{CidrBlock}' conflicts with another subnet")
    zone, id_ = _zone(call, AvailabilityZone, AvailabilityZoneId), fresh(call, "subnet")
    made = Subnet(id=id_, vpc=VpcId, cidr=cidr, zone=zone.name, tags=tag.of_new(call, TagSpecifications, SUBNET, id_))
    return {"Subnet": show(call, default_network.placed(call, made))}


@may_be_dry
def CreateDefaultSubnet(call: Call, *, AvailabilityZone: str | None = None, AvailabilityZoneId: str | None = None) -> dict:
    vpc = next((each for each in call.shelf(Vpc).values() if each.is_default), None)
    if vpc is None:
        raise Refused("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
    if not AvailabilityZone and not AvailabilityZoneId:
        raise MissingParameter("The request must contain the parameter availabilityZone")
    zone = _zone(call, AvailabilityZone, AvailabilityZoneId)
    for each in call.shelf(Subnet).values():
        if each.vpc == vpc.id and each.is_default and each.zone == zone.name:
            raise Refused("DefaultSubnetAlreadyExistsInAvailabilityZone", f"'{each.id}' is already the default subnet in {zone.name}.")
    try:
        made = default_network.subnet(call, vpc, zone)
    except StopIteration:
        raise Refused("InvalidSubnet.Conflict", f"The CIDR '{vpc.cidrs[0]}' conflicts with another subnet") from None
    return {"Subnet": show(call, made)}


@may_be_dry
def DeleteSubnet(call: Call, *, SubnetId: str) -> None:
    existing(call, SUBNET, SubnetId)
    has_gateway = any(each.subnet == SubnetId and each.is_kept for each in call.shelf(NatGateway).values())
    if has_gateway or any(each.subnet == SubnetId for each in call.shelf(Interface).values()):
        raise DependencyViolation(f"The subnet '{SubnetId}' has dependencies and cannot be deleted.")
    for kind in (RouteTable, NetworkAcl):
        for each in call.shelf(kind).values():
            if any(one.subnet == SubnetId for one in each.associations):
                keep(call, each, associations=tuple(one for one in each.associations if one.subnet != SubnetId))
    del call.shelf(Subnet)[SubnetId]


_NAMES: filters.Names = {
    "availability-zone": "AvailabilityZone", "availabilityZone": "AvailabilityZone", "availability-zone-id": "AvailabilityZoneId",
    "availabilityZoneId": "AvailabilityZoneId", "available-ip-address-count": "AvailableIpAddressCount", "cidr-block": "CidrBlock", "cidr": "CidrBlock",
    "cidrBlock": "CidrBlock", "default-for-az": "DefaultForAz", "defaultForAz": "DefaultForAz", "enable-dns64": "EnableDns64",
    "map-public-ip-on-launch": "MapPublicIpOnLaunch", "map-customer-owned-ip-on-launch": "MapCustomerOwnedIpOnLaunch", "owner-id": "OwnerId",
    "private-dns-name-options-on-launch.hostname-type": "PrivateDnsNameOptionsOnLaunch.HostnameType", "state": "State", "subnet-arn": "SubnetArn",
    "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
    "subnet-id": "SubnetId", "vpc-id": "VpcId", "ipv6-native": "Ipv6Native", "outpost-arn": lambda shown: None,
    "ipv6-cidr-block-association.ipv6-cidr-block": lambda shown: None, "ipv6-cidr-block-association.association-id": lambda shown: None,
    "ipv6-cidr-block-association.state": lambda shown: None,
}  # fmt: skip


@may_be_dry
def DescribeSubnets(call: Call, *, SubnetIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    return {"Subnets": described(call, SUBNET, SubnetIds, Filters, _NAMES, show)}


@without_dry_run
def ModifySubnetAttribute(
    call: Call, *, SubnetId: str, MapPublicIpOnLaunch: dict | None = None, PrivateDnsHostnameTypeOnLaunch: str | None = None,
    EnableResourceNameDnsARecordOnLaunch: dict | None = None,
) -> None:  # fmt: skip
    subnet = existing(call, SUBNET, SubnetId)
    if PrivateDnsHostnameTypeOnLaunch not in (None, "ip-name", "resource-name"):
        raise InvalidParameterValue(f"Value ({PrivateDnsHostnameTypeOnLaunch}) for parameter privateDnsHostnameTypeOnLaunch is invalid.")
    said = {
        "is_public": None if MapPublicIpOnLaunch is None else bool(MapPublicIpOnLaunch.get("Value")),
        "hostnames": PrivateDnsHostnameTypeOnLaunch,
        "names_a": None if EnableResourceNameDnsARecordOnLaunch is None else bool(EnableResourceNameDnsARecordOnLaunch.get("Value")),
    }
    given = {name: value for name, value in said.items() if value is not None}
    if len(given) > 1:
        raise InvalidParameterCombination("Only one subnet attribute can be modified at a time")
    keep(call, subnet, **given)
