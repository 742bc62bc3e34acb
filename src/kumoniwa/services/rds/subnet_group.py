"""DB subnet groups: the subnets of one VPC in which databases may be.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.rds import tag
from kumoniwa.services.rds.engine import filtered
from kumoniwa.services.rds.errors import (
    DBSubnetGroupAlreadyExistsFault,
    DBSubnetGroupDoesNotCoverEnoughAZs,
    DBSubnetGroupNotFoundFault,
    DBSubnetGroupQuotaExceededFault,
    DBSubnetQuotaExceededFault,
    InvalidDBSubnetGroupStateFault,
    InvalidParameterValue,
    InvalidSubnet,
    SubnetAlreadyInUse,
)
from kumoniwa.services.rds.instance import SERVICE, Cluster, Instance, name_of

DEFAULT = "default"
GROUPS_MAX, SUBNETS_MAX = 150, 20
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"""
ZONES_MIN = 2
_NAME = re.compile(r"[A-Za-z0-9 ._-]{1,255}")
"""https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html"""


class SubnetGroup(Record):
    """Shelved by its name."""

    name: str
    description: str
    vpc: str
    subnets: tuple[tuple[str, str], ...]
    """Of each its id and its zone."""
    tags: dict[str, str] = {}


def itself(call: Call) -> Call:
    """RDS as it keeps what it needs in the account, which on AWS is a service-linked role."""
    return call.by_owner(SERVICE)


def named(call: Call, name: str) -> SubnetGroup:
    found = call.shelf(SubnetGroup).get(name_of(call, "subgrp", name))
    if found is None:
        raise DBSubnetGroupNotFoundFault(f"DB subnet group '{name.removeprefix(call.arn('subgrp:', 'rds'))}' does not exist.")
    return found


async def described(call: Call, ids: list[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The VPC of subnets, and each with its zone. The text is quoted in https://github.com/wallix/awless/issues/175."""
    try:
        told = (await itself(call).ask("ec2:DescribeSubnets", SubnetIds=list(dict.fromkeys(ids))))["Subnets"]
    except NotImplementedHere:
        raise
    except AwsError:
        raise InvalidSubnet(f"Some input subnets in :[{', '.join(ids)}] are invalid.") from None
    if len({each["VpcId"] for each in told}) > 1:
        # The words are ours.
        raise InvalidSubnet(f"The subnets in :[{', '.join(ids)}] are not all in one VPC.")
    return told[0]["VpcId"], tuple((each["SubnetId"], each["AvailabilityZone"]) for each in told)


def _check_zones(subnets: tuple[tuple[str, str], ...]) -> None:
    zones = sorted({zone for _, zone in subnets})
    if len(zones) < ZONES_MIN:
        raise DBSubnetGroupDoesNotCoverEnoughAZs(
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least {ZONES_MIN} AZs."
        )


def shown(call: Call, group: SubnetGroup) -> dict[str, Any]:
    subnets = [
        {"SubnetIdentifier": id_, "SubnetAvailabilityZone": {"Name": zone}, "SubnetOutpost": {}, "SubnetStatus": "Active"}
        for id_, zone in group.subnets
    ]
    return {
        "DBSubnetGroupName": group.name, "DBSubnetGroupDescription": group.description, "VpcId": group.vpc, "SubnetGroupStatus": "Complete",
        "Subnets": subnets, "DBSubnetGroupArn": call.arn(f"subgrp:{group.name}", "rds"), "SupportedNetworkTypes": ["IPV4"],
    }  # fmt: skip


def _asked(ids: list[str]) -> list[str]:
    if not ids:
        raise InvalidParameterValue("The request must contain the parameter SubnetIds")
    if len(set(ids)) > SUBNETS_MAX:
        raise DBSubnetQuotaExceededFault(f"A DB subnet group can have at most {SUBNETS_MAX} subnets.")
    return ids


async def CreateDBSubnetGroup(
    call: Call, *, DBSubnetGroupName: str, DBSubnetGroupDescription: str, SubnetIds: list[str], Tags: list[dict] | None = None
) -> dict:
    name = DBSubnetGroupName.lower()
    if name == DEFAULT or not _NAME.fullmatch(name):
        # The words are ours; what is refused is documented.
        raise InvalidParameterValue(
            f"The parameter DBSubnetGroupName must have at most 255 letters, numbers, periods, underscores, spaces, or hyphens, and not be {DEFAULT}."
        )
    if not DBSubnetGroupDescription:
        raise InvalidParameterValue("The parameter DBSubnetGroupDescription must be provided and must not be blank.")
    vpc, subnets = await described(call, _asked(SubnetIds))
    _check_zones(subnets)
    shelf = call.shelf(SubnetGroup)
    if name in shelf:
        raise DBSubnetGroupAlreadyExistsFault(f"The DB subnet group '{name}' already exists.")
    if len(shelf) >= GROUPS_MAX:
        raise DBSubnetGroupQuotaExceededFault(f"Cannot create more than {GROUPS_MAX} DB subnet groups.")
    made = shelf[name] = SubnetGroup(name=name, description=DBSubnetGroupDescription, vpc=vpc, subnets=subnets, tags=tag.checked(Tags))
    return {"DBSubnetGroup": shown(call, made)}


async def ModifyDBSubnetGroup(
    call: Call, *, DBSubnetGroupName: str, SubnetIds: list[str], DBSubnetGroupDescription: str | None = None
) -> dict:
    """A subnet in which a database is stays; the group stays in its VPC."""
    group = named(call, DBSubnetGroupName)
    vpc, subnets = await described(call, _asked(SubnetIds))
    _check_zones(subnets)
    group = named(call, DBSubnetGroupName)
    if vpc != group.vpc:
        # The words are ours.
        raise InvalidSubnet(f"The subnets in :[{', '.join(SubnetIds)}] are not in {group.vpc}, the VPC of the DB subnet group {group.name}.")
    kept = {id_ for id_, _ in subnets}
    taken = sorted({each.place.subnet for each in _users(call, group.name)} - kept)
    if taken:
        # The model's words.
        raise SubnetAlreadyInUse(f"The DB subnet is already in use in the Availability Zone: {', '.join(taken)}.")
    made = call.shelf(SubnetGroup)[group.name] = changed(group, subnets=subnets, description=DBSubnetGroupDescription or group.description)
    return {"DBSubnetGroup": shown(call, made)}


def _users(call: Call, name: str) -> list[Instance]:
    both = [*call.shelf(Instance).values(), *call.shelf(Cluster).values()]
    return [each for each in both if each.place is not None and each.place.group == name]


def DeleteDBSubnetGroup(call: Call, *, DBSubnetGroupName: str) -> None:
    """The text is as projects of AWS's users quote it."""
    group = named(call, DBSubnetGroupName)
    if users := _users(call, group.name):
        raise InvalidDBSubnetGroupStateFault(
            f"Cannot delete the subnet group '{group.name}' because at least one database instance: {users[0].name} is still using it."
        )
    del call.shelf(SubnetGroup)[group.name]


def DescribeDBSubnetGroups(call: Call, *, DBSubnetGroupName: str | None = None, Filters: list[dict] | None = None) -> dict:
    found = [named(call, DBSubnetGroupName)] if DBSubnetGroupName else sorted(call.shelf(SubnetGroup).values(), key=lambda each: each.name)
    return {"DBSubnetGroups": [shown(call, each) for each in found if filtered({}, Filters)]}
