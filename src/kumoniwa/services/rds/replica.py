"""Read replicas as customers ask for them: copies that follow an instance, until they are instances of their own.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html, …/API_PromoteReadReplica.html,
…/UserGuide/USER_ReadRepl.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import unpack
from kumoniwa.services.rds import classes, creation, engine_list, names, parameter_group, showing, tag
from kumoniwa.services.rds.creation import refuse
from kumoniwa.services.rds.errors import (
    DBInstanceNotFoundFault,
    InstanceQuotaExceededFault,
    InvalidDBInstanceStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
)
from kumoniwa.services.rds.instance import RUNNING, Instance, Source, becoming, existing, replicas

WITHIN_S = 60.0
REPLICAS_MAX = 15
"""Of one source: the documentation of SourceDBInstanceIdentifier."""


def _check_source(source: Instance, count: int) -> None:
    """Whether an instance that has so many replicas can have one more."""
    if source.cluster or not engine_list.of(source).has_replicas:
        raise NotImplementedHere(f"read replicas of databases of the engine {source.engine}")
    if source.source is not None:
        raise NotImplementedHere("read replicas of read replicas")
    if source.state not in RUNNING:
        raise InvalidDBInstanceStateFault(f"Instance {source.name} is not in available state.")
    if not source.retention_days:
        # As users of Terraform quote it: InvalidDBInstanceState.
        raise InvalidDBInstanceStateFault(
            "Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup "
            "retention period to a non-zero value."
        )
    if count >= REPLICAS_MAX:
        # The words are ours.
        raise InstanceQuotaExceededFault(f"Cannot create more than {REPLICAS_MAX} read replicas of {source.name}")


def CreateDBInstanceReadReplica(
    call: Call, *, DBInstanceIdentifier: str, SourceDBInstanceIdentifier: str | None = None, DBInstanceClass: str | None = None,
    AvailabilityZone: str | None = None, Port: int | None = None, MultiAZ: bool | None = None, AutoMinorVersionUpgrade: bool | None = None,
    Iops: int | None = None, StorageThroughput: int | None = None, OptionGroupName: str | None = None, DBParameterGroupName: str | None = None,
    PubliclyAccessible: bool | None = None, Tags: list[dict] | None = None, DBSubnetGroupName: str | None = None,
    VpcSecurityGroupIds: list[str] | None = None, StorageType: str | None = None, CopyTagsToSnapshot: bool | None = None,
    MonitoringInterval: int | None = None, EnableIAMDatabaseAuthentication: bool | None = None, DatabaseInsightsMode: str | None = None,
    EnablePerformanceInsights: bool | None = None, EnableCloudwatchLogsExports: list[str] | None = None, DeletionProtection: bool | None = None,
    NetworkType: str | None = None, MaxAllocatedStorage: int | None = None, AllocatedStorage: int | None = None,
    DedicatedLogVolume: bool | None = None, CACertificateIdentifier: str | None = None, PreSignedUrl: str | None = None,
) -> Any:  # fmt: skip
    """What is not said is the source's own, but for backups, which a replica has none of. A source in another region is named by its ARN; the URL that
    AWS wants where a region cannot see another's identities is not needed."""
    asked = {name: value for name, value in locals().items() if name[0].isupper()}
    name = creation.check_new(call, DBInstanceIdentifier)
    refuse(
        "CreateDBInstanceReadReplica", MultiAZ=MultiAZ, MonitoringInterval=MonitoringInterval,
        EnableIAMDatabaseAuthentication=EnableIAMDatabaseAuthentication, EnablePerformanceInsights=EnablePerformanceInsights,
        EnableCloudwatchLogsExports=EnableCloudwatchLogsExports, MaxAllocatedStorage=MaxAllocatedStorage, DedicatedLogVolume=DedicatedLogVolume,
        NetworkType=NetworkType if NetworkType != "IPV4" else None,
        DatabaseInsightsMode=DatabaseInsightsMode if DatabaseInsightsMode != "standard" else None,
    )  # fmt: skip
    if not SourceDBInstanceIdentifier:
        raise InvalidParameterCombination("The request must specify a SourceDBInstanceIdentifier")
    there = arns.parse(SourceDBInstanceIdentifier) if SourceDBInstanceIdentifier.startswith("arn:") else None
    if there is not None and there.region != call.region:
        return _made_afar(call, name, there, asked)
    source = existing(call, SourceDBInstanceIdentifier)
    _check_source(source, len(replicas(call, source)) + len(source.followers))
    return _made(call, name, source, Source(region=call.region, id=source.id, name=source.name), asked)


async def _made_afar(call: Call, name: str, there: arns.Arn, asked: dict[str, Any]) -> dict:
    """Of an instance of another region. What it is, its region says; that whoever calls may replicate it there, too, is looked up here."""
    said = {"what": "instance", "account": call.account, "name": there.resource.partition(":")[2].lower()}
    found = await call.home.exchange(there.region, "rds", said, WITHIN_S) if there.account == call.account else None
    if found is None:
        raise DBInstanceNotFoundFault(f"DBInstance {there} not found.")
    source = unpack(found[0], Instance)
    _check_source(source, found[1])
    return await _made(call, name, source, Source(region=there.region, id=source.id, name=str(there)), asked)


def _made(call: Call, name: str, source: Instance, origin: Source, asked: dict[str, Any]) -> Any:
    engine = engine_list.of(source)
    creation.check_option_group(engine, asked["OptionGroupName"])
    creation.check_certificate(asked["CACertificateIdentifier"])
    class_ = asked["DBInstanceClass"] or source.class_
    classes.of(class_)
    size, kind = asked["AllocatedStorage"] or source.storage_gb, asked["StorageType"] or source.storage_type
    if size < source.storage_gb:
        # The words are ours.
        raise InvalidParameterValue(f"Invalid storage size: {size}. It must not be less than that of the source: {source.storage_gb}")
    is_here, same = origin.region == call.region, kind == source.storage_type and size >= 400
    id_ = creation.new_id(call)
    group = asked["DBParameterGroupName"] or (source.group if is_here else None)
    if is_here and source.place is not None:
        asked = asked | {
            "DBSubnetGroupName": asked["DBSubnetGroupName"] or source.place.group,
            "VpcSecurityGroupIds": asked["VpcSecurityGroupIds"] or list(source.place.groups),
        }
    return creation.placed(call, Instance(
        id=id_, name=name, class_=class_, engine=engine.name, version=source.version, master=source.master, created=call.now(), zone="",
        group=parameter_group.checked_for(call, group, engine), database=source.database,
        wanted_port=creation.checked_port(source.wanted_port if asked["Port"] is None else asked["Port"]), retention_days=0,
        is_protected=bool(asked["DeletionProtection"]), copies_tags=bool(asked["CopyTagsToSnapshot"]),
        upgrades_itself=source.upgrades_itself if asked["AutoMinorVersionUpgrade"] is None else asked["AutoMinorVersionUpgrade"],
        tags=tag.checked(asked["Tags"]), source=origin, **creation.checked_windows(id_, None, source.maintenance_window),
        **creation.checked_storage(
            engine.name, kind, size, asked["Iops"] or (source.iops if same else None),
            asked["StorageThroughput"] or (source.throughput if same else None),
        ),
    ), asked)  # fmt: skip


def PromoteReadReplica(
    call: Call, *, DBInstanceIdentifier: str, BackupRetentionPeriod: int | None = None, PreferredBackupWindow: str | None = None
) -> dict:
    """It restarts once it has made all that it had got."""
    instance = existing(call, DBInstanceIdentifier)
    if instance.source is None:
        # As the tests of AWS's modules for Ansible have it.
        raise InvalidDBInstanceStateFault("DB Instance is not a read replica")
    if instance.state != "available":
        raise InvalidDBInstanceStateFault(f"Instance {instance.name} is not in available state.")
    window = PreferredBackupWindow or instance.backup_window
    names.check_apart(window, instance.maintenance_window)
    days = creation.checked_retention(BackupRetentionPeriod)
    return {"DBInstance": showing.shown(call, becoming(call, instance, "modifying", is_leaving=True, retention_days=days, backup_window=window))}
