"""How clusters come to be: as new ones, from a snapshot, or as another was at some time; and how instances become members of them.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html, …/AuroraUserGuide/Aurora.CreateInstance.html
"""

from __future__ import annotations

import string
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import (
    backup,
    classes,
    cluster,
    cluster_snapshot,
    creation,
    engine_list,
    names,
    parameter_group,
    placing,
    showing,
    tag,
)
from kumoniwa.services.rds.engine import Engine as DatabaseEngine
from kumoniwa.services.rds.errors import (
    DBClusterAlreadyExistsFault,
    DBClusterNotFoundFault,
    DBClusterParameterGroupNotFoundFault,
    DBClusterQuotaExceededFault,
    DBParameterGroupNotFoundFault,
    InvalidDBClusterStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
    PointInTimeRestoreNotEnabledFault,
)
from kumoniwa.services.rds.instance import PREFIX, Cluster, Instance, Origin, becoming, by_id
from kumoniwa.services.rds.parameter_group import ClusterParameterGroup

CLUSTERS_MAX = 40
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/CHAP_Limits.html"""
STORAGE = "aurora"
TIER_MAX = 15
_RETENTION_MIN = 1
"""Backups of a cluster cannot be turned off: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html"""


def check_new(call: Call, name: str, parameter: str = "DBClusterIdentifier") -> str:
    name, shelf = names.identifier(name, parameter, 63), call.shelf(Cluster)
    if name in shelf:
        raise DBClusterAlreadyExistsFault
    if len(shelf) >= CLUSTERS_MAX:
        raise DBClusterQuotaExceededFault(f"Cannot create more than {CLUSTERS_MAX} clusters")
    return name


def new_id(call: Call) -> str:
    """26 letters and digits behind ``cluster-``, as AWS's."""
    return PREFIX + "".join(call.ids.random.choices(string.ascii_uppercase + string.digits[2:8], k=26))


def checked_engine(name: str, mode: str | None = None) -> DatabaseEngine:
    engine = engine_list.checked(name)
    if not engine.has_clusters:
        raise NotImplementedHere(f"Multi-AZ DB clusters of the engine {name}")
    if mode == "serverless":
        # Serverless v1 is gone from AWS, and never had this version. The text is one of ours.
        raise InvalidParameterValue(
            "The engine mode serverless you requested is currently unavailable.",
            hint="Aurora Serverless v2 is a cluster with instances of the class db.serverless.",
        )
    if mode not in (None, "", "provisioned"):
        raise NotImplementedHere(f"clusters of the engine mode {mode}")
    return engine


def checked_scaling(said: dict[str, Any] | None, before: dict[str, float] | None = None) -> dict[str, float]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ServerlessV2ScalingConfiguration.html; the texts are ours."""
    if not said:
        return dict(before or {})
    if said.get("SecondsUntilAutoPause") is not None or said.get("MinCapacity") == 0:
        raise NotImplementedHere("clusters of serverless instances that pause (MinCapacity=0, SecondsUntilAutoPause)")
    found = {**(before or {}), **{name: float(value) for name, value in said.items() if value is not None}}
    low, high = found.get("MinCapacity"), found.get("MaxCapacity")
    if low is None or high is None:
        raise InvalidParameterCombination("Both MinCapacity and MaxCapacity must be provided in the Serverless v2 scaling configuration.")
    if not engine_list.CAPACITY_MIN <= low <= high <= engine_list.CAPACITY_MAX or high < 1 or any(value * 2 % 1 for value in (low, high)):
        raise InvalidParameterValue(
            f"Invalid Serverless v2 scaling configuration: capacities are multiples of 0.5 from {engine_list.CAPACITY_MIN} to "
            f"{engine_list.CAPACITY_MAX:g}, the greatest at least 1 and no less than the least."
        )
    return found


def checked_group(call: Call, name: str | None, engine: DatabaseEngine) -> str:
    try:
        return parameter_group.checked_for(call, name, engine, ClusterParameterGroup)
    except DBParameterGroupNotFoundFault as error:
        raise DBClusterParameterGroupNotFoundFault(error.text) from None


def checked_retention(days: int | None) -> int:
    if days == 0:
        raise InvalidParameterValue(f"Invalid backup retention period: 0. Must be between {_RETENTION_MIN} and {creation.RETENTION_DAYS_MAX}")
    return creation.checked_retention(days)


def refuse_what_is_not_here(operation: str, asked: dict[str, Any]) -> None:
    """What Aurora alone has, and what no database has here."""
    gone = (
        "BacktrackWindow", "GlobalClusterIdentifier", "EnableGlobalWriteForwarding", "EnableLimitlessDatabase", "EnableLocalWriteForwarding",
        "ReplicationSourceIdentifier", "StorageEncrypted", "KmsKeyId", "EnableIAMDatabaseAuthentication", "EnableCloudwatchLogsExports",
        "CloudwatchLogsExportConfiguration", "ScalingConfiguration", "DBClusterInstanceClass", "AllocatedStorage", "Iops", "MonitoringInterval",
        "EnablePerformanceInsights", "Domain", "CharacterSetName",
    )  # fmt: skip
    creation.refuse(operation, **{name: asked[name] for name in gone if name in asked})
    creation.refuse(
        operation, NetworkType=asked["NetworkType"] if asked.get("NetworkType") != "IPV4" else None,
        DatabaseInsightsMode=asked["DatabaseInsightsMode"] if asked.get("DatabaseInsightsMode") != "standard" else None,
        EngineLifecycleSupport=asked["EngineLifecycleSupport"] if asked.get("EngineLifecycleSupport") != showing.LIFECYCLE else None,
        StorageType=asked["StorageType"] if asked.get("StorageType") != STORAGE else None,
        ClusterScalabilityType=asked["ClusterScalabilityType"] if asked.get("ClusterScalabilityType") != "standard" else None,
    )  # fmt: skip


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name[0].isupper()} | {
        name: given.get(name) for name in ("NetworkType", "DatabaseInsightsMode", "EngineLifecycleSupport", "StorageType", "ClusterScalabilityType")
    }


def _begin(call: Call, made: Cluster) -> dict:
    check_new(call, made.name)
    call.shelf(Cluster)[made.name] = made
    return {"DBCluster": cluster.shown(call, becoming(call, made, "creating"))}


async def _placed(call: Call, made: Cluster, asked: dict[str, Any], *, is_secret: bool = False) -> dict:
    """A cluster in its network, in which its instances have interfaces, and it has none; if it ``is_secret``, RDS itself picks its master user's
    password and keeps it."""
    place, _ = await placing.chosen(call, asked["DBSubnetGroupName"], asked["VpcSecurityGroupIds"], None)
    said: dict[str, Any] = {"zone": place.zone, "place": place}
    if is_secret:
        password, key = creation.new_password(), asked["MasterUserSecretKmsKeyId"]
        what = f"primary RDS DB cluster: {cluster.arn_of(call, made)}"
        secret = await creation.new_secret(call, f"{made.id}-{call.new_id()[:8]}", what, made.master, password, key)
        said |= {"verifier": engine_list.of(made).verifier(password), "secret": secret, "secret_key": creation.managed_key(call, key)}
    whole = changed(made, **said)
    return call.atomically(lambda: _begin(call, whole))


def CreateDBCluster(
    call: Call, *, DBClusterIdentifier: str, Engine: str, AvailabilityZones: list[str] | None = None, BackupRetentionPeriod: int | None = None,
    CharacterSetName: str | None = None, DatabaseName: str | None = None, DBClusterParameterGroupName: str | None = None,
    VpcSecurityGroupIds: list[str] | None = None, DBSubnetGroupName: str | None = None, EngineVersion: str | None = None, Port: int | None = None,
    MasterUsername: str | None = None, MasterUserPassword: str | None = None, OptionGroupName: str | None = None,
    PreferredBackupWindow: str | None = None, PreferredMaintenanceWindow: str | None = None, ReplicationSourceIdentifier: str | None = None,
    Tags: list[dict] | None = None, StorageEncrypted: bool | None = None, KmsKeyId: str | None = None,
    EnableIAMDatabaseAuthentication: bool | None = None, BacktrackWindow: int | None = None, EnableCloudwatchLogsExports: list[str] | None = None,
    EngineMode: str | None = None, ScalingConfiguration: dict | None = None, DBClusterInstanceClass: str | None = None,
    AllocatedStorage: int | None = None, StorageType: str | None = None, Iops: int | None = None, AutoMinorVersionUpgrade: bool | None = None,
    DeletionProtection: bool | None = None, GlobalClusterIdentifier: str | None = None, EnableHttpEndpoint: bool | None = None,
    CopyTagsToSnapshot: bool | None = None, Domain: str | None = None, EnableGlobalWriteForwarding: bool | None = None, NetworkType: str | None = None,
    ServerlessV2ScalingConfiguration: dict | None = None, MonitoringInterval: int | None = None, DatabaseInsightsMode: str | None = None,
    EnablePerformanceInsights: bool | None = None, EnableLimitlessDatabase: bool | None = None, ClusterScalabilityType: str | None = None,
    ManageMasterUserPassword: bool | None = None, EnableLocalWriteForwarding: bool | None = None, MasterUserSecretKmsKeyId: str | None = None,
    CACertificateIdentifier: str | None = None, EngineLifecycleSupport: str | None = None,
) -> Any:  # fmt: skip
    """It is there before it has any instance, and nobody comes in before it has one."""
    asked = _asked(locals())
    name = check_new(call, DBClusterIdentifier)
    engine = checked_engine(Engine, EngineMode)
    refuse_what_is_not_here("CreateDBCluster", asked)
    creation.check_option_group(engine, OptionGroupName)
    creation.check_certificate(CACertificateIdentifier)
    if ManageMasterUserPassword and MasterUserPassword is not None:
        raise InvalidParameterCombination("You can't specify MasterUserPassword for a cluster with ManageMasterUserPassword enabled.")
    if MasterUserSecretKmsKeyId and not ManageMasterUserPassword:
        raise InvalidParameterCombination("You can't specify MasterUserSecretKmsKeyId without enabling ManageMasterUserPassword.")
    user = names.check_user(engine, MasterUsername)
    password = None if ManageMasterUserPassword else names.check_password(engine, MasterUserPassword)
    id_ = new_id(call)
    made = Cluster(
        id=id_, name=name, class_="", engine=engine.name, version=engine_list.checked_version(call, engine, EngineVersion), master=user,
        created=call.now(), zone="", group=checked_group(call, DBClusterParameterGroupName, engine),
        database=names.check_database(engine, DatabaseName) if DatabaseName else "",
        wanted_port=creation.checked_port(engine.port if Port is None else Port), retention_days=checked_retention(BackupRetentionPeriod),
        is_protected=bool(DeletionProtection), copies_tags=bool(CopyTagsToSnapshot), upgrades_itself=AutoMinorVersionUpgrade is not False,
        tags=tag.checked(Tags), verifier=engine.verifier(password) if password is not None else "", storage_gb=1, storage_type=STORAGE,
        has_endpoint=bool(EnableHttpEndpoint), scaling=checked_scaling(ServerlessV2ScalingConfiguration),
        **creation.checked_windows(id_, PreferredBackupWindow, PreferredMaintenanceWindow),
    )  # fmt: skip
    return _placed(call, made, asked, is_secret=bool(ManageMasterUserPassword))


# Made again ----------------------------------------------------------------------------------------


def _restored(call: Call, source: Any, origin: Origin, asked: dict[str, Any]) -> Any:
    name = check_new(call, asked["DBClusterIdentifier"])
    engine = checked_engine(asked.get("Engine") or source.engine, asked["EngineMode"])
    if engine.name != source.engine:
        raise InvalidParameterCombination(f"Cannot restore a cluster of the engine {source.engine} as {engine.name}")
    refuse_what_is_not_here(asked["operation"], asked)
    creation.check_option_group(engine, asked["OptionGroupName"])
    if asked.get("EngineVersion"):
        engine_list.checked_version(call, engine, asked["EngineVersion"])
    id_ = new_id(call)
    port = engine.port if origin.source else source.port  # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterToPointInTime.html
    return _placed(call, Cluster(
        id=id_, name=name, class_="", engine=engine.name, version=source.version, master=source.master, created=call.now(),
        zone="", group=checked_group(call, asked["DBClusterParameterGroupName"], engine), database=source.database,
        wanted_port=creation.checked_port(port if asked["Port"] is None else asked["Port"]),
        retention_days=checked_retention(asked["BackupRetentionPeriod"]), is_protected=bool(asked["DeletionProtection"]),
        copies_tags=bool(asked["CopyTagsToSnapshot"]), tags=tag.checked(asked["Tags"]), origin=origin, storage_gb=1, storage_type=STORAGE,
        scaling=checked_scaling(asked["ServerlessV2ScalingConfiguration"]), **creation.checked_windows(id_, asked["PreferredBackupWindow"], None),
    ), asked)  # fmt: skip


def RestoreDBClusterFromSnapshot(
    call: Call, *, DBClusterIdentifier: str, SnapshotIdentifier: str, Engine: str, EngineVersion: str | None = None, Port: int | None = None,
    AvailabilityZones: list[str] | None = None, DBSubnetGroupName: str | None = None, DatabaseName: str | None = None,
    OptionGroupName: str | None = None, VpcSecurityGroupIds: list[str] | None = None, Tags: list[dict] | None = None, KmsKeyId: str | None = None,
    EnableIAMDatabaseAuthentication: bool | None = None, BacktrackWindow: int | None = None, EnableCloudwatchLogsExports: list[str] | None = None,
    EngineMode: str | None = None, ScalingConfiguration: dict | None = None, DBClusterParameterGroupName: str | None = None,
    DeletionProtection: bool | None = None, CopyTagsToSnapshot: bool | None = None, Domain: str | None = None,
    DBClusterInstanceClass: str | None = None, StorageType: str | None = None, Iops: int | None = None, NetworkType: str | None = None,
    ServerlessV2ScalingConfiguration: dict | None = None, BackupRetentionPeriod: int | None = None, PreferredBackupWindow: str | None = None,
    EngineLifecycleSupport: str | None = None,
) -> Any:  # fmt: skip
    """Users, passwords and data are those of the snapshot."""
    asked = _asked(locals()) | {"operation": "RestoreDBClusterFromSnapshot"}
    creation.refuse("RestoreDBClusterFromSnapshot", DatabaseName=DatabaseName)
    source = cluster_snapshot.restorable(call, SnapshotIdentifier)
    return _restored(call, source, Origin(snapshot=source.id, told=f"Restored from snapshot {source.name}"), asked)


def RestoreDBClusterToPointInTime(
    call: Call, *, DBClusterIdentifier: str, RestoreType: str | None = None, SourceDBClusterIdentifier: str | None = None,
    RestoreToTime: float | None = None, UseLatestRestorableTime: bool | None = None, Port: int | None = None, DBSubnetGroupName: str | None = None,
    OptionGroupName: str | None = None, VpcSecurityGroupIds: list[str] | None = None, Tags: list[dict] | None = None, KmsKeyId: str | None = None,
    EnableIAMDatabaseAuthentication: bool | None = None, BacktrackWindow: int | None = None, EnableCloudwatchLogsExports: list[str] | None = None,
    DBClusterParameterGroupName: str | None = None, DeletionProtection: bool | None = None, CopyTagsToSnapshot: bool | None = None,
    Domain: str | None = None, DBClusterInstanceClass: str | None = None, StorageType: str | None = None, Iops: int | None = None,
    NetworkType: str | None = None, SourceDbClusterResourceId: str | None = None, ServerlessV2ScalingConfiguration: dict | None = None,
    ScalingConfiguration: dict | None = None, EngineMode: str | None = None, BackupRetentionPeriod: int | None = None,
    PreferredBackupWindow: str | None = None, EngineLifecycleSupport: str | None = None,
) -> dict:  # fmt: skip
    """A clone (``copy-on-write``) is a whole copy here, too, which nobody can tell but by its time."""
    asked = _asked(locals()) | {"operation": "RestoreDBClusterToPointInTime"}
    if RestoreType not in (None, "", "full-copy", "copy-on-write"):
        raise InvalidParameterValue(f"Invalid restore type: {RestoreType}. Valid values are: full-copy, copy-on-write")
    if bool(RestoreToTime) == bool(UseLatestRestorableTime):
        raise InvalidParameterCombination("Specify either RestoreToTime or UseLatestRestorableTime")
    if not SourceDBClusterIdentifier:
        creation.refuse("RestoreDBClusterToPointInTime", SourceDbClusterResourceId=SourceDbClusterResourceId)
        raise InvalidParameterCombination("The request must specify a SourceDBClusterIdentifier")
    source = cluster.existing(call, SourceDBClusterIdentifier)
    times = backup.restorable(call, source)
    if not source.retention_days or times is None:
        raise PointInTimeRestoreNotEnabledFault(f"Point in time restore is not enabled for cluster {source.name}")
    if RestoreToTime is not None and not times[0] <= RestoreToTime <= times[1]:
        # The text is one of ours: how AWS says it was not found.
        raise InvalidParameterValue(f"The specified cluster cannot be restored to that time: {source.name}")
    return _restored(call, source, backup.origin(call, source, RestoreToTime), asked)


# Members -------------------------------------------------------------------------------------------

_OF_THE_CLUSTER = {
    "MasterUsername": "master user name", "MasterUserPassword": "master user password", "DBName": "database name",
    "BackupRetentionPeriod": "backup retention period", "PreferredBackupWindow": "backup window", "VpcSecurityGroupIds": "vpc security group",
    "Port": "port", "ManageMasterUserPassword": "master user password", "StorageEncrypted": "storage encryption",
    "DeletionProtection": "deletion protection",
}  # fmt: skip
"""What is said of a cluster, and refused of its instances. Seen of AWS: user name, password, retention, window and security group."""


def checked_tier(tier: int | None) -> int:
    if tier is not None and not 0 <= tier <= TIER_MAX:
        # The text is one of ours.
        raise InvalidParameterValue(f"Invalid promotion tier: {tier}. Must be between 0 and {TIER_MAX}")
    return 1 if tier is None else tier


def check_takes_one(call: Call, id_: str) -> None:
    """Whether a cluster, which may be gone meanwhile, takes an instance."""
    parent = by_id(call, id_)
    if parent is None:
        raise DBClusterNotFoundFault("The DB cluster of the instance was deleted.")
    if parent.state in ("stopped", "stopping", "deleting", "failed"):
        # The text is one of ours.
        raise InvalidDBClusterStateFault(f"DB cluster {parent.name} is in the state {parent.state}.")
    if any(each.cluster == id_ for each in call.shelf(Instance).values()):
        raise NotImplementedHere("readers of Aurora clusters: a cluster has one instance, its writer")


def check_capacity(parent: Instance | None, class_: str | None) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-administration.html"""
    if class_ == classes.SERVERLESS and not (isinstance(parent, Cluster) and parent.scaling):
        raise InvalidDBClusterStateFault(
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance."
        )


def member(call: Call, name: str, asked: dict[str, Any]) -> Any:
    """CreateDBInstance of an instance of a cluster."""
    parent = cluster.existing(call, asked["DBClusterIdentifier"])
    if asked["Engine"] != parent.engine:
        raise InvalidParameterCombination(
            f"The engine name requested for your DB instance ({asked['Engine']}) doesn't match the engine name of your DB cluster ({parent.engine})."
        )
    if asked["AllocatedStorage"] is not None:
        raise InvalidParameterCombination(
            "The requested DB instance will be a member of a DB cluster. You don't need to set storage size."
        )
    for parameter, words in _OF_THE_CLUSTER.items():
        if asked[parameter] not in (None, "", [], False):
            raise InvalidParameterCombination(f"The requested DB Instance will be a member of a DB Cluster. Set {words} for the DB Cluster.")
    engine = engine_list.of(parent)
    if not classes.of_aurora(asked["DBInstanceClass"]):
        classes.of(asked["DBInstanceClass"])
        raise InvalidParameterCombination(
            f"RDS does not support creating a DB instance with the following combination: DBInstanceClass={asked['DBInstanceClass']}, "
            f"Engine={engine.name}, EngineVersion={parent.version}, LicenseModel={engine.licence}. For supported combinations of instance class and "
            "database engine version, see the documentation."
        )
    check_capacity(parent, asked["DBInstanceClass"])
    check_takes_one(call, parent.id)
    creation.refuse(
        "CreateDBInstance", StorageType=asked["StorageType"] if asked["StorageType"] != STORAGE else None,
        CopyTagsToSnapshot=asked["CopyTagsToSnapshot"],
    )  # fmt: skip
    if asked["EngineVersion"]:
        engine_list.checked_version(call, engine, asked["EngineVersion"])
    id_ = creation.new_id(call)
    made = Instance(
        id=id_, name=name, class_=asked["DBInstanceClass"], engine=engine.name, version=parent.version, master=parent.master, created=call.now(),
        zone="", group=parameter_group.checked_for(call, asked["DBParameterGroupName"], engine), database=parent.database,
        wanted_port=parent.wanted_port, retention_days=parent.retention_days, upgrades_itself=asked["AutoMinorVersionUpgrade"] is not False,
        tags=tag.checked(asked["Tags"]), storage_gb=1, storage_type=STORAGE,
        cluster=parent.id, tier=checked_tier(asked["PromotionTier"]), **creation.checked_windows(id_, None, asked["PreferredMaintenanceWindow"]),
    )  # fmt: skip
    if parent.place is not None:
        # Where its cluster is, it is; that of another group the words are ours.
        if asked["DBSubnetGroupName"] and asked["DBSubnetGroupName"].lower() != parent.place.group:
            raise InvalidParameterCombination(f"The DB subnet group of the instance must be that of its DB cluster: {parent.place.group}.")
        asked = asked | {"DBSubnetGroupName": parent.place.group, "VpcSecurityGroupIds": list(parent.place.groups)}
    return creation.placed(call, made, asked)
