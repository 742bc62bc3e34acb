"""Locks that keep snapshots from being deleted.

https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-lock-concepts.html; the codes and words of refusals are ours, since no source states AWS's.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import ebs_record, filters
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.ebs_record import SNAPSHOT, Lock, Snapshot
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, MissingParameter, OperationNotPermitted

A_DAY_S, AN_HOUR_S = 86_400.0, 3_600.0
DAYS_MAX, COOLING_H_MAX = 36_500, 72


def state(lock: Lock, now: float) -> str:
    if lock.until and lock.until <= now:
        return "expired"
    is_cooling = lock.mode == "compliance" and lock.cooling_h and now < lock.created + lock.cooling_h * AN_HOUR_S
    return "compliance-cooloff" if is_cooling else lock.mode


def begun(lock: Lock | None, now: float) -> Lock | None:
    """The lock of a snapshot that has come to be: only now its days are counted."""
    return changed(lock, until=now + lock.days * A_DAY_S) if lock is not None and not lock.until else lock


def check(call: Call, each: Snapshot) -> None:
    """See that a snapshot may be deleted."""
    if each.lock is not None and state(each.lock, call.now()) != "expired":
        raise OperationNotPermitted(f"The snapshot '{each.id}' is locked and cannot be deleted.")


def _told(each: Snapshot, now: float) -> dict[str, Any]:
    lock = each.lock
    told = {
        "SnapshotId": each.id, "LockState": state(lock, now), "LockDuration": lock.days, "CoolOffPeriod": lock.cooling_h,
        "CoolOffPeriodExpiresOn": lock.created + lock.cooling_h * AN_HOUR_S if lock.cooling_h else None, "LockCreatedOn": lock.created,
        "LockExpiresOn": lock.until or None, "LockDurationStartTime": lock.until - lock.days * A_DAY_S if lock.until and lock.days else None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


@may_be_dry
def LockSnapshot(
    call: Call, *, SnapshotId: str, LockMode: str, CoolOffPeriod: int | None = None, LockDuration: int | None = None,
    ExpirationDate: float | None = None,
) -> dict:  # fmt: skip
    each: Snapshot = ebs_record.existing(call, SNAPSHOT, SnapshotId)
    if LockMode not in ("governance", "compliance"):
        raise InvalidParameterValue(f"Value ({LockMode}) for parameter lockMode is invalid.")
    if LockDuration is None and ExpirationDate is None:
        raise MissingParameter("The request must contain the parameter LockDuration or ExpirationDate")
    if LockDuration is not None and ExpirationDate is not None:
        raise InvalidParameterCombination("The parameters LockDuration and ExpirationDate cannot be used together")
    if LockDuration is not None and not 1 <= LockDuration <= DAYS_MAX:
        raise InvalidParameterValue(f"Value ({LockDuration}) for parameter LockDuration is invalid. It must be between 1 and {DAYS_MAX}.")
    if CoolOffPeriod is not None and (LockMode == "governance" or not 1 <= CoolOffPeriod <= COOLING_H_MAX):
        raise InvalidParameterValue(f"Value ({CoolOffPeriod}) for parameter CoolOffPeriod is invalid.")
    now = call.now()
    if ExpirationDate is not None and ExpirationDate < now + A_DAY_S:
        raise InvalidParameterValue("The expiration date must be at least one day in the future.")
    is_there = each.state == "completed"
    until = ExpirationDate if ExpirationDate is not None else now + LockDuration * A_DAY_S if is_there else 0.0
    lock = Lock(mode=LockMode, created=now, until=until, days=LockDuration, cooling_h=CoolOffPeriod)
    if each.lock is not None and state(each.lock, now) == "compliance":
        if LockMode != "compliance" or CoolOffPeriod is not None or until < each.lock.until:
            raise OperationNotPermitted(f"The snapshot '{each.id}' is locked in compliance mode: its lock can only be made longer.")
        lock = changed(lock, created=each.lock.created, cooling_h=each.lock.cooling_h)
    return _told(ebs_record.keep(call, each, lock=lock), now)


@may_be_dry
def UnlockSnapshot(call: Call, *, SnapshotId: str) -> dict:
    each: Snapshot = ebs_record.existing(call, SNAPSHOT, SnapshotId)
    if each.lock is None:
        raise InvalidParameterValue(f"The snapshot '{each.id}' is not locked.")
    if state(each.lock, call.now()) == "compliance":
        raise OperationNotPermitted(f"The snapshot '{each.id}' is locked in compliance mode and cannot be unlocked.")
    ebs_record.keep(call, each, lock=None)
    return {"SnapshotId": each.id}


@may_be_dry
def DescribeLockedSnapshots(call: Call, *, SnapshotIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    wanted = [ebs_record.existing(call, SNAPSHOT, id_) for id_ in SnapshotIds] if SnapshotIds else call.shelf(Snapshot).values()
    rows = [{"OwnerId": call.account, **_told(each, call.now())} for each in wanted if each.lock is not None]
    return {"Snapshots": filters.kept(rows, Filters, {"lock-state": "LockState"}, tags="")}
