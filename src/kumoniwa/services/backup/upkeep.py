"""What is done with recovery points: they are told of, labelled, moved to cold storage and deleted, by hand or when their days are over.

What a locked vault keeps is neither deleted by hand nor given another lifecycle, whoever asks; what is under a legal hold does not end.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import agenda, continuing, hold, lodging, telling, underway
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.copying import CopyJob
from kumoniwa.services.backup.errors import (
    InvalidParameterValueException,
    InvalidRequestException,
    InvalidResourceStateException,
)
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.restoring import RestoreJob
from kumoniwa.services.backup.session import assumed
from kumoniwa.services.backup.vault import Vault, arn_of, held


def _shown(call: Call, point: RecoveryPoint) -> dict[str, Any]:
    vault = call.shelf(Vault)[point.vault]
    told = {
        "RecoveryPointArn": point.arn, "BackupVaultName": point.vault, "BackupVaultArn": arn_of(call, point.vault),
        "SourceBackupVaultArn": point.source or None, "ResourceArn": point.resource, "ResourceType": point.kind, "CreatedBy": point.by or None,
        "IamRoleArn": point.role, "Status": point.status, "StatusMessage": point.message or None, "CreationDate": point.created,
        "CompletionDate": point.completed or None, "BackupSizeInBytes": point.size, "CalculatedLifecycle": points.calculated(point) or None,
        "Lifecycle": point.lifecycle or None, "EncryptionKeyArn": vault.key if point.data_key is not None else None,
        "IsEncrypted": point.is_encrypted, "LastRestoreTime": point.restored or None,
        "IsParent": False, "ResourceName": point.name, "VaultType": "BACKUP_VAULT",
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def DescribeRecoveryPoint(
    call: Call, *, BackupVaultName: str, RecoveryPointArn: str, BackupVaultAccountId: str | None = None
) -> dict:
    held(call, BackupVaultName)
    point = points.held(call, BackupVaultName, RecoveryPointArn)
    return _shown(call, point) | {"StorageClass": "COLD" if point.is_cold else "WARM"}


def ListRecoveryPointsByBackupVault(
    call: Call,
    *,
    BackupVaultName: str,
    ByResourceArn: str | None = None,
    ByResourceType: str | None = None,
    ByBackupPlanId: str | None = None,
    ByCreatedBefore: float | None = None,
    ByCreatedAfter: float | None = None,
) -> dict:
    """The newest first."""
    held(call, BackupVaultName)
    found = [
        point
        for point in call.shelf(RecoveryPoint).values()
        if point.vault == BackupVaultName
        and ByResourceArn in (None, point.resource)
        and ByResourceType in (None, point.kind)
        and ByBackupPlanId in (None, point.by.get("BackupPlanId"))
        and (ByCreatedAfter or 0.0) <= point.created <= (ByCreatedBefore or point.created)
    ]
    return {"RecoveryPoints": [_shown(call, point) for point in _newest_first(found)]}


def _newest_first(found: list[RecoveryPoint]) -> list[RecoveryPoint]:
    return sorted(found, key=lambda point: (-point.created, point.arn))


def ListRecoveryPointsByResource(call: Call, *, ResourceArn: str, ManagedByAWSBackupOnly: bool | None = None) -> dict:
    found = [point for point in call.shelf(RecoveryPoint).values() if point.resource == ResourceArn]
    listed = [
        {
            "RecoveryPointArn": point.arn, "CreationDate": point.created, "Status": point.status,
            **({"EncryptionKeyArn": call.shelf(Vault)[point.vault].key} if point.data_key is not None else {}),
            "BackupSizeBytes": point.size, "BackupVaultName": point.vault, "IsParent": False, "ResourceName": point.name,
            "VaultType": "BACKUP_VAULT", **({"StatusMessage": point.message} if point.message else {}),
        }
        for point in _newest_first(found)
    ]  # fmt: skip
    return {"RecoveryPoints": listed}


def GetRecoveryPointRestoreMetadata(
    call: Call, *, BackupVaultName: str, RecoveryPointArn: str, BackupVaultAccountId: str | None = None
) -> dict:
    held(call, BackupVaultName)
    point = points.held(call, BackupVaultName, RecoveryPointArn)
    return {
        "BackupVaultArn": arn_of(call, point.vault), "RecoveryPointArn": point.arn, "RestoreMetadata": point.metadata, "ResourceType": point.kind
    }  # fmt: skip


# Changing them ---------------------------------------------------------------------------------------


def _loose(call: Call, vault: str, arn: str, verb: str) -> RecoveryPoint:
    """A point of which nobody makes use now, in a vault that is not locked."""
    lock, point = held(call, vault), points.held(call, vault, arn)
    if lock.is_locked:
        raise InvalidRequestException(f"Recovery point {arn} cannot be {verb}: backup vault {vault} is locked by AWS Backup Vault Lock.")
    if verb == "deleted" and hold.is_held(call, point):
        # "Any actions to delete … a recovery point will fail with an error": API_CreateLegalHold. Of the text no record is at hand.
        raise InvalidRequestException(f"Recovery point {arn} cannot be deleted: it is under a legal hold.")
    if not (point.is_whole or point.status == points.EXPIRED) or _is_read(call, arn):
        raise InvalidResourceStateException(f"Recovery point {arn} is used by another action. Try again later.")
    return point


def DeleteRecoveryPoint(call: Call, *, BackupVaultName: str, RecoveryPointArn: str) -> Any:
    """Whoever deletes a snapshot must be allowed to delete it where it lies, too, which AWS's policies allow who calls by way of AWS Backup."""
    point = _loose(call, BackupVaultName, RecoveryPointArn, "deleted")
    return _evicted(call, point) if lodging.has(point.kind) else _drop(call, point)


async def _evicted(call: Call, point: RecoveryPoint) -> None:
    who = assumed(call, point.role, point.arn) if point.is_continuous else call
    await lodging.of(point.kind).remove(who, point.resource, point.arn)
    call.atomically(lambda: lodging.forget(call, point))


def gone(call: Call, arn: str) -> None:
    """What a continuous point was made of is no more there."""
    point = call.shelf(RecoveryPoint).get(arn)
    if point is not None:
        lodging.forget(call, point)


def DisassociateRecoveryPoint(call: Call, *, BackupVaultName: str, RecoveryPointArn: str) -> Any:
    """"The source service will continue to create and retain continuous backups": API_DisassociateRecoveryPoint. The words of the refusal are ours."""
    point = _loose(call, BackupVaultName, RecoveryPointArn, "disassociated")
    if not (point.is_continuous and lodging.has(point.kind)):
        raise InvalidRequestException(f"Recovery point {point.arn} cannot be disassociated: it is no continuous backup of another service's.")

    async def act() -> None:
        await lodging.of(point.kind).release(assumed(call, point.role, point.arn), point.resource, point.arn)
        call.atomically(lambda: lodging.forget(call, point))

    return act()


def _drop(call: Call, point: RecoveryPoint) -> None:
    continuing.drop(call, point.arn)
    _tell(call, changed(point, status=points.DELETING))


def _tell(call: Call, point: RecoveryPoint) -> None:
    telling.fact(call, "Recovery Point State Change", [point.arn], points.told(call, point, arn_of(call, point.vault)))


def UpdateRecoveryPointLifecycle(
    call: Call, *, BackupVaultName: str, RecoveryPointArn: str, Lifecycle: dict[str, Any] | None = None
) -> dict:
    """What it leaves out it takes away."""
    point = _loose(call, BackupVaultName, RecoveryPointArn, "updated")
    if point.is_continuous:
        raise InvalidRequestException("The lifecycle of a continuous backup cannot be updated.")
    lifecycle = points.checked(Lifecycle)
    if point.is_cold and lifecycle.get("MoveToColdStorageAfterDays") != point.lifecycle.get("MoveToColdStorageAfterDays"):
        raise InvalidParameterValueException("MoveToColdStorageAfterDays cannot be changed after a backup has been transitioned to cold.")
    point = call.shelf(RecoveryPoint)[point.arn] = changed(point, lifecycle=lifecycle)
    points.plan_next(call, point)
    _tell(call, point)
    vault = call.shelf(Vault)[point.vault]
    text = f"An AWS Backup recovery point was modified. Recovery point ARN: {point.arn}. Resource ARN : {point.resource}."
    telling.notice(call, vault, ("RECOVERY_POINT_MODIFIED",), text, kind="RECOVERY_POINT", id_=point.arn, state="MODIFIED", since=point.created)
    told = {"BackupVaultArn": arn_of(call, point.vault), "RecoveryPointArn": point.arn, "Lifecycle": lifecycle}
    return told | ({"CalculatedLifecycle": points.calculated(point)} if lifecycle else {})


# By themselves ---------------------------------------------------------------------------------------


def due(call: Call, arn: str) -> None:
    """The moment of a point has come: it ends, cools, or was never finished."""
    call.keeps_otherwise()
    point = call.shelf(RecoveryPoint).get(arn)
    if point is None:
        agenda.plan(call, "point", arn, None)
    elif point.status == points.CREATING:
        continuing.drop(call, arn)
    elif hold.is_held(call, point):
        # "Lifecycle policies that would alter the backup status are delayed until the legal hold is removed", which looks at it anew.
        agenda.plan(call, "point", arn, None)
    elif point.status in (points.DELETING, points.EXPIRED):
        agenda.plan(call, "point", arn, None)
    elif point.expires is not None and point.expires <= call.now():
        if _is_read(call, arn):
            # Who reads it reads it to its end.
            agenda.plan(call, "point", arn, call.now() + 60.0)
        elif lodging.has(point.kind):
            call.shelf(RecoveryPoint)[arn] = changed(point, status=points.DELETING)
            agenda.plan(call, "point", arn, None)
            lodging.leave(call, point.kind, point.role, point.resource, arn, is_whole=True)
        else:
            _drop(call, point)
    elif not point.is_cold and point.cools is not None and point.cools <= call.now():
        point = call.shelf(RecoveryPoint)[arn] = changed(point, is_cold=True)
        telling.count(call, "RecoveryPoints", "COLD", point.vault, point.kind)
        points.plan_next(call, point)
        _tell(call, point)
    else:
        points.plan_next(call, point)


def _is_read(call: Call, arn: str) -> bool:
    return any(job.source == arn for job in underway.jobs(call, CopyJob)) or any(job.point == arn for job in underway.jobs(call, RestoreJob))
