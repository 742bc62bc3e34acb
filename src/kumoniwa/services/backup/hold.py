"""Legal holds: what is held is not deleted, neither by hand nor when its days are over, until somebody who may cancels the hold.

A hold is of the recovery points that there are when it is made and that its selection names. A copy of one is not held with it.
https://docs.aws.amazon.com/aws-backup/latest/devguide/legalhold.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.backup import agenda
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.errors import (
    InvalidParameterValueException,
    InvalidResourceStateException,
    LimitExceededException,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.point import DAY_S, RecoveryPoint

ACTIVE, CANCELED = "ACTIVE", "CANCELED"
ACTIVE_MAX = 50
""""Each account can have a maximum of 50 legal holds active at one time.\""""


class Hold(Record):
    """Shelved by its id."""

    id: str
    title: str
    description: str
    created: float
    selection: dict[str, Any] = {}
    """As told: vaults' names, resources by ARN or by type, a range of dates."""
    status: str = ACTIVE
    reason: str = ""
    canceled: float | None = None
    forgotten: float | None = None
    """Until when its record is kept."""
    tags: dict[str, str] = {}

    def covers(self, point: RecoveryPoint) -> bool:
        """Whether this hold, while it is active, holds a point. One that selects nothing holds all: what AWS makes of that no source says."""
        vaults, resources = self.selection.get("VaultNames") or (), self.selection.get("ResourceIdentifiers") or ()
        range_ = self.selection.get("DateRange") or {}
        return (
            point.created <= self.created
            and (not vaults or point.vault in vaults)
            and (not resources or point.resource in resources or point.kind in resources)
            and range_.get("FromDate", 0.0) <= point.created <= range_.get("ToDate", point.created)
        )


def is_held(call: Call, point: RecoveryPoint) -> bool:
    return any(hold.status == ACTIVE and hold.covers(point) for hold in call.shelf(Hold).values())


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"legal-hold:{id_}", "backup")


def _existing(call: Call, id_: str) -> Hold:
    found = call.shelf(Hold).get(id_)
    if found is None:
        raise ResourceNotFoundException(f"Cannot find legal hold {id_}.")
    return found


def _check(call: Call, selection: dict[str, Any]) -> dict[str, Any]:
    range_ = selection.get("DateRange")
    if range_ is not None:
        if range_["FromDate"] > range_["ToDate"]:
            raise InvalidParameterValueException("FromDate must not be after ToDate.")
        if range_["ToDate"] > call.now():
            # "Future DateTime values are not permitted": API_RecoveryPointSelection.
            raise InvalidParameterValueException("The date range of a legal hold must not be in the future.")
    return selection


def CreateLegalHold(
    call: Call, *, Title: str, Description: str, IdempotencyToken: str | None = None, RecoveryPointSelection: dict[str, Any] | None = None,
    Tags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    if sum(hold.status == ACTIVE for hold in call.shelf(Hold).values()) >= ACTIVE_MAX:
        raise LimitExceededException(f"An account can have a maximum of {ACTIVE_MAX} legal holds active at one time.")
    selection = _check(call, RecoveryPointSelection or {})
    made = Hold(id=call.new_id(), title=Title, description=Description, created=call.now(), selection=selection, tags=Tags or {})
    call.shelf(Hold)[made.id] = made
    return {**_told(call, made), **({"RecoveryPointSelection": selection} if selection else {})}


def _told(call: Call, hold: Hold) -> dict[str, Any]:
    told: dict[str, Any] = {
        "Title": hold.title, "Status": hold.status, "Description": hold.description, "LegalHoldId": hold.id, "LegalHoldArn": arn_of(call, hold.id),
        "CreationDate": hold.created, "CancellationDate": hold.canceled,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def GetLegalHold(call: Call, *, LegalHoldId: str) -> dict:
    hold = _existing(call, LegalHoldId)
    more = {
        "CancelDescription": hold.reason or None, "RetainRecordUntil": hold.forgotten, "RecoveryPointSelection": hold.selection or None,
    }  # fmt: skip
    return {**_told(call, hold), **{name: value for name, value in more.items() if value is not None}}


def ListLegalHolds(call: Call) -> dict:
    """Active ones and those that were: the newest first."""
    return {"LegalHolds": [_told(call, hold) for hold in sorted(call.shelf(Hold).values(), key=lambda hold: (-hold.created, hold.id))]}


def ListRecoveryPointsByLegalHold(call: Call, *, LegalHoldId: str) -> dict:
    """Nothing is held by one that was cancelled. The model has no error for one that is not there."""
    hold = call.shelf(Hold).get(LegalHoldId)
    if hold is None:
        raise InvalidParameterValueException(f"Cannot find legal hold {LegalHoldId}.")
    found = [point for point in call.shelf(RecoveryPoint).values() if hold.status == ACTIVE and hold.covers(point)]
    return {
        "RecoveryPoints": [
            {"RecoveryPointArn": point.arn, "ResourceArn": point.resource, "ResourceType": point.kind, "BackupVaultName": point.vault}
            for point in sorted(found, key=lambda point: (-point.created, point.arn))
        ]
    }


def CancelLegalHold(call: Call, *, LegalHoldId: str, CancelDescription: str, RetainRecordInDays: int | None = None) -> dict:
    """What it alone held goes on as its lifecycle says: what should have ended meanwhile ends now."""
    hold = _existing(call, LegalHoldId)
    if hold.status != ACTIVE:
        raise InvalidResourceStateException(f"Legal hold {LegalHoldId} is not active.")
    if RetainRecordInDays is not None and RetainRecordInDays < 0:
        raise InvalidParameterValueException("RetainRecordInDays must not be negative.")
    until = call.now() + RetainRecordInDays * DAY_S if RetainRecordInDays is not None else None
    call.shelf(Hold)[hold.id] = changed(hold, status=CANCELED, reason=CancelDescription, canceled=call.now(), forgotten=until)
    for point in [point for point in call.shelf(RecoveryPoint).values() if hold.covers(point)]:
        points.plan_next(call, point)
    if until is not None:
        agenda.plan(call, "hold", hold.id, until)
    return {}


def forget(call: Call, id_: str) -> None:
    """The days of a cancelled hold's record are over."""
    agenda.plan(call, "hold", id_, None)
    call.shelf(Hold).pop(id_, None)
