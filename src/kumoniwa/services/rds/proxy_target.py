"""The databases that proxies stand before, and how much of them they may use.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RegisterDBProxyTargets.html. Texts without a source of their own are ours.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines.postgresql_proxy.proxy import REGISTERING
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import hosting, names
from kumoniwa.services.rds.creation import refuse
from kumoniwa.services.rds.engine_list import POSTGRES
from kumoniwa.services.rds.errors import (
    DBProxyTargetAlreadyRegisteredFault,
    DBProxyTargetNotFoundFault,
    InvalidDBInstanceStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
)
from kumoniwa.services.rds.instance import Instance, arn_of, host
from kumoniwa.services.rds.instance import existing as existing_instance
from kumoniwa.services.rds.proxy import Group, Proxy, check_group, data_of, existing, group_of, group_shown, keep, look_again, settled, target_of

PENDING = {
    "State": "UNAVAILABLE",
    "Reason": "PENDING_PROXY_CAPACITY",
    "Description": "DBProxy Target is waiting for proxy to scale to desired capacity",
}
"""The AWS CLI's example of describe-db-proxy-targets."""
FILTERS = ("EXCLUDE_VARIABLE_SETS",)


def _health(call: Call, proxy: Proxy, instance: Instance) -> dict[str, str]:
    if proxy.state == "creating":
        return PENDING
    process = hosting.servers(call.home).proxies.get(proxy.id)
    is_told = process is not None and process.config is not None and process.config["folder"] == data_of(call, instance)
    state, reason, words = process.health if is_told else REGISTERING
    return {name: said for name, said in (("State", state), ("Reason", reason), ("Description", words)) if said}


def _shown(call: Call, proxy: Proxy, instance: Instance) -> dict[str, Any]:
    health = _health(call, proxy, instance)
    role = "UNKNOWN" if health["State"] == "REGISTERING" or health.get("Reason") == PENDING["Reason"] else "READ_WRITE"
    return {
        "TargetArn": arn_of(call, instance.name), "Endpoint": host(call, instance.name), "RdsResourceId": instance.name,
        "Port": instance.port or instance.wanted_port, "Type": "RDS_INSTANCE", "Role": role, "TargetHealth": health,
    }  # fmt: skip


def _named(call: Call, instances: list[str] | None, clusters: list[str] | None) -> Instance:
    """The one that is meant: each proxy can be associated with a single target.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations"""
    if clusters:
        raise NotImplementedHere("proxies of clusters of databases")
    if not instances:
        raise InvalidParameterCombination("You must specify either DBInstanceIdentifiers or DBClusterIdentifiers.")
    if len(instances) > 1:
        raise InvalidParameterCombination("A proxy can be associated with a single DB instance.")
    found = existing_instance(call, instances[0])
    if found.engine != POSTGRES.name:
        raise InvalidParameterCombination(f"The DB instance {found.name} is not of the proxy's engine family POSTGRESQL: {found.engine}")
    return found


def RegisterDBProxyTargets(
    call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, DBInstanceIdentifiers: list[str] | None = None,
    DBClusterIdentifiers: list[str] | None = None,
) -> dict:  # fmt: skip
    proxy = settled(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    instance = _named(call, DBInstanceIdentifiers, DBClusterIdentifiers)
    current = target_of(call, proxy)
    if current is not None and current.id == instance.id:
        raise DBProxyTargetAlreadyRegisteredFault(f"The proxy {proxy.name} is already associated with the DB instance {instance.name}.")
    if current is not None:
        raise InvalidParameterCombination(f"The proxy {proxy.name} is already associated with another DB instance: {current.name}")
    if instance.state in ("deleting", "failed") or not instance.is_made:
        raise InvalidDBInstanceStateFault(f"DB Instance {instance.name} is in an unsupported state: {instance.state}")
    proxy = keep(call, proxy, target=instance.id)
    look_again(call, proxy.id)
    call.keeps_otherwise()
    return {"DBProxyTargets": [_shown(call, proxy, instance)]}


def DeregisterDBProxyTargets(
    call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, DBInstanceIdentifiers: list[str] | None = None,
    DBClusterIdentifiers: list[str] | None = None,
) -> dict:  # fmt: skip
    proxy = settled(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    instance = _named(call, DBInstanceIdentifiers, DBClusterIdentifiers)
    if proxy.target != instance.id:
        raise DBProxyTargetNotFoundFault(f"The DB instance {instance.name} is no target of the proxy {proxy.name}.")
    keep(call, proxy, target="")
    look_again(call, proxy.id)
    call.keeps_otherwise()
    return {}


def DescribeDBProxyTargets(call: Call, *, DBProxyName: str, TargetGroupName: str | None = None, Filters: list[dict] | None = None) -> dict:
    refuse("DescribeDBProxyTargets", Filters=Filters)
    proxy = existing(call, DBProxyName)
    check_group(TargetGroupName, proxy)
    instance = target_of(call, proxy)
    return {"Targets": [_shown(call, proxy, instance)] if instance is not None else []}


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


def _pool(said: dict[str, Any]) -> dict[str, Any]:
    if "MaxIdleConnectionsPercent" in said and "MaxConnectionsPercent" not in said:
        raise InvalidParameterCombination("If you specify MaxIdleConnectionsPercent, then you must also include a value for MaxConnectionsPercent.")
    changes: dict[str, Any] = {}
    if said.get("SessionPinningFilters"):
        unknown = [each for each in said["SessionPinningFilters"] if each not in FILTERS]
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg
        raise InvalidParameterValue(
            f"Invalid session pinning filter: {unknown[0]}" if unknown else "Session pinning filters aren't supported for the engine family POSTGRESQL."
        )
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
    call.shelf(Group)[proxy.group] = changed(group_of(call, proxy), updated=call.now(), **_pool(ConnectionPoolConfig or {}))
    look_again(call, proxy.id)
    return {"DBProxyTargetGroup": group_shown(call, proxy)}
