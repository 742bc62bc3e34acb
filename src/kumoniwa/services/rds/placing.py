"""Where a database is in the network: in which subnet of its group, behind which security groups, at which address.

RDS makes a network interface of its own for it, kept in one commit with whatever has it; who reaches it there is EC2's judgement. Programs of this
machine come in besides, as those of an administrator who has a tunnel. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.private_network import Listening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import subnet_group
from kumoniwa.services.rds.errors import InvalidParameterCombination, InvalidParameterValue, InvalidSubnet, InvalidVPCNetworkStateFault
from kumoniwa.services.rds.hosting import LOOPBACK
from kumoniwa.services.rds.instance import READER, RUNNING, WRITER, Instance, Place, by_id, host, keep, zone_of
from kumoniwa.services.rds.subnet_group import SubnetGroup, itself

DESCRIPTION = "RDSNetworkInterface"


async def group_of(call: Call, name: str | None) -> SubnetGroup:
    """The subnet group of that name; without one, that of the default VPC. Raises what RDS answers where there is none."""
    if name and name.lower() != subnet_group.DEFAULT:
        return subnet_group.named(call, name)
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = (await itself(call).ask("ec2:DescribeSubnets", Filters=filters))["Subnets"]
    if not subnets:
        # As its users quote it.
        raise InvalidSubnet("No default subnet detected in VPC. Please contact AWS Support to recreate default Subnets.")
    found = tuple((each["SubnetId"], each["AvailabilityZone"]) for each in subnets)
    return SubnetGroup(name=subnet_group.DEFAULT, description=subnet_group.DEFAULT, vpc=subnets[0]["VpcId"], subnets=found)


async def chosen(call: Call, group: str | None, groups: list[str] | None, zone: str | None) -> tuple[Place, bool]:
    """Where a new database shall be, without its interface, and whether it is public if nobody says."""
    held = await group_of(call, group)
    zones = sorted({each for _, each in held.subnets})
    if zone and zone not in zones:
        if held.name == subnet_group.DEFAULT:
            raise InvalidParameterValue(f"{zone} is not a valid availability zone.")
        # The words are ours.
        raise InvalidVPCNetworkStateFault(f"The DB subnet group {held.name} has no subnet in the Availability Zone {zone}.")
    zone = zone or (zone_of(call) if zone_of(call) in zones else zones[0])
    subnet = next(id_ for id_, each in held.subnets if each == zone)
    filters = [{"Name": "attachment.vpc-id", "Values": [held.vpc]}]
    is_public = bool((await itself(call).ask("ec2:DescribeInternetGateways", Filters=filters))["InternetGateways"])
    return Place(group=held.name, vpc=held.vpc, zone=zone, subnet=subnet, groups=await security_groups(call, held.vpc, groups)), is_public


async def security_groups(call: Call, vpc: str, ids: list[str] | None) -> tuple[str, ...]:
    """Those, checked, or the default one of the VPC. The texts are as projects of AWS's users quote them."""
    if not ids:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
        return tuple(each["GroupId"] for each in (await itself(call).ask("ec2:DescribeSecurityGroups", Filters=filters))["SecurityGroups"])
    for id_ in ids:
        try:
            (found,) = (await itself(call).ask("ec2:DescribeSecurityGroups", GroupIds=[id_]))["SecurityGroups"]
        except NotImplementedHere:
            raise
        except AwsError:
            raise InvalidParameterValue(f"Invalid security group , groupId= {id_}, groupName=.") from None
        if found["VpcId"] != vpc:
            raise InvalidParameterCombination(
                f"The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 security group is in "
                f"{found['VpcId']}"
            )
    return tuple(dict.fromkeys(ids))


def connected(call: Call, place: Place) -> Place:
    """The same with an interface, to be kept in this turn of the loop. Raises InvalidVPCNetworkStateFault."""
    try:
        made = itself(call).ask_at_once("ec2:CreateNetworkInterface", SubnetId=place.subnet, Groups=list(place.groups), Description=DESCRIPTION)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise InvalidVPCNetworkStateFault(error.text) from None
    told = made["NetworkInterface"]
    return changed(place, interface=told["NetworkInterfaceId"], address=told["PrivateIpAddress"])


def disconnect(call: Call, place: Place | None) -> None:
    """Let the interface go, in this turn of the loop."""
    if place is not None and place.interface:
        try:
            itself(call).ask_at_once("ec2:DeleteNetworkInterface", NetworkInterfaceId=place.interface)
        except AwsError as error:
            if error.code != "InvalidNetworkInterfaceID.NotFound":
                raise


def regroup(call: Call, instance: Instance, groups: tuple[str, ...]) -> Instance:
    """Have the instance be behind other security groups, in this turn of the loop."""
    if instance.place is None or instance.place.groups == groups:
        return instance
    if instance.place.interface:
        itself(call).ask_at_once("ec2:ModifyNetworkInterfaceAttribute", NetworkInterfaceId=instance.place.interface, Groups=list(groups))
    return keep(call, instance, place=changed(instance.place, groups=groups))


def listening_of(call: Call) -> list[Listening]:
    """The instances whose servers take sessions, also by the names of clusters that they are the writers of."""
    found = []
    for each in call.shelf(Instance).values():
        parent = by_id(call, each.cluster) if each.cluster else None
        server = parent or each
        if each.place is not None and each.place.address and server.port and each.state in RUNNING:
            names = [host(call, each.name)] + ([host(call, parent.name, role) for role in (WRITER, READER)] if parent is not None else [])
            found += [Listening(name, each.place.address, server.wanted_port, server.port, LOOPBACK, server.port) for name in names]
    return found


def shown(call: Call, place: Place) -> dict[str, Any]:
    """As instances and what is like them tell it."""
    held = call.shelf(SubnetGroup).get(place.group)
    if held is None:
        held = SubnetGroup(name=place.group, description=place.group, vpc=place.vpc, subnets=((place.subnet, place.zone),))
    group = {name: value for name, value in subnet_group.shown(call, held).items() if name not in ("DBSubnetGroupArn", "SupportedNetworkTypes")}
    return {"VpcSecurityGroups": [{"VpcSecurityGroupId": each, "Status": "active"} for each in place.groups], "DBSubnetGroup": group}
