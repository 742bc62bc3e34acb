"""The databases that proxies stand before, and how much of them they may use.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RegisterDBProxyTargets.html. Texts without a source of their own are ours.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines.database_proxy.proxy import REGISTERING
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import cluster, hosting, names
from kumoniwa.services.rds.creation import refuse
from kumoniwa.services.rds.errors import (
    DBProxyTargetAlreadyRegisteredFault,
    DBProxyTargetNotFoundFault,
    InvalidDBClusterStateFault,
    InvalidDBInstanceStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
)
from kumoniwa.services.rds.instance import Cluster, Instance, arn_of, host, members
from kumoniwa.services.rds.instance import existing as existing_instance
from kumoniwa.services.rds.proxy import (
    Group,
    Proxy,
    check_group,
    data_of,
    existing,
    family_of,
    group_of,
    group_shown,
    keep,
    look_again,
    settled,
    target_of,
)

PENDING = {
    "State": "UNAVAILABLE",
    "Reason": "PENDING_PROXY_CAPACITY",
    "Description": "DBProxy Target is waiting for proxy to scale to desired capacity",
}
"""The AWS CLI's example of describe-db-proxy-targets."""
FILTERS = ("EXCLUDE_VARIABLE_SETS",)


def _health(call: Call, proxy: Proxy, target: Instance) -> dict[str, str]:
    if proxy.state == "creating":
        return PENDING
    process = hosting.servers(call.home).proxies.get(proxy.id)
    is_told = process is not None and process.config is not None and process.config["folder"] == data_of(call, target)
    state, reason, words = process.health if is_told else REGISTERING
    return {name: said for name, said in (("State", state), ("Reason", reason), ("Description", words)) if said}


def _shown(call: Call, proxy: Proxy, target: Instance) -> list[dict[str, Any]]:
    """A cluster is told with its instances. Which members each has is as the AWS CLI's examples have it."""
    health, port = _health(call, proxy, target), target.port or target.wanted_port
    role = "UNKNOWN" if health["State"] == "REGISTERING" or health.get("Reason") == PENDING["Reason"] else "READ_WRITE"
    is_cluster = isinstance(target, Cluster)
    found: list[dict[str, Any]] = [{"RdsResourceId": target.name, "Port": port, "Type": "TRACKED_CLUSTER"}] if is_cluster else []
    if is_cluster and health["State"] == "REGISTERING":
        found[0]["TargetHealth"] = health
    for each in members(call, target) if is_cluster else [target]:
        found.append({
            "TargetArn": arn_of(call, each.name), "Endpoint": host(call, each.name), "RdsResourceId": each.name, "Port": port, "Type": "RDS_INSTANCE",
            "Role": role, "TargetHealth": health, **({"TrackedClusterId": target.name} if is_cluster else {}),
        })  # fmt: skip
    return found


def _named(call: Call, proxy: Proxy, instances: list[str] | None, clusters: list[str] | None) -> Instance:
    """The one that is meant, an instance or a cluster: each proxy can be associated with a single target.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations"""
    if bool(instances) == bool(clusters):
        raise InvalidParameterCombination("You must specify either DBInstanceIdentifiers or DBClusterIdentifiers.")
    if len(instances or clusters or ()) > 1:
        raise InvalidParameterCombination("A proxy can be associated with a single DB instance or DB cluster.")
    found = existing_instance(call, instances[0]) if instances else cluster.existing(call, clusters[0])  # type: ignore[index]
    if found.engine not in family_of(proxy).engines:
        raise InvalidParameterCombination(f"{found.name} is not of the proxy's engine family {proxy.family}: {found.engine}")
    if found.source is not None:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations: only with the writer, not with a read replica
        raise InvalidParameterCombination(f"The DB instance {found.name} is a read replica, which can't be associated with a proxy.")
    if found.cluster:
        raise InvalidParameterCombination(f"The DB instance {found.name} is a member of a DB cluster, which can be associated with a proxy.")
    return found


def RegisterDBProxyTargets(
    call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, DBInstanceIdentifiers: list[str] | None = None,
    DBClusterIdentifiers: list[str] | None = None,
) -> dict:  # fmt: skip
    proxy = settled(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    target, current = _named(call, proxy, DBInstanceIdentifiers, DBClusterIdentifiers), target_of(call, proxy)
    if current is not None and current.id == target.id:
        raise DBProxyTargetAlreadyRegisteredFault(f"The proxy {proxy.name} is already associated with {target.name}.")
    if current is not None:
        raise InvalidParameterCombination(f"The proxy {proxy.name} is already associated with another target: {current.name}")
    if target.state in ("deleting", "failed") or not target.is_made:
        fault, kind = (InvalidDBClusterStateFault, "Cluster") if isinstance(target, Cluster) else (InvalidDBInstanceStateFault, "Instance")
        raise fault(f"DB {kind} {target.name} is in an unsupported state: {target.state}")
    proxy = keep(call, proxy, target=target.id)
    look_again(call, proxy.id)
    call.keeps_otherwise()
    return {"DBProxyTargets": _shown(call, proxy, target)}


def DeregisterDBProxyTargets(
    call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, DBInstanceIdentifiers: list[str] | None = None,
    DBClusterIdentifiers: list[str] | None = None,
) -> dict:  # fmt: skip
    proxy = settled(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    target = _named(call, proxy, DBInstanceIdentifiers, DBClusterIdentifiers)
    if proxy.target != target.id:
        raise DBProxyTargetNotFoundFault(f"{target.name} is no target of the proxy {proxy.name}.")
    keep(call, proxy, target="")
    look_again(call, proxy.id)
    call.keeps_otherwise()
    return {}


def DescribeDBProxyTargets(call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, Filters: list[dict] | None = None) -> dict:
    refuse("DescribeDBProxyTargets", Filters=Filters)
    proxy = existing(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    target = target_of(call, proxy)
    return {"Targets": _shown(call, proxy, target) if target is not None else []}


def DescribeDBProxyTargetGroups(call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, Filters: list[dict] | None = None) -> dict:
    refuse("DescribeDBProxyTargetGroups", Filters=Filters)
    proxy = existing(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    return {"TargetGroups": [group_shown(call, proxy)]}


def _within(name: str, value: int, least: int, most: int) -> int:
    """The bounds are the model's: ConnectionPoolConfiguration."""
    if not least <= value <= most:
        raise InvalidParameterValue(f"Invalid {name}: {value}. It must be between {least} and {most}.")
    return value


def _pool(proxy: Proxy, said: dict[str, Any]) -> dict[str, Any]:
    if "MaxIdleConnectionsPercent" in said and "MaxConnectionsPercent" not in said:
        raise InvalidParameterCombination("If you specify MaxIdleConnectionsPercent, then you must also include a value for MaxConnectionsPercent.")
    changes: dict[str, Any] = {}
    if "SessionPinningFilters" in said:
        unknown = [each for each in said["SessionPinningFilters"] if each not in FILTERS]
        if unknown:
            raise InvalidParameterValue(f"Invalid session pinning filter: {unknown[0]}")
        if said["SessionPinningFilters"] and not family_of(proxy).has_filters:
            # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg
            raise InvalidParameterValue(f"Session pinning filters aren't supported for the engine family {proxy.family}.")
        changes["filters"] = list(said["SessionPinningFilters"])
    if "MaxConnectionsPercent" in said:
        changes["max_percent"] = _within("MaxConnectionsPercent", said["MaxConnectionsPercent"], 1, 100)
        changes["idle_percent"] = _within(
            "MaxIdleConnectionsPercent", said.get("MaxIdleConnectionsPercent", changes["max_percent"] // 2), 0, changes["max_percent"]
        )
    if "ConnectionBorrowTimeout" in said:
        changes["borrow_s"] = _within("ConnectionBorrowTimeout", said["ConnectionBorrowTimeout"], 0, 300)
    if "InitQuery" in said:
        changes["init"] = said["InitQuery"]
    return changes


def ModifyDBProxyTargetGroup(
    call: Call, *, TargetGroupName: str, DBProxyName: str, ConnectionPoolConfig: dict | None = None, NewName: str | None = None
) -> dict:
    proxy = settled(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    if NewName:
        # Its model says that the default one cannot be renamed, and there is no other.
        raise InvalidParameterValue(f"You can't rename the default target group: {names.identifier(NewName, 'NewName', 63)}")
    call.shelf(Group)[proxy.group] = changed(group_of(call, proxy), updated=call.now(), **_pool(proxy, ConnectionPoolConfig or {}))
    look_again(call, proxy.id)
    return {"DBProxyTargetGroup": group_shown(call, proxy)}
