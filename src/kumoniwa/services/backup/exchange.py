"""What AWS Backup of one region says to that of another: a recovery point, piece by piece.

A point that comes is CREATING until it is whole, and only such a point takes pieces: what is kept is never changed.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed, unpack
from kumoniwa.services.backup import agenda, keeping, lodging, telling
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.errors import JobFailed
from kumoniwa.services.backup.keeping import PIECES, Keeper
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.session import assumed
from kumoniwa.services.backup.vault import SERVICE, Vault, arn_of

FORGOTTEN_AFTER_S = 86_400.0
"""A point whose sender says nothing more for so long is forgotten."""


async def hear(home: Any, origin: str, message: dict[str, Any]) -> bool:
    """``do``: begin a point, keep a piece of it, finish it."""
    call = home.call("backup", message["account"], principals.service(SERVICE, message["account"]))
    await {"begin": _begin, "piece": _piece, "finish": _finish}[message["do"]](call, message)
    return True


async def _begin(call: Call, message: dict[str, Any]) -> None:
    about = unpack(message["about"], RecoveryPoint)
    vault = call.shelf(Vault).get(message["vault"])
    if vault is None:
        raise JobFailed(f"Backup vault {arn_of(call, message['vault'])} does not exist.")
    assumed(call, about.role, about.source).require("backup:CopyIntoBackupVault", arn_of(call, vault.name))
    if not vault.keeps_for(about.lifecycle.get("DeleteAfterDays")):
        raise JobFailed("The retention specified in the job is not within the range specified for the target Backup Vault.")
    before = call.shelf(RecoveryPoint).get(about.arn)
    if before is not None and before.status != points.CREATING:
        return
    key = None if lodging.has(about.kind) else (await keeping.fresh_key(call, vault))[0]
    keeping.forget(call, about.arn)
    call.shelf(RecoveryPoint)[about.arn] = changed(
        about, vault=vault.name, data_key=key, status=points.CREATING, created=call.now(), completed=0.0, restored=0.0, is_cold=False, size=0
    )
    agenda.plan(call, "point", about.arn, call.now() + FORGOTTEN_AFTER_S)


def _coming(call: Call, message: dict[str, Any]) -> RecoveryPoint | None:
    """The point if pieces of it may come. It is none's business here if it is whole already, or was deleted meanwhile."""
    point = call.shelf(RecoveryPoint).get(message["point"])
    if point is None:
        raise JobFailed(f"Cannot find recovery point {message['point']}")
    return point if point.status == points.CREATING and point.job == message["job"] else None


async def _piece(call: Call, message: dict[str, Any]) -> None:
    point = _coming(call, message)
    if point is not None:
        await Keeper(call, point.arn, await keeping.secret_of(call, point), message["number"]).put(message["data"])


async def _finish(call: Call, message: dict[str, Any]) -> None:
    point = _coming(call, message)
    if point is not None:
        count, size = call.rows(PIECES).one("select count(*), coalesce(sum(size), 0) from backup_piece where point = ?", point.arn)
        if count != message["count"]:
            raise JobFailed("The recovery point did not arrive whole.")
        size = size or message["size"]
        call.atomically(lambda: _whole(call, changed(point, status=points.COMPLETED, completed=call.now(), size=size)))


def _whole(call: Call, point: RecoveryPoint) -> None:
    call.shelf(RecoveryPoint)[point.arn] = point
    call.keeps_otherwise()
    points.plan_next(call, point)
    telling.fact(call, "Recovery Point State Change", [point.arn], points.told(call, point, arn_of(call, point.vault)))
