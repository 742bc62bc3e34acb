"""The operations on tags, and what the gate asks about them."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import cluster, cluster_snapshot, parameter_group, snapshot, subnet_group, tag
from kumoniwa.services.rds.errors import DBProxyEndpointNotFoundFault, DBProxyTargetGroupNotFoundFault, InvalidParameterValue
from kumoniwa.services.rds.instance import Cluster, Instance, existing
from kumoniwa.services.rds.parameter_group import ClusterParameterGroup, ParameterGroup
from kumoniwa.services.rds.proxy import Endpoint, Group, Proxy
from kumoniwa.services.rds.proxy import existing as existing_proxy
from kumoniwa.services.rds.snapshot import ClusterSnapshot, Snapshot
from kumoniwa.services.rds.subnet_group import SubnetGroup


def tagged(call: Call, arn: str) -> tuple[Any, str]:
    """The shelf and the key of what an ARN names. Raises an error of its kind if there is no such thing."""
    own = call.arn("", "rds")
    kind, _, name = arn.removeprefix(own).partition(":") if arn.startswith(own) else ("", "", "")
    if kind == "db":
        return call.shelf(Instance), existing(call, name).name
    if kind == "snapshot":
        return call.shelf(Snapshot), snapshot.named(call, name).name
    if kind == "pg":
        found = parameter_group.named(call, name)
        if found.name not in call.shelf(ParameterGroup):
            raise InvalidParameterValue(f"Default parameter groups can't be tagged: {name}")
        return call.shelf(ParameterGroup), found.name
    if kind == "subgrp":
        return call.shelf(SubnetGroup), subnet_group.named(call, name).name
    if kind == "db-proxy":
        return call.shelf(Proxy), existing_proxy(call, name).name
    if kind == "target-group":
        if name not in call.shelf(Group):
            raise DBProxyTargetGroupNotFoundFault(f"DBProxyTargetGroup {name} not found.")
        return call.shelf(Group), name
    if kind == "db-proxy-endpoint":
        found = next((each for each in call.shelf(Endpoint).values() if each.id == name), None)
        if found is None:
            raise DBProxyEndpointNotFoundFault(f"DBProxyEndpoint {name} not found.")
        return call.shelf(Endpoint), found.name
    if kind == "cluster":
        return call.shelf(Cluster), cluster.existing(call, name).name
    if kind == "cluster-snapshot":
        return call.shelf(ClusterSnapshot), cluster_snapshot.named(call, name).name
    if kind == "cluster-pg":
        found = parameter_group.named(call, name, ClusterParameterGroup)
        if found.name not in call.shelf(ClusterParameterGroup):
            raise InvalidParameterValue(f"Default parameter groups can't be tagged: {name}")
        return call.shelf(ClusterParameterGroup), found.name
    raise InvalidParameterValue(f"Invalid resource name: {arn}")


def AddTagsToResource(call: Call, *, ResourceName: str, Tags: list[dict]) -> None:
    shelf, key = tagged(call, ResourceName)
    shelf[key] = changed(shelf[key], tags=tag.checked(Tags, shelf[key].tags))


def RemoveTagsFromResource(call: Call, *, ResourceName: str, TagKeys: list[str]) -> None:
    shelf, key = tagged(call, ResourceName)
    shelf[key] = changed(shelf[key], tags={name: value for name, value in shelf[key].tags.items() if name not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceName: str, Filters: list[dict] | None = None) -> dict:
    shelf, key = tagged(call, ResourceName)
    return {"TagList": tag.shown(shelf[key].tags)}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    shelf, key = tagged(call, arn)
    return shelf[key].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    kinds: tuple[tuple[str, Any], ...] = (
        ("db", Instance), ("snapshot", Snapshot), ("pg", ParameterGroup), ("subgrp", SubnetGroup), ("cluster", Cluster),
        ("cluster-snapshot", ClusterSnapshot), ("cluster-pg", ClusterParameterGroup),
    )  # fmt: skip
    named = [(call.arn(f"{kind}:{name}"), each.tags) for kind, record in kinds for name, each in call.shelf(record).items()]
    ids: tuple[tuple[str, Any], ...] = (("db-proxy", Proxy), ("target-group", Group), ("db-proxy-endpoint", Endpoint))
    return named + [(call.arn(f"{kind}:{each.id}"), each.tags) for kind, record in ids for each in call.shelf(record).values()]
