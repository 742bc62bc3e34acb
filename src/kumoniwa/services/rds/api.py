"""The operations of RDS."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.private_network import Listening
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import placing, proxy_placing
from kumoniwa.services.rds.bill import standing_of
from kumoniwa.services.rds.change import DeleteDBInstance, ModifyDBInstance, RebootDBInstance, StartDBInstance, StopDBInstance
from kumoniwa.services.rds.cluster import DescribeDBClusterEndpoints, DescribeDBClusters
from kumoniwa.services.rds.cluster_change import (
    DeleteDBCluster,
    DisableHttpEndpoint,
    EnableHttpEndpoint,
    FailoverDBCluster,
    ModifyDBCluster,
    StartDBCluster,
    StopDBCluster,
)
from kumoniwa.services.rds.cluster_creation import CreateDBCluster, RestoreDBClusterFromSnapshot, RestoreDBClusterToPointInTime
from kumoniwa.services.rds.cluster_group import (
    CopyDBClusterParameterGroup,
    CreateDBClusterParameterGroup,
    DeleteDBClusterParameterGroup,
    DescribeDBClusterParameterGroups,
    DescribeDBClusterParameters,
    DescribeEngineDefaultClusterParameters,
    ModifyDBClusterParameterGroup,
    ResetDBClusterParameterGroup,
)
from kumoniwa.services.rds.cluster_snapshot import (
    CopyDBClusterSnapshot,
    CreateDBClusterSnapshot,
    DeleteDBClusterSnapshot,
    DescribeDBClusterSnapshotAttributes,
    DescribeDBClusterSnapshots,
)
from kumoniwa.services.rds.creation import (
    CreateDBInstance,
    RestoreDBInstanceFromDBSnapshot,
    RestoreDBInstanceToPointInTime,
)
from kumoniwa.services.rds.engine_list import DescribeDBEngineVersions, DescribeOrderableDBInstanceOptions
from kumoniwa.services.rds.event_list import DescribeEventCategories, DescribeEvents
from kumoniwa.services.rds.log_file import DescribeDBLogFiles, DownloadDBLogFilePortion
from kumoniwa.services.rds.parameter_group import (
    CopyDBParameterGroup,
    CreateDBParameterGroup,
    DeleteDBParameterGroup,
    DescribeDBParameterGroups,
    DescribeDBParameters,
    DescribeEngineDefaultParameters,
    ModifyDBParameterGroup,
    ResetDBParameterGroup,
)
from kumoniwa.services.rds.proxy import arns_of
from kumoniwa.services.rds.proxy_change import CreateDBProxy, DeleteDBProxy, DescribeDBProxies, ModifyDBProxy
from kumoniwa.services.rds.proxy_endpoint import CreateDBProxyEndpoint, DeleteDBProxyEndpoint, DescribeDBProxyEndpoints, ModifyDBProxyEndpoint
from kumoniwa.services.rds.proxy_target import (
    DeregisterDBProxyTargets,
    DescribeDBProxyTargetGroups,
    DescribeDBProxyTargets,
    ModifyDBProxyTargetGroup,
    RegisterDBProxyTargets,
)
from kumoniwa.services.rds.replica import CreateDBInstanceReadReplica, PromoteReadReplica
from kumoniwa.services.rds.retained import DeleteDBInstanceAutomatedBackup, DescribeDBInstanceAutomatedBackups, arn_of
from kumoniwa.services.rds.showing import DescribeDBInstances
from kumoniwa.services.rds.snapshot import CopyDBSnapshot, CreateDBSnapshot, DeleteDBSnapshot, DescribeDBSnapshotAttributes, DescribeDBSnapshots
from kumoniwa.services.rds.subnet_group import CreateDBSubnetGroup, DeleteDBSubnetGroup, DescribeDBSubnetGroups, ModifyDBSubnetGroup
from kumoniwa.services.rds.tag import reserved_tag
from kumoniwa.services.rds.tagging import AddTagsToResource, ListTagsForResource, RemoveTagsFromResource, all_tags, tags_of

_NAMED = (
    ("DBInstanceIdentifier", "db"), ("SourceDBInstanceIdentifier", "db"), ("TargetDBInstanceIdentifier", "db"), ("DBSnapshotIdentifier", "snapshot"),
    ("FinalDBSnapshotIdentifier", "snapshot"), ("SourceDBSnapshotIdentifier", "snapshot"), ("TargetDBSnapshotIdentifier", "snapshot"),
    ("DBParameterGroupName", "pg"), ("SourceDBParameterGroupIdentifier", "pg"), ("TargetDBParameterGroupIdentifier", "pg"),
    ("DBSubnetGroupName", "subgrp"),
    ("DBClusterIdentifier", "cluster"), ("SourceDBClusterIdentifier", "cluster"), ("DBClusterSnapshotIdentifier", "cluster-snapshot"),
    ("SourceDBClusterSnapshotIdentifier", "cluster-snapshot"), ("TargetDBClusterSnapshotIdentifier", "cluster-snapshot"),
    ("DBClusterParameterGroupName", "cluster-pg"), ("SourceDBClusterParameterGroupIdentifier", "cluster-pg"),
    ("TargetDBClusterParameterGroupIdentifier", "cluster-pg"),
)  # fmt: skip
"""What requests name, and as what a policy knows it.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html"""


_OF_SOME = {"RestoreDBClusterFromSnapshot": (("SnapshotIdentifier", "cluster-snapshot"),)}


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> list[str] | str:
    if "ResourceName" in params or "ResourceArn" in params:
        return str(params.get("ResourceName") or params["ResourceArn"])
    if operation == "DeleteDBInstanceAutomatedBackup":
        return str(params.get("DBInstanceAutomatedBackupsArn") or arn_of(call, str(params.get("DbiResourceId"))))
    if "DBProxy" in operation or operation == "DescribeDBProxies":
        return arns_of(call, operation, params)
    found = []
    for member, kind in (*_NAMED, *_OF_SOME.get(operation, ())):
        name = params.get(member)
        if isinstance(name, str) and name:
            if (operation, member) == ("DeleteDBCluster", "FinalDBSnapshotIdentifier"):
                kind = "cluster-snapshot"
            found.append(name if name.startswith("arn:") else call.arn(f"{kind}:{name.lower()}"))
    if found:
        return found
    kind = {"DescribeDBInstances": "db", "DescribeDBSnapshots": "snapshot", "DescribeDBParameterGroups": "pg", "DescribeDBSubnetGroups": "subgrp",
            "DescribeDBClusters": "cluster", "DescribeDBClusterSnapshots": "cluster-snapshot", "DescribeDBClusterParameterGroups": "cluster-pg",
            "DescribeDBClusterEndpoints": "cluster"}.get(operation)  # fmt: skip
    return call.arn(f"{kind}:*") if kind else "*"


def listening_of(call: Call) -> list[Listening]:
    return placing.listening_of(call) + proxy_placing.listening_of(call)


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html#amazonrds-policy-keys"""
    members = {
        "rds:databaseclass": "DBInstanceClass", "rds:databaseengine": "Engine", "rds:databasename": "DBName", "rds:multiaz": "MultiAZ", "rds:piops": "Iops",
        "rds:storageencrypted": "StorageEncrypted", "rds:storagesize": "AllocatedStorage", "rds:managemasteruserpassword": "ManageMasterUserPassword",
    }  # fmt: skip
    return {key: params[member] for key, member in members.items() if isinstance(params.get(member), str | int)}


__all__ = [
    "CreateDBSubnetGroup", "DeleteDBSubnetGroup", "DescribeDBSubnetGroups", "ModifyDBSubnetGroup", "listening_of",
    "AddTagsToResource", "DescribeDBLogFiles", "DownloadDBLogFilePortion", "CopyDBParameterGroup", "CopyDBSnapshot", "CreateDBInstance", "CreateDBInstanceReadReplica", "PromoteReadReplica", "CreateDBParameterGroup", "CreateDBSnapshot",
    "DeleteDBInstance", "DeleteDBInstanceAutomatedBackup",
    "DeleteDBParameterGroup", "DeleteDBSnapshot", "DescribeDBEngineVersions", "DescribeDBInstanceAutomatedBackups", "DescribeDBInstances",
    "DescribeDBParameterGroups", "DescribeDBParameters", "DescribeDBSnapshotAttributes", "DescribeDBSnapshots", "DescribeEngineDefaultParameters",
    "DescribeEventCategories", "DescribeEvents", "DescribeOrderableDBInstanceOptions", "ListTagsForResource", "ModifyDBInstance",
    "ModifyDBParameterGroup", "RebootDBInstance", "RemoveTagsFromResource", "ResetDBParameterGroup", "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceToPointInTime", "StartDBInstance", "StopDBInstance", "CreateDBProxy", "DeleteDBProxy",
    "DescribeDBProxies", "ModifyDBProxy", "CreateDBProxyEndpoint", "DeleteDBProxyEndpoint", "DescribeDBProxyEndpoints", "ModifyDBProxyEndpoint",
    "DeregisterDBProxyTargets", "DescribeDBProxyTargetGroups", "DescribeDBProxyTargets", "ModifyDBProxyTargetGroup", "RegisterDBProxyTargets",
    "all_tags", "reserved_tag", "standing_of", "tags_of",
    "CopyDBClusterParameterGroup", "CopyDBClusterSnapshot", "CreateDBCluster", "CreateDBClusterParameterGroup", "CreateDBClusterSnapshot",
    "DeleteDBCluster", "DeleteDBClusterParameterGroup", "DeleteDBClusterSnapshot", "DescribeDBClusterEndpoints", "DescribeDBClusterParameterGroups",
    "DescribeDBClusterParameters", "DescribeDBClusterSnapshotAttributes", "DescribeDBClusterSnapshots", "DescribeDBClusters",
    "DescribeEngineDefaultClusterParameters", "DisableHttpEndpoint", "EnableHttpEndpoint", "FailoverDBCluster", "ModifyDBCluster",
    "ModifyDBClusterParameterGroup", "ResetDBClusterParameterGroup", "RestoreDBClusterFromSnapshot", "RestoreDBClusterToPointInTime",
    "StartDBCluster", "StopDBCluster",
]  # fmt: skip
