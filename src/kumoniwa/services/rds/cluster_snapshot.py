"""Snapshots of clusters: whole copies of their data, which outlive them.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_CreateSnapshotCluster.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import cluster, engine_list, snapshot, tag
from kumoniwa.services.rds.engine import filtered
from kumoniwa.services.rds.errors import (
    DBClusterSnapshotAlreadyExistsFault,
    DBClusterSnapshotNotFoundFault,
    DBSnapshotAlreadyExistsFault,
    InvalidDBClusterSnapshotStateFault,
    InvalidDBClusterStateFault,
    InvalidParameterValue,
)
from kumoniwa.services.rds.instance import SETTLING_S, Cluster, becoming, look_again, name_of
from kumoniwa.services.rds.snapshot import ClusterSnapshot


def named(call: Call, name: str) -> ClusterSnapshot:
    found = call.shelf(ClusterSnapshot).get(name_of(call, "cluster-snapshot", name))
    if found is None:
        raise DBClusterSnapshotNotFoundFault(f"DBClusterSnapshot {name} not found.")
    return found


def check_new(call: Call, name: str, parameter: str) -> str:
    try:
        return snapshot.check_new(call, name, parameter, ClusterSnapshot)
    except DBSnapshotAlreadyExistsFault as error:
        raise DBClusterSnapshotAlreadyExistsFault(error.text) from None


def restorable(call: Call, name: str) -> ClusterSnapshot:
    found = named(call, name)
    if found.state != "available":
        raise InvalidDBClusterSnapshotStateFault(
            f"Cannot restore from the snapshot because it is not currently in the available state: {found.name}"
        )
    return found


def shown(call: Call, each: ClusterSnapshot) -> dict[str, Any]:
    is_there = each.state == "available"
    told = {
        "AvailabilityZones": [f"{call.region}{letter}" for letter in "abc"], "DBClusterSnapshotIdentifier": each.name,
        "DBClusterIdentifier": each.instance, "SnapshotCreateTime": each.created if is_there else None, "Engine": each.engine,
        "EngineMode": "provisioned", "AllocatedStorage": each.storage_gb, "Status": each.state, "Port": each.port,
        "VpcId": each.vpc or None, "ClusterCreateTime": each.instance_created, "MasterUsername": each.master,
        "EngineVersion": each.version, "LicenseModel": engine_list.of(each).licence, "SnapshotType": each.kind,
        "PercentProgress": 100 if is_there else 0, "StorageEncrypted": False, "DBClusterSnapshotArn": call.arn(f"cluster-snapshot:{each.name}"),
        "SourceDBClusterSnapshotArn": each.source or None, "IAMDatabaseAuthenticationEnabled": False, "TagList": tag.shown(each.tags),
        "DbClusterResourceId": each.instance_id, "StorageType": each.storage_type,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def CreateDBClusterSnapshot(call: Call, *, DBClusterSnapshotIdentifier: str, DBClusterIdentifier: str, Tags: list[dict] | None = None) -> dict:
    """Sessions go on meanwhile; what is committed when it ends is in it."""
    found = cluster.existing(call, DBClusterIdentifier)
    name, tags = check_new(call, DBClusterSnapshotIdentifier, "DBClusterSnapshotIdentifier"), tag.checked(Tags)
    if found.state not in ("available", "stopped"):
        raise InvalidDBClusterStateFault(f"Cannot create a snapshot because the DB cluster {found.name} is not currently in the available state.")
    made = snapshot.begun(call, found, name, "manual", tags)
    if found.state == "available":
        becoming(call, found, "backing-up")
    look_again(call, made.id, call.now() + (SETTLING_S["backing-up"] if call.home.settings.pace == "real" else 0.0))
    return {"DBClusterSnapshot": shown(call, made)}


def CopyDBClusterSnapshot(
    call: Call, *, SourceDBClusterSnapshotIdentifier: str, TargetDBClusterSnapshotIdentifier: str, CopyTags: bool | None = None,
    Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    there = arns.parse(SourceDBClusterSnapshotIdentifier) if SourceDBClusterSnapshotIdentifier.startswith("arn:") else None
    if there is not None and there.region != call.region:
        raise NotImplementedHere("copies of snapshots of clusters of another region")
    source = named(call, SourceDBClusterSnapshotIdentifier)
    if source.state != "available":
        raise InvalidDBClusterSnapshotStateFault(f"Cannot copy the snapshot because it is not currently in the available state: {source.name}")
    name = check_new(call, TargetDBClusterSnapshotIdentifier, "TargetDBClusterSnapshotIdentifier")
    made = call.shelf(ClusterSnapshot)[name] = changed(
        source, name=name, id=f"{snapshot.CLUSTER_PREFIX}{call.new_id()}", kind="manual", state="creating",
        source=call.arn(f"cluster-snapshot:{source.name}"), tags=tag.checked(Tags, source.tags if CopyTags else None),
    )  # fmt: skip
    look_again(call, made.id)
    return {"DBClusterSnapshot": shown(call, made)}


def DescribeDBClusterSnapshots(
    call: Call, *, DBClusterIdentifier: str | None = None, DBClusterSnapshotIdentifier: str | None = None, SnapshotType: str | None = None,
    Filters: list[dict] | None = None, IncludeShared: bool | None = None, IncludePublic: bool | None = None, DbClusterResourceId: str | None = None,
) -> dict:  # fmt: skip
    if SnapshotType not in (None, *snapshot.KINDS):
        raise InvalidParameterValue(f"Invalid snapshot type: {SnapshotType}. Valid values are: {', '.join(snapshot.KINDS)}")
    if DBClusterSnapshotIdentifier is not None:
        found = [named(call, DBClusterSnapshotIdentifier)]
    else:
        found = sorted(call.shelf(ClusterSnapshot).values(), key=lambda each: (each.created, each.name))
    wanted = name_of(call, "cluster", DBClusterIdentifier) if DBClusterIdentifier else None
    return {"DBClusterSnapshots": [
        shown(call, each) for each in found
        if SnapshotType in (None, each.kind) and wanted in (None, each.instance) and DbClusterResourceId in (None, each.instance_id)
        and filtered(_known(call, each), Filters)
    ]}  # fmt: skip


def _known(call: Call, each: ClusterSnapshot) -> dict[str, set[str]]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusterSnapshots.html"""
    return {
        "db-cluster-id": {each.instance, call.arn(f"cluster:{each.instance}")}, "db-cluster-snapshot-id": {each.name}, "snapshot-type": {each.kind},
        "engine": {each.engine},
    }  # fmt: skip


def DeleteDBClusterSnapshot(call: Call, *, DBClusterSnapshotIdentifier: str) -> dict:
    found = named(call, DBClusterSnapshotIdentifier)
    if found.kind == "automated":
        raise InvalidDBClusterSnapshotStateFault("automated snapshots cannot be deleted.")
    if found.state not in ("available", "failed"):
        raise InvalidDBClusterSnapshotStateFault(
            f"Cannot delete the snapshot because it is not currently in the available or failed state: {found.name}"
        )
    snapshot.forget(call, found)
    return {"DBClusterSnapshot": shown(call, changed(found, state="deleted"))}


def DescribeDBClusterSnapshotAttributes(call: Call, *, DBClusterSnapshotIdentifier: str) -> dict:
    """Nobody else may restore one."""
    found = named(call, DBClusterSnapshotIdentifier)
    return {"DBClusterSnapshotAttributesResult": {
        "DBClusterSnapshotIdentifier": found.name, "DBClusterSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": []}],
    }}  # fmt: skip


def final(call: Call, found: Cluster, name: str) -> str:
    """Begin the copy that a cluster leaves behind."""
    name = check_new(call, name, "FinalDBSnapshotIdentifier")
    snapshot.begun(call, found, name, "manual", {})
    return name
