"""What customers ask of clusters that are there: to be otherwise, to rest, to go, to be reached by the Data API.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html, …/aurora-cluster-stop-start.html, …/USER_DeleteCluster.html,
…/data-api.enabling.html
"""

from __future__ import annotations

import inspect
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.rds import change, cluster, cluster_creation, cluster_snapshot, creation, engine_list, names, placing
from kumoniwa.services.rds.errors import (
    InvalidDBClusterStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
    ResourceNotFoundFault,
)
from kumoniwa.services.rds.instance import Cluster, becoming, keep, look_again, members, name_of


def _in_state(found: Cluster, *states: str) -> None:
    if found.state not in states:
        raise InvalidDBClusterStateFault(f"DbCluster {found.name} is in {found.state} state")


def _pending(call: Call, found: Cluster, asked: dict[str, Any]) -> dict[str, Any]:
    """What takes its time, by the members of an instance's PendingModifiedValues."""
    pending: dict[str, Any] = {}
    if asked["Port"] not in (None, found.wanted_port):
        pending["Port"] = creation.checked_port(asked["Port"])
    if asked["NewDBClusterIdentifier"] and asked["NewDBClusterIdentifier"].lower() != found.name:
        pending["DBInstanceIdentifier"] = cluster_creation.check_new(call, asked["NewDBClusterIdentifier"], "NewDBClusterIdentifier")
    return pending


def _at_once(call: Call, found: Cluster, asked: dict[str, Any]) -> dict[str, Any]:
    flags = {
        "DeletionProtection": "is_protected", "CopyTagsToSnapshot": "copies_tags", "EnableHttpEndpoint": "has_endpoint",
        "AutoMinorVersionUpgrade": "upgrades_itself",
    }  # fmt: skip
    changes = {field: asked[member] for member, field in flags.items() if asked[member] is not None}
    if asked["BackupRetentionPeriod"] is not None:
        days = cluster_creation.checked_retention(asked["BackupRetentionPeriod"])
        changes |= {"retention_days": days, "is_to_reload": True} if days != found.retention_days else {}
    windows = {"backup_window": asked["PreferredBackupWindow"], "maintenance_window": (asked["PreferredMaintenanceWindow"] or "").lower()}
    windows = {field: value for field, value in windows.items() if value}
    if windows:
        whole = {"backup_window": found.backup_window, "maintenance_window": found.maintenance_window} | windows
        names.check_apart(whole["backup_window"], whole["maintenance_window"])
        changes |= windows
    if asked["DBClusterParameterGroupName"]:
        changes["group"] = cluster_creation.checked_group(call, asked["DBClusterParameterGroupName"], engine_list.of(found))
    if asked["EngineVersion"]:
        engine_list.checked_version(call, engine_list.of(found), asked["EngineVersion"])
    if asked["ServerlessV2ScalingConfiguration"]:
        changes["scaling"] = cluster_creation.checked_scaling(asked["ServerlessV2ScalingConfiguration"], found.scaling)
    creation.check_option_group(engine_list.of(found), asked["OptionGroupName"])
    creation.check_certificate(asked["CACertificateIdentifier"])
    return changes


def ModifyDBCluster(
    call: Call, *, DBClusterIdentifier: str, NewDBClusterIdentifier: str | None = None, ApplyImmediately: bool | None = None,
    BackupRetentionPeriod: int | None = None, DBClusterParameterGroupName: str | None = None, VpcSecurityGroupIds: list[str] | None = None,
    Port: int | None = None, MasterUserPassword: str | None = None, OptionGroupName: str | None = None, PreferredBackupWindow: str | None = None,
    PreferredMaintenanceWindow: str | None = None, EnableIAMDatabaseAuthentication: bool | None = None, BacktrackWindow: int | None = None,
    CloudwatchLogsExportConfiguration: dict | None = None, EngineVersion: str | None = None, AllowMajorVersionUpgrade: bool | None = None,
    ScalingConfiguration: dict | None = None, DeletionProtection: bool | None = None, EnableHttpEndpoint: bool | None = None,
    CopyTagsToSnapshot: bool | None = None, EnableGlobalWriteForwarding: bool | None = None, DBClusterInstanceClass: str | None = None,
    AllocatedStorage: int | None = None, StorageType: str | None = None, Iops: int | None = None, AutoMinorVersionUpgrade: bool | None = None,
    NetworkType: str | None = None, ServerlessV2ScalingConfiguration: dict | None = None, MonitoringInterval: int | None = None,
    DatabaseInsightsMode: str | None = None, EnablePerformanceInsights: bool | None = None, ManageMasterUserPassword: bool | None = None,
    RotateMasterUserPassword: bool | None = None, EnableLocalWriteForwarding: bool | None = None, MasterUserSecretKmsKeyId: str | None = None,
    EngineMode: str | None = None, EnableLimitlessDatabase: bool | None = None, CACertificateIdentifier: str | None = None,
) -> Any:  # fmt: skip
    asked = {name: value for name, value in locals().items() if name[0].isupper()}
    found = cluster.existing(call, DBClusterIdentifier)
    cluster_creation.refuse_what_is_not_here("ModifyDBCluster", asked | {"EngineLifecycleSupport": None, "ClusterScalabilityType": None})
    if EngineMode not in (None, "", "provisioned"):
        raise NotImplementedHere(f"clusters of the engine mode {EngineMode}")
    _in_state(found, "available", "stopped", "backing-up", "incompatible-parameters")
    if MasterUserPassword is not None:
        if ManageMasterUserPassword or (found.secret and ManageMasterUserPassword is None):
            raise InvalidParameterCombination("You can't specify MasterUserPassword for a cluster with ManageMasterUserPassword enabled.")
        names.check_password(engine_list.of(found), MasterUserPassword)
    elif found.secret and ManageMasterUserPassword is False:
        raise InvalidParameterCombination("You must specify MasterUserPassword when you turn off ManageMasterUserPassword.")
    if RotateMasterUserPassword and not (found.secret and ApplyImmediately):
        raise InvalidParameterCombination("You can rotate the password of a cluster with a managed one only, and immediately.")
    if MasterUserSecretKmsKeyId and not ManageMasterUserPassword:
        raise InvalidParameterCombination("You can't specify MasterUserSecretKmsKeyId without enabling ManageMasterUserPassword.")
    # Checked before anything else is done, and again when it is kept.
    _pending(call, found, asked)
    _at_once(call, found, asked)
    if VpcSecurityGroupIds:
        return _behind(call, found, asked)
    return _changed(call, found, asked)


async def _behind(call: Call, found: Cluster, asked: dict[str, Any]) -> dict:
    """Other security groups act at once, for all of its instances."""
    if found.place is None:
        raise NotImplementedHere("security groups of clusters that were made before there were networks")
    groups = await placing.security_groups(call, found.place.vpc, asked["VpcSecurityGroupIds"])
    for each in (cluster.existing(call, found.name), *members(call, found)):
        placing.regroup(call, each, groups)
    reply = _changed(call, cluster.existing(call, found.name), asked)
    return await reply if inspect.isawaitable(reply) else reply


def _changed(call: Call, found: Cluster, asked: dict[str, Any]) -> Any:
    password = asked["MasterUserPassword"]
    if asked["ManageMasterUserPassword"] is not None or asked["RotateMasterUserPassword"]:
        what = f"primary RDS DB cluster: {cluster.arn_of(call, found)}"
        return change.with_secret(call, found, asked, what, lambda more, changes: _kept(call, found.name, asked, more, changes))
    more = {"Verifier": engine_list.of(found).verifier(password)} if password is not None else {}
    return _kept(call, found.name, asked, more, {})


def _kept(call: Call, name: str, asked: dict[str, Any], more: dict[str, Any], changes: dict[str, Any]) -> dict:
    """A password, a port and a name are not put off: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html"""
    found = cluster.existing(call, name)
    pending = found.pending | _pending(call, found, asked) | more
    keep(call, found, pending=pending, **_at_once(call, found, asked), **changes)
    found = cluster.existing(call, name)
    shown = cluster.shown(call, found)
    if pending and found.state == "available" and ("Verifier" in more or asked["ApplyImmediately"]):
        becoming(call, found, "resetting-master-credentials" if set(pending) == {"Verifier"} else "modifying", is_due=True)
    elif pending and asked["ApplyImmediately"]:
        keep(call, found, is_due=True)
        look_again(call, found.id)
    elif found.state == "available":
        look_again(call, found.id)
    call.keeps_otherwise()
    return {"DBCluster": shown}


def StopDBCluster(call: Call, *, DBClusterIdentifier: str) -> dict:
    found = cluster.existing(call, DBClusterIdentifier)
    _in_state(found, "available")
    for each in members(call, found):
        if each.state != "available":
            raise InvalidDBClusterStateFault(f"DB instance {each.name} of the cluster is in {each.state} state")
        keep(call, each, state="stopping")
    return {"DBCluster": cluster.shown(call, _becoming(call, found, "stopping"))}


def StartDBCluster(call: Call, *, DBClusterIdentifier: str) -> dict:
    found = cluster.existing(call, DBClusterIdentifier)
    _in_state(found, "stopped")
    for each in members(call, found):
        keep(call, each, state="starting")
    return {"DBCluster": cluster.shown(call, _becoming(call, found, "starting"))}


def _becoming(call: Call, found: Cluster, state: str, **changes: Any) -> Cluster:
    becoming(call, found, state, **changes)
    return cluster.existing(call, found.name)


def FailoverDBCluster(call: Call, *, DBClusterIdentifier: str, TargetDBInstanceIdentifier: str | None = None) -> dict:
    """There is never more than the writer here, and AWS does not fail over without a reader either."""
    found = cluster.existing(call, DBClusterIdentifier)
    _in_state(found, "available")
    raise InvalidDBClusterStateFault(f"Cannot failover the DB cluster {found.name}: it has no Aurora Replica.")


def DeleteDBCluster(
    call: Call, *, DBClusterIdentifier: str, SkipFinalSnapshot: bool | None = None, FinalDBSnapshotIdentifier: str | None = None,
    DeleteAutomatedBackups: bool | None = None,
) -> dict:  # fmt: skip
    found = cluster.existing(call, DBClusterIdentifier)
    if DeleteAutomatedBackups is False:
        creation.refuse("DeleteDBCluster", **{"DeleteAutomatedBackups=false": True})
    if found.is_protected:
        raise InvalidParameterCombination("Cannot delete protected Cluster, please disable deletion protection and try again.")
    if SkipFinalSnapshot and FinalDBSnapshotIdentifier:
        raise InvalidParameterCombination(
            "FinalDBSnapshotIdentifier can not be specified when deleting a cluster with SkipFinalSnapshot set to true."
        )
    if not SkipFinalSnapshot and not FinalDBSnapshotIdentifier:
        raise InvalidParameterCombination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if any(each.state != "deleting" for each in members(call, found)):
        raise InvalidDBClusterStateFault("Cluster cannot be deleted, it still contains DB instances in non-deleting state.")
    if found.state == "deleting":
        raise InvalidDBClusterStateFault(f"DbCluster {found.name} is in deleting state")
    final = ""
    if FinalDBSnapshotIdentifier:
        _in_state(found, "available", "stopped", "backing-up")
        final = cluster_snapshot.final(call, found, FinalDBSnapshotIdentifier)
    return {"DBCluster": cluster.shown(call, _becoming(call, found, "deleting", final_snapshot=final))}


# The Data API --------------------------------------------------------------------------------------


def _with_endpoint(call: Call, arn: str, *, is_on: bool) -> dict:
    parsed = arns.parse(arn)
    if parsed is None or not parsed.resource.startswith("cluster:"):
        raise InvalidParameterValue(f"Invalid resource name: {arn}")
    found = call.shelf(Cluster).get(name_of(call, "cluster", arn))
    if found is None:
        raise ResourceNotFoundFault(f"The specified resource {arn} was not found.")
    keep(call, found, has_endpoint=is_on)
    return {"ResourceArn": arn, "HttpEndpointEnabled": is_on}


def EnableHttpEndpoint(call: Call, *, ResourceArn: str) -> dict:
    return _with_endpoint(call, ResourceArn, is_on=True)


def DisableHttpEndpoint(call: Call, *, ResourceArn: str) -> dict:
    return _with_endpoint(call, ResourceArn, is_on=False)
