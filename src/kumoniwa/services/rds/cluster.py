"""Clusters as RDS tells them, with their endpoints.

With one instance the endpoint for reading leads to the writer, as on AWS.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.rds import backup, creation, parameter_group, showing, tag
from kumoniwa.services.rds.engine import filtered
from kumoniwa.services.rds.errors import DBClusterNotFoundFault
from kumoniwa.services.rds.instance import READER, RUNNING, WRITER, Cluster, Instance, by_id, host, members, name_of


def arn_of(call: Call, cluster: Cluster) -> str:
    return call.arn(f"cluster:{cluster.name}", "rds")


def existing(call: Call, name: str) -> Cluster:
    """By its name, or its ARN."""
    found = call.shelf(Cluster).get(name_of(call, "cluster", name))
    if found is None:
        raise DBClusterNotFoundFault(f"DBCluster {name.removeprefix(call.arn('cluster:', 'rds'))} not found.")
    return found


def of(call: Call, instance: Instance) -> Cluster | None:
    """The cluster that an instance is a member of."""
    found = by_id(call, instance.cluster) if instance.cluster else None
    return found if isinstance(found, Cluster) else None


def shown(call: Call, cluster: Cluster) -> dict[str, Any]:
    has_begun = cluster.is_made or cluster.state != "creating"
    instances = members(call, cluster)
    told = {
        "AllocatedStorage": 1, "AvailabilityZones": [f"{call.region}{letter}" for letter in "abc"], "BackupRetentionPeriod": cluster.retention_days,
        "DatabaseName": cluster.database or None, "DBClusterIdentifier": cluster.name, "DBClusterParameterGroup": cluster.group,
        "DBSubnetGroup": cluster.place.group if cluster.place is not None else "default", "Status": cluster.state,
        "Endpoint": host(call, cluster.name, WRITER),
        "ReaderEndpoint": host(call, cluster.name, READER), "MultiAZ": False, "Engine": cluster.engine, "EngineVersion": cluster.version,
        "Port": cluster.port or cluster.wanted_port, "MasterUsername": cluster.master, "PreferredBackupWindow": cluster.backup_window,
        "PreferredMaintenanceWindow": cluster.maintenance_window, "ReadReplicaIdentifiers": [],
        "DBClusterMembers": [
            {
                "DBInstanceIdentifier": each.name, "IsClusterWriter": place == 0,
                "DBClusterParameterGroupStatus": parameter_group.status(call, each), "PromotionTier": each.tier,
            }
            for place, each in enumerate(instances)
        ],
        "VpcSecurityGroups": [{"VpcSecurityGroupId": each, "Status": "active"} for each in (cluster.place.groups if cluster.place else ())],
        "HostedZoneId": f"Z{showing.mark(call, 'zone').upper()[:13]}", "StorageEncrypted": False, "DbClusterResourceId": cluster.id,
        "DBClusterArn": arn_of(call, cluster), "AssociatedRoles": [], "IAMDatabaseAuthenticationEnabled": False,
        "ClusterCreateTime": cluster.created if has_begun else None, "EngineMode": "provisioned", "DeletionProtection": cluster.is_protected,
        "HttpEndpointEnabled": cluster.has_endpoint, "ActivityStreamStatus": "stopped", "CopyTagsToSnapshot": cluster.copies_tags,
        "CrossAccountClone": False, "DomainMemberships": [], "TagList": tag.shown(cluster.tags), "AutoMinorVersionUpgrade": cluster.upgrades_itself,
        "DatabaseInsightsMode": "standard", "PerformanceInsightsEnabled": False, "NetworkType": "IPV4", "LocalWriteForwardingStatus": "disabled",
        "EngineLifecycleSupport": showing.LIFECYCLE, "ServerlessV2ScalingConfiguration": cluster.scaling or None,
        "PendingModifiedValues": _pending(cluster) or None,
    }  # fmt: skip
    times = backup.restorable(call, cluster)
    if times is not None:
        told |= {"EarliestRestorableTime": times[0], "LatestRestorableTime": times[1]}
    if cluster.secret:
        told["MasterUserSecret"] = {"SecretArn": cluster.secret, "SecretStatus": "active", "KmsKeyId": cluster.secret_key}
    return {name: value for name, value in told.items() if value is not None}


def _pending(cluster: Cluster) -> dict[str, Any]:
    members_ = {"DBInstanceIdentifier": "DBClusterIdentifier"}
    told = {members_.get(name, name): value for name, value in cluster.pending.items() if name in ("DBInstanceIdentifier",)}
    return told | ({"MasterUserPassword": "****"} if "Verifier" in cluster.pending else {})


def DescribeDBClusters(
    call: Call, *, DBClusterIdentifier: str | None = None, Filters: list[dict] | None = None, IncludeShared: bool | None = None
) -> dict:
    if DBClusterIdentifier:
        found = [existing(call, DBClusterIdentifier)]
    else:
        found = sorted(call.shelf(Cluster).values(), key=lambda each: each.name)
    return {"DBClusters": [shown(call, each) for each in found if filtered(_known(call, each), Filters)]}


def _known(call: Call, cluster: Cluster) -> dict[str, set[str]]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html"""
    return {
        "clone-group-id": set(), "db-cluster-id": {cluster.name, arn_of(call, cluster)}, "db-cluster-resource-id": {cluster.id}, "domain": set(),
        "engine": {cluster.engine},
    }  # fmt: skip


def DescribeDBClusterEndpoints(
    call: Call, *, DBClusterIdentifier: str | None = None, DBClusterEndpointIdentifier: str | None = None, Filters: list[dict] | None = None
) -> dict:
    """The two that every cluster has: custom ones are none here."""
    creation.refuse("DescribeDBClusterEndpoints", DBClusterEndpointIdentifier=DBClusterEndpointIdentifier)
    clusters = [existing(call, DBClusterIdentifier)] if DBClusterIdentifier else sorted(call.shelf(Cluster).values(), key=lambda each: each.name)
    found = []
    for each in clusters:
        for kind, role in (("WRITER", WRITER), ("READER", READER)):
            status = "available" if any(one.is_made and one.state in RUNNING for one in members(call, each)) else "inactive"
            known = {"db-cluster-endpoint-type": {kind.lower(), kind}, "db-cluster-endpoint-status": {status}, "db-cluster-endpoint-id": set(),
                     "db-cluster-endpoint-custom-type": set()}  # fmt: skip
            if filtered(known, Filters):
                found.append({"DBClusterIdentifier": each.name, "Endpoint": host(call, each.name, role), "Status": status, "EndpointType": kind})
    return {"DBClusterEndpoints": found}

