"""Instances as RDS tells them."""

from __future__ import annotations

import hashlib
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import engine_list, parameter_group, placing, tag
from kumoniwa.services.rds.engine import filtered
from kumoniwa.services.rds.instance import Instance, Source, arn_of, by_id, existing, host, replicas

LIFECYCLE = "open-source-rds-extended-support"


def mark(call: Call, what: str) -> str:
    """The id of something that an account has in a region."""
    return hashlib.sha256(f"{what} {call.account} {call.region}".encode()).hexdigest()[:17]


def shown(call: Call, instance: Instance) -> dict[str, Any]:
    has_begun = instance.is_made or instance.state != "creating"
    parent = by_id(call, instance.cluster) if instance.cluster else None
    data, port = parent or instance, (parent.port if instance.is_made else 0) if parent is not None else instance.port
    told = {
        "DBInstanceIdentifier": instance.name, "DBInstanceClass": instance.class_, "Engine": instance.engine, "DBInstanceStatus": instance.state,
        "MasterUsername": instance.master, "DBName": instance.database or None, "AllocatedStorage": instance.storage_gb,
        "InstanceCreateTime": instance.created if has_begun else None, "PreferredBackupWindow": data.backup_window,
        "BackupRetentionPeriod": data.retention_days, "DBSecurityGroups": [],
        "DBParameterGroups": [{"DBParameterGroupName": instance.group, "ParameterApplyStatus": parameter_group.status(call, instance)}],
        "AvailabilityZone": instance.zone if has_begun else None,
        "PreferredMaintenanceWindow": instance.maintenance_window, "PendingModifiedValues": pending(instance), "MultiAZ": False,
        "EngineVersion": instance.version, "AutoMinorVersionUpgrade": instance.upgrades_itself, 
        "ReadReplicaDBInstanceIdentifiers": [*(each.name for each in replicas(call, instance)), *sorted(instance.followers.values())],
        "LicenseModel": engine_list.of(instance).licence, "Iops": instance.iops, "StorageThroughput": instance.throughput,
        "OptionGroupMemberships": [{"OptionGroupName": engine_list.of(instance).option_group(), "Status": "in-sync"}],
        "PubliclyAccessible": instance.is_public,
        "StorageType": instance.storage_type, "DbInstancePort": 0, "StorageEncrypted": False, "DbiResourceId": instance.id,
        "CACertificateIdentifier": engine_list.CERTIFICATE, "DomainMemberships": [], "CopyTagsToSnapshot": instance.copies_tags,
        "MonitoringInterval": 0,
        "DBInstanceArn": arn_of(call, instance.name), "IAMDatabaseAuthenticationEnabled": False, "PerformanceInsightsEnabled": False,
        "DatabaseInsightsMode": "standard", "DeletionProtection": instance.is_protected, "AssociatedRoles": [], "TagList": tag.shown(instance.tags),
        "CustomerOwnedIpEnabled": False, "NetworkType": "IPV4", "ActivityStreamStatus": "stopped", "BackupTarget": "region", "MultiTenant": False,
        "DedicatedLogVolume": False, "IsStorageConfigUpgradeAvailable": False, "EngineLifecycleSupport": LIFECYCLE,
    }  # fmt: skip
    if instance.place is not None:
        told |= placing.shown(call, instance.place)
    if parent is not None:
        told |= {"DBClusterIdentifier": parent.name, "PromotionTier": instance.tier}
    if instance.source is not None:
        told |= _of_replica(call, instance, instance.source)
    if port:
        told["Endpoint"] = {"Address": host(call, instance.name), "Port": port, "HostedZoneId": f"Z{mark(call, 'zone').upper()[:13]}"}
    if instance.retention_days and instance.backed_up:
        told["LatestRestorableTime"] = call.now()
    if instance.backup_point:
        told["AwsBackupRecoveryPointArn"] = instance.backup_point
    if instance.secret:
        told["MasterUserSecret"] = {"SecretArn": instance.secret, "SecretStatus": "active", "KmsKeyId": instance.secret_key}
    return {name: value for name, value in told.items() if value is not None}


def _of_replica(call: Call, instance: Instance, source: Source) -> dict[str, Any]:
    """Its source, by its name if that is of the same region and else by its ARN, and how replication goes."""
    here = by_id(call, source.id) if source.region == call.region else None
    infos = [{"StatusType": "read replication", "Normal": instance.replication == "replicating", "Status": instance.replication}]
    return {
        "ReadReplicaSourceDBInstanceIdentifier": here.name if here is not None else source.name,
        **({"StatusInfos": infos} if instance.replication else {}),
    }


def pending(instance: Instance) -> dict[str, Any]:
    told = {name: value for name, value in instance.pending.items() if name != "Verifier"}
    return told | ({"MasterUserPassword": "****"} if "Verifier" in instance.pending else {})


def DescribeDBInstances(call: Call, *, DBInstanceIdentifier: str | None = None, Filters: list[dict] | None = None) -> dict:
    if DBInstanceIdentifier:
        found = [existing(call, DBInstanceIdentifier)]
    else:
        found = sorted(call.shelf(Instance).values(), key=lambda each: each.name)
    return {"DBInstances": [shown(call, each) for each in found if filtered(_known(call, each), Filters)]}


def _known(call: Call, instance: Instance) -> dict[str, set[str]]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html"""
    parent = by_id(call, instance.cluster) if instance.cluster else None
    return {
        "db-cluster-id": {parent.name, call.arn(f"cluster:{parent.name}")} if parent is not None else set(),
        "db-instance-id": {instance.name, arn_of(call, instance.name)},
        "dbi-resource-id": {instance.id},
        "domain": set(),
        "engine": {instance.engine},
    }
