"""Automated backups: a copy of each day, kept for as many days as the instance says, and what its server wrote down of changes between them.

So an instance can be made as another was at any second of that time: a copy of before, on which a server makes the changes again up to then.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html, …/USER_PIT.html
"""

from __future__ import annotations

import time
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import Clock
from kumoniwa.services.rds import engine_list, hosting, names, snapshot
from kumoniwa.services.rds.instance import RUNNING, Instance, Origin
from kumoniwa.services.rds.snapshot import Snapshot

DAY_S = 86_400.0


# Of each day ---------------------------------------------------------------------------------------


def next_due(call: Call, instance: Instance) -> float:
    """When its window begins next; at once if there is no backup yet."""
    if not instance.backed_up:
        return call.now()
    begin, _ = names.backup_window(instance.backup_window)
    day = instance.backed_up - instance.backed_up % DAY_S
    due = day + begin * 60.0
    return due if due > instance.backed_up else due + DAY_S


def is_due(call: Call, instance: Instance) -> bool:
    return bool(instance.retention_days) and next_due(call, instance) <= call.now()


def begun(call: Call, instance: Instance) -> Snapshot:
    stem = f"rds:{instance.name}-{time.strftime('%Y-%m-%d-%H-%M', time.gmtime(call.now()))}"
    name, count = stem, 1
    while name in call.shelf(snapshot.kind_for(instance)):
        name, count = f"{stem}-{count}", count + 1
    return snapshot.begun(call, instance, name, "automated", {})


def own(call: Call, instance: Instance) -> list[Snapshot]:
    """The automated ones of an instance that are there, the oldest first."""
    shelf = call.shelf(snapshot.kind_for(instance))
    found = (
        each for each in shelf.values() if each.kind == "automated" and each.instance_id == instance.id and each.state == "available"
    )
    return sorted(found, key=lambda each: each.created)


async def purge(call: Call, instance: Instance, server: Any) -> None:
    """Forget those that are too old, but for one from which all later times can be reached, and what was written down before that."""
    kept, ends = own(call, instance), call.now() - instance.retention_days * DAY_S
    while kept and (not instance.retention_days or (len(kept) > 1 and kept[1].created <= ends)):
        snapshot.forget(call, kept.pop(0))
    copy = hosting.snapshot_folder(call, kept[0].id) if kept else None
    await engine_list.of(instance).forget_changes(hosting.folder_of(call, instance.id), copy, server)


def restorable(call: Call, instance: Instance) -> tuple[float, float] | None:
    """From when to when an instance can be made again."""
    kept = own(call, instance) if instance.retention_days else []
    return (kept[0].created, call.now()) if kept and instance.state in (*RUNNING, "stopped") else None


# Making changes again ------------------------------------------------------------------------------


def origin(call: Call, instance: Instance, at: float | None) -> Origin:
    """The newest copy from before a time, or of all, and what comes after it."""
    copies = [each for each in own(call, instance) if at is None or each.created <= at]
    # A server dates changes by the machine's clock, which in tests and under faults is not the region's.
    until = None if at is None else at + Clock().now() - call.now()
    return Origin(snapshot=copies[-1].id, until=until, source=instance.id, told=f"Restored from DB instance {instance.name}")
