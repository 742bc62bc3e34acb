"""Where a load balancer stands: subnets of one VPC in two zones at least, security groups, and an interface in each of its subnets."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.elbv2.errors import (
    InvalidConfigurationRequestException,
    InvalidSecurityGroupException,
    InvalidSubnetException,
    SubnetNotFoundException,
)

SERVICE = "elasticloadbalancing.amazonaws.com"
GROUPS_MAX = 5


class Interface(Record):
    subnet: str
    id: str
    address: str


class Place(Record):
    """``zones`` pairs names of zones with subnets, in the order in which they were named."""

    vpc: str
    zones: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    interfaces: tuple[Interface, ...] = ()

    @property
    def subnets(self) -> frozenset[str]:
        return frozenset(subnet for _, subnet in self.zones)

    def shown(self) -> list[dict[str, Any]]:
        return [{"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []} for zone, subnet in self.zones]


def _itself(call: Call) -> Call:
    """Elastic Load Balancing as it keeps what it needs in the account, which on AWS its service-linked role does."""
    return call.by_owner(SERVICE)


def subnets_of(subnets: list[str] | None, mappings: list[dict] | None) -> list[str]:
    """The subnets that are named in either way."""
    if subnets and mappings:
        raise ValidationError("You must specify either subnets or subnet mappings, but not both")
    for each in mappings or ():
        for member in ("AllocationId", "PrivateIPv4Address", "IPv6Address", "SourceNatIpv6Prefix"):
            if each.get(member):
                # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SubnetMapping.html
                raise InvalidConfigurationRequestException(f"{member} cannot be specified for application load balancers")
    found = list(subnets or ()) or [each.get("SubnetId", "") for each in mappings or ()]
    if len(found) < 2:
        # As seen of AWS: https://github.com/hashicorp/terraform-provider-aws/issues/20387
        raise ValidationError("At least two subnets in two different Availability Zones must be specified")
    return found


def placed(call: Call, subnets: list[str], groups: list[str] | None, vpc: str = "") -> Place:
    """The place that subnets and groups make together. Asked outside of atomic steps."""
    by_id = {}
    for id_ in subnets:
        try:
            (by_id[id_],) = _itself(call).ask_at_once("ec2:DescribeSubnets", SubnetIds=[id_])["Subnets"]
        except AwsError as error:
            if not error.code.startswith("InvalidSubnetID"):
                raise
            raise SubnetNotFoundException(f"The subnet ID '{id_}' does not exist") from None
    vpcs = {each["VpcId"] for each in by_id.values()} | ({vpc} if vpc else set())
    if len(vpcs) > 1:
        # The words of these three are ours.
        raise InvalidConfigurationRequestException("All subnets must belong to the same VPC")
    zones = tuple((by_id[id_]["AvailabilityZone"], id_) for id_ in subnets)
    names = [zone for zone, _ in zones]
    if len(set(names)) < 2:
        raise ValidationError("At least two subnets in two different Availability Zones must be specified")
    if len(set(names)) < len(names):
        raise InvalidConfigurationRequestException("A load balancer cannot be attached to multiple subnets in the same Availability Zone")
    (where,) = vpcs
    return Place(vpc=where, zones=zones, groups=checked_groups(call, groups, where))


def checked_groups(call: Call, groups: list[str] | None, vpc: str) -> tuple[str, ...]:
    """Those named, or the VPC's default one."""
    if not groups:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
        return tuple(each["GroupId"] for each in _itself(call).ask_at_once("ec2:DescribeSecurityGroups", Filters=filters)["SecurityGroups"])
    if len(groups) > GROUPS_MAX:
        raise InvalidConfigurationRequestException(f"A load balancer can have at most {GROUPS_MAX} security groups")
    for id_ in groups:
        try:
            (found,) = _itself(call).ask_at_once("ec2:DescribeSecurityGroups", GroupIds=[id_])["SecurityGroups"]
        except AwsError as error:
            if not error.code.startswith("InvalidGroup"):
                raise
            raise InvalidSecurityGroupException(f"Security group '{id_}' does not exist") from None
        if found["VpcId"] != vpc:
            raise InvalidConfigurationRequestException(f"One or more security groups are invalid: '{id_}' does not belong to VPC '{vpc}'")
    return tuple(dict.fromkeys(groups))


def vpc_exists(call: Call, vpc: str) -> bool:
    try:
        return bool(_itself(call).ask_at_once("ec2:DescribeVpcs", VpcIds=[vpc])["Vpcs"])
    except AwsError as error:
        if not error.code.startswith("InvalidVpcID"):
            raise
        return False


async def lets_in(call: Call, groups: tuple[str, ...], address: str, port: int) -> bool:
    """Whether security groups let somebody in from an address, which EC2 judges."""
    message = {"account": call.account, "groups": groups, "source": address, "port": port}
    return (await call.home.heard("", "ec2", message))["is_allowed"]


# Interfaces ---------------------------------------------------------------------------------------------------------


def moved(call: Call, id_: str, before: Place, after: Place) -> Place:
    """The place with an interface in each of its subnets, and none elsewhere. What EC2 keeps of them is kept in the commit of who calls."""
    ours, kept = _itself(call), {each.subnet: each for each in before.interfaces}
    for subnet, each in kept.items():
        if subnet not in after.subnets:
            _drop(ours, each)
        elif before.groups != after.groups:
            ours.ask_at_once("ec2:ModifyNetworkInterfaceAttribute", NetworkInterfaceId=each.id, Groups=list(after.groups))
    found = []
    for _, subnet in after.zones:
        held = kept.get(subnet)
        if held is None:
            try:
                made = ours.ask_at_once("ec2:CreateNetworkInterface", SubnetId=subnet, Groups=list(after.groups), Description=f"ELB {id_}")
            except AwsError as error:
                raise InvalidSubnetException(f"Not enough IP space available in {subnet}. {error.text}") from None
            told = made["NetworkInterface"]
            held = Interface(subnet=subnet, id=told["NetworkInterfaceId"], address=told["PrivateIpAddress"])
        found.append(held)
    return changed(after, interfaces=tuple(found))


def left(call: Call, place: Place) -> None:
    for each in place.interfaces:
        _drop(_itself(call), each)


def _drop(ours: Call, interface: Interface) -> None:
    try:
        ours.ask_at_once("ec2:DeleteNetworkInterface", NetworkInterfaceId=interface.id)
    except AwsError as error:
        if error.code != "InvalidNetworkInterfaceID.NotFound":
            raise
