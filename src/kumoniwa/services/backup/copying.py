"""Copies of recovery points in other vaults, of this region or another: piece by piece over the link, encrypted anew under the key of the
vault they come to.

The point is there when its last piece is: before that it is CREATING, and a copy that dies in between begins again or is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed, pack
from kumoniwa.services.backup import bill, continuing, exchange, keeping, lodging, telling, underway
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.errors import (
    InvalidParameterValueException,
    InvalidRequestException,
    JobFailed,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.job import COMPLETED, CREATED, FAILED, RUNNING
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.session import assumed
from kumoniwa.services.backup.vault import SERVICE, Vault, arn_of, held
from kumoniwa.wire import timestamps

WITHIN_S = 60.0
AT_ONCE = 8
"""So many pieces are under way together: a long way is not gone once for each."""


class CopyJob(Record):
    """Shelved by its id."""

    id: str
    source: str
    """The ARN of the recovery point."""
    vault: str
    """The name of the vault that it lies in."""
    resource: str
    kind: str
    target: str
    """The ARN of the vault that it shall lie in."""
    point: str
    """Its ARN there."""
    role: str
    created: float
    state: str = CREATED
    ended: float = 0.0
    message: str = ""
    attempts: int = 0
    rests_until: float = 0.0
    lifecycle: dict[str, int] = {}
    by: dict[str, str] = {}
    of: str = ""
    """The backup job whose plan asked for it."""
    size: int = 0


def checked_target(call: Call, text: str) -> arns.Arn:
    arn = arns.parse(text)
    if arn is None or arn.service != "backup" or not arn.resource.startswith("backup-vault:"):
        raise InvalidParameterValueException(f"Invalid backup vault ARN: {text}")
    if arn.account != call.account:
        raise NotImplementedHere("copies of recovery points to other accounts by backup")
    return arn


def new(call: Call, point: RecoveryPoint, target: str, role: str, lifecycle: dict[str, Any] | None, **more: Any) -> CopyJob:
    """Put a job on its shelf; it begins by itself."""
    there, id_ = checked_target(call, target), call.new_id().upper()
    arn = str(there._replace(resource=f"recovery-point:{call.new_id()}"))
    if lodging.has(point.kind):
        own = arns.parse(lodging.of(point.kind).arn_of(call, f"copyjob-{id_.lower()}"))
        arn = str(own._replace(region=there.region))
    job = CopyJob(
        id=id_, source=point.arn, vault=point.vault, resource=point.resource, kind=point.kind, target=target, role=role,
        point=arn, created=call.now(), size=point.size,
        lifecycle=points.checked(lifecycle), **more,
    )  # fmt: skip
    _put(call, job)
    return job


def _put(call: Call, job: CopyJob) -> None:
    underway.put(call, job)
    _tell(call, job)


def StartCopyJob(
    call: Call,
    *,
    RecoveryPointArn: str,
    SourceBackupVaultName: str,
    DestinationBackupVaultArn: str,
    IamRoleArn: str,
    IdempotencyToken: str | None = None,
    Lifecycle: dict[str, Any] | None = None,
) -> dict:
    held(call, SourceBackupVaultName)
    point = points.held(call, SourceBackupVaultName, RecoveryPointArn)
    if not point.is_whole:
        raise InvalidRequestException(f"Recovery point {point.arn} is in state {point.status} and cannot be copied.")
    if DestinationBackupVaultArn == arn_of(call, SourceBackupVaultName):
        raise InvalidRequestException("The source and the destination backup vault cannot be the same.")
    if point.is_continuous and lodging.has(point.kind):
        # "AWS Backup does not support on-demand copies of continuous backups": point-in-time-recovery-copying.html in the guide. The words are ours.
        raise InvalidRequestException(f"Recovery point {point.arn} is continuous and cannot be copied on demand.")
    call.require("iam:PassRole", IamRoleArn, **{"iam:PassedToService": SERVICE})
    made = new(call, point, DestinationBackupVaultArn, IamRoleArn, Lifecycle)
    return {"CopyJobId": made.id, "CreationDate": made.created, "IsParent": False}


# What it does ----------------------------------------------------------------------------------------


def may_begin(call: Call, job: CopyJob) -> bool:
    return True


async def run(call: Call, id_: str) -> None:
    job = call.shelf(CopyJob)[id_]
    point = call.shelf(RecoveryPoint).get(job.source)
    if point is None:
        raise JobFailed(f"Cannot find recovery point {job.source}")
    if job.state == CREATED:
        job = changed(job, state=RUNNING)
        _put(call, job)
    role = assumed(call, job.role, job.source)
    role.require("backup:CopyFromBackupVault", job.source, **{"backup:CopyTargets": job.target})
    there = arns.parse(job.target)
    sent = _nothing() if lodging.has(point.kind) else keeping.pieces(call, point, secret := await keeping.secret_of(call, point))
    if point.is_continuous and not lodging.has(point.kind):
        if point.status == points.AVAILABLE:
            await continuing.due(call, point.arn)
        sent = continuing.pieces(call, point, secret, call.now())
    metadata = point.metadata
    if lodging.has(point.kind) and there.region != call.region:
        metadata = lodging.of(point.kind).elsewhere(point, there.region)
    about = changed(
        point, metadata=metadata, arn=job.point, job=job.id, lifecycle=job.lifecycle, role=job.role, source=arn_of(call, point.vault), by=job.by,
        is_continuous=False, options={},
    )  # fmt: skip

    async def say(what: str, **more: Any) -> Any:
        message = {"do": what, "account": call.account, "vault": there.resource.partition(":")[2], "point": job.point, "job": job.id, **more}
        if there.region == call.region:
            return await exchange.hear(call.home, call.region, message)
        return await call.home.exchange(there.region, "backup", message, WITHIN_S)

    await say("begin", about=pack(about))
    number = size = 0
    if lodging.has(point.kind):
        size = await lodging.of(point.kind).copy(role, point, job.point, job.id, job.target)
    under_way: list[Any] = []
    async for piece in sent:
        under_way.append(call.home.spawn(say("piece", number=number, data=piece)))
        number, size = number + 1, size + len(piece)
        if len(under_way) == AT_ONCE:
            await asyncio.gather(*under_way)
            under_way = []
    await asyncio.gather(*under_way)
    await say("finish", count=number, size=size)
    bill.copied(call, point, job.target, size)
    end(call, changed(job, size=size), COMPLETED)


async def _nothing() -> AsyncIterator[bytes]:
    """The pieces of what its service copies itself."""
    return
    yield


def end(call: Call, job: CopyJob, state: str, message: str = "") -> None:
    _put(call, changed(job, state=state, message=f"Copy job failed. {message}" if message else "", ended=call.now()))


# Telling ---------------------------------------------------------------------------------------------


def _shown(call: Call, job: CopyJob) -> dict[str, Any]:
    told = {
        "AccountId": call.account, "CopyJobId": job.id, "SourceBackupVaultArn": arn_of(call, job.vault), "SourceRecoveryPointArn": job.source,
        "DestinationBackupVaultArn": job.target, "DestinationRecoveryPointArn": job.point if job.state == COMPLETED else None,
        "ResourceArn": job.resource, "CreationDate": job.created, "CompletionDate": job.ended or None, "State": job.state,
        "StatusMessage": job.message or None, "BackupSizeInBytes": job.size, "IamRoleArn": job.role, "CreatedBy": job.by or None,
        "CreatedByBackupJobId": job.of or None, "ResourceType": job.kind, "IsParent": False, "DestinationVaultType": "BACKUP_VAULT",
        "DestinationRecoveryPointLifecycle": job.lifecycle or None, "MessageCategory": jobs.category(job.state, job.message),
        "ResourceName": job.resource.rpartition("/" if job.kind in points.NAMED_LAST else ":")[2],
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def DescribeCopyJob(call: Call, *, CopyJobId: str) -> dict:
    job = call.shelf(CopyJob).get(CopyJobId.upper())
    if job is None:
        raise ResourceNotFoundException(f"Copy job {CopyJobId} does not exist.")
    return {"CopyJob": _shown(call, job)}


def ListCopyJobs(
    call: Call,
    *,
    ByResourceArn: str | None = None,
    ByState: str | None = None,
    ByCreatedBefore: float | None = None,
    ByCreatedAfter: float | None = None,
    ByResourceType: str | None = None,
    ByDestinationVaultArn: str | None = None,
    ByAccountId: str | None = None,
    ByCompleteBefore: float | None = None,
    ByCompleteAfter: float | None = None,
    BySourceRecoveryPointArn: str | None = None,
) -> dict:
    if ByAccountId not in (None, "*", call.account):
        return {"CopyJobs": []}
    wanted = {
        "resource": ByResourceArn,
        "state": ByState,
        "kind": ByResourceType,
        "target": ByDestinationVaultArn,
        "source": BySourceRecoveryPointArn,
    }
    times = (ByCreatedAfter, ByCreatedBefore, ByCompleteAfter, ByCompleteBefore)
    return {"CopyJobs": [_shown(call, job) for job in jobs.listed(call, CopyJob, wanted, times)]}


_NOTICES = {RUNNING: ("COPY_JOB_STARTED",), COMPLETED: ("COPY_JOB_SUCCESSFUL",), FAILED: ("COPY_JOB_FAILED",)}
_TEXTS = {
    RUNNING: "An AWS Backup copy job was started.",
    COMPLETED: "An AWS Backup copy job was completed successfully.",
    FAILED: "An AWS Backup copy job failed.",
}


def _tell(call: Call, job: CopyJob) -> None:
    telling.count(call, "CopyJobs", job.state, job.vault, job.kind)
    detail: dict[str, Any] = {
        "creationDate": timestamps.to_millisecond(job.created), "state": job.state, "sourceBackupVaultArn": arn_of(call, job.vault),
        "destinationBackupVaultArn": job.target,
    }  # fmt: skip
    if job.state != CREATED:
        detail |= {
            "copyJobId": job.id, "backupSizeInBytes": job.size, "iamRoleArn": job.role, "resourceArn": job.resource, "resourceType": job.kind,
            "destinationRecoveryPointArn": job.point if job.state == COMPLETED else {},
        }  # fmt: skip
    if job.ended:
        detail["completionDate"] = timestamps.to_millisecond(job.ended)
    if job.message:
        detail["statusMessage"] = job.message
    if job.by:
        detail["createdBy"] = points.creator(job.by)
    telling.fact(call, "Copy Job State Change", [job.source], detail)
    if job.state != CREATED:
        why = f" Status Message : {job.message}" if job.message else ""
        text = f"{_TEXTS[job.state]} Recovery point ARN: {job.source}. Resource ARN : {job.resource}. CopyJob ID : {job.id}.{why}"
        vault = call.shelf(Vault).get(job.vault)
        telling.notice(call, vault, _NOTICES[job.state], text, kind="COPY_JOB", id_=job.id, state=job.state, since=job.created)
