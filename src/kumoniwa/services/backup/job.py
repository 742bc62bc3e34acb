"""Backup jobs: asked for by somebody or by a plan, begun within their start window, and told of for thirty days.

https://docs.aws.amazon.com/aws-backup/latest/devguide/API_StartBackupJob.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.backup import bucket, continuing, database, lodging, point, table, telling, underway, volume
from kumoniwa.services.backup.errors import (
    InvalidParameterValueException,
    InvalidRequestException,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.vault import SERVICE, Vault, arn_of, held
from kumoniwa.wire import timestamps

CREATED, RUNNING, COMPLETED, FAILED, EXPIRED, ABORTED = "CREATED", "RUNNING", "COMPLETED", "FAILED", "EXPIRED", "ABORTED"
START_MINUTES, COMPLETE_MINUTES, MINUTES_MIN, MINUTES_MAX = 480, 10_080, 60, 52_560_000
LISTED_S = 30 * 86_400.0
KINDS = {"DynamoDB": table, "EBS": volume, "RDS": database, "S3": bucket}
"""How each type of resource is kept and put back."""
ELSEWHERE = {
    "ec2": "EC2", "rds": "clusters of databases", "elasticfilesystem": "EFS", "fsx": "FSx", "storagegateway": "Storage Gateway", "redshift": "Redshift",
    "redshift-serverless": "Redshift Serverless", "timestream": "Timestream", "cloudformation": "CloudFormation", "eks": "EKS",
    "dsql": "Aurora DSQL", "ssm-sap": "SAP HANA", "backup-gateway": "virtual machines",
}  # fmt: skip
"""What AWS backs up and we do not."""


class BackupJob(Record):
    """Shelved by its id."""

    id: str
    vault: str
    resource: str
    kind: str
    role: str
    created: float
    starts_by: float
    completes_by: float
    point: str
    """The ARN of the recovery point that it makes."""
    state: str = CREATED
    started: float = 0.0
    ended: float = 0.0
    message: str = ""
    attempts: int = 0
    rests_until: float = 0.0
    """Before that it is not tried again."""
    lifecycle: dict[str, int] = {}
    tags: dict[str, str] = {}
    options: dict[str, str] = {}
    copies: tuple[dict[str, Any], ...] = ()
    by: dict[str, str] = {}
    size: int = 0
    is_continuous: bool = False


def kind_of(arn: str) -> str:
    """The type of a resource. Raises InvalidParameterValueException for what AWS Backup does not know."""
    parsed = arns.parse(arn)
    if parsed is not None and parsed.service == "dynamodb" and parsed.resource.startswith("table/") and parsed.resource.count("/") == 1:
        return "DynamoDB"
    if parsed is not None and parsed.service == "s3" and "/" not in parsed.resource and parsed.resource:
        return "S3"
    if parsed is not None and parsed.service == "rds" and parsed.resource.startswith("db:"):
        return "RDS"
    if parsed is not None and parsed.service == "ec2" and parsed.resource.startswith("volume/"):
        return "EBS"
    if parsed is not None and parsed.service in ELSEWHERE:
        raise NotImplementedHere(f"backups of {ELSEWHERE[parsed.service]} by backup")
    raise InvalidParameterValueException(f"Invalid ARN: {arn}. Unsupported resource type.")


def windows(start: int | None, complete: int | None) -> tuple[int, int]:
    """Minutes, checked. The completion window counts from the schedule and not from the start."""
    start, complete = start if start is not None else START_MINUTES, complete if complete is not None else COMPLETE_MINUTES
    if start < MINUTES_MIN:
        raise InvalidParameterValueException(f"Invalid start window. The start window must be at least {MINUTES_MIN} minutes.")
    if max(start, complete) > MINUTES_MAX:
        raise InvalidParameterValueException(f"Invalid window. A window can be at most {MINUTES_MAX} minutes.")
    if complete < start + MINUTES_MIN:
        raise InvalidParameterValueException(
            f"Invalid completion window. The completion window must be at least {MINUTES_MIN} minutes greater than the start window."
        )
    return start, complete


def new(
    call: Call, vault: str, resource: str, role: str, minutes: tuple[int, int], *, planned: float | None = None, **more: Any
) -> BackupJob:
    """Put a job on its shelf; it begins by itself. Its windows count from when it was planned."""
    kind, now = kind_of(resource), call.now()
    since = now if planned is None else planned
    name = call.new_id()
    if kind == "S3":
        of = resource.rpartition(":")[2]
        when = "" if more.get("is_continuous") else f"{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}-"
        name = f"{'' if when else 'continuous:'}{of}-{when}{call.ids.hex(8)}"
    id_ = call.new_id().upper()
    arn = lodging.of(kind).arn_of(call, f"job-{id_.lower()}") if lodging.has(kind) else call.arn(f"recovery-point:{name}", "backup")
    job = BackupJob(
        id=id_, vault=vault, resource=resource, kind=kind, role=role, created=now, starts_by=since + 60 * minutes[0],
        completes_by=since + 60 * minutes[1], point=arn, **more,
    )  # fmt: skip
    put(call, job)
    return job


def put(call: Call, job: BackupJob) -> None:
    """Keep how a job is, and tell it."""
    underway.put(call, job)
    tell(call, job)


def StartBackupJob(
    call: Call,
    *,
    BackupVaultName: str,
    ResourceArn: str,
    IamRoleArn: str,
    IdempotencyToken: str | None = None,
    StartWindowMinutes: int | None = None,
    CompleteWindowMinutes: int | None = None,
    Lifecycle: dict[str, Any] | None = None,
    RecoveryPointTags: dict[str, str] | None = None,
    BackupOptions: dict[str, str] | None = None,
) -> dict:
    held(call, BackupVaultName)
    call.require("iam:PassRole", IamRoleArn, **{"iam:PassedToService": SERVICE})
    made = new(
        call, BackupVaultName, ResourceArn, IamRoleArn, windows(StartWindowMinutes, CompleteWindowMinutes),
        lifecycle=point.checked(Lifecycle), tags=RecoveryPointTags or {}, options=checked_options(kind_of(ResourceArn), BackupOptions),
    )  # fmt: skip
    # AWS tells the ARN of what it manages whole under a name that is known before: of tables.
    named = {"RecoveryPointArn": made.point} if made.kind == "DynamoDB" else {}
    return {"BackupJobId": made.id, "CreationDate": made.created, **named}


def checked_options(kind: str, options: dict[str, str] | None) -> dict[str, str]:
    for name, value in (options or {}).items():
        if kind != "S3" or name not in ("BackupACLs", "BackupObjectTags") or value not in ("enabled", "disabled"):
            raise InvalidParameterValueException(f"Invalid backup option: {name}={value} for {kind}.")
    return options or {}


def found(call: Call, id_: str) -> BackupJob:
    job = call.shelf(BackupJob).get(id_.upper())
    if job is None:
        raise ResourceNotFoundException(f"Backup job {id_} does not exist.")
    return job


def StopBackupJob(call: Call, *, BackupJobId: str) -> None:
    """What it has kept so far goes."""
    job = found(call, BackupJobId)
    if job.state not in underway.OPEN:
        raise InvalidRequestException(f"Backup job {job.id} is in state {job.state} and cannot be stopped.")
    end(call, job, ABORTED, '"Backup job was stopped by user."')


def end(call: Call, job: BackupJob, state: str, message: str = "", size: int = 0) -> None:
    """A job that has not made its point leaves nothing of it."""
    if state != COMPLETED:
        continuing.drop(call, job.point)
    put(call, changed(job, state=state, message=message, size=size, ended=call.now()))


# Telling ---------------------------------------------------------------------------------------------


def _shown(call: Call, job: BackupJob) -> dict[str, Any]:
    vault = call.shelf(Vault).get(job.vault)
    told = {
        "AccountId": call.account, "BackupJobId": job.id, "BackupVaultName": job.vault, "BackupVaultArn": arn_of(call, job.vault),
        "RecoveryPointArn": job.point if job.state in (RUNNING, COMPLETED) else None, "ResourceArn": job.resource,
        "EncryptionKeyArn": vault.key if vault is not None and not lodging.has(job.kind) else None, "IsEncrypted": not lodging.has(job.kind),
        "CreationDate": job.created, "CompletionDate": job.ended or None, "State": job.state, "StatusMessage": job.message or None,
        "PercentDone": "100.0" if job.state == COMPLETED else "0.0", "BackupSizeInBytes": job.size, "IamRoleArn": job.role,
        "CreatedBy": job.by or None, "StartBy": job.starts_by, "ResourceType": job.kind, "BytesTransferred": job.size, "IsParent": False,
        "BackupOptions": job.options or None, "RecoveryPointLifecycle": job.lifecycle or None, "InitiationDate": job.started or None,
        "ResourceName": job.resource.rpartition("/" if job.kind in point.NAMED_LAST else ":")[2], "VaultType": "BACKUP_VAULT",
        "MessageCategory": category(job.state, job.message),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


_CATEGORIES = {"not authorized to": "AccessDenied", "does not have permission": "AccessDenied", "cannot be assumed": "AccessDenied"}


def category(state: str, message: str) -> str | None:
    """Of a job's message: https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-metrics.html"""
    if state == COMPLETED and not message:
        return "SUCCESS"
    return next((kind for words, kind in _CATEGORIES.items() if words in message), None)


def DescribeBackupJob(call: Call, *, BackupJobId: str) -> dict:
    return _shown(call, found(call, BackupJobId))


def ListBackupJobs(
    call: Call,
    *,
    ByResourceArn: str | None = None,
    ByState: str | None = None,
    ByBackupVaultName: str | None = None,
    ByCreatedBefore: float | None = None,
    ByCreatedAfter: float | None = None,
    ByResourceType: str | None = None,
    ByAccountId: str | None = None,
    ByCompleteAfter: float | None = None,
    ByCompleteBefore: float | None = None,
) -> dict:
    """Those of the last thirty days, the newest first."""
    wanted = {
        "resource": ByResourceArn, "state": ByState, "vault": ByBackupVaultName, "kind": ByResourceType,
    }  # fmt: skip
    if ByAccountId not in (None, "*", call.account):
        return {"BackupJobs": []}
    times = (ByCreatedAfter, ByCreatedBefore, ByCompleteAfter, ByCompleteBefore)
    return {"BackupJobs": [_shown(call, job) for job in listed(call, BackupJob, wanted, times)]}


def listed(call: Call, kind: type, wanted: dict[str, str | None], times: tuple[float | None, ...]) -> list[Any]:
    """The jobs of a kind whose fields are what is wanted (None for any) and that began and ended in these times."""
    after, before, ended_after, ended_before = times
    is_ended = ended_after is not None or ended_before is not None
    jobs = [
        job
        for job in call.shelf(kind).values()
        if job.created > call.now() - LISTED_S
        and all(value is None or getattr(job, name) == value for name, value in wanted.items())
        and (after is None or job.created >= after)
        and (before is None or job.created <= before)
        and (not is_ended or (job.ended and (ended_after or 0.0) <= job.ended <= (ended_before or job.ended)))
    ]
    return sorted(jobs, key=lambda job: (-job.created, job.id))


_TEXTS = {
    RUNNING: "An AWS Backup job was started.", COMPLETED: "An AWS Backup job was completed successfully.",
    FAILED: "An AWS Backup job failed.", EXPIRED: "An AWS Backup job expired.", ABORTED: "An AWS Backup job was stopped.",
}  # fmt: skip
_NOTICES = {
    RUNNING: ("BACKUP_JOB_STARTED",), COMPLETED: ("BACKUP_JOB_COMPLETED", "BACKUP_JOB_SUCCESSFUL"),
    FAILED: ("BACKUP_JOB_COMPLETED", "BACKUP_JOB_FAILED"), EXPIRED: ("BACKUP_JOB_COMPLETED", "BACKUP_JOB_EXPIRED"),
    ABORTED: ("BACKUP_JOB_COMPLETED",),
}  # fmt: skip


def tell(call: Call, job: BackupJob) -> None:
    telling.count(call, "BackupJobs", job.state, job.vault, job.kind)
    created = {"backupJobId": job.id, "state": job.state, "creationDate": timestamps.to_millisecond(job.created)}
    if job.state == CREATED:
        telling.fact(call, "Backup Job State Change", [], created)
        return
    detail = {
        **created, "backupVaultArn": arn_of(call, job.vault), "backupVaultName": job.vault, "bytesTransferred": str(job.size),
        "iamRoleArn": job.role, "resourceArn": job.resource, "resourceType": job.kind, "startBy": timestamps.to_millisecond(job.starts_by),
        "percentDone": 100 if job.state == COMPLETED else 0,
    }  # fmt: skip
    if job.state == COMPLETED:
        detail["backupSizeInBytes"] = str(job.size)
    if job.ended:
        detail["completionDate"] = timestamps.to_millisecond(job.ended)
    if job.message:
        detail["statusMessage"] = job.message
    if job.by:
        detail["createdBy"] = point.creator(job.by)
    telling.fact(call, "Backup Job State Change", [job.point] if job.state == COMPLETED else [], detail)
    made = f" Recovery point ARN: {job.point}." if job.state == COMPLETED else ""
    why = f" Status Message : {job.message}" if job.message else ""
    text = f"{_TEXTS[job.state]}{made} Resource ARN : {job.resource}. BackupJob ID : {job.id}.{why}"
    vault = call.shelf(Vault).get(job.vault)
    telling.notice(call, vault, _NOTICES[job.state], text, kind="BACKUP_JOB", id_=job.id, state=job.state, since=job.created)
    if job.kind == "S3" and job.state == COMPLETED and job.message:
        telling.some_failed(call, vault, "S3_BACKUP_OBJECT_FAILED", job)
