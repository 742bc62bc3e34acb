"""What customers ask of instances that are there: to be otherwise, to be started again, to rest, to go.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html, …/USER_RebootInstance.html, …/USER_StopInstance.html,
…/USER_DeleteInstance.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.rds import (
    classes,
    cluster_creation,
    creation,
    engine_list,
    names,
    parameter_group,
    placing,
    showing,
    snapshot,
    subnet_group,
)
from kumoniwa.services.rds.creation import refuse
from kumoniwa.services.rds.errors import (
    InvalidDBInstanceStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
)
from kumoniwa.services.rds.instance import Instance, becoming, by_id, existing, keep, look_again, replicas

SIZE_STEP = 1.1
"""An increase is of a tenth at least: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html"""


def _in_state(instance: Instance, *states: str) -> None:
    if instance.state not in states:
        raise InvalidDBInstanceStateFault(f"Database instance is not in {' or '.join(states)} state.")


def _pending(call: Call, instance: Instance, asked: dict[str, Any]) -> dict[str, Any]:
    """What is to change in its own time, checked, by the members of PendingModifiedValues."""
    found: dict[str, Any] = {}
    if asked["DBInstanceClass"] not in (None, instance.class_):
        classes.of(asked["DBInstanceClass"])
        found["DBInstanceClass"] = asked["DBInstanceClass"]
    if asked["DBPortNumber"] not in (None, instance.wanted_port):
        found["Port"] = creation.checked_port(asked["DBPortNumber"])
    storage = {name: asked[name] for name in ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput") if asked[name] is not None}
    if storage:
        size, kind = storage.get("AllocatedStorage", instance.storage_gb), storage.get("StorageType", instance.storage_type)
        if size < instance.storage_gb or instance.storage_gb < size < int(instance.storage_gb * SIZE_STEP):
            raise InvalidParameterCombination(f"Invalid storage size for engine name {instance.engine} and storage type {kind}: {size}")
        same = kind == instance.storage_type and size >= 400
        said = creation.checked_storage(
            instance.engine, kind, size, storage.get("Iops", instance.iops if same else None),
            storage.get("StorageThroughput", instance.throughput if same else None),
        )
        members = {"storage_gb": "AllocatedStorage", "storage_type": "StorageType", "iops": "Iops", "throughput": "StorageThroughput"}
        found |= {member: said[field] for field, member in members.items() if said[field] != getattr(instance, field)}
    if asked["NewDBInstanceIdentifier"] and asked["NewDBInstanceIdentifier"].lower() != instance.name:
        found["DBInstanceIdentifier"] = creation.check_new(call, asked["NewDBInstanceIdentifier"], "NewDBInstanceIdentifier")
    return found


def _at_once(call: Call, instance: Instance, asked: dict[str, Any]) -> dict[str, Any]:
    """What changes as soon as it is said, by the record's fields."""
    flags = {
        "PubliclyAccessible": "is_public",
        "DeletionProtection": "is_protected",
        "CopyTagsToSnapshot": "copies_tags",
        "AutoMinorVersionUpgrade": "upgrades_itself",
    }
    found = {field: asked[member] for member, field in flags.items() if asked[member] is not None}
    if asked.get("PromotionTier") is not None:
        if not instance.cluster:
            refuse("ModifyDBInstance", PromotionTier=True)
        found["tier"] = cluster_creation.checked_tier(asked["PromotionTier"])
    if asked["BackupRetentionPeriod"] is not None:
        days = creation.checked_retention(asked["BackupRetentionPeriod"])
        if days != instance.retention_days:
            found |= {"retention_days": days, "is_to_reload": True} | ({"backed_up": 0.0} if not days or not instance.retention_days else {})
    windows = {"backup_window": asked["PreferredBackupWindow"], "maintenance_window": (asked["PreferredMaintenanceWindow"] or "").lower()}
    windows = {field: value for field, value in windows.items() if value}
    if windows:
        whole = {"backup_window": instance.backup_window, "maintenance_window": instance.maintenance_window} | windows
        names.check_apart(whole["backup_window"], whole["maintenance_window"])
        found |= windows
    if asked["DBParameterGroupName"]:
        found["group"] = parameter_group.checked_for(call, asked["DBParameterGroupName"], engine_list.of(instance))
    if asked["EngineVersion"]:
        engine_list.checked_version(call, engine_list.of(instance), asked["EngineVersion"])
    creation.check_option_group(engine_list.of(instance), asked["OptionGroupName"])
    creation.check_certificate(asked["CACertificateIdentifier"])
    return found


_OF_CLUSTERS = (
    "MasterUserPassword", "ManageMasterUserPassword", "RotateMasterUserPassword", "BackupRetentionPeriod", "PreferredBackupWindow", "AllocatedStorage",
    "StorageType", "Iops", "StorageThroughput", "DBPortNumber", "DeletionProtection", "CopyTagsToSnapshot", "VpcSecurityGroupIds",
)  # fmt: skip


def _check_member(call: Call, instance: Instance, asked: dict[str, Any]) -> None:
    """What is said of a cluster, its instances are not asked. The text is one of ours."""
    for name in _OF_CLUSTERS:
        if asked[name] not in (None, "", [], False):
            raise InvalidParameterCombination(f"{name} cannot be modified for an instance that is a member of a DB cluster. Modify the DB cluster.")
    if asked["DBInstanceClass"] is not None and not classes.of_aurora(asked["DBInstanceClass"]):
        raise InvalidParameterCombination(f"The engine {instance.engine} does not support the DB instance class {asked['DBInstanceClass']}.")
    cluster_creation.check_capacity(by_id(call, instance.cluster), asked["DBInstanceClass"])


def ModifyDBInstance(
    call: Call, *, DBInstanceIdentifier: str, AllocatedStorage: int | None = None, DBInstanceClass: str | None = None,
    DBSubnetGroupName: str | None = None,
    DBSecurityGroups: list[str] | None = None, VpcSecurityGroupIds: list[str] | None = None, ApplyImmediately: bool | None = None,
    MasterUserPassword: str | None = None, DBParameterGroupName: str | None = None, BackupRetentionPeriod: int | None = None,
    PreferredBackupWindow: str | None = None, PreferredMaintenanceWindow: str | None = None, MultiAZ: bool | None = None,
    EngineVersion: str | None = None,
    AllowMajorVersionUpgrade: bool | None = None, AutoMinorVersionUpgrade: bool | None = None, LicenseModel: str | None = None,
    Iops: int | None = None,
    StorageThroughput: int | None = None, OptionGroupName: str | None = None, NewDBInstanceIdentifier: str | None = None,
    StorageType: str | None = None,
    CACertificateIdentifier: str | None = None, CopyTagsToSnapshot: bool | None = None, MonitoringInterval: int | None = None,
    DBPortNumber: int | None = None, PubliclyAccessible: bool | None = None, EnableIAMDatabaseAuthentication: bool | None = None,
    EnablePerformanceInsights: bool | None = None, CloudwatchLogsExportConfiguration: dict | None = None, DeletionProtection: bool | None = None,
    MaxAllocatedStorage: int | None = None, ManageMasterUserPassword: bool | None = None, RotateMasterUserPassword: bool | None = None,
    MasterUserSecretKmsKeyId: str | None = None, NetworkType: str | None = None, CertificateRotationRestart: bool | None = None,
    AwsBackupRecoveryPointArn: str | None = None, PromotionTier: int | None = None,
) -> Any:  # fmt: skip
    asked = {name: value for name, value in locals().items() if name[0].isupper()}
    instance = existing(call, DBInstanceIdentifier)
    if instance.cluster:
        _check_member(call, instance, asked)
    refuse(
        "ModifyDBInstance", MultiAZ=MultiAZ, MonitoringInterval=MonitoringInterval, EnableIAMDatabaseAuthentication=EnableIAMDatabaseAuthentication,
        EnablePerformanceInsights=EnablePerformanceInsights, CloudwatchLogsExportConfiguration=CloudwatchLogsExportConfiguration,
        MaxAllocatedStorage=MaxAllocatedStorage, NetworkType=NetworkType if NetworkType != "IPV4" else None,
    )  # fmt: skip
    refuse("ModifyDBInstance", DBSecurityGroups=DBSecurityGroups)
    held = instance.place.group if instance.place is not None else subnet_group.DEFAULT
    if DBSubnetGroupName and DBSubnetGroupName.lower() != held:
        if DBSubnetGroupName.lower() != subnet_group.DEFAULT:
            subnet_group.named(call, DBSubnetGroupName)
        raise NotImplementedHere("moves of databases into another subnet group (rds:ModifyDBInstance(DBSubnetGroupName))")
    _in_state(instance, "available", "stopped", "backing-up", "incompatible-parameters")
    engine_list.check_licence(engine_list.of(instance), LicenseModel)
    if MasterUserPassword is not None:
        if ManageMasterUserPassword or (instance.secret and ManageMasterUserPassword is None):
            raise InvalidParameterCombination("You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.")
        names.check_password(engine_list.of(instance), MasterUserPassword)
    elif instance.secret and ManageMasterUserPassword is False:
        raise InvalidParameterCombination("You must specify MasterUserPassword when you turn off ManageMasterUserPassword.")
    if RotateMasterUserPassword and not (instance.secret and ApplyImmediately):
        raise InvalidParameterCombination("You can rotate the password of an instance with a managed one only, and immediately.")
    if MasterUserSecretKmsKeyId and not ManageMasterUserPassword:
        raise InvalidParameterCombination("You can't specify MasterUserSecretKmsKeyId without enabling ManageMasterUserPassword.")
    _check_replication(call, instance, asked)
    changes = _of_backup(call, instance, AwsBackupRecoveryPointArn, BackupRetentionPeriod)
    # Checked before anything else is done, and again when it is kept.
    _pending(call, instance, asked)
    _at_once(call, instance, asked)
    if VpcSecurityGroupIds:
        return _behind(call, instance, asked, changes)
    if ManageMasterUserPassword is not None or RotateMasterUserPassword:
        return _with_own_secret(call, instance, asked)
    return _kept(call, instance.name, asked, _with_password(instance, asked), changes)


def _check_replication(call: Call, instance: Instance, asked: dict[str, Any]) -> None:
    """What neither a read replica nor a source can be. The texts are ours."""
    days, source = asked["BackupRetentionPeriod"], instance.source
    if asked["NewDBInstanceIdentifier"] and (instance.followers or (source is not None and source.region != call.region)):
        raise NotImplementedHere("new names of databases that replicate between regions (rds:ModifyDBInstance(NewDBInstanceIdentifier))")
    if source is not None:
        if days:
            raise NotImplementedHere("automated backups of read replicas (rds:ModifyDBInstance(BackupRetentionPeriod))")
        for name in ("MasterUserPassword", "ManageMasterUserPassword"):
            if asked[name]:
                raise InvalidParameterCombination(f"You can't specify {name} for a read replica: its users are those of its source.")
    elif days == 0 and (instance.followers or replicas(call, instance)):
        raise InvalidDBInstanceStateFault("Automated backups cannot be disabled for a database instance that has read replicas.")


def _with_password(instance: Instance, asked: dict[str, Any]) -> dict[str, Any]:
    password = asked["MasterUserPassword"]
    return {"Verifier": engine_list.of(instance).verifier(password)} if password is not None else {}


async def _behind(call: Call, instance: Instance, asked: dict[str, Any], changes: dict[str, Any]) -> dict:
    """Other security groups act at once, whatever else is to change later."""
    if instance.place is None:
        raise NotImplementedHere("security groups of databases that were made before there were networks")
    groups = await placing.security_groups(call, instance.place.vpc, asked["VpcSecurityGroupIds"])
    if asked["ManageMasterUserPassword"] is not None or asked["RotateMasterUserPassword"]:
        placing.regroup(call, existing(call, instance.name), groups)
        return await _with_own_secret(call, existing(call, instance.name), asked)
    instance = placing.regroup(call, existing(call, instance.name), groups)
    return call.atomically(lambda: _kept(call, instance.name, asked, _with_password(instance, asked), changes))


def _with_own_secret(call: Call, instance: Instance, asked: dict[str, Any]) -> Any:
    what = f"primary RDS DB instance: {call.arn(f'db:{instance.name}')}"
    return with_secret(call, instance, asked, what, lambda more, changes: _kept(call, instance.name, asked, more, changes))


def _of_backup(call: Call, instance: Instance, point: str | None, days: int | None) -> dict[str, Any]:
    """Whether AWS Backup keeps the automated backups of an instance, as which recovery point. Then it alone says for how long: the text is quoted in
    issues of its users (``operation error RDS: ModifyDBInstance … is associated with an AWS Backup resource``)."""
    if snapshot.is_of_backup(call):
        # With the last of them the point ends.
        return {"backup_point": ""} if days == 0 else {} if point is None else {"backup_point": point}
    if point not in (None, instance.backup_point):
        refuse("ModifyDBInstance", AwsBackupRecoveryPointArn=point)
    if instance.backup_point and days not in (None, instance.retention_days):
        raise InvalidParameterValue(
            f"Your RDS instance {instance.name} is associated with an AWS Backup resource with id {instance.backup_point}. You can leave "
            f"BackupRetentionPeriod blank, or you can specify it only with the current value {instance.retention_days}. For more details, see the AWS "
            "Backup documentation."
        )
    return {}


def _kept(call: Call, name: str, asked: dict[str, Any], more: dict[str, Any], changes: dict[str, Any]) -> dict:
    instance = existing(call, name)
    pending = instance.pending | _pending(call, instance, asked) | more
    instance = keep(call, instance, pending=pending, **_at_once(call, instance, asked), **changes)
    shown = showing.shown(call, instance)
    if pending and asked["ApplyImmediately"] and instance.state == "available":
        becoming(call, instance, "modifying", is_due=True)
    elif "Verifier" in more and instance.state == "available":
        # A password is never put off.
        becoming(call, instance, "resetting-master-credentials", is_due=True)
    elif pending and asked["ApplyImmediately"]:
        keep(call, instance, is_due=True)
        look_again(call, instance.id)
    elif instance.state == "available":
        look_again(call, instance.id)
    call.keeps_otherwise()
    return {"DBInstance": shown}


async def with_secret(
    call: Call, instance: Instance, asked: dict[str, Any], what: str, kept: Callable[[dict[str, Any], dict[str, Any]], dict]
) -> dict:
    """Have RDS keep the master user's password, change the one that it keeps, or have it keep none any more."""
    more: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    key = asked["MasterUserSecretKmsKeyId"]
    if instance.secret and key and creation.managed_key(call, key) != instance.secret_key:
        raise NotImplementedHere("rds: another key for a managed secret that there is")
    if asked["ManageMasterUserPassword"] is False:
        more = {"Verifier": engine_list.of(instance).verifier(asked["MasterUserPassword"])} if asked["MasterUserPassword"] else {}
        changes = {"secret": "", "secret_key": ""}
    elif not instance.secret or asked["RotateMasterUserPassword"]:
        password = creation.new_password()
        more = {"Verifier": engine_list.of(instance).verifier(password)}
        if instance.secret:
            text = json.dumps({"username": instance.master, "password": password})
            await subnet_group.itself(call).ask("secretsmanager:PutSecretValue", SecretId=instance.secret, SecretString=text)
        else:
            secret = await creation.new_secret(call, f"{instance.id}-{call.new_id()[:8]}", what, instance.master, password, key)
            changes = {"secret": secret, "secret_key": creation.managed_key(call, key)}
    reply = call.atomically(lambda: kept(more, changes))
    if instance.secret and changes.get("secret") == "":
        await forget_secret(call, instance.secret)
    return reply


async def forget_secret(call: Call, arn: str) -> None:
    try:
        await subnet_group.itself(call).ask("secretsmanager:DeleteSecret", SecretId=arn, ForceDeleteWithoutRecovery=True)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise


def RebootDBInstance(call: Call, *, DBInstanceIdentifier: str, ForceFailover: bool | None = None) -> dict:
    instance = existing(call, DBInstanceIdentifier)
    if ForceFailover:
        raise InvalidParameterCombination(
            "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability"
        )
    _in_state(instance, "available", "incompatible-parameters")
    return {"DBInstance": showing.shown(call, becoming(call, instance, "rebooting"))}


def _check_alone(instance: Instance) -> None:
    if instance.cluster:
        raise InvalidParameterCombination(f"{instance.engine} DB instances are not eligible for stopping and starting.")


def _check_unfollowed(call: Call, instance: Instance) -> None:
    """"You can't stop a DB instance that has a read replica, or that is a read replica": USER_StopInstance. The second of the texts is ours."""
    if instance.source is not None:
        raise InvalidDBInstanceStateFault("Cannot stop or start a Read-Replica instance")
    if instance.followers or replicas(call, instance):
        raise InvalidDBInstanceStateFault("Cannot stop an instance that has read replicas")


def StopDBInstance(call: Call, *, DBInstanceIdentifier: str, DBSnapshotIdentifier: str | None = None) -> dict:
    instance = existing(call, DBInstanceIdentifier)
    _check_alone(instance)
    _check_unfollowed(call, instance)
    if instance.state != "available":
        raise InvalidDBInstanceStateFault(f"Instance {instance.name} is not in available state.")
    refuse("StopDBInstance", DBSnapshotIdentifier=DBSnapshotIdentifier)
    return {"DBInstance": showing.shown(call, becoming(call, instance, "stopping"))}


def StartDBInstance(call: Call, *, DBInstanceIdentifier: str) -> dict:
    instance = existing(call, DBInstanceIdentifier)
    _check_alone(instance)
    if instance.state != "stopped":
        raise InvalidDBInstanceStateFault(f"Instance {instance.name} is not stopped, it cannot be started.")
    return {"DBInstance": showing.shown(call, becoming(call, instance, "starting"))}


def DeleteDBInstance(
    call: Call, *, DBInstanceIdentifier: str, SkipFinalSnapshot: bool | None = None, FinalDBSnapshotIdentifier: str | None = None,
    DeleteAutomatedBackups: bool | None = None,
) -> dict:  # fmt: skip
    """Its data is removed, with its automated backups unless they shall stay. Texts for the snapshot's combinations were seen of AWS."""
    instance = existing(call, DBInstanceIdentifier)
    if instance.cluster:
        return _member_deleted(call, instance, FinalDBSnapshotIdentifier)
    if instance.is_protected:
        raise InvalidParameterCombination("Cannot delete protected DB Instance, please disable deletion protection and try again.")
    if SkipFinalSnapshot and FinalDBSnapshotIdentifier:
        raise InvalidParameterCombination(
            "FinalDBSnapshotIdentifier can not be specified when deleting a DB instance with SkipFinalSnapshot set to true."
        )
    if FinalDBSnapshotIdentifier and instance.source is not None:
        # As fog and Cloud Custodian quote it.
        raise InvalidParameterCombination("FinalDBSnapshotIdentifier can not be specified when deleting a replica instance")
    if not SkipFinalSnapshot and not FinalDBSnapshotIdentifier:
        raise InvalidParameterCombination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if instance.state == "deleting":
        raise InvalidDBInstanceStateFault(f"Instance {instance.name} is already being deleted.")
    final = ""
    if FinalDBSnapshotIdentifier:
        if instance.state not in ("available", "stopped", "backing-up"):
            raise InvalidDBInstanceStateFault(f"Instance {instance.name} is currently {instance.state} - a final snapshot cannot be taken.")
        final = snapshot.check_new(call, FinalDBSnapshotIdentifier, "FinalDBSnapshotIdentifier")
        snapshot.begun(call, instance, final, "manual", {})
    stays = DeleteAutomatedBackups is False or (DeleteAutomatedBackups is None and bool(instance.backup_point))
    return {"DBInstance": showing.shown(call, becoming(call, instance, "deleting", final_snapshot=final, keeps_backups=stays))}


def _member_deleted(call: Call, instance: Instance, final: str | None) -> dict:
    """The data is its cluster's, and stays. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_DeleteCluster.html"""
    if final:
        # The text is one of ours.
        raise InvalidParameterCombination("FinalDBSnapshotIdentifier can not be specified when deleting an instance that is a member of a DB cluster.")
    if instance.state == "deleting":
        raise InvalidDBInstanceStateFault(f"Instance {instance.name} is already being deleted.")
    return {"DBInstance": showing.shown(call, becoming(call, instance, "deleting"))}
