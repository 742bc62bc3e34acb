"""Parameter groups of clusters: the operations, which do for them what those of instances' groups do.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_WorkingWithDBClusterParamGroups.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import parameter_group, tag
from kumoniwa.services.rds.errors import InvalidDBParameterGroupStateFault
from kumoniwa.services.rds.instance import Cluster, name_of
from kumoniwa.services.rds.parameter_group import ClusterParameterGroup


def shown(call: Call, group: parameter_group.ParameterGroup) -> dict[str, Any]:
    return {
        "DBClusterParameterGroupName": group.name, "DBParameterGroupFamily": group.family, "Description": group.description,
        "DBClusterParameterGroupArn": call.arn(f"cluster-pg:{group.name}"),
    }  # fmt: skip


def CreateDBClusterParameterGroup(
    call: Call, *, DBClusterParameterGroupName: str, DBParameterGroupFamily: str, Description: str, Tags: list[dict] | None = None
) -> dict:
    group = parameter_group.made(call, ClusterParameterGroup, DBClusterParameterGroupName, DBParameterGroupFamily, Description, Tags)
    return {"DBClusterParameterGroup": shown(call, group)}


def CopyDBClusterParameterGroup(
    call: Call, *, SourceDBClusterParameterGroupIdentifier: str, TargetDBClusterParameterGroupIdentifier: str,
    TargetDBClusterParameterGroupDescription: str, Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    source = parameter_group.named(call, name_of(call, "cluster-pg", SourceDBClusterParameterGroupIdentifier), ClusterParameterGroup)
    name = parameter_group.check_new(
        call, TargetDBClusterParameterGroupIdentifier, "TargetDBClusterParameterGroupIdentifier", ClusterParameterGroup
    )
    group = call.shelf(ClusterParameterGroup)[name] = changed(
        source, name=name, description=TargetDBClusterParameterGroupDescription, tags=tag.checked(Tags)
    )
    return {"DBClusterParameterGroup": shown(call, group)}


def DescribeDBClusterParameterGroups(call: Call, *, DBClusterParameterGroupName: str | None = None, Filters: list[dict] | None = None) -> dict:
    if Filters:
        raise NotImplementedHere("rds:DescribeDBClusterParameterGroups(Filters)")
    if DBClusterParameterGroupName is not None:
        return {"DBClusterParameterGroups": [shown(call, parameter_group.named(call, DBClusterParameterGroupName, ClusterParameterGroup))]}
    used = {each.group for each in call.shelf(Cluster).values() if each.group.startswith("default.")}
    found = [*call.shelf(ClusterParameterGroup).values(), *(parameter_group.named(call, name, ClusterParameterGroup) for name in used)]
    return {"DBClusterParameterGroups": [shown(call, each) for each in sorted(found, key=lambda each: each.name)]}


def DeleteDBClusterParameterGroup(call: Call, *, DBClusterParameterGroupName: str) -> None:
    group = parameter_group.own(call, DBClusterParameterGroupName, ClusterParameterGroup)
    if any(each.group == group.name for each in call.shelf(Cluster).values()):
        # The text is one of ours, after that of instances' groups.
        raise InvalidDBParameterGroupStateFault(
            "One or more database clusters are still members of this parameter group, so the group cannot be deleted"
        )
    del call.shelf(ClusterParameterGroup)[group.name]


async def DescribeDBClusterParameters(
    call: Call, *, DBClusterParameterGroupName: str, Source: str | None = None, Filters: list[dict] | None = None
) -> dict:
    group = parameter_group.named(call, DBClusterParameterGroupName, ClusterParameterGroup)
    return {"Parameters": await parameter_group.told(call, group, Source, Filters)}


async def DescribeEngineDefaultClusterParameters(call: Call, *, DBParameterGroupFamily: str, Filters: list[dict] | None = None) -> dict:
    return {"EngineDefaults": await parameter_group.defaults(call, DBParameterGroupFamily, Filters)}


async def ModifyDBClusterParameterGroup(call: Call, *, DBClusterParameterGroupName: str, Parameters: list[dict]) -> dict:
    await parameter_group.modify(call, ClusterParameterGroup, DBClusterParameterGroupName, Parameters)
    return {"DBClusterParameterGroupName": DBClusterParameterGroupName.lower()}


async def ResetDBClusterParameterGroup(
    call: Call, *, DBClusterParameterGroupName: str, ResetAllParameters: bool | None = None, Parameters: list[dict] | None = None
) -> dict:
    await parameter_group.reset(call, ClusterParameterGroup, DBClusterParameterGroupName, ResetAllParameters, Parameters)
    return {"DBClusterParameterGroupName": DBClusterParameterGroupName.lower()}
