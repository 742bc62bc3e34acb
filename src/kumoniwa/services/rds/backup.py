"""Automated backups: a copy of each day, kept for as many days as the instance says, and what its server wrote down of changes between them.

So an instance can be made as another was at any second of that time: a copy of before, on which a server makes the changes again up to then.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html, …/USER_PIT.html
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import time
from datetime import UTC, datetime

from kumoniwa.engines.postgresql.server import Server
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import Clock
from kumoniwa.services.rds import hosting, names, snapshot
from kumoniwa.services.rds.instance import RUNNING, Instance, Origin
from kumoniwa.services.rds.snapshot import Snapshot

DAY_S = 86_400.0
ARCHIVE, HISTORY = "archive", "history"
"""Folders beside an instance's data: what its server wrote down, and what it makes again of another's."""
WRITTEN_EVERY_S = 300
LOOK_S, WITHIN_S = 0.05, 60.0
_START = re.compile(r"START WAL LOCATION: .* \(file ([0-9A-F]{24})\)")


def settings(instance: Instance) -> dict[str, str]:
    """What a server is told so that changes are written down: the whole time, so that this can be begun without stopping it."""
    keep = f"test -e ../{ARCHIVE}/%f || {{ cp %p ../{ARCHIVE}/%f.new && mv ../{ARCHIVE}/%f.new ../{ARCHIVE}/%f; }}"
    found = {
        "archive_mode": "on", "archive_command": keep if instance.retention_days else "true",
        "archive_timeout": str(WRITTEN_EVERY_S) if instance.retention_days else "0",
    }  # fmt: skip
    if instance.origin is not None and instance.origin.source:
        found |= {"restore_command": f"cp ../{HISTORY}/%f %p", "recovery_target_action": "promote"}
        if instance.origin.until is not None:
            found["recovery_target_time"] = datetime.fromtimestamp(instance.origin.until, UTC).isoformat()
    return found


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
    while name in call.shelf(Snapshot):
        name, count = f"{stem}-{count}", count + 1
    return snapshot.begun(call, instance, name, "automated", {})


def own(call: Call, instance: Instance) -> list[Snapshot]:
    """The automated ones of an instance that are there, the oldest first."""
    found = (
        each for each in call.shelf(Snapshot).values() if each.kind == "automated" and each.instance_id == instance.id and each.state == "available"
    )
    return sorted(found, key=lambda each: each.created)


def purge(call: Call, instance: Instance) -> None:
    """Forget those that are too old, but for one from which all later times can be reached, and what was written down before that."""
    kept, ends = own(call, instance), call.now() - instance.retention_days * DAY_S
    while kept and (not instance.retention_days or (len(kept) > 1 and kept[1].created <= ends)):
        snapshot.forget(call, kept.pop(0))
    first = _first_needed(call, kept[0]) if kept else "~"
    folder = os.path.join(hosting.folder_of(call, instance.id), ARCHIVE)
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if len(name) >= 24 and name[8:24] < first[8:24]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))


def _first_needed(call: Call, kept: Snapshot) -> str:
    """Which file of changes a copy begins with, as it says itself."""
    try:
        with open(os.path.join(hosting.snapshot_folder(call, kept.id), "backup_label")) as file:
            found = _START.search(file.read())
    except FileNotFoundError:
        return ""
    return found[1] if found is not None else ""


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


async def write_down(folder: str, server: Server) -> None:
    """Have a server close the file of changes that it writes at now, after a change that is later than all others."""
    async with server.session() as session:
        await session.execute("select pg_current_xact_id()")
        last = await session.fetchval("select pg_walfile_name(pg_switch_wal())")
        async with asyncio.timeout(WITHIN_S):
            while not os.path.exists(os.path.join(folder, ARCHIVE, last)):
                await asyncio.sleep(LOOK_S)


async def prepare(instance: Instance, folder: str, source_folder: str) -> None:
    """Lay beside a copy what its server is to make again."""
    data = os.path.join(folder, "data")
    for name in ("postmaster.pid", "postmaster.opts"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(data, name))
    if instance.origin is not None and instance.origin.source:
        await asyncio.to_thread(shutil.copytree, os.path.join(source_folder, ARCHIVE), os.path.join(folder, HISTORY))
        with open(os.path.join(data, "recovery.signal"), "w"):
            pass


async def caught_up(server: Server, folder: str) -> None:
    """Wait until a server has made all changes again, and is one of its own."""
    async with server.session() as session:
        while await session.fetchval("select pg_is_in_recovery()"):
            await asyncio.sleep(LOOK_S)
    shutil.rmtree(os.path.join(folder, HISTORY), ignore_errors=True)
