"""How instances come to be: as new ones, from a snapshot, or as another was at some time.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import backup, classes, cluster_creation, engine_list, names, parameter_group, placing, retained, showing, snapshot, tag
from kumoniwa.services.rds.engine import Engine as DatabaseEngine
from kumoniwa.services.rds.errors import (
    CertificateNotFoundFault,
    DBInstanceAlreadyExistsFault,
    InstanceQuotaExceededFault,
    InvalidParameterCombination,
    InvalidParameterValue,
    OptionGroupNotFoundFault,
    PointInTimeRestoreNotEnabledFault,
    StorageTypeNotSupportedFault,
)
from kumoniwa.services.rds.instance import Instance, Origin, becoming, windows

INSTANCES_MAX = 40
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"""
PORT_MIN, PORT_MAX = 1_150, 65_535
RETENTION_DAYS_MAX = 35
_LEAST_GB = {"gp2": 5, "gp3": 20, "io1": 100, "io2": 100, "standard": 5}
STORAGE_MOST_GB = 65_536
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"""
PASSWORD_LENGTH = 28


def refuse(operation: str, **asked: Any) -> None:
    """What AWS would do and nobody here does. A parameter that asks for nothing is none."""
    for name, value in asked.items():
        if value not in (None, False, 0, "", []):
            raise NotImplementedHere(f"rds:{operation}({name})")


def check_option_group(engine: DatabaseEngine, name: str | None) -> None:
    if name not in (None, "", engine.option_group()):
        raise OptionGroupNotFoundFault(f"Specified OptionGroupName: {name} not found.")


def check_certificate(name: str | None) -> None:
    if name not in (None, "", engine_list.CERTIFICATE):
        raise CertificateNotFoundFault(f"CertificateNotFound: {name}")


def checked_port(port: int) -> int:
    if not PORT_MIN <= port <= PORT_MAX:
        raise InvalidParameterValue(f"Invalid port: {port}. Valid values are between {PORT_MIN} and {PORT_MAX}.")
    return port


def checked_retention(days: int | None, default: int = 1) -> int:
    if days is not None and not 0 <= days <= RETENTION_DAYS_MAX:
        raise InvalidParameterValue(f"Invalid backup retention period: {days}. Must be between 0 and {RETENTION_DAYS_MAX}")
    return default if days is None else days


def checked_storage(engine: str, kind: str, size_gb: int | None, iops: int | None, throughput: int | None) -> dict[str, Any]:
    """Type, size, operations and throughput, each as the instance has it. The texts for sizes were seen of AWS."""
    if size_gb is None:
        raise InvalidParameterValue("The parameter AllocatedStorage must be provided and must not be null.")
    if kind not in engine_list.STORAGE_TYPES:
        raise StorageTypeNotSupportedFault(f"Invalid storage type: {kind}")
    if not _LEAST_GB[kind] <= size_gb <= STORAGE_MOST_GB:
        raise InvalidParameterCombination(f"Invalid storage size for engine name {engine} and storage type {kind}: {size_gb}")
    if kind in ("io1", "io2") and not iops:
        raise InvalidParameterCombination(f"You must specify both the storage size and iops when using the storage type {kind}")
    if kind in ("gp2", "standard") and iops:
        raise InvalidParameterCombination(f"You can't specify IOPS or storage throughput for engine {engine} and the storage type {kind}.")
    if kind != "gp3" and throughput:
        raise InvalidParameterCombination(f"You can't specify storage throughput for engine {engine} and the storage type {kind}.")
    if kind == "gp3":
        if size_gb < 400 and (iops not in (None, 0, 3_000) or throughput not in (None, 0, 125)):
            # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage; seen of AWS.
            raise InvalidParameterCombination(
                f"You can't specify IOPS or storage throughput for engine {engine} and a storage size less than 400."
            )
        iops, throughput = iops or (3_000 if size_gb < 400 else 12_000), throughput or (125 if size_gb < 400 else 500)
    return {"storage_type": kind, "storage_gb": size_gb, "iops": iops or None, "throughput": throughput or None}


def checked_windows(id_: str, backup_window: str | None, maintenance_window: str | None) -> dict[str, str]:
    own = windows(id_)
    found = {"backup_window": backup_window or own[0], "maintenance_window": (maintenance_window or own[1]).lower()}
    names.backup_window(found["backup_window"])
    names.maintenance_window(found["maintenance_window"])
    if backup_window and maintenance_window:
        names.check_apart(backup_window, maintenance_window)
    elif backup_window or maintenance_window:
        # The one that nobody said goes where the other is not.
        begin, end = names.backup_window(found["backup_window"])
        try:
            names.check_apart(found["backup_window"], found["maintenance_window"])
        except InvalidParameterValue:
            if maintenance_window:
                first = (end + 60) % 1_440
                found["backup_window"] = f"{first // 60:02}:{first % 60:02}-{(first + 30) % 1_440 // 60:02}:{(first + 30) % 60:02}"
            else:
                first, day = (end + 60) % 1_440, found["maintenance_window"][:3]
                found["maintenance_window"] = (
                    f"{day}:{first // 60:02}:{first % 60:02}-{day}:{min(first + 30, 1_439) // 60:02}:{min(first + 30, 1_439) % 60:02}"
                )
    return found


def new_id(call: Call) -> str:
    """26 letters and digits behind ``db-``, as AWS's."""
    return "db-" + "".join(call.ids.random.choices(string.ascii_uppercase + string.digits[2:8], k=26))


def check_new(call: Call, name: str, parameter: str = "DBInstanceIdentifier") -> str:
    name, shelf = names.identifier(name, parameter, 63), call.shelf(Instance)
    if name in shelf:
        raise DBInstanceAlreadyExistsFault
    if len(shelf) >= INSTANCES_MAX:
        raise InstanceQuotaExceededFault(f"Cannot create more than {INSTANCES_MAX} instances")
    return name


def new_password() -> str:
    alphabet = string.ascii_letters + string.digits + "!#$%&()*+-.:<=>?[]^_{|}~"
    return "".join(secrets.choice(alphabet) for _ in range(PASSWORD_LENGTH))


async def new_secret(call: Call, id_: str, what: str, user: str, password: str, key: str | None) -> str:
    """The ARN of a secret of RDS's own, made as the caller.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html"""
    said = {"KmsKeyId": key} if key else {}
    made = await call.ask(
        "secretsmanager:CreateSecret", Name=f"rds!{id_.lower()}", SecretString=json.dumps({"username": user, "password": password}),
        Description=f"The secret associated with the {what}", **said,
    )  # fmt: skip
    return made["ARN"]


def managed_key(call: Call, key: str | None) -> str:
    return key or call.arn("alias/aws/secretsmanager", "kms")


def _begin(call: Call, made: Instance) -> dict:
    call.shelf(Instance)[made.name] = made
    return {"DBInstance": showing.shown(call, becoming(call, made, "creating"))}


async def placed(call: Call, made: Instance, asked: dict[str, Any], key: str | None = None, *, is_secret: bool = False) -> dict:
    """An instance in its network; if it ``is_secret``, RDS itself picks its master user's password and keeps it."""
    refuse("CreateDBInstance", DBSecurityGroups=asked.get("DBSecurityGroups"))
    place, is_public = await placing.chosen(call, asked["DBSubnetGroupName"], asked["VpcSecurityGroupIds"], asked["AvailabilityZone"])
    said: dict[str, Any] = {"zone": place.zone, "is_public": is_public if asked["PubliclyAccessible"] is None else asked["PubliclyAccessible"]}
    if is_secret:
        password = new_password()
        secret = await new_secret(call, made.id, f"primary RDS DB instance: {call.arn(f'db:{made.name}')}", made.master, password, key)
        said |= {"verifier": engine_list.of(made).verifier(password), "secret": secret, "secret_key": managed_key(call, key)}
    check_new(call, made.name)
    if made.cluster:
        cluster_creation.check_takes_one(call, made.cluster)
    whole = changed(made, place=placing.connected(call, place), **said)
    return call.atomically(lambda: _begin(call, whole))


# Operations ----------------------------------------------------------------------------------------


def CreateDBInstance(
    call: Call, *, DBInstanceIdentifier: str, DBInstanceClass: str, Engine: str, DBName: str | None = None, AllocatedStorage: int | None = None,
    MasterUsername: str | None = None, MasterUserPassword: str | None = None, DBSecurityGroups: list[str] | None = None,
    VpcSecurityGroupIds: list[str] | None = None, AvailabilityZone: str | None = None, DBSubnetGroupName: str | None = None,
    PreferredMaintenanceWindow: str | None = None, DBParameterGroupName: str | None = None, BackupRetentionPeriod: int | None = None,
    PreferredBackupWindow: str | None = None, Port: int | None = None, MultiAZ: bool | None = None, EngineVersion: str | None = None,
    AutoMinorVersionUpgrade: bool | None = None, LicenseModel: str | None = None, Iops: int | None = None, StorageThroughput: int | None = None,
    OptionGroupName: str | None = None, PubliclyAccessible: bool | None = None, Tags: list[dict] | None = None,
    DBClusterIdentifier: str | None = None,
    StorageType: str | None = None, StorageEncrypted: bool | None = None, KmsKeyId: str | None = None, CopyTagsToSnapshot: bool | None = None,
    MonitoringInterval: int | None = None, EnableIAMDatabaseAuthentication: bool | None = None, EnablePerformanceInsights: bool | None = None,
    EnableCloudwatchLogsExports: list[str] | None = None, DeletionProtection: bool | None = None, MaxAllocatedStorage: int | None = None,
    NetworkType: str | None = None, CACertificateIdentifier: str | None = None, ManageMasterUserPassword: bool | None = None,
    MasterUserSecretKmsKeyId: str | None = None, DatabaseInsightsMode: str | None = None, DedicatedLogVolume: bool | None = None,
    MultiTenant: bool | None = None, EngineLifecycleSupport: str | None = None, PromotionTier: int | None = None,
) -> Any:  # fmt: skip
    asked = {name: value for name, value in locals().items() if name[0].isupper()}
    name = check_new(call, DBInstanceIdentifier)
    engine = engine_list.checked(Engine)
    classes.of(DBInstanceClass)
    if engine.has_clusters and not DBClusterIdentifier:
        # The text is one of ours.
        raise InvalidParameterCombination(f"The engine {Engine} needs a DB cluster: specify DBClusterIdentifier.")
    refuse(
        "CreateDBInstance", MultiAZ=MultiAZ, StorageEncrypted=StorageEncrypted, KmsKeyId=KmsKeyId,
        MonitoringInterval=MonitoringInterval, EnableIAMDatabaseAuthentication=EnableIAMDatabaseAuthentication,
        EnablePerformanceInsights=EnablePerformanceInsights, EnableCloudwatchLogsExports=EnableCloudwatchLogsExports,
        MaxAllocatedStorage=MaxAllocatedStorage, DedicatedLogVolume=DedicatedLogVolume, MultiTenant=MultiTenant,
        NetworkType=NetworkType if NetworkType != "IPV4" else None,
        DatabaseInsightsMode=DatabaseInsightsMode if DatabaseInsightsMode != "standard" else None,
        EngineLifecycleSupport=EngineLifecycleSupport if EngineLifecycleSupport != showing.LIFECYCLE else None,
    )  # fmt: skip
    engine_list.check_licence(engine, LicenseModel)
    check_option_group(engine, OptionGroupName)
    check_certificate(CACertificateIdentifier)
    if DBClusterIdentifier:
        return cluster_creation.member(call, name, asked)
    refuse("CreateDBInstance", PromotionTier=PromotionTier)
    if ManageMasterUserPassword and MasterUserPassword is not None:
        raise InvalidParameterCombination("You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.")
    if MasterUserSecretKmsKeyId and not ManageMasterUserPassword:
        raise InvalidParameterCombination("You can't specify MasterUserSecretKmsKeyId without enabling ManageMasterUserPassword.")
    user = names.check_user(engine, MasterUsername)
    password = None if ManageMasterUserPassword else names.check_password(engine, MasterUserPassword)
    id_ = new_id(call)
    made = Instance(
        id=id_, name=name, class_=DBInstanceClass, engine=engine.name,
        version=engine_list.checked_version(call, engine, EngineVersion), master=user, created=call.now(),
        zone="", group=parameter_group.checked_for(call, DBParameterGroupName, engine),
        database=names.check_database(engine, DBName) if DBName else "", wanted_port=checked_port(engine.port if Port is None else Port),
        retention_days=checked_retention(BackupRetentionPeriod),
        is_protected=bool(DeletionProtection), copies_tags=bool(CopyTagsToSnapshot),
        upgrades_itself=AutoMinorVersionUpgrade is not False, tags=tag.checked(Tags),
        verifier=engine.verifier(password) if password is not None else "",
        **checked_windows(id_, PreferredBackupWindow, PreferredMaintenanceWindow),
        **checked_storage(engine.name, StorageType or ("io1" if Iops else "gp2"), AllocatedStorage, Iops, StorageThroughput),
    )  # fmt: skip
    return placed(call, made, asked, MasterUserSecretKmsKeyId, is_secret=bool(ManageMasterUserPassword))


def _restored(call: Call, name: str, source: Any, origin: Origin, asked: dict[str, Any]) -> Any:
    """An instance that begins as a copy of what ``source``, a snapshot or an instance, is."""
    name = check_new(call, name, "TargetDBInstanceIdentifier" if origin.source else "DBInstanceIdentifier")
    class_ = asked["DBInstanceClass"] or source.class_
    classes.of(class_)
    engine = engine_list.checked(asked["Engine"] or source.engine)
    if engine.name != source.engine:
        raise InvalidParameterCombination(f"Cannot restore a database of the engine {source.engine} as {engine.name}")
    engine_list.check_licence(engine, asked["LicenseModel"])
    refuse(asked["operation"], MultiAZ=asked["MultiAZ"], EnableIAMDatabaseAuthentication=asked["EnableIAMDatabaseAuthentication"],
           EnableCloudwatchLogsExports=asked["EnableCloudwatchLogsExports"], DBName=asked["DBName"])  # fmt: skip
    check_option_group(engine, asked["OptionGroupName"])
    id_ = new_id(call)
    size = asked["AllocatedStorage"] or source.storage_gb
    if size < source.storage_gb:
        raise InvalidParameterValue(f"Invalid storage size: {size}. It must not be less than that of what is restored: {source.storage_gb}")
    kind = asked["StorageType"] or source.storage_type
    same = kind == source.storage_type
    port = source.wanted_port if isinstance(source, Instance) else source.port
    return placed(call, Instance(
        id=id_, name=name, class_=class_, engine=engine.name, version=source.version, master=source.master, created=call.now(), zone="",
        group=parameter_group.checked_for(call, asked["DBParameterGroupName"], engine), database=source.database,
        wanted_port=checked_port(port if asked["Port"] is None else asked["Port"]),
        retention_days=checked_retention(asked["BackupRetentionPeriod"]),
        is_protected=bool(asked["DeletionProtection"]), copies_tags=bool(asked["CopyTagsToSnapshot"]),
        upgrades_itself=asked["AutoMinorVersionUpgrade"] is not False, tags=tag.checked(asked["Tags"]), origin=origin,
        **checked_windows(id_, asked["PreferredBackupWindow"], None),
        **checked_storage(
            engine.name, kind, size, asked["Iops"] or (source.iops if same and size >= 400 else None), asked["StorageThroughput"] or None
        ),
    ), asked)  # fmt: skip


def RestoreDBInstanceFromDBSnapshot(
    call: Call, *, DBInstanceIdentifier: str, DBSnapshotIdentifier: str | None = None, DBInstanceClass: str | None = None, Port: int | None = None,
    AvailabilityZone: str | None = None, DBSubnetGroupName: str | None = None, MultiAZ: bool | None = None, PubliclyAccessible: bool | None = None,
    AutoMinorVersionUpgrade: bool | None = None, LicenseModel: str | None = None, DBName: str | None = None, Engine: str | None = None,
    Iops: int | None = None, StorageThroughput: int | None = None, OptionGroupName: str | None = None, Tags: list[dict] | None = None,
    StorageType: str | None = None, VpcSecurityGroupIds: list[str] | None = None, CopyTagsToSnapshot: bool | None = None,
    EnableIAMDatabaseAuthentication: bool | None = None, EnableCloudwatchLogsExports: list[str] | None = None,
    DBParameterGroupName: str | None = None,
    DeletionProtection: bool | None = None, AllocatedStorage: int | None = None, BackupRetentionPeriod: int | None = None,
    PreferredBackupWindow: str | None = None,
) -> Any:  # fmt: skip
    """Users, passwords and data are those of the snapshot."""
    asked = {name: value for name, value in locals().items() if name[0].isupper()} | {"operation": "RestoreDBInstanceFromDBSnapshot"}
    if not DBSnapshotIdentifier:
        raise InvalidParameterCombination("The request must specify a DBSnapshotIdentifier")
    source = snapshot.restorable(call, DBSnapshotIdentifier)
    return _restored(call, DBInstanceIdentifier, source, Origin(snapshot=source.id, told=f"Restored from snapshot {source.name}"), asked)


def RestoreDBInstanceToPointInTime(
    call: Call, *, TargetDBInstanceIdentifier: str, SourceDBInstanceIdentifier: str | None = None, RestoreTime: float | None = None,
    UseLatestRestorableTime: bool | None = None, DBInstanceClass: str | None = None, Port: int | None = None, AvailabilityZone: str | None = None,
    DBSubnetGroupName: str | None = None, MultiAZ: bool | None = None, PubliclyAccessible: bool | None = None,
    AutoMinorVersionUpgrade: bool | None = None,
    LicenseModel: str | None = None, DBName: str | None = None, Engine: str | None = None, Iops: int | None = None,
    StorageThroughput: int | None = None,
    OptionGroupName: str | None = None, CopyTagsToSnapshot: bool | None = None, Tags: list[dict] | None = None, StorageType: str | None = None,
    VpcSecurityGroupIds: list[str] | None = None, EnableIAMDatabaseAuthentication: bool | None = None,
    EnableCloudwatchLogsExports: list[str] | None = None,
    DBParameterGroupName: str | None = None, DeletionProtection: bool | None = None, SourceDbiResourceId: str | None = None,
    AllocatedStorage: int | None = None, BackupRetentionPeriod: int | None = None, PreferredBackupWindow: str | None = None,
    SourceDBInstanceAutomatedBackupsArn: str | None = None,
) -> Any:  # fmt: skip
    asked = {name: value for name, value in locals().items() if name[0].isupper()} | {"operation": "RestoreDBInstanceToPointInTime"}
    if bool(RestoreTime) == bool(UseLatestRestorableTime):
        raise InvalidParameterCombination("Specify either RestoreTime or UseLatestRestorableTime")
    source, times = retained.source(call, SourceDBInstanceIdentifier, SourceDbiResourceId, SourceDBInstanceAutomatedBackupsArn)
    if source.cluster:
        # The text is one of ours.
        raise InvalidParameterCombination("The specified instance is a member of a DB cluster. Use RestoreDBClusterToPointInTime instead.")
    if not source.retention_days:
        raise PointInTimeRestoreNotEnabledFault(f"Point in time restore is not enabled for instance {source.name}")
    if times is None or (RestoreTime is not None and not times[0] <= RestoreTime <= times[1]):
        # The text is one of ours: how AWS says it was not found.
        raise InvalidParameterValue(f"The specified instance cannot be restored to that time: {source.name}")

    return _restored(call, TargetDBInstanceIdentifier, source, backup.origin(call, source, RestoreTime), asked)
