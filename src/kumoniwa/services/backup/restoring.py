"""Restore jobs: a table or a bucket's objects made again of a recovery point, as a role that may.

https://docs.aws.amazon.com/aws-backup/latest/devguide/API_StartRestoreJob.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.backup import agenda, bill, bucket, continuing, keeping, lodging, telling, underway
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.errors import (
    InvalidParameterValueException,
    InvalidRequestException,
    JobFailed,
    MissingParameterValueException,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.job import COMPLETED, FAILED, KINDS, RUNNING
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.session import assumed
from kumoniwa.services.backup.vault import SERVICE, Vault, arn_of
from kumoniwa.wire import timestamps

PENDING = "PENDING"


class RestoreJob(Record):
    """Shelved by its id."""

    id: str
    point: str
    vault: str
    resource: str
    kind: str
    role: str
    taken: float
    """When the recovery point was made."""
    created: float
    metadata: dict[str, str]
    state: str = PENDING
    ended: float = 0.0
    message: str = ""
    attempts: int = 0
    rests_until: float = 0.0
    made: str = ""
    """The ARN of what it made."""
    size: int = 0
    copies_tags: bool = False
    test: str = ""
    """The ARN of the restore testing plan that began it."""
    keeps_s: float = 0.0
    """How long what a test has made stays."""
    validation: str = ""
    validation_message: str = ""
    deletion: str = ""
    deletion_message: str = ""


def StartRestoreJob(
    call: Call,
    *,
    RecoveryPointArn: str,
    Metadata: dict[str, str],
    IamRoleArn: str | None = None,
    IdempotencyToken: str | None = None,
    ResourceType: str | None = None,
    CopySourceTagsToRestoredResource: bool | None = None,
) -> dict:
    point = call.shelf(RecoveryPoint).get(RecoveryPointArn)
    if point is None:
        raise ResourceNotFoundException(f"Cannot find recovery point {RecoveryPointArn}.")
    if not point.is_whole:
        raise InvalidRequestException(f"Recovery point {point.arn} is in state {point.status} and cannot be restored.")
    if ResourceType not in (None, point.kind):
        raise InvalidParameterValueException(f"Invalid resource type {ResourceType} for recovery point {point.arn}.")
    if IamRoleArn is None:
        raise MissingParameterValueException("IAM role ARN is required.")
    if CopySourceTagsToRestoredResource and point.kind == "S3":
        raise InvalidParameterValueException(f"Tags of the source cannot be copied to a restored resource of type {point.kind}.")
    KINDS[point.kind].check(Metadata)
    _check_time(call, point, Metadata)
    call.require("iam:PassRole", IamRoleArn, **{"iam:PassedToService": SERVICE})
    job = RestoreJob(
        id=call.new_id().upper(), point=point.arn, vault=point.vault, resource=point.resource, kind=point.kind, role=IamRoleArn,
        taken=point.created, created=call.now(), metadata=Metadata, size=point.size,
        copies_tags=bool(CopySourceTagsToRestoredResource),
    )  # fmt: skip
    _put(call, job)
    return {"RestoreJobId": job.id}


def _check_time(call: Call, point: RecoveryPoint, said: dict[str, str]) -> None:
    if lodging.has(point.kind) and said.get("UseLatestRestorableTime", "false").lower() == "true":
        if "RestoreTime" in said or not point.is_continuous:
            raise InvalidParameterValueException("Invalid restore metadata. Specify either RestoreTime or UseLatestRestorableTime for continuous recovery points, and only for them.")
        return
    if "RestoreTime" not in said and not point.is_continuous:
        return
    if ("RestoreTime" in said) != point.is_continuous:
        raise InvalidParameterValueException("Invalid restore metadata. RestoreTime is required for continuous recovery points, and only for them.")
    first, last = moments(call, point)
    if not int(first) <= bucket.moment(said["RestoreTime"]) <= last:
        raise InvalidParameterValueException(
            "Invalid restore metadata. RestoreTime is not within the time that the recovery point can be restored to."
        )


def moments(call: Call, point: RecoveryPoint) -> tuple[float, float]:
    """The first and the last moment that a point can be restored to."""
    if not point.is_continuous:
        return point.created, point.created
    return max(point.completed, call.now() - point.lifecycle["DeleteAfterDays"] * points.DAY_S), call.now()


def _put(call: Call, job: RestoreJob) -> None:
    underway.put(call, job)
    _tell(call, job)


# What it does ----------------------------------------------------------------------------------------


def may_begin(call: Call, job: RestoreJob) -> bool:
    return True


async def run(call: Call, id_: str) -> None:
    job = call.shelf(RestoreJob)[id_]
    point = call.shelf(RecoveryPoint).get(job.point)
    if point is None:
        raise JobFailed(f"Cannot find recovery point {job.point}")
    if job.state == PENDING:
        job = changed(job, state=RUNNING)
        _put(call, job)
    role = assumed(call, job.role, job.point)
    if lodging.has(point.kind):
        at = bucket.moment(job.metadata["RestoreTime"]) if "RestoreTime" in job.metadata else None
        tags = point.tags if job.copies_tags else {}
        made, message = await lodging.of(point.kind).put_back(call, role, job.id, point, job.metadata, at, tags)
    elif point.is_continuous:
        made, message = await _as_it_was(call, role, job, point)
    else:
        made, message = await KINDS[job.kind].put_back(call, role, job.id, point, job.metadata)
    if job.kind == "DynamoDB" and job.copies_tags and (tags := {name: value for name, value in point.tags.items() if not name.startswith("aws:")}):
        await role.ask("dynamodb:TagResource", ResourceArn=made, Tags=[{"Key": name, "Value": value} for name, value in tags.items()])
    if (point := call.shelf(RecoveryPoint).get(job.point)) is not None:
        call.shelf(RecoveryPoint)[point.arn] = changed(point, restored=call.now())
        bill.restored(call, point)
    end(call, changed(job, made=made), COMPLETED, message)


async def _as_it_was(call: Call, role: Call, job: RestoreJob, point: RecoveryPoint) -> tuple[str, str]:
    """The bucket at a time, after what has changed of it since it was last looked at is kept, too."""
    if point.status == points.AVAILABLE:
        await continuing.due(call, point.arn)
    frames = continuing.frames(call, point, await keeping.secret_of(call, point), bucket.moment(job.metadata["RestoreTime"]))
    return await bucket.put_back(call, role, job.id, point, job.metadata, frames)


def end(call: Call, job: RestoreJob, state: str, message: str = "") -> None:
    job = changed(job, state=state, message=message, ended=call.now())
    _put(call, job)
    if job.test and job.made:
        plan_deletion(call, job, job.ended + job.keeps_s)


def plan_deletion(call: Call, job: RestoreJob, at: float) -> None:
    """Keep when what a test has made is to be deleted."""
    agenda.plan(call, "tested", job.id, at)


def refused(call: Call, point: RecoveryPoint, role: str, metadata: dict[str, str], why: str, **more: Any) -> None:
    """Keep that a test could not begin."""
    job = RestoreJob(
        id=call.new_id().upper(), point=point.arn, vault=point.vault, resource=point.resource, kind=point.kind, role=role, taken=point.created,
        created=call.now(), metadata=metadata, size=point.size, **more,
    )  # fmt: skip
    end(call, job, FAILED, why)


# Telling ---------------------------------------------------------------------------------------------


def shown(call: Call, job: RestoreJob) -> dict[str, Any]:
    told = {
        "AccountId": call.account, "RestoreJobId": job.id, "RecoveryPointArn": job.point, "SourceResourceArn": job.resource,
        "BackupVaultArn": arn_of(call, job.vault), "CreationDate": job.created, "CompletionDate": job.ended or None, "Status": job.state,
        "StatusMessage": job.message or None, "PercentDone": "100.00%" if job.state == COMPLETED else "0.00%", "BackupSizeInBytes": job.size,
        "IamRoleArn": job.role, "CreatedResourceArn": job.made or None, "ResourceType": job.kind, "RecoveryPointCreationDate": job.taken,
        "IsParent": False, "CreatedBy": {"RestoreTestingPlanArn": job.test} if job.test else None,
        "ValidationStatus": job.validation or None, "ValidationStatusMessage": job.validation_message or None,
        "DeletionStatus": job.deletion or None, "DeletionStatusMessage": job.deletion_message or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def found(call: Call, id_: str) -> RestoreJob:
    job = call.shelf(RestoreJob).get(id_.upper())
    if job is None:
        raise ResourceNotFoundException(f"Restore job {id_} does not exist.")
    return job


def DescribeRestoreJob(call: Call, *, RestoreJobId: str) -> dict:
    return shown(call, found(call, RestoreJobId))


def GetRestoreJobMetadata(call: Call, *, RestoreJobId: str) -> dict:
    return {"RestoreJobId": RestoreJobId, "Metadata": found(call, RestoreJobId).metadata}


def ListRestoreJobs(
    call: Call,
    *,
    ByAccountId: str | None = None,
    ByResourceType: str | None = None,
    ByCreatedBefore: float | None = None,
    ByCreatedAfter: float | None = None,
    ByStatus: str | None = None,
    ByCompleteBefore: float | None = None,
    ByCompleteAfter: float | None = None,
    ByRestoreTestingPlanArn: str | None = None,
) -> dict:
    if ByAccountId not in (None, "*", call.account):
        return {"RestoreJobs": []}
    times = (ByCreatedAfter, ByCreatedBefore, ByCompleteAfter, ByCompleteBefore)
    wanted = {"kind": ByResourceType, "state": ByStatus, "test": ByRestoreTestingPlanArn}
    return {"RestoreJobs": [shown(call, job) for job in jobs.listed(call, RestoreJob, wanted, times)]}


def ListRestoreJobsByProtectedResource(
    call: Call,
    *,
    ResourceArn: str,
    ByStatus: str | None = None,
    ByRecoveryPointCreationDateAfter: float | None = None,
    ByRecoveryPointCreationDateBefore: float | None = None,
) -> dict:
    of_resource = [
        job
        for job in jobs.listed(call, RestoreJob, {"resource": ResourceArn, "state": ByStatus}, (None,) * 4)
        if (ByRecoveryPointCreationDateAfter or 0.0) <= job.taken <= (ByRecoveryPointCreationDateBefore or job.taken)
    ]
    return {"RestoreJobs": [shown(call, job) for job in of_resource]}


_NOTICES = {
    RUNNING: ("RESTORE_JOB_STARTED",), COMPLETED: ("RESTORE_JOB_COMPLETED", "RESTORE_JOB_SUCCESSFUL"),
    FAILED: ("RESTORE_JOB_COMPLETED", "RESTORE_JOB_FAILED"),
}  # fmt: skip
_TEXTS = {
    RUNNING: "An AWS Backup restore job was started.",
    COMPLETED: "An AWS Backup restore job was completed successfully.",
    FAILED: "An AWS Backup restore job failed.",
}


def _tell(call: Call, job: RestoreJob) -> None:
    telling.count(call, "RestoreJobs", job.state, job.vault, job.kind)
    detail: dict[str, Any] = {
        "restoreJobId": job.id, "backupSizeInBytes": str(job.size), "creationDate": timestamps.to_millisecond(job.created),
        "iamRoleArn": job.role, "percentDone": 0, "resourceType": job.kind, "status": job.state,
    }  # fmt: skip
    if job.message:
        detail["statusMessage"] = job.message
    if job.state == COMPLETED:
        detail |= {
            "backupVaultArn": arn_of(call, job.vault), "recoveryPointArn": job.point, "sourceResourceArn": job.resource,
            "createdResourceArn": job.made,
        }  # fmt: skip
    if job.test:
        detail["restoreTestingPlanArn"] = job.test
    if job.ended:
        detail["completionDate"] = timestamps.to_millisecond(job.ended)
    telling.fact(call, "Restore Job State Change", [job.point], detail)
    if job.state == PENDING:
        return
    vault = call.shelf(Vault).get(job.vault)
    why = f" Status Message : {job.message}" if job.message else ""
    text = (
        f"{_TEXTS[job.state]} Restored resource ARN : {job.made}. Restore JobID : {job.id}.{why}"
        if job.made
        else f"{_TEXTS[job.state]} Restore JobID : {job.id}.{why}"
    )
    telling.notice(call, vault, _NOTICES[job.state], text, kind="RESTORE_JOB", id_=job.id, state=job.state, since=job.created)
    if job.kind == "S3" and job.state == COMPLETED and job.message.startswith("One or more"):
        telling.some_failed(call, vault, "S3_RESTORE_OBJECT_FAILED", job)
