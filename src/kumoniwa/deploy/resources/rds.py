"""AWS::RDS. A template counts gibibytes and ports in text."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    at,
    carries,
    gone_tags,
    instant,
    made,
    p,
    same,
    seen,
    text,
    use,
)
from kumoniwa.deploy.step import settle
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

_AT_ONCE_MAX = 20


class _First(Call):
    """Of an operation that answers a list."""

    def __init__(self, operation: str, member: str, /, **parameters: Any) -> None:
        super().__init__(operation, **parameters)
        self.member = member

    async def look(self, work: Work) -> dict[str, Any]:
        return (await super().look(work))[self.member][0]


_NUMBERS = ("AllocatedStorage", "Port")
_SAME = (
    "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "CACertificateIdentifier", "CopyTagsToSnapshot", "DBInstanceClass", "DBParameterGroupName",
    "DBSecurityGroups", "DatabaseInsightsMode", "DeletionProtection", "EnableIAMDatabaseAuthentication", "EnablePerformanceInsights",
    "EngineVersion", "Iops",
    "LicenseModel", "ManageMasterUserPassword", "MasterUserPassword", "MaxAllocatedStorage", "MonitoringInterval", "MultiAZ", "NetworkType",
    "OptionGroupName",
    "PreferredBackupWindow", "PreferredMaintenanceWindow", "PromotionTier", "PubliclyAccessible", "StorageThroughput", "StorageType",
)  # fmt: skip
"""Those that an instance can be given when it is made, and later."""
_ONCE = ("AvailabilityZone", "DBClusterIdentifier", "DBInstanceIdentifier", "DBName", "DBSubnetGroupName", "EnableCloudwatchLogsExports", "Engine", "KmsKeyId",
"MasterUsername",
         "StorageEncrypted", "Tags")  # fmt: skip
_NOT_OF_A_SNAPSHOT = frozenset({
    "BackupRetentionPeriod", "CACertificateIdentifier", "DBSecurityGroups", "DatabaseInsightsMode", "EnablePerformanceInsights", "EngineVersion",
    "KmsKeyId",
    "ManageMasterUserPassword", "MasterUserPassword", "MasterUsername", "MaxAllocatedStorage", "MonitoringInterval", "NetworkType",
    "PreferredBackupWindow", "PreferredMaintenanceWindow", "StorageEncrypted",
})  # fmt: skip
"""What a restored instance brings along, or is told once it is there."""


def _retagged(arn: Any) -> tuple[Call, Call]:
    return (
        Call("rds:RemoveTagsFromResource", ResourceName=arn, TagKeys=gone_tags).when(gone_tags),
        Call("rds:AddTagsToResource", ResourceName=arn, Tags=p.Tags).when(p.Tags),
    )


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValidationError(f"Value of property {name} must be a number") from None


def _said(work: Work, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: work.properties[name] for name in names if name in work.properties}
    found |= {name: _number(name, work.properties[name]) for name in _NUMBERS if name in work.properties}
    if "VPCSecurityGroups" in work.properties:
        found["VpcSecurityGroupIds"] = work.properties["VPCSecurityGroups"]
    secret = work.properties.get("MasterUserSecret") or {}
    return found | ({"MasterUserSecretKmsKeyId": secret["KmsKeyId"]} if "KmsKeyId" in secret else {})


_NOT_OF_A_REPLICA = frozenset({
    "BackupRetentionPeriod", "DBClusterIdentifier", "DBName", "DBSecurityGroups", "Engine", "EngineVersion", "LicenseModel", "ManageMasterUserPassword",
    "MasterUserPassword", "MasterUserSecretKmsKeyId", "MasterUsername", "PreferredBackupWindow", "PreferredMaintenanceWindow", "PromotionTier",
    "StorageEncrypted",
})  # fmt: skip
"""What is its source's, or nobody's: the documentation of SourceDBInstanceIdentifier."""


def _source(work: Work) -> str:
    """By its name in the same region, by its ARN in another."""
    source, region = work.properties["SourceDBInstanceIdentifier"], work.properties.get("SourceRegion")
    if not region or region == work.pseudo["AWS::Region"] or source.startswith("arn:"):
        return source
    return f"arn:{work.pseudo['AWS::Partition']}:rds:{region}:{work.pseudo['AWS::AccountId']}:db:{source}"


_SOURCE = "SourceDBInstanceIdentifier SourceRegion"


@carries(" ".join((*_ONCE, *_SAME, *_NUMBERS, "VPCSecurityGroups", "MasterUserSecret", "DBSnapshotIdentifier", _SOURCE)))
async def _create(work: Work) -> dict[str, Any]:
    said = _said(work, (*_ONCE, *_SAME))
    if work.properties.get("SourceDBInstanceIdentifier"):
        kept = {name: value for name, value in said.items() if name not in _NOT_OF_A_REPLICA}
        return await work.ask("rds:CreateDBInstanceReadReplica", SourceDBInstanceIdentifier=_source(work), **kept)
    snapshot = work.properties.get("DBSnapshotIdentifier")
    if not snapshot:
        return await work.ask("rds:CreateDBInstance", **said)
    # The template's name of a database and its user are the snapshot's own.
    kept = {name: value for name, value in said.items() if name not in _NOT_OF_A_SNAPSHOT and name != "DBName"}
    made = await work.ask("rds:RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier=snapshot, **kept)
    later = {
        name: value
        for name, value in said.items()
        if name in ("MasterUserPassword", "BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow")
    }
    if later:
        work.id = made["DBInstance"]["DBInstanceIdentifier"]
        await settle(work)
        await work.ask("rds:ModifyDBInstance", DBInstanceIdentifier=work.id, ApplyImmediately=True, **later)
    return made


def _of_backups(work: Work) -> dict[str, Any]:
    return {name: work.properties[name] for name in ("BackupRetentionPeriod", "PreferredBackupWindow") if name in work.properties}


_TO_DEFAULT = {
    "DeletionProtection": False,
    "CopyTagsToSnapshot": False,
    "AutoMinorVersionUpgrade": True,
    "PubliclyAccessible": True,
    "BackupRetentionPeriod": 1,
}


@carries(
    " ".join(
        (
            *_SAME,
            *_NUMBERS,
            "VPCSecurityGroups",
            "MasterUserSecret",
            "AllowMajorVersionUpgrade",
            "ApplyImmediately",
            "DeleteAutomatedBackups",
            "EnableCloudwatchLogsExports",
            "SourceDBInstanceIdentifier",
        )
    )
)
async def _change(work: Work) -> None:
    """At once, unless the template says otherwise. https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html"""
    if "SourceDBInstanceIdentifier" in work.changed:
        if work.properties.get("SourceDBInstanceIdentifier"):
            raise NotImplementedHere("another source of a database in a template")
        # "it's promoted": https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds/pull/334
        await work.ask("rds:PromoteReadReplica", DBInstanceIdentifier=work.id, **_of_backups(work))
        await settle(work)
    said = _said(work, tuple(name for name in _SAME if name in work.changed))
    said = {name: value for name, value in said.items() if name not in _NUMBERS or name in work.changed}
    if "Port" in said:
        said["DBPortNumber"] = said.pop("Port")
    if "EnableCloudwatchLogsExports" in work.changed:
        said["CloudwatchLogsExportConfiguration"] = {"EnableLogTypes": work.properties.get("EnableCloudwatchLogsExports", [])}
    said |= {name: value for name, value in _TO_DEFAULT.items() if name in work.changed and name not in work.properties}
    await work.ask("rds:ModifyDBInstance", DBInstanceIdentifier=work.id, ApplyImmediately=work.properties.get("ApplyImmediately", True), **said)
    await settle(work)


_change.handles_absence = True  # type: ignore[attr-defined]


def _backups(work: Work) -> dict[str, Any]:
    return {name: work.properties[name] for name in ("DeleteAutomatedBackups",) if name in work.properties}


async def _delete(work: Work) -> None:
    await work.ask("rds:DeleteDBInstance", DBInstanceIdentifier=work.id, SkipFinalSnapshot=True, **_backups(work))


async def _keep(work: Work) -> None:
    """The snapshot's name is of CloudFormation's making. An instance of a cluster has none, whose data is the cluster's, nor has a read replica."""
    if "DBClusterIdentifier" in work.properties or "SourceDBInstanceIdentifier" in work.properties:
        await _delete(work)
        return
    name = work.fresh_name(255, beginning=f"{work.pseudo.get('AWS::StackName', 'stack')}-snapshot").lower()
    await work.ask("rds:DeleteDBInstance", DBInstanceIdentifier=work.id, FinalDBSnapshotIdentifier=name, **_backups(work))


_INSTANCE = text("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:${ID}")
_read = _First("rds:DescribeDBInstances", "DBInstances", DBInstanceIdentifier=ID)

DBInstance = ResourceType(
    name=Name("DBInstanceIdentifier", 63, lower=True),
    create=_create,
    id=use(str.lower, p.DBInstanceIdentifier),
    read=_read,
    ready={"DBInstanceStatus": "available"},
    update=(
        _change,
        Call("rds:RemoveTagsFromResource", ResourceName=_INSTANCE, TagKeys=gone_tags).when(gone_tags),
        Call("rds:AddTagsToResource", ResourceName=_INSTANCE, Tags=p.Tags).when(p.Tags),
    ),
    delete=_delete,
    snapshot=_keep,
    deletion_policy="Snapshot",
    is_gone_slowly=True,
    absent="DBInstanceNotFound DBInstanceNotFoundFault",
    attributes={
        "DBInstanceArn": seen.DBInstanceArn, "DbiResourceId": seen.DbiResourceId, "DBInstanceStatus": seen.DBInstanceStatus,
        "Endpoint.Address": seen.Endpoint.Address, "Endpoint.HostedZoneId": seen.Endpoint.HostedZoneId, "Endpoint.Port": use(str,
        seen.Endpoint.Port),
        "MasterUserSecret.SecretArn": seen.MasterUserSecret.SecretArn,
    },
    drift=(
        Reading(
            same("BackupRetentionPeriod CopyTagsToSnapshot DBInstanceClass DeletionProtection PubliclyAccessible StorageType", seen)
            | {"AllocatedStorage": use(str, seen.AllocatedStorage)}
        ),
        Reading({"Tags": seen.TagList}),
    ),
)  # fmt: skip


async def _parameters(work: Work, kind: str) -> None:
    """Static ones act when instances are rebooted, all others at once."""
    wanted, old = work.properties.get("Parameters") or {}, work.old.get("Parameters") or {}
    kinds: dict[str, str] = {}
    marker: dict[str, str] = {}
    while wanted or old:
        page = await work.look(f"rds:Describe{kind}Parameters", **{f"{kind}ParameterGroupName": work.id}, **marker)
        kinds |= {each["ParameterName"]: each["ApplyType"] for each in page["Parameters"]}
        if not page.get("Marker") or not page["Parameters"]:
            break
        marker = {"Marker": page["Marker"]}

    def spelled(name: str, **more: str) -> dict[str, str]:
        return {"ParameterName": name, "ApplyMethod": "pending-reboot" if kinds.get(name) == "static" else "immediate", **more}

    put = [spelled(name, ParameterValue=str(value)) for name, value in wanted.items() if old.get(name) != value]
    gone = [spelled(name) for name in old if name not in wanted]
    for verb, each in (("Modify", put), ("Reset", gone)):
        for start in range(0, len(each), _AT_ONCE_MAX):
            name = {f"{kind}ParameterGroupName": work.id}
            await work.ask(f"rds:{verb}{kind}ParameterGroup", **name, Parameters=each[start : start + _AT_ONCE_MAX])


@carries("Parameters")
async def _of_instances(work: Work) -> None:
    await _parameters(work, "DB")


@carries("Parameters")
async def _of_clusters(work: Work) -> None:
    await _parameters(work, "DBCluster")


_of_instances.handles_absence = _of_clusters.handles_absence = True  # type: ignore[attr-defined]
_GROUP = text("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:pg:${ID}")

DBParameterGroup = ResourceType(
    name=Name("DBParameterGroupName", 255, lower=True),
    create=Call("rds:CreateDBParameterGroup", "DBParameterGroupName Description Tags", DBParameterGroupFamily=p.Family),
    id=use(str.lower, p.DBParameterGroupName),
    read=_First("rds:DescribeDBParameterGroups", "DBParameterGroups", DBParameterGroupName=ID),
    settings=(Setting(_of_instances, _of_instances),),
    update=(
        Call("rds:RemoveTagsFromResource", ResourceName=_GROUP, TagKeys=gone_tags).when(gone_tags),
        Call("rds:AddTagsToResource", ResourceName=_GROUP, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("rds:DeleteDBParameterGroup", DBParameterGroupName=ID),
    absent="DBParameterGroupNotFound DBParameterGroupNotFoundFault",
    attributes={"DBParameterGroupArn": _GROUP},
    drift=(Reading({"Description": seen.Description}),),
)  # fmt: skip


def _ids(subnets: list[dict[str, Any]]) -> list[str]:
    return [each["SubnetIdentifier"] for each in subnets]


_SUBNETS = text("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:subgrp:${ID}")

DBSubnetGroup = ResourceType(
    name=Name("DBSubnetGroupName", 255, lower=True),
    create=Call("rds:CreateDBSubnetGroup", "DBSubnetGroupName DBSubnetGroupDescription SubnetIds Tags"),
    id=use(str.lower, p.DBSubnetGroupName),
    read=_First("rds:DescribeDBSubnetGroups", "DBSubnetGroups", DBSubnetGroupName=ID),
    update=(
        Call("rds:ModifyDBSubnetGroup", "DBSubnetGroupDescription SubnetIds", DBSubnetGroupName=ID),
        Call("rds:RemoveTagsFromResource", ResourceName=_SUBNETS, TagKeys=gone_tags).when(gone_tags),
        Call("rds:AddTagsToResource", ResourceName=_SUBNETS, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("rds:DeleteDBSubnetGroup", DBSubnetGroupName=ID),
    absent="DBSubnetGroupNotFoundFault",
    attributes={"DBSubnetGroupArn": _SUBNETS},
    drift=(
        Reading(
            {"DBSubnetGroupDescription": seen.DBSubnetGroupDescription, "SubnetIds": use(_ids, seen.Subnets)}
        ),
    ),
)  # fmt: skip


# Clusters ------------------------------------------------------------------------------------------

_OF_A_CLUSTER = (
    "AutoMinorVersionUpgrade", "BacktrackWindow", "BackupRetentionPeriod", "CopyTagsToSnapshot", "DBClusterInstanceClass",
    "DBClusterParameterGroupName", "DatabaseInsightsMode", "DeletionProtection", "EnableGlobalWriteForwarding", "EnableHttpEndpoint",
    "EnableIAMDatabaseAuthentication", "EnableLocalWriteForwarding", "EngineVersion", "Iops", "ManageMasterUserPassword", "MasterUserPassword",
    "MonitoringInterval", "NetworkType", "Port", "PreferredBackupWindow", "PreferredMaintenanceWindow", "ScalingConfiguration",
    "ServerlessV2ScalingConfiguration", "StorageType", "VpcSecurityGroupIds",
)  # fmt: skip
"""Those that a cluster can be given when it is made, and later."""
_OF_A_NEW_CLUSTER = (
    "AvailabilityZones", "DBClusterIdentifier", "DBSubnetGroupName", "DatabaseName", "EnableCloudwatchLogsExports", "Engine", "EngineMode",
    "GlobalClusterIdentifier", "KmsKeyId", "MasterUsername", "StorageEncrypted", "Tags",
)  # fmt: skip
_MADE_AGAIN = ("RestoreToTime", "RestoreType", "SnapshotIdentifier", "SourceDBClusterIdentifier", "UseLatestRestorableTime")
_NOT_MADE_AGAIN = frozenset({
    "AutoMinorVersionUpgrade", "DatabaseName", "EnableGlobalWriteForwarding", "EnableHttpEndpoint", "EnableLocalWriteForwarding", "KmsKeyId",
    "GlobalClusterIdentifier", "ManageMasterUserPassword", "MasterUserPassword", "MasterUserSecretKmsKeyId", "MasterUsername", "MonitoringInterval",
    "PreferredMaintenanceWindow", "StorageEncrypted",
})  # fmt: skip
"""What a restored cluster brings along, or is told once it is there."""
_LATER = (
    "AutoMinorVersionUpgrade", "EnableGlobalWriteForwarding", "EnableHttpEndpoint", "EnableLocalWriteForwarding", "ManageMasterUserPassword",
    "MasterUserPassword", "MasterUserSecretKmsKeyId", "MonitoringInterval", "PreferredMaintenanceWindow",
)  # fmt: skip


def _of_a_cluster(work: Work, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: work.properties[name] for name in names if name in work.properties}
    secret = work.properties.get("MasterUserSecret") or {}
    return found | ({"MasterUserSecretKmsKeyId": secret["KmsKeyId"]} if "KmsKeyId" in secret else {})


@carries(" ".join((*_OF_A_NEW_CLUSTER, *_OF_A_CLUSTER, *_MADE_AGAIN, "MasterUserSecret")))
async def _create_cluster(work: Work) -> dict[str, Any]:
    said = _of_a_cluster(work, (*_OF_A_NEW_CLUSTER, *_OF_A_CLUSTER))
    origin = {name: work.properties[name] for name in _MADE_AGAIN if work.properties.get(name)}
    if not origin:
        return await work.ask("rds:CreateDBCluster", **said)
    kept = {name: value for name, value in said.items() if name not in _NOT_MADE_AGAIN}
    if "SnapshotIdentifier" in origin:
        answer = await work.ask("rds:RestoreDBClusterFromSnapshot", **origin, **kept)
    else:
        kept = {name: value for name, value in kept.items() if name not in ("AvailabilityZones", "Engine", "EngineVersion")}
        if "RestoreToTime" in origin:
            origin["RestoreToTime"] = instant(origin["RestoreToTime"])
        answer = await work.ask("rds:RestoreDBClusterToPointInTime", **origin, **kept)
    later = {name: said[name] for name in _LATER if name in said}
    if later:
        work.id = answer["DBCluster"]["DBClusterIdentifier"]
        await settle(work)
        await work.ask("rds:ModifyDBCluster", DBClusterIdentifier=work.id, ApplyImmediately=True, **later)
    return answer


_CLUSTER_DEFAULTS = {"AutoMinorVersionUpgrade": True, "BackupRetentionPeriod": 1, "CopyTagsToSnapshot": False, "DeletionProtection": False,
                     "EnableHttpEndpoint": False}  # fmt: skip


@carries(" ".join((*_OF_A_CLUSTER, "MasterUserSecret", "DeleteAutomatedBackups", "EnableCloudwatchLogsExports")))
async def _change_cluster(work: Work) -> None:
    said = _of_a_cluster(work, tuple(name for name in _OF_A_CLUSTER if name in work.changed))
    if "ManageMasterUserPassword" not in work.changed:
        said.pop("MasterUserSecretKmsKeyId", None)  # it can be said with that alone
    if "EnableCloudwatchLogsExports" in work.changed:
        said["CloudwatchLogsExportConfiguration"] = {"EnableLogTypes": work.properties.get("EnableCloudwatchLogsExports", [])}
    said |= {name: value for name, value in _CLUSTER_DEFAULTS.items() if name in work.changed and name not in work.properties}
    await work.ask("rds:ModifyDBCluster", DBClusterIdentifier=work.id, ApplyImmediately=True, **said)
    await settle(work)


_change_cluster.handles_absence = True  # type: ignore[attr-defined]


async def _delete_cluster(work: Work) -> None:
    await work.ask("rds:DeleteDBCluster", DBClusterIdentifier=work.id, SkipFinalSnapshot=True, **_backups(work))


async def _keep_cluster(work: Work) -> None:
    name = work.fresh_name(63, beginning=f"{work.pseudo.get('AWS::StackName', 'stack')}-snapshot").lower()
    await work.ask("rds:DeleteDBCluster", DBClusterIdentifier=work.id, FinalDBSnapshotIdentifier=name, **_backups(work))


DBCluster = ResourceType(
    name=Name("DBClusterIdentifier", 63, lower=True),
    create=_create_cluster,
    id=use(str.lower, p.DBClusterIdentifier),
    read=_First("rds:DescribeDBClusters", "DBClusters", DBClusterIdentifier=ID),
    ready={"Status": "available"},
    update=(_change_cluster, *_retagged(seen.DBClusterArn)),
    delete=_delete_cluster,
    snapshot=_keep_cluster,
    deletion_policy="Snapshot",
    is_gone_slowly=True,
    absent="DBClusterNotFoundFault",
    attributes={
        "DBClusterArn": seen.DBClusterArn, "DBClusterResourceId": seen.DbClusterResourceId, "Endpoint.Address": seen.Endpoint,
        "Endpoint.Port": use(str, seen.Port), "ReadEndpoint.Address": seen.ReaderEndpoint,
        "MasterUserSecret.SecretArn": seen.MasterUserSecret.SecretArn,
    },
    drift=(
        Reading(same("BackupRetentionPeriod CopyTagsToSnapshot DatabaseName DeletionProtection Engine Port", seen)),
        Reading({"Tags": seen.TagList}),
    ),
)  # fmt: skip

_CLUSTER_GROUP = text("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:cluster-pg:${ID}")

DBClusterParameterGroup = ResourceType(
    name=Name("DBClusterParameterGroupName", 255, lower=True),
    create=Call("rds:CreateDBClusterParameterGroup", "DBClusterParameterGroupName Description Tags", DBParameterGroupFamily=p.Family),
    id=use(str.lower, p.DBClusterParameterGroupName),
    read=_First("rds:DescribeDBClusterParameterGroups", "DBClusterParameterGroups", DBClusterParameterGroupName=ID),
    settings=(Setting(_of_clusters, _of_clusters),),
    update=_retagged(_CLUSTER_GROUP),
    delete=Call("rds:DeleteDBClusterParameterGroup", DBClusterParameterGroupName=ID),
    absent="DBClusterParameterGroupNotFound DBClusterParameterGroupNotFoundFault DBParameterGroupNotFound DBParameterGroupNotFoundFault",
    drift=(Reading({"Description": seen.Description}),),
)


# Proxies -------------------------------------------------------------------------------------------


@carries("Auth DefaultAuthScheme RequireTLS IdleClientTimeout DebugLogging RoleArn VpcSecurityGroupIds")
async def _change_proxy(work: Work) -> None:
    """What comes after it finds it available again."""
    said = {name: work.properties[name] for name in _change_proxy.names & work.changed & work.properties.keys()}  # type: ignore[attr-defined]
    if "VpcSecurityGroupIds" in said:
        said["SecurityGroups"] = said.pop("VpcSecurityGroupIds")
    await work.ask("rds:ModifyDBProxy", DBProxyName=work.id, **said)
    await settle(work)


DBProxy = ResourceType(
    name=Name("DBProxyName", 63, lower=True, tells=False),
    create=Call(
        "rds:CreateDBProxy",
        "DBProxyName EngineFamily RoleArn VpcSubnetIds Auth DefaultAuthScheme VpcSecurityGroupIds RequireTLS IdleClientTimeout DebugLogging Tags "
        "EndpointNetworkType TargetConnectionNetworkType",
    ),
    id=use(str.lower, p.DBProxyName),
    read=_First("rds:DescribeDBProxies", "DBProxies", DBProxyName=ID),
    ready={"Status": "available"},
    update=(_change_proxy, *_retagged(seen.DBProxyArn)),
    delete=Call("rds:DeleteDBProxy", DBProxyName=ID),
    is_gone_slowly=True,
    absent="DBProxyNotFoundFault",
    attributes={"DBProxyArn": seen.DBProxyArn, "Endpoint": seen.Endpoint, "VpcId": seen.VpcId},
    drift=(Reading(same("DebugLogging IdleClientTimeout RequireTLS RoleArn", seen)),),
)


class _Group(_First):
    """Its targets come in before it is told to be there."""

    async def look(self, work: Work) -> dict[str, Any]:
        found = await super().look(work)
        targets = (await work.look("rds:DescribeDBProxyTargets", **self.params(work)))["Targets"]
        states = [each["TargetHealth"]["State"] for each in targets if "TargetHealth" in each]
        return found | {"Health": states[0] if states else "AVAILABLE"}


_IDENTIFIERS = ("DBInstanceIdentifiers", "DBClusterIdentifiers")


async def _register(work: Work, operation: str, properties: dict[str, Any]) -> None:
    said = {name: properties[name] for name in _IDENTIFIERS if properties.get(name)}
    if said:
        await work.ask(operation, DBProxyName=properties["DBProxyName"], TargetGroupName=properties["TargetGroupName"], **said)


async def _pool(work: Work, config: dict[str, Any]) -> dict[str, Any]:
    place = {name: work.properties[name] for name in ("DBProxyName", "TargetGroupName")}
    return await work.ask("rds:ModifyDBProxyTargetGroup", **place, ConnectionPoolConfig=config)


@carries("DBProxyName TargetGroupName ConnectionPoolConfigurationInfo DBInstanceIdentifiers DBClusterIdentifiers")
async def _create_group(work: Work) -> dict[str, Any]:
    """A proxy has the one that is called ``default``: it is furnished."""
    group = await _pool(work, work.properties.get("ConnectionPoolConfigurationInfo", {}))
    await _register(work, "rds:RegisterDBProxyTargets", work.properties)
    return group


_POOL = {"MaxConnectionsPercent": 100, "MaxIdleConnectionsPercent": 50, "ConnectionBorrowTimeout": 120, "InitQuery": ""}


@carries("ConnectionPoolConfigurationInfo DBInstanceIdentifiers DBClusterIdentifiers")
async def _change_group(work: Work) -> None:
    if "ConnectionPoolConfigurationInfo" in work.changed:
        wanted, old = (each.get("ConnectionPoolConfigurationInfo") or {} for each in (work.properties, work.old))
        await _pool(work, {name: value for name, value in _POOL.items() if name in old} | wanted)
    if work.changed & set(_IDENTIFIERS):
        await _register(work, "rds:DeregisterDBProxyTargets", work.old)
        await _register(work, "rds:RegisterDBProxyTargets", work.properties)
    await settle(work)


_change_group.handles_absence = True  # type: ignore[attr-defined]


async def _leave_group(work: Work) -> None:
    await _register(work, "rds:DeregisterDBProxyTargets", work.properties)


DBProxyTargetGroup = ResourceType(
    create=_create_group,
    id=made.DBProxyTargetGroup.TargetGroupArn,
    read=_Group("rds:DescribeDBProxyTargetGroups", "TargetGroups", DBProxyName=at(p.DBProxyName), TargetGroupName=at(p.TargetGroupName)),
    ready={"Health": "AVAILABLE"},
    update=(_change_group,),
    delete=_leave_group,
    absent="DBProxyNotFoundFault DBProxyTargetGroupNotFoundFault DBProxyTargetNotFoundFault DBInstanceNotFound DBInstanceNotFoundFault",
    attributes={"TargetGroupArn": seen.TargetGroupArn},
)


@carries("VpcSecurityGroupIds TargetRole")
async def _change_endpoint(work: Work) -> None:
    if "TargetRole" in work.changed:
        raise NotImplementedHere("another TargetRole of an AWS::RDS::DBProxyEndpoint, which no operation of RDS changes")
    groups = {name: work.properties[name] for name in ("VpcSecurityGroupIds",) if name in work.properties}
    await work.ask("rds:ModifyDBProxyEndpoint", DBProxyEndpointName=work.id, **groups)


DBProxyEndpoint = ResourceType(
    name=Name("DBProxyEndpointName", 63, lower=True, tells=False),
    create=Call(
        "rds:CreateDBProxyEndpoint", "DBProxyName DBProxyEndpointName VpcSubnetIds VpcSecurityGroupIds TargetRole Tags EndpointNetworkType"
    ),
    id=use(str.lower, p.DBProxyEndpointName),
    read=_First("rds:DescribeDBProxyEndpoints", "DBProxyEndpoints", DBProxyEndpointName=ID),
    ready={"Status": "available"},
    update=(
        _change_endpoint,
        *_retagged(seen.DBProxyEndpointArn),
    ),
    delete=Call("rds:DeleteDBProxyEndpoint", DBProxyEndpointName=ID),
    is_gone_slowly=True,
    absent="DBProxyEndpointNotFoundFault",
    attributes={
        "DBProxyEndpointArn": seen.DBProxyEndpointArn, "Endpoint": seen.Endpoint, "IsDefault": seen.IsDefault, "VpcId": seen.VpcId,
    },
)  # fmt: skip
