"""Snapshots: whole copies of an instance's data, which outlive it.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CreateSnapshot.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed, unpack
from kumoniwa.services.rds import carrying, engine_list, event, hosting, names, tag
from kumoniwa.services.rds.engine import filtered
from kumoniwa.services.rds.errors import (
    DBSnapshotAlreadyExistsFault,
    DBSnapshotNotFoundFault,
    InvalidDBInstanceStateFault,
    InvalidDBSnapshotStateFault,
    InvalidParameterValue,
    SnapshotQuotaExceededFault,
)
from kumoniwa.services.rds.instance import SETTLING_S, Cluster, Instance, becoming, existing, look_again, name_of

SNAPSHOTS_MAX = 100
"""Manual ones: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"""
KINDS = ("automated", "manual", "shared", "public", "awsbackup")
BACKUP = "awsbackup:"
"""How the names of those begin that AWS Backup makes, and nobody else does."""
PREFIX = "snap-"
"""How the ids of their data begin."""


class Snapshot(Record):
    """Shelved by its identifier."""

    name: str
    id: str
    """Under which its data lies."""
    instance: str
    instance_id: str
    instance_created: float
    created: float
    version: str
    class_: str
    storage_gb: int
    storage_type: str
    master: str
    port: int
    zone: str
    group: str
    engine: str = "postgres"
    database: str = ""
    iops: int | None = None
    throughput: int | None = None
    kind: str = "manual"
    state: str = "creating"
    source: str = ""
    """The ARN of one that it is a copy of."""
    source_id: str = ""
    """The id of its data, where it lies in another region."""
    original: float = 0.0
    vpc: str = ""
    """That of its instance."""
    tags: dict[str, str] = {}


class ClusterSnapshot(Snapshot):
    """Of a cluster, which is told as its instance."""


CLUSTER_PREFIX = "csnap-"


def kind_for(instance: Instance) -> type[Snapshot]:
    return ClusterSnapshot if isinstance(instance, Cluster) else Snapshot


def named(call: Call, name: str) -> Snapshot:
    found = call.shelf(Snapshot).get(name_of(call, "snapshot", name))
    if found is None:
        raise DBSnapshotNotFoundFault(f"DBSnapshot {name} not found.")
    return found


def by_id(call: Call, id_: str) -> Snapshot | None:
    shelf = call.shelf(ClusterSnapshot if id_.startswith(CLUSTER_PREFIX) else Snapshot)
    return next((each for each in shelf.values() if each.id == id_), None)


def source_of(call: Call, snapshot: Snapshot) -> Snapshot | None:
    """The one here that it is a copy of."""
    return call.shelf(type(snapshot)).get(snapshot.source.partition("snapshot:")[2])


def shown(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    is_there = snapshot.state == "available"
    told = {
        "DBSnapshotIdentifier": snapshot.name, "DBInstanceIdentifier": snapshot.instance,
        "SnapshotCreateTime": snapshot.created if is_there else None,
        "Engine": snapshot.engine, "AllocatedStorage": snapshot.storage_gb, "Status": snapshot.state, "Port": snapshot.port,
        "AvailabilityZone": snapshot.zone, "VpcId": snapshot.vpc or None, "InstanceCreateTime": snapshot.instance_created,
        "MasterUsername": snapshot.master, "EngineVersion": snapshot.version, "LicenseModel": engine_list.of(snapshot).licence,
        "SnapshotType": snapshot.kind,
        "Iops": snapshot.iops, "OptionGroupName": engine_list.of(snapshot).option_group(), "PercentProgress": 100 if is_there else 0,
        "StorageType": snapshot.storage_type,
        "Encrypted": False, "DBSnapshotArn": call.arn(f"snapshot:{snapshot.name}"), "IAMDatabaseAuthenticationEnabled": False,
        "ProcessorFeatures": [],
        "DbiResourceId": snapshot.instance_id, "TagList": tag.shown(snapshot.tags), "SnapshotTarget": "region",
        "StorageThroughput": snapshot.throughput,
        "OriginalSnapshotCreateTime": (snapshot.original or snapshot.created) if is_there else None, "DedicatedLogVolume": False,
        "MultiTenant": False,
        "SourceDBSnapshotIdentifier": snapshot.source or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def is_of_backup(call: Call) -> bool:
    """Whether AWS Backup asks, as a job's role or for whoever called it."""
    return "backup.amazonaws.com" in (call.principal.held_by, *call.principal.via)


def kind_of(call: Call, name: str) -> str:
    """What kind of snapshot it is that somebody makes under a name."""
    return "awsbackup" if name.startswith(BACKUP) and is_of_backup(call) else "manual"


def check_new(call: Call, name: str, parameter: str, type_: type[Snapshot] = Snapshot) -> str:
    is_manual, shelf = kind_of(call, name) == "manual", call.shelf(type_)
    name = names.identifier(name, parameter, 255) if is_manual else name
    if name in shelf:
        raise DBSnapshotAlreadyExistsFault(f"Cannot create the snapshot because a snapshot with the identifier {name} already exists.")
    if is_manual and sum(each.kind == "manual" for each in shelf.values()) >= SNAPSHOTS_MAX:
        raise SnapshotQuotaExceededFault
    return name


def begun(call: Call, instance: Instance, name: str, kind: str, tags: dict[str, str]) -> Snapshot:
    """A snapshot whose data is yet to come."""
    type_ = kind_for(instance)
    prefix = CLUSTER_PREFIX if type_ is ClusterSnapshot else PREFIX
    held_gb = -(-instance.held // (1 << 30)) if isinstance(instance, Cluster) else 0
    made = call.shelf(type_)[name] = type_(
        name=name, id=f"{prefix}{call.new_id()}", instance=instance.name, instance_id=instance.id, instance_created=instance.created,
        created=call.now(), version=instance.version, class_=instance.class_, storage_gb=max(instance.storage_gb, held_gb),
        storage_type=instance.storage_type, master=instance.master, port=instance.wanted_port, engine=instance.engine, zone=instance.zone,
        group=instance.group, database=instance.database, iops=instance.iops, throughput=instance.throughput, kind=kind,
        vpc=instance.place.vpc if instance.place is not None else "", tags={**(instance.tags if instance.copies_tags else {}), **tags},
    )  # fmt: skip
    _tell(call, made, ("RDS-EVENT-0090", "Creating automated snapshot") if kind == "automated" else ("RDS-EVENT-0040", "Creating manual snapshot"))
    return made


_OF_CLUSTERS = {
    "RDS-EVENT-0040": ("RDS-EVENT-0074", "Creating manual cluster snapshot"), "RDS-EVENT-0042": ("RDS-EVENT-0075", "Manual cluster snapshot created"),
    "RDS-EVENT-0090": ("RDS-EVENT-0168", "Creating automated cluster snapshot"),
    "RDS-EVENT-0091": ("RDS-EVENT-0169", "Automated cluster snapshot created"),
}  # fmt: skip


def _tell(call: Call, snapshot: Snapshot, what: tuple[str, str]) -> None:
    if isinstance(snapshot, ClusterSnapshot):
        event.tell(call, "db-cluster-snapshot", snapshot.name, *_OF_CLUSTERS[what[0]])
    else:
        event.tell(call, "db-snapshot", snapshot.name, *what)


def taken(call: Call, snapshot: Snapshot) -> None:
    """Its data is there."""
    latest = by_id(call, snapshot.id)
    if latest is None:
        hosting.gone(hosting.snapshot_folder(call, snapshot.id))
        return
    call.shelf(type(latest))[latest.name] = changed(latest, state="available", created=call.now())
    is_own = latest.kind == "automated"
    _tell(call, latest, ("RDS-EVENT-0091", "Automated snapshot created") if is_own else ("RDS-EVENT-0042", "Manual snapshot created"))
    call.keeps_otherwise()


def failed(call: Call, id_: str, words: str) -> None:
    latest = by_id(call, id_)
    if latest is not None:
        call.home.note("snapshot-failed", snapshot=latest.name, text=words)
        call.shelf(type(latest))[latest.name] = changed(latest, state="failed")


def forget(call: Call, snapshot: Snapshot) -> None:
    del call.shelf(type(snapshot))[snapshot.name]
    folder = hosting.snapshot_folder(call, snapshot.id)
    call.after_commit(lambda: call.home.spawn(asyncio.to_thread(hosting.gone, folder)))


# Operations ----------------------------------------------------------------------------------------


def CreateDBSnapshot(call: Call, *, DBSnapshotIdentifier: str, DBInstanceIdentifier: str, Tags: list[dict] | None = None) -> dict:
    """Sessions go on meanwhile; what is committed when it ends is in it."""
    instance = existing(call, DBInstanceIdentifier)
    name, tags = check_new(call, DBSnapshotIdentifier, "DBSnapshotIdentifier"), tag.checked(Tags)
    if instance.cluster:
        raise InvalidParameterValue(
            "The specified instance is a member of a cluster and a snapshot cannot be created directly. Please use the CreateDBClusterSnapshot API instead."
        )
    if instance.state not in ("available", "stopped"):
        raise InvalidDBInstanceStateFault(
            f"Cannot create a snapshot because the database instance {instance.name} is not currently in the available state."
        )
    made = begun(call, instance, name, kind_of(call, name), tags)
    if instance.state == "available":
        becoming(call, instance, "backing-up")
    look_again(call, made.id, call.now() + (SETTLING_S["backing-up"] if call.home.settings.pace == "real" else 0.0))
    return {"DBSnapshot": shown(call, made)}


def CopyDBSnapshot(
    call: Call, *, SourceDBSnapshotIdentifier: str, TargetDBSnapshotIdentifier: str, CopyTags: bool | None = None, Tags: list[dict] | None = None,
    PreSignedUrl: str | None = None,
) -> Any:  # fmt: skip
    """From another region by its ARN. Whoever calls must be allowed to copy there, too, which is looked up here: the URL that says so is not needed,
    and AWS wants it only where a region cannot see another's identities."""
    there = arns.parse(SourceDBSnapshotIdentifier) if SourceDBSnapshotIdentifier.startswith("arn:") else None
    check_new(call, TargetDBSnapshotIdentifier, "TargetDBSnapshotIdentifier")
    asked = (TargetDBSnapshotIdentifier, CopyTags, tag.checked(Tags))
    if there is None or there.region == call.region:
        source = named(call, SourceDBSnapshotIdentifier)
        return _copied(call, source, call.arn(f"snapshot:{source.name}"), "", *asked)

    async def act() -> dict:
        name = there.resource.partition(":")[2]
        body = await carrying.found(call, there.region, name) if there.account == call.account else None
        if body is None:
            raise DBSnapshotNotFoundFault(f"DBSnapshot {SourceDBSnapshotIdentifier} not found.")
        source = unpack(body, Snapshot)
        return call.atomically(lambda: _copied(call, source, SourceDBSnapshotIdentifier, source.id, *asked))

    return act()


def _copied(call: Call, source: Snapshot, arn: str, source_id: str, target: str, copies_tags: bool | None, tags: dict[str, str]) -> dict:
    if source.state != "available":
        raise InvalidDBSnapshotStateFault(f"Cannot copy the snapshot because it is not currently in the available state: {source.name}")
    name = check_new(call, target, "TargetDBSnapshotIdentifier")
    made = call.shelf(Snapshot)[name] = changed(
        source, name=name, id=f"{PREFIX}{call.new_id()}", kind=kind_of(call, target), state="creating", source=arn, source_id=source_id,
        original=source.original or source.created, tags={**(source.tags if copies_tags else {}), **tags},
    )  # fmt: skip
    look_again(call, made.id)
    return {"DBSnapshot": shown(call, made)}


def DescribeDBSnapshots(
    call: Call, *, DBInstanceIdentifier: str | None = None, DBSnapshotIdentifier: str | None = None, SnapshotType: str | None = None,
    Filters: list[dict] | None = None, IncludeShared: bool | None = None, IncludePublic: bool | None = None, DbiResourceId: str | None = None,
) -> dict:  # fmt: skip
    if SnapshotType not in (None, *KINDS):
        raise InvalidParameterValue(f"Invalid snapshot type: {SnapshotType}. Valid values are: {', '.join(KINDS)}")
    if DBSnapshotIdentifier is not None:
        found = [named(call, DBSnapshotIdentifier)]
    else:
        found = sorted(call.shelf(Snapshot).values(), key=lambda each: (each.created, each.name))
    wanted_name = name_of(call, "db", DBInstanceIdentifier) if DBInstanceIdentifier else None
    return {"DBSnapshots": [
        shown(call, each) for each in found
        if SnapshotType in (None, each.kind) and wanted_name in (None, each.instance) and DbiResourceId in (None, each.instance_id)
        and filtered(_known(call, each), Filters)
    ]}  # fmt: skip


def _known(call: Call, each: Snapshot) -> dict[str, set[str]]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html"""
    return {
        "db-instance-id": {each.instance, call.arn(f"db:{each.instance}")}, "db-snapshot-id": {each.name}, "dbi-resource-id": {each.instance_id},
        "snapshot-type": {each.kind}, "engine": {each.engine},
    }  # fmt: skip


def DeleteDBSnapshot(call: Call, *, DBSnapshotIdentifier: str) -> dict:
    snapshot = named(call, DBSnapshotIdentifier)
    if snapshot.kind == "automated" or (snapshot.kind == "awsbackup" and not is_of_backup(call)):
        # Of automated ones in https://github.com/hashicorp/terraform-provider-aws/issues/13800; of AWS Backup's, which it "manages and you cannot
        # delete by RDS", no record is at hand.
        raise InvalidDBSnapshotStateFault(f"{snapshot.kind} snapshots cannot be deleted.")
    if snapshot.state not in ("available", "failed"):
        raise InvalidDBSnapshotStateFault(f"Cannot delete the snapshot because it is not currently in the available or failed state: {snapshot.name}")
    forget(call, snapshot)
    event.tell(call, "db-snapshot", snapshot.name, "RDS-EVENT-0041", "Deleted user snapshot")
    return {"DBSnapshot": shown(call, changed(snapshot, state="deleted"))}


def DescribeDBSnapshotAttributes(call: Call, *, DBSnapshotIdentifier: str) -> dict:
    """Nobody else may restore one."""
    snapshot = named(call, DBSnapshotIdentifier)
    return {"DBSnapshotAttributesResult": {
        "DBSnapshotIdentifier": snapshot.name, "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": []}],
    }}  # fmt: skip


def restorable(call: Call, name: str) -> Snapshot:
    snapshot = named(call, name)
    if snapshot.state != "available":
        raise InvalidDBSnapshotStateFault(f"Cannot restore from the snapshot because it is not currently in the available state: {snapshot.name}")
    return snapshot
