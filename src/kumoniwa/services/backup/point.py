"""Recovery points: what a vault keeps of a table, bucket or database as it was.

A point stands by itself: it needs neither what it was taken of nor the points before it.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.backup import agenda
from kumoniwa.services.backup.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.wire import timestamps

DAY_S = 86_400.0
COLD_DAYS_MIN, DAYS_MAX = 90, 36_500
CREATING, COMPLETED, DELETING, AVAILABLE, STOPPED, EXPIRED = "CREATING", "COMPLETED", "DELETING", "AVAILABLE", "STOPPED", "EXPIRED"
CONTINUOUS_DAYS_MAX = 35
CONTINUOUS_TYPES = frozenset({"RDS", "S3"})
NAMED_LAST = frozenset({"DynamoDB", "EBS"})
"""Types of whose ARNs what stands behind the last slash is the name."""
COLD_TYPES = frozenset({"DynamoDB"})
"""What can be moved to cold storage: https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html"""


class RecoveryPoint(Record):
    """Shelved by its ARN."""

    arn: str
    vault: str
    resource: str
    """The ARN of what it was taken of."""
    kind: str
    """DynamoDB, S3, or one of those whose data lies elsewhere (``lodging``)."""
    role: str
    created: float
    job: str
    """That makes it, or copied it here."""
    data_key: DataKey | None = None
    """Under the vault's key, for all its bytes; None if they lie elsewhere."""
    completed: float = 0.0
    status: str = CREATING
    message: str = ""
    size: int = 0
    lifecycle: dict[str, int] = {}
    by: dict[str, str] = {}
    """The plan and the rule it was made by."""
    source: str = ""
    """The ARN of the vault it was copied from."""
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    """What may be said to make it again."""
    restored: float = 0.0
    is_cold: bool = False
    is_continuous: bool = False
    """Whether it follows its bucket; its days are those it goes back, and it has no end."""
    options: dict[str, str] = {}
    """With which it was taken, and is followed."""

    @property
    def is_whole(self) -> bool:
        return self.status in (COMPLETED, AVAILABLE, STOPPED)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is under a key of its own; what lies elsewhere says so in its metadata."""
        return self.data_key is not None or self.metadata.get("encrypted") == "true"

    @property
    def expires(self) -> float | None:
        days = self.lifecycle.get("DeleteAfterDays")
        return None if days is None or self.is_continuous else self.created + days * DAY_S

    @property
    def cools(self) -> float | None:
        days = self.lifecycle.get("MoveToColdStorageAfterDays")
        return None if days is None or self.kind not in COLD_TYPES else self.created + days * DAY_S

    @property
    def name(self) -> str:
        """Of the resource."""
        return self.resource.rpartition("/")[2] if self.kind in NAMED_LAST else self.resource.rpartition(":")[2]


def held(call: Call, vault: str, arn: str) -> RecoveryPoint:
    point = call.shelf(RecoveryPoint).get(arn)
    if point is None or point.vault != vault:
        raise ResourceNotFoundException(f"Cannot find recovery point {arn} in backup vault {vault}.")
    return point


def checked(lifecycle: dict[str, Any] | None) -> dict[str, int]:
    """A lifecycle somebody asks for. Negative days stand for none, as AWS's console sends them."""
    said = {name: days for name, days in (lifecycle or {}).items() if not isinstance(days, bool) and isinstance(days, int) and days >= 0}
    delete, cold = said.get("DeleteAfterDays"), said.get("MoveToColdStorageAfterDays")
    if not all(0 < days <= DAYS_MAX for days in said.values()):
        raise InvalidParameterValueException(f"Invalid lifecycle. Days must be between 1 and {DAYS_MAX}.")
    if delete is not None and cold is not None and delete < cold + COLD_DAYS_MIN:
        raise InvalidParameterValueException(
            f"Invalid lifecycle. DeleteAfterDays cannot be less than {COLD_DAYS_MIN} days apart from MoveToColdStorageAfterDays"
        )
    return said


def calculated(point: RecoveryPoint) -> dict[str, float]:
    moments = {"MoveToColdStorageAt": point.cools, "DeleteAt": point.expires}
    return {name: at for name, at in moments.items() if at is not None}


def plan_next(call: Call, point: RecoveryPoint) -> None:
    """Keep when the point is to be looked at next: when it cools or when it ends."""
    moments = [at for at in (None if point.is_cold else point.cools, point.expires) if at is not None]
    agenda.plan(call, "point", point.arn, min(moments, default=None))


def told(call: Call, point: RecoveryPoint, vault_arn: str) -> dict[str, Any]:
    """As events tell it: https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html"""
    detail: dict[str, Any] = {
        "backupVaultName": point.vault,
        "backupVaultArn": vault_arn,
        "creationDate": timestamps.to_millisecond(point.created),
        "iamRoleArn": point.role,
        "resourceType": point.kind,
        "resourceArn": point.resource,
        "status": point.status,
        "isEncrypted": "true" if point.is_encrypted else "false",
        "storageClass": "COLD" if point.is_cold else "WARM",
    }
    if point.completed:
        detail["completionDate"] = timestamps.to_millisecond(point.completed)
    if point.by:
        detail["createdBy"] = creator(point.by)
    if point.lifecycle:
        detail["lifecycle"] = {name[0].lower() + name[1:]: days for name, days in point.lifecycle.items()}
        detail["calculatedLifeCycle"] = {
            name[0].lower() + name[1:]: timestamps.to_millisecond(at) for name, at in calculated(point).items()
        }
    return detail


def creator(by: dict[str, str]) -> dict[str, str]:
    """A plan as events name it."""
    names = {
        "BackupPlanId": "backupPlanId",
        "BackupPlanArn": "backupPlanArn",
        "BackupPlanVersion": "backupPlanVersion",
        "BackupRuleId": "backupPlanRuleId",
    }
    return {theirs: by[ours] for ours, theirs in names.items() if ours in by}
