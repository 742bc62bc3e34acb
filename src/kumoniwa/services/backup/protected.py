"""Resources of which vaults keep something."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.backup.errors import ResourceNotFoundException
from kumoniwa.services.backup.job import COMPLETED
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.restoring import RestoreJob
from kumoniwa.services.backup.vault import arn_of, held


def _latest(call: Call, vault: str | None = None) -> dict[str, RecoveryPoint]:
    """The newest point of each resource, by the resource's ARN."""
    found: dict[str, RecoveryPoint] = {}
    for point in call.shelf(RecoveryPoint).values():
        before = found.get(point.resource)
        if point.is_whole and vault in (None, point.vault) and (before is None or before.created < point.created):
            found[point.resource] = point
    return dict(sorted(found.items()))


def _shown(call: Call, point: RecoveryPoint) -> dict[str, Any]:
    return {
        "ResourceArn": point.resource, "ResourceType": point.kind, "LastBackupTime": point.created, "ResourceName": point.name,
        "LastBackupVaultArn": arn_of(call, point.vault), "LastRecoveryPointArn": point.arn,
    }  # fmt: skip


def ListProtectedResources(call: Call) -> dict:
    return {"Results": [_shown(call, point) for point in _latest(call).values()]}


def ListProtectedResourcesByBackupVault(call: Call, *, BackupVaultName: str, BackupVaultAccountId: str | None = None) -> dict:
    held(call, BackupVaultName)
    return {"Results": [_shown(call, point) for point in _latest(call, BackupVaultName).values()]}


def DescribeProtectedResource(call: Call, *, ResourceArn: str) -> dict:
    point = _latest(call).get(ResourceArn)
    if point is None:
        raise ResourceNotFoundException(f"Resource {ResourceArn} is not protected.")
    done = [job for job in call.shelf(RestoreJob).values() if job.resource == ResourceArn and job.state == COMPLETED]
    if not done:
        return _shown(call, point)
    job = max(done, key=lambda job: job.created)
    return _shown(call, point) | {
        "LatestRestoreExecutionTimeMinutes": int((job.ended - job.created) // 60), "LatestRestoreJobCreationDate": job.created,
        "LatestRestoreRecoveryPointCreationDate": job.taken,
    }  # fmt: skip
