"""What a backup job does: makes a recovery point of a resource as its role, within its time, and then has it copied as its plan says."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import bucket, continuing, copying, keeping, lodging, telling, underway
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.errors import JobFailed
from kumoniwa.services.backup.job import COMPLETED, CREATED, EXPIRED, KINDS, RUNNING, BackupJob
from kumoniwa.services.backup.keeping import Keeper
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.session import assumed
from kumoniwa.services.backup.vault import Vault, arn_of

LATE = '"Backup job expired before completion."'
BUSY = '"Backup job failed because there was a running job for the same resource."'
OUT_OF_RANGE = "The retention specified in the job is not within the range specified for the target Backup Vault."


def may_begin(call: Call, job: BackupJob) -> bool:
    """Whether it begins now. One that can begin no more ends."""
    is_busy = any(other.resource == job.resource and _turn(other) < _turn(job) for other in underway.jobs(call, BackupJob))
    if job.state == CREATED and call.now() >= job.starts_by:
        jobs.end(call, job, EXPIRED, BUSY if is_busy else LATE)
        return False
    if call.now() >= job.completes_by:
        jobs.end(call, job, EXPIRED, LATE)
        return False
    return not is_busy


def _turn(job: BackupJob) -> tuple[bool, float, str]:
    """Which of a resource's jobs goes on: the one that has begun, else the oldest, and of one moment any, but always the same."""
    return job.state == CREATED, job.created, job.id


async def run(call: Call, id_: str) -> None:
    job = call.shelf(BackupJob)[id_]
    try:
        async with asyncio.timeout(job.completes_by - call.now()):
            await _run(call, job)
    except TimeoutError:
        jobs.end(call, call.shelf(BackupJob)[id_], EXPIRED, LATE)


async def _run(call: Call, job: BackupJob) -> None:
    """From the beginning, whatever an earlier life of the region has kept of it."""
    vault = call.shelf(Vault).get(job.vault)
    if vault is None:
        raise JobFailed(f'"Backup job failed because backup vault {arn_of(call, job.vault)} does not exist."')
    if not vault.keeps_for(job.lifecycle.get("DeleteAfterDays")):
        raise JobFailed(f"Backup job failed. {OUT_OF_RANGE}")
    job = changed(job, state=RUNNING, started=job.started or call.now())
    if call.shelf(BackupJob)[job.id].state == CREATED:
        jobs.put(call, job)
    role = assumed(call, job.role, job.resource)
    if lodging.has(job.kind):
        await _lodge(call, job, vault, role)
        return
    if job.is_continuous:
        await _follow(call, job, vault, role)
        return
    key, secret = await keeping.fresh_key(call, vault)
    keeping.forget(call, job.point)
    point = RecoveryPoint(
        arn=job.point, vault=job.vault, resource=job.resource, kind=job.kind, role=job.role, created=job.created, data_key=key, job=job.id,
        lifecycle=job.lifecycle, by=job.by, metadata=KINDS[job.kind].metadata_of(job.resource), options=job.options,
    )  # fmt: skip
    call.shelf(RecoveryPoint)[point.arn] = point
    keeper = Keeper(call, point.arn, secret)
    tags, message = await KINDS[job.kind].take(call, role, job.resource, keeper, job.options)
    await keeper.flush()
    call.atomically(lambda: _done(call, job, changed(point, tags={**tags, **job.tags}), keeper.size, message))


async def _lodge(call: Call, job: BackupJob, vault: Vault, role: Call) -> None:
    """A point whose data lies with its service. Of what another vault follows already a snapshot is taken, as AWS Backup falls back to one."""
    module = lodging.of(job.kind)
    if job.is_continuous:
        known = await module.point_of(role, job.resource)
        followed = call.shelf(RecoveryPoint).get(known)
        if followed is None or followed.vault == job.vault:
            await _follow_there(call, job, vault, role, followed)
            return
    call.shelf(RecoveryPoint)[job.point] = _lodger(job)
    taken = await module.take(call, role, job)
    point = changed(call.shelf(RecoveryPoint)[job.point], tags={**taken.tags, **job.tags}, metadata=taken.metadata)
    call.atomically(lambda: _done(call, job, point, taken.size, ""))


def _lodger(job: BackupJob, **more: Any) -> RecoveryPoint:
    return RecoveryPoint(
        arn=job.point, vault=job.vault, resource=job.resource, kind=job.kind, role=job.role, created=job.created, job=job.id, lifecycle=job.lifecycle,
        by=job.by, **more,
    )  # fmt: skip


async def _follow_there(call: Call, job: BackupJob, vault: Vault, role: Call, followed: RecoveryPoint | None) -> None:
    """Its service keeps what can be restored to any second; the point says for how long, and is the same from job to job."""
    days = job.lifecycle["DeleteAfterDays"]
    if vault.is_locked and followed is not None:
        days = max(days, followed.lifecycle["DeleteAfterDays"])
    arn, taken = await lodging.of(job.kind).begin(call, role, job.resource, days, followed.arn if followed is not None else "")
    if followed is None:
        followed = changed(_lodger(job, is_continuous=True), arn=arn)
    point = changed(followed, role=job.role, lifecycle={"DeleteAfterDays": days}, tags={**taken.tags, **job.tags}, metadata=taken.metadata)

    def keep() -> None:
        call.shelf(RecoveryPoint)[arn] = point
        _followed(call, job, point, "", is_new=point.status == points.CREATING)

    call.atomically(keep)


async def _follow(call: Call, job: BackupJob, vault: Vault, role: Call) -> None:
    """The vault's continuous point of the bucket goes on, or begins; one that was begun in an earlier life goes on where it was."""
    tags = await bucket.described(role, job.resource)
    point = continuing.of(call, job.vault, job.resource) or call.shelf(RecoveryPoint).get(job.point)
    if point is None:
        key, _ = await keeping.fresh_key(call, vault)
        point = RecoveryPoint(
            arn=job.point, vault=job.vault, resource=job.resource, kind=job.kind, role=job.role, created=job.created, data_key=key, job=job.id,
            by=job.by, metadata=bucket.metadata_of(job.resource), is_continuous=True, lifecycle=job.lifecycle,
        )  # fmt: skip
    is_new = point.status == points.CREATING
    days = job.lifecycle["DeleteAfterDays"]
    if vault.is_locked:
        # Of what a locked vault keeps nobody makes the days fewer.
        days = max(days, point.lifecycle["DeleteAfterDays"])
    point = changed(point, role=job.role, lifecycle={"DeleteAfterDays": days}, options=job.options, tags={**tags, **job.tags})
    call.shelf(RecoveryPoint)[point.arn] = point
    await continuing.begin(call, role, point)
    message = await continuing.follow(call, role, point.arn, job.options)
    if message:
        message = f"One or more objects failed to be backed up from {point.name}. To get notified of these failures, enable SNS event notifications."
    call.atomically(lambda: _followed(call, job, call.shelf(RecoveryPoint)[point.arn], message, is_new=is_new))


def _followed(call: Call, job: BackupJob, point: RecoveryPoint, message: str, *, is_new: bool) -> None:
    if call.shelf(BackupJob)[job.id].state != RUNNING:
        if is_new:
            continuing.drop(call, point.arn)
        return
    if is_new:
        point = call.shelf(RecoveryPoint)[point.arn] = changed(point, status=points.AVAILABLE, completed=call.now(), message=message)
        telling.fact(call, "Recovery Point State Change", [point.arn], points.told(call, point, arn_of(call, job.vault)))
    jobs.end(call, changed(job, point=point.arn), COMPLETED, message, point.size)
    _copy(call, job, point)


def _copy(call: Call, job: BackupJob, point: RecoveryPoint) -> None:
    """As its plan says."""
    for copy in job.copies:
        copying.new(call, point, copy["DestinationBackupVaultArn"], job.role, copy.get("Lifecycle"), by=job.by, of=job.id)


def _done(call: Call, job: BackupJob, point: RecoveryPoint, size: int, message: str) -> None:
    if call.shelf(BackupJob)[job.id].state != RUNNING:
        # It was stopped while its last bytes were written.
        continuing.drop(call, point.arn)
        return
    point = changed(point, status=points.COMPLETED, completed=call.now(), size=size, message=message)
    call.shelf(RecoveryPoint)[point.arn] = point
    call.keeps_otherwise()
    points.plan_next(call, point)
    jobs.end(call, job, COMPLETED, message, size)
    telling.fact(call, "Recovery Point State Change", [point.arn], points.told(call, point, arn_of(call, job.vault)))
    _copy(call, job, point)
