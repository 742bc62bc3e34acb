"""Where a load balancer stands: subnets of one VPC in two zones at least, security groups, and an interface in each of its subnets."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.elbv2.errors import (
    InvalidConfigurationRequestException,
    SubnetNotFoundException,
)


class Place(Record):
    """``zones`` pairs names of zones with subnets, in the order in which they were named."""

    vpc: str
    zones: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    interfaces: tuple[tuple[str, str], ...] = ()
    """Subnets, and the interfaces in them."""

    @property
    def subnets(self) -> frozenset[str]:
        return frozenset(subnet for _, subnet in self.zones)

    def shown(self) -> list[dict[str, Any]]:
        return [{"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []} for zone, subnet in self.zones]

    def moved(self, other: Place) -> Place:
        return changed(self, zones=other.zones)


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


async def placed(call: Call, subnets: list[str], groups: list[str] | None, vpc: str = "") -> Place:
    """The place that subnets and groups make together, looked up as who asks."""
    try:
        found = (await call.ask("ec2:DescribeSubnets", SubnetIds=subnets))["Subnets"]
    except NotImplementedHere:
        found = [{"SubnetId": id_, "VpcId": "vpc-0", "AvailabilityZone": f"{call.region}{'abcdef'[at % 6]}"} for at, id_ in enumerate(subnets)]
    except AwsError as error:
        if not error.code.startswith("InvalidSubnet"):
            raise
        raise SubnetNotFoundException(f"The subnet ID '{_named(error.text, subnets)}' does not exist") from None
    by_id = {each["SubnetId"]: each for each in found}
    vpcs = {each["VpcId"] for each in found} | ({vpc} if vpc else set())
    if len(vpcs) > 1:
        raise InvalidConfigurationRequestException("All subnets must belong to the same VPC")
    zones = tuple((by_id[id_]["AvailabilityZone"], id_) for id_ in subnets)
    names = [zone for zone, _ in zones]
    if len(set(names)) < 2:
        raise InvalidConfigurationRequestException("At least two subnets in two different Availability Zones must be specified")
    if len(set(names)) < len(names):
        raise InvalidConfigurationRequestException("A load balancer cannot be attached to multiple subnets in the same Availability Zone")
    (where,) = vpcs
    return Place(vpc=where, zones=zones, groups=await checked_groups(call, groups, where))


def _named(text: str, ids: list[str]) -> str:
    return next((id_ for id_ in ids if id_ in text), ids[0])


async def checked_groups(call: Call, groups: list[str] | None, vpc: str) -> tuple[str, ...]:
    """Those named, or the VPC's default one."""
    return tuple(groups or ())


async def settled(call: Call, balancer: Any) -> None:
    """See that it has an interface in each of its subnets, and none elsewhere."""


async def left(call: Call, balancer: Any) -> None:
    """Take its interfaces away."""
