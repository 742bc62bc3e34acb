"""Databases of RDS as recovery points: snapshots that RDS keeps, or its automated backups, which go back to any second of their days.

All is asked of RDS as the job's role. A copy is another snapshot; on AWS it is encrypted under the key of its vault, while databases here are not
encrypted at rest, and are told so.
https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html, restoring-rds.html, point-in-time-recovery.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.aws.prices import GIB
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.backup.errors import InvalidParameterValueException, JobFailed
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.table import UNREADABLE

PREFIX = "awsbackup:"
CHANGED = "database"
"""What is woken when RDS tells of something."""
TESTED = "awsbackup-restore-test"
"""With it begins the name of what a test makes, and so is called its tag; whose value AWS tells nowhere, so that it is ours."""
GONE = "Automated Backup Gone"
"""What RDS tells when a continuous point's backups are no more there."""
LOOK_S, LOOK_FAR_S = 60.0, 1.0
"""After how long RDS is asked again what it has not told, here and in another region, which tells us nothing."""
_FLAGS = frozenset({
    "MultiAZ", "PubliclyAccessible", "AutoMinorVersionUpgrade", "CopyTagsToSnapshot", "EnableIAMDatabaseAuthentication", "DeletionProtection",
    "DedicatedLogVolume",
})  # fmt: skip
_NUMBERS = frozenset({"Port", "Iops", "AllocatedStorage", "StorageThroughput", "BackupRetentionPeriod"})
_LISTS = frozenset({"VpcSecurityGroupIds", "EnableCloudwatchLogsExports", "ProcessorFeatures"})
_TEXTS = frozenset({
    "DBInstanceIdentifier", "DBInstanceClass", "AvailabilityZone", "DBSubnetGroupName", "DBParameterGroupName", "Engine", "LicenseModel",
    "OptionGroupName", "StorageType", "PreferredBackupWindow", "NetworkType", "DBName",
})  # fmt: skip
_TIMES = frozenset({"RestoreTime", "UseLatestRestorableTime"})
_SPELLED = {name.lower(): name for name in (*_FLAGS, *_NUMBERS, *_LISTS, *_TEXTS)}
"""Keys are the same in whatever case: what is inferred for tests begins with a small letter."""


class Taken(NamedTuple):
    tags: dict[str, str]
    metadata: dict[str, str]
    """With which it is made again."""
    size: int


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"snapshot:{PREFIX}{name}", "rds")


def is_busy(error: AwsError) -> bool:
    """Whether RDS says that something else goes on, and ends."""
    return error.code in ("InvalidDBInstanceStateFault", "InvalidDBSnapshotStateFault")


def heard(region: Any, account: str) -> None:
    region.wake(("backup", account, CHANGED))


async def all_of(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Every instance here: its ARN and its tags."""
    if "rds" not in call.home.used_services:
        return []  # nor is it begun for this
    found = await call.home.heard(call.region, "rds", {"what": "instances", "account": call.account})
    return [(call.arn(f"db:{name}", "rds"), tags) for name, tags in found]


def _mapping(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]


async def _instance(role: Call, resource: str) -> dict[str, Any]:
    try:
        (found,) = (await role.ask("rds:DescribeDBInstances", DBInstanceIdentifier=resource.rpartition(":")[2]))["DBInstances"]
    except AwsError as error:
        if error.code == "AccessDenied":
            raise JobFailed(UNREADABLE.format(resource), hint=error.hint) from None
        raise
    return found


async def _quietly(role: Call, operation: str, **asked: Any) -> dict[str, Any]:
    """Ask as soon as the instance does nothing else."""
    while True:
        try:
            return await role.ask(operation, **asked)
        except AwsError as error:
            if not is_busy(error):
                raise
        await role.wait(CHANGED, until=role.now() + LOOK_S)


async def take(call: Call, role: Call, job: Any) -> Taken:
    """Have RDS make the job's snapshot."""
    instance = await _instance(role, job.resource)
    tags = _mapping(instance["TagList"])
    size = await _snapped(role, instance["DBInstanceIdentifier"], job.point, {**tags, **job.tags}, job.id)
    return Taken(tags, _metadata(instance), size)


async def _snapped(role: Call, instance: str, arn: str, tags: dict[str, str], once: str) -> int:
    await _quietly(
        role, "rds:CreateDBSnapshot", once=once, DBSnapshotIdentifier=_name(arn), DBInstanceIdentifier=instance, Tags=_pairs(tags)
    )
    return await _settled(role, arn)


def _name(arn: str) -> str:
    return arn.partition(":snapshot:")[2]


async def _settled(role: Call, arn: str, region: str | None = None) -> int:
    """Wait until a snapshot is there; answers how many bytes AWS counts of it, which is as many as its instance may hold."""
    while True:
        shown = (await role.ask("rds:DescribeDBSnapshots", to_region=region, DBSnapshotIdentifier=_name(arn)))["DBSnapshots"][0]
        if shown["Status"] == "available":
            return shown["AllocatedStorage"] * GIB
        if shown["Status"] == "failed":
            raise JobFailed(f"The snapshot {shown['DBSnapshotIdentifier']} of the database could not be taken.")
        await role.wait(CHANGED, until=role.now() + (LOOK_S if region is None else LOOK_FAR_S))


def _metadata(instance: dict[str, Any]) -> dict[str, str]:
    """How the instance was, in the words of what restores one. Which of them AWS tells no source lists whole."""
    found = {
        "AllocatedStorage": instance["AllocatedStorage"], "AutoMinorVersionUpgrade": instance["AutoMinorVersionUpgrade"],
        "AvailabilityZone": instance.get("AvailabilityZone", ""), "CopyTagsToSnapshot": instance["CopyTagsToSnapshot"],
        "DBInstanceClass": instance["DBInstanceClass"], "DBInstanceIdentifier": instance["DBInstanceIdentifier"],
        "DBParameterGroupName": instance["DBParameterGroups"][0]["DBParameterGroupName"],
        "DBSubnetGroupName": instance["DBSubnetGroup"]["DBSubnetGroupName"], "DeletionProtection": instance["DeletionProtection"],
        "EnableIAMDatabaseAuthentication": instance["IAMDatabaseAuthenticationEnabled"], "Engine": instance["Engine"],
        "LicenseModel": instance["LicenseModel"], "MultiAZ": instance["MultiAZ"],
        "OptionGroupName": instance["OptionGroupMemberships"][0]["OptionGroupName"], "Port": instance.get("Endpoint", {}).get("Port", ""),
        "PubliclyAccessible": instance["PubliclyAccessible"], "StorageType": instance["StorageType"],
    }  # fmt: skip
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in found.items() if value != ""}


def elsewhere(point: RecoveryPoint, region: str) -> dict[str, str]:
    """The metadata of a point's copy in another region."""
    return point.metadata


def inferred(point: RecoveryPoint, name: str) -> dict[str, str]:
    """With which a point is restored for a test."""
    return {"dbInstanceIdentifier": name, "deletionProtection": "false", "multiAz": "false", "publiclyAccessible": "false"}


# Continuous ------------------------------------------------------------------------------------------


async def begin(call: Call, role: Call, resource: str, days: int, arn: str) -> tuple[str, Taken]:
    """Have the instance's automated backups be kept for some days, as a recovery point: the one that there is (an ARN, which may be another
    vault's), or else a new one. Answers its ARN when the first of the backups is there."""
    instance = await _instance(role, resource)
    name, id_ = instance["DBInstanceIdentifier"], instance["DbiResourceId"]
    arn = instance.get("AwsBackupRecoveryPointArn") or arn or call.arn(f"recovery-point:continuous:{id_.lower()}-{call.ids.hex(8)}", "backup")
    await _quietly(
        role, "rds:ModifyDBInstance", DBInstanceIdentifier=name, BackupRetentionPeriod=days, AwsBackupRecoveryPointArn=arn, ApplyImmediately=True
    )
    while "LatestRestorableTime" not in (instance := await _instance(role, resource)):
        await role.wait(CHANGED, until=role.now() + LOOK_S)
    return arn, Taken(_mapping(instance["TagList"]), _metadata(instance), 0)


async def point_of(role: Call, resource: str) -> str:
    """As which point the automated backups of an instance are kept; empty if they are not."""
    return (await _instance(role, resource)).get("AwsBackupRecoveryPointArn", "")


async def release(role: Call, resource: str, arn: str) -> None:
    """AWS Backup has nothing to do with it any more; what there is of it stays RDS's."""
    if ":snapshot:" in arn:
        await remove(role, resource, arn)
        return
    role.require("rds:ModifyDBInstance", resource)
    message = {"what": "released", "account": role.account, "name": resource.rpartition(":")[2], "point": arn}
    await role.home.heard(role.region, "rds", message)


async def remove(role: Call, resource: str, arn: str) -> None:
    """A snapshot is deleted, of automated backups none is kept: https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery-stopping.html"""
    try:
        if ":snapshot:" in arn:
            await role.ask("rds:DeleteDBSnapshot", DBSnapshotIdentifier=_name(arn))
        elif await _is_followed(role, resource, arn):
            name = resource.rpartition(":")[2]
            await _quietly(role, "rds:ModifyDBInstance", DBInstanceIdentifier=name, BackupRetentionPeriod=0, ApplyImmediately=True)
        else:
            await role.ask("rds:DeleteDBInstanceAutomatedBackup", DbiResourceId=_id_of(arn))
    except AwsError as error:
        if error.code not in ("DBSnapshotNotFoundFault", "DBInstanceAutomatedBackupNotFoundFault", "InvalidDBInstanceAutomatedBackupStateFault"):
            raise


async def _is_followed(role: Call, resource: str, arn: str) -> bool:
    """Whether the instance is there, and its automated backups are this point."""
    try:
        return await point_of(role, resource) == arn
    except AwsError as error:
        if error.code != "DBInstanceNotFoundFault":
            raise
        return False


def _id_of(arn: str) -> str:
    """The DbiResourceId of the instance that a continuous point is of: its ARN says it, in small letters."""
    return f"db-{arn.rpartition(':continuous:db-')[2].rpartition('-')[0].upper()}"


# Copying ---------------------------------------------------------------------------------------------


async def copy(role: Call, point: RecoveryPoint, target: str, once: str, vault: str) -> int:
    """Have the snapshot with the ARN ``target`` made of a point; of a continuous one by way of a snapshot as it is now."""
    source = point.arn
    if point.is_continuous:
        source = arn_of(role, f"job-{once.lower()}")
        await _snapped(role, point.name, source, {}, f"{once} source")
    region = arns.parse(target).region
    far = region if region != role.region else None
    await role.ask(
        "rds:CopyDBSnapshot", to_region=far, once=once, SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier=_name(target), CopyTags=True
    )
    size = await _settled(role, target, far)
    if point.is_continuous:
        await remove(role, point.resource, source)
    return size


# Restoring -------------------------------------------------------------------------------------------


def _spelled(said: dict[str, str]) -> dict[str, str]:
    return {_SPELLED.get(name.lower(), name): value for name, value in said.items()}


def check(said: dict[str, str]) -> None:
    """What is asked of a restore. Raises InvalidParameterValueException."""
    said = _spelled(said)
    if not said.get("DBInstanceIdentifier"):
        raise InvalidParameterValueException("Invalid restore metadata. Missing required metadata: DBInstanceIdentifier")
    for name in said.keys() - _FLAGS - _NUMBERS - _LISTS - _TEXTS - _TIMES:
        raise InvalidParameterValueException(f"Invalid restore metadata. Unrecognized key: {name}")
    _asked(said)


def _asked(said: dict[str, str]) -> dict[str, Any]:
    """As RDS takes it; what is empty is not said."""
    return {name: _value(name, text) for name, text in said.items() if text and name not in (*_TIMES, "DBInstanceIdentifier")}


def _value(name: str, text: str) -> Any:
    try:
        if name in _FLAGS:
            return {"true": True, "false": False}[text.lower()]
        if name in _NUMBERS:
            return int(text)
        if name in _LISTS:
            found = orjson.loads(text)
            if not isinstance(found, list):
                raise ValueError(text)
            return found
    except (KeyError, ValueError):
        raise InvalidParameterValueException(f"Invalid restore metadata. {name}: {text}") from None
    return text


async def put_back(
    call: Call, role: Call, job: str, point: RecoveryPoint, said: dict[str, str], at: float | None = None, tags: dict[str, str] | None = None
) -> tuple[str, str]:
    """Make an instance of a point, as it was at a time if the point is continuous, or at the latest; answers its ARN, and what there is to say."""
    said = _spelled(said)
    name, asked = said["DBInstanceIdentifier"].lower(), _asked(said)
    if name.startswith(TESTED):
        tags = {**(tags or {}), TESTED: job}
    if tags:
        asked["Tags"] = _pairs(tags)
    if point.is_continuous:
        when = {"UseLatestRestorableTime": True} if at is None else {"RestoreTime": at}
        await role.ask(
            "rds:RestoreDBInstanceToPointInTime", once=job, SourceDbiResourceId=_id_of(point.arn), TargetDBInstanceIdentifier=name, **when, **asked
        )
    else:
        await role.ask(
            "rds:RestoreDBInstanceFromDBSnapshot", once=job, DBSnapshotIdentifier=_name(point.arn), DBInstanceIdentifier=name, **asked
        )
    arn = call.arn(f"db:{name}", "rds")
    while (state := (await _instance(role, arn))["DBInstanceStatus"]) in ("creating", "backing-up", "modifying"):
        await role.wait(CHANGED, until=role.now() + LOOK_S)
    if state != "available":
        raise JobFailed(f"The DB instance {name} could not be restored: it is {state}.")
    return arn, ""


async def unmake(role: Call, arn: str) -> bool:
    """Whether what a test has made is gone, of which AWS's own role may delete what has the tag of tests; its deletion takes a while."""
    name = arn.rpartition(":")[2]
    try:
        if (await _instance(role, arn))["DBInstanceStatus"] != "deleting":
            await role.ask("rds:DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
    except AwsError as error:
        if error.code == "DBInstanceNotFoundFault":
            return True
        if not is_busy(error):
            raise
    return False
