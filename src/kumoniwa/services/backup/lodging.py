"""Recovery points whose data lies with the service that they are of, as its own snapshots: made, copied and removed by its calls, as the job's role.

A snapshot that is to go is a row until it is gone: the region may be killed, or the role be out of reach, in between.
https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html ("full AWS Backup management")
"""

from __future__ import annotations

from functools import partial
from types import ModuleType

from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import agenda, database, telling, volume
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.session import assumed

_MODULES: dict[str, ModuleType] = {"EBS": volume, "RDS": database}
AGAIN_S = 60.0


def has(kind: str) -> bool:
    return kind in _MODULES


def of(kind: str) -> ModuleType:
    """What speaks with the service of a type: ``arn_of``, ``take``, ``copy``, ``remove`` and the like."""
    return _MODULES[kind]


def leave(call: Call, kind: str, role: str, resource: str, arn: str, *, is_whole: bool) -> None:
    """Have what lies elsewhere of a point removed. Of one that follows its resource and never was whole nothing but that ends."""
    agenda.plan(call, "lodger", " ".join(("remove" if is_whole else "release", kind, role, resource, arn)), call.now())


async def due(call: Call, key: str) -> None:
    """Remove it, as the role that made it. A point that cannot be removed is EXPIRED, and stays until somebody deletes it by hand."""
    verb, kind, role, resource, arn = key.split(" ")
    why = ""
    try:
        await getattr(of(kind), verb)(assumed(call, role, arn), resource, arn)
    except AwsError as error:
        if patience.is_passing(error) or of(kind).is_busy(error):
            agenda.plan(call, "lodger", key, call.now() + AGAIN_S)
            return
        why = error.text or error.code
    call.atomically(partial(_gone, call, key, arn, why))


def _gone(call: Call, key: str, arn: str, why: str) -> None:
    agenda.plan(call, "lodger", key, None)
    point = call.shelf(RecoveryPoint).get(arn)
    if point is None or point.status != points.DELETING:
        return
    if why:
        point = call.shelf(RecoveryPoint)[arn] = changed(point, status=points.EXPIRED, message=why)
        tell(call, point)
    else:
        forget(call, point)


def forget(call: Call, point: RecoveryPoint) -> None:
    """A point of which nothing lies anywhere any more."""
    call.shelf(RecoveryPoint).pop(point.arn, None)
    agenda.plan(call, "point", point.arn, None)
    call.keeps_otherwise()
    tell(call, changed(point, status=points.DELETING))


def tell(call: Call, point: RecoveryPoint) -> None:
    telling.fact(call, "Recovery Point State Change", [point.arn], points.told(call, point, call.arn(f"backup-vault:{point.vault}", "backup")))
