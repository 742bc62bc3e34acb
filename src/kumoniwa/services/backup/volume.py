"""Volumes of EBS as recovery points: snapshots that EC2 keeps, each by the id that follows from its job.

All is asked of EC2 as the job's role. A copy in another region is encrypted, whatever it is a copy of, under its vault's key; where that is the one
that AWS keeps for AWS Backup, which nobody else uses, under the account's default key for EBS.
https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-ebs.html, encryption.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.ids import of_token
from kumoniwa.services.backup.database import Taken
from kumoniwa.services.backup.errors import InvalidParameterValueException, JobFailed
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.table import UNREADABLE
from kumoniwa.services.backup.vault import SERVICE

CHANGED = "volume"
"""What is woken when EC2 tells of something."""
LOOKS_S = (0.1, 0.2, 0.4, 0.8, 1.6)
"""After how long EC2 is asked again, and at last every `LOOK_S`: what is quick is told before anybody waits for it, and another region tells us
nothing."""
LOOK_S = 5.0
SOURCE = "aws:backup:source-resource"
"""The tag by which EC2 knows whose snapshot it is; that its value is the resource with the job is seen in reports of users."""
_TEXT = "This snapshot is created by the AWS Backup service."
_SAID = {
    "availabilityzone": "AvailabilityZone", "encrypted": "Encrypted", "iops": "Iops", "kmskeyid": "KmsKeyId", "throughput": "Throughput",
    "volumesize": "Size", "volumetype": "VolumeType", "volumeid": "",
}  # fmt: skip
"""What may be said of a restore, in whatever case, and how CreateVolume calls it. The volume that was is no wish."""


def arn_of(call: Call, name: str) -> str:
    """EC2 gives a snapshot that is asked for with a token the id that follows from it."""
    return f"arn:{call.home.partition}:ec2:{call.region}::snapshot/snap-0{of_token(name, 16)}"


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]


def is_busy(error: AwsError) -> bool:
    return error.code == "ConcurrentSnapshotLimitExceeded"


def heard(region: Any, account: str) -> None:
    region.wake(("backup", account, CHANGED))


async def all_of(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Every volume here: its ARN and its tags."""
    if "ec2" not in call.home.used_services:
        return []  # nor is it begun for this
    return await call.home.heard(call.region, "ec2", {"do": "ebs_volumes", "account": call.account})


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]


def _specified(kind: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


async def _described(role: Call, resource: str) -> dict[str, Any]:
    try:
        (found,) = (await role.ask("ec2:DescribeVolumes", VolumeIds=[_id(resource)]))["Volumes"]
    except AwsError as error:
        if error.code == "UnauthorizedOperation":
            raise JobFailed(UNREADABLE.format(resource), hint=error.hint) from None
        raise
    return found


async def take(call: Call, role: Call, job: Any) -> Taken:
    """Have EC2 make the job's snapshot."""
    volume = await _described(role, job.resource)
    tags = {each["Key"]: each["Value"] for each in volume.get("Tags", ())}
    marked = [*_pairs({**tags, **job.tags}), {"Key": SOURCE, "Value": f"{volume['VolumeId']}:{job.id}"}]
    await role.carried_out(SERVICE).ask(
        "ec2:CreateSnapshot", once=f"job-{job.id.lower()}", VolumeId=volume["VolumeId"], Description=_TEXT, **_specified("snapshot", marked)
    )
    return Taken(tags, _metadata(volume), await _settled(role, job.point))


async def _settled(role: Call, arn: str, region: str | None = None) -> int:
    """Wait until a snapshot is there; answers how many bytes AWS counts of it, which is as many as its volume has."""
    looks = _looks()
    while True:
        (shown,) = (await role.ask("ec2:DescribeSnapshots", to_region=region, SnapshotIds=[_id(arn)]))["Snapshots"]
        if shown["State"] == "completed":
            return shown["VolumeSize"] * GIB
        if shown["State"] == "error":
            raise JobFailed(f"The snapshot {shown['SnapshotId']} of the volume could not be taken. {shown.get('StateMessage', '')}".rstrip())
        await role.wait(CHANGED, until=role.now() + next(looks))


def _looks() -> Iterator[float]:
    return chain(LOOKS_S, repeat(LOOK_S))


def _metadata(volume: dict[str, Any]) -> dict[str, str]:
    """How the volume was, in the words of what restores one."""
    found = {
        "availabilityZone": volume["AvailabilityZone"], "encrypted": "true" if volume["Encrypted"] else "false", "iops": volume.get("Iops"),
        "throughput": volume.get("Throughput"), "volumeId": volume["VolumeId"], "volumeSize": volume["Size"], "volumeType": volume["VolumeType"],
    }  # fmt: skip
    if volume["VolumeType"] == "gp2":
        del found["iops"]  # it follows from the size, and may not be said
    return {name: str(value) for name, value in found.items() if value is not None}


def elsewhere(point: RecoveryPoint, region: str) -> dict[str, str]:
    """The metadata of a point's copy in another region."""
    return {name: value for name, value in point.metadata.items() if name != "availabilityZone"} | {"encrypted": "true"}


def inferred(point: RecoveryPoint, name: str) -> dict[str, str]:
    raise NotImplementedHere("restore testing of EBS by backup")


async def remove(role: Call, resource: str, arn: str) -> None:
    try:
        await role.ask("ec2:DeleteSnapshot", SnapshotId=_id(arn))
    except AwsError as error:
        if error.code != "InvalidSnapshot.NotFound":
            raise


async def copy(role: Call, point: RecoveryPoint, target: str, once: str, vault: str) -> int:
    """Have the snapshot with the ARN ``target`` made of a point, for the vault of an ARN."""
    region = arns.parse(target).region
    far = region if region != role.region else None
    (source,) = (await role.ask("ec2:DescribeSnapshots", SnapshotIds=[_id(point.arn)]))["Snapshots"]
    encryption: dict[str, Any] = {}
    if far is not None:
        name = arns.parse(vault).resource.partition(":")[2]
        key = (await role.ask("backup:DescribeBackupVault", to_region=far, BackupVaultName=name))["EncryptionKeyArn"]
        held = (await role.ask("kms:DescribeKey", to_region=far, KeyId=key))["KeyMetadata"]
        encryption = {"Encrypted": True} | ({"KmsKeyId": key} if held["KeyManager"] == "CUSTOMER" else {})
    elif source["Encrypted"]:
        encryption = {"Encrypted": True, "KmsKeyId": source["KmsKeyId"]}
    marked = [*_pairs(point.tags), {"Key": SOURCE, "Value": f"{point.name}:{once}"}]
    await role.carried_out(SERVICE).ask(
        "ec2:CopySnapshot", to_region=far, once=f"copyjob-{once.lower()}", SourceRegion=role.region, SourceSnapshotId=_id(point.arn),
        Description=_TEXT, **encryption, **_specified("snapshot", marked),
    )  # fmt: skip
    return await _settled(role, target, far)


# Restoring -------------------------------------------------------------------------------------------


def check(said: dict[str, str]) -> None:
    """What is asked of a restore. Raises InvalidParameterValueException."""
    unknown = [name for name in said if name.lower() not in _SAID]
    if unknown:
        raise InvalidParameterValueException(f"Invalid restore metadata. Unrecognized key: {min(unknown)}")
    if "AvailabilityZone" not in _asked(said):
        raise InvalidParameterValueException("Invalid restore metadata. Missing required metadata: availabilityZone")


def _asked(said: dict[str, str]) -> dict[str, Any]:
    """As CreateVolume takes it; what is empty is not said."""
    found: dict[str, Any] = {}
    for name, text in said.items():
        member = _SAID[name.lower()]
        if not member or not text:
            continue
        try:
            if member == "Encrypted":
                found[member] = {"true": True, "false": False}[text.lower()]
            else:
                found[member] = int(text) if member in ("Iops", "Size", "Throughput") else text
        except (KeyError, ValueError):
            raise InvalidParameterValueException(f"Invalid restore metadata. {name}: {text}") from None
    return found


async def put_back(
    call: Call, role: Call, job: str, point: RecoveryPoint, said: dict[str, str], at: float | None = None, tags: dict[str, str] | None = None
) -> tuple[str, str]:
    """Make a volume of a point; answers its ARN, and what there is to say."""
    made = await role.ask("ec2:CreateVolume", once=job, SnapshotId=_id(point.arn), **_asked(said), **_specified("volume", _pairs(tags or {})))
    arn = call.arn(f"volume/{made['VolumeId']}", "ec2")
    try:
        looks = _looks()
        while (await _described(role, arn))["State"] == "creating":
            await role.wait(CHANGED, until=role.now() + next(looks))
    except AwsError as error:
        if error.code != "InvalidVolume.NotFound":
            raise
        raise JobFailed(f"The volume {made['VolumeId']} could not be restored: its key does not open.") from None
    return arn, ""
