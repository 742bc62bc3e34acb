"""How what was asked of instances is done, in its own time: one turn after the other.

Each turn brings an instance from what its record says to what its server is. A region that was killed finds its records, and begins again the
turn in whose midst it ended.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

from kumoniwa.engines.database.program import ServerFailed
from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.rds import (
    backup,
    carrying,
    change,
    engine_list,
    event,
    hosting,
    names,
    placing,
    proxy_running,
    replicating,
    retained,
    serving,
    snapshot,
)
from kumoniwa.services.rds.instance import FAREWELL, RUNNING, SETTLING_S, TURNS, Cluster, Farewell, Instance, Origin, by_id, keep, look_again, members
from kumoniwa.services.rds.snapshot import ClusterSnapshot, Snapshot

AGAIN_S = 10.0
"""After how long a server that did not start is started again."""
_CHANGING = ("modifying", "renaming", "resetting-master-credentials")
RESTARTED_AFTER_S = 7 * 86_400.0
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html"""


def unfinished(call: Call) -> list[str]:
    """What has something to do when a region begins: servers that shall run, and turns in whose midst the region ended. What has its turn yet to come
    keeps it."""
    waiting = {id_ for (id_,) in call.rows(TURNS.table).all(f"select id from {TURNS.name}")}
    all_ = [*call.shelf(Cluster).values(), *call.shelf(Instance).values()]
    instances = [each.id for each in all_ if each.state in RUNNING or (each.state in SETTLING_S and each.id not in waiting)]
    copies = [*call.shelf(Snapshot).values(), *call.shelf(ClusterSnapshot).values()]
    instances += [id_ for id_ in call.shelf(Farewell) if id_ not in waiting]
    return instances + [each.id for each in copies if each.state == "creating" and each.id not in waiting]


async def move(call: Call, id_: str) -> None:
    if id_.startswith((snapshot.PREFIX, snapshot.CLUSTER_PREFIX)):
        try:
            await _copy(call, id_)
        except ServerFailed as failed:
            snapshot.failed(call, id_, str(failed))
        return
    if id_.startswith(FAREWELL):
        await replicating.bid_farewell(call, id_)
        return
    instance = by_id(call, id_)
    if instance is None:
        retained.expire(call, id_)
        return
    try:
        await (_MEMBER_STEPS.get(instance.state, _nothing) if instance.cluster else _STEPS.get(instance.state, _run))(call, instance)
    except ServerFailed as failed:
        _failed(call, id_, str(failed))


def _failed(call: Call, id_: str, words: str) -> None:
    instance = by_id(call, id_)
    if instance is None:
        return
    call.home.note("database-failed", instance=instance.name, text=words)
    if not instance.is_made:
        keep(call, instance, state="failed")
        event.of(
            call, instance, "RDS-EVENT-0031",
            "The DB instance has failed due to an incompatible configuration or an underlying storage issue.",
        )
    elif instance.state in RUNNING:
        look_again(call, id_, call.now() + AGAIN_S)
    else:
        keep(call, instance, state="incompatible-parameters")


# Steps ---------------------------------------------------------------------------------------------


async def _create(call: Call, instance: Instance) -> None:
    if instance.source is not None:
        await replicating.create(call, instance, instance.source)
        return
    folder, engine = hosting.folder_of(call, instance.id), engine_list.of(instance)
    await serving.server_of(call, instance).kill()
    await asyncio.to_thread(hosting.gone, folder)  # what an earlier try left
    os.makedirs(folder, mode=0o700)
    data = os.path.join(folder, "data")
    if instance.origin is None:
        await hosting.servers(call.home).golden(engine).copy(data)
    else:
        await _write_down(call, instance.origin.source)
        await engine.copied(hosting.snapshot_folder(call, instance.origin.snapshot), data)
        await engine.prepare(instance, folder, hosting.folder_of(call, instance.origin.source))
    try:
        server = await serving.started(call, instance)
    except ServerFailed as failed:
        if instance.origin is None or instance.origin.until is None or not engine.is_past_the_last(str(failed)):
            raise
        # Of a source that was stopped before that time, all is wanted.
        keep(call, instance, origin=changed(instance.origin, until=None))
        look_again(call, instance.id)
        return
    if instance.origin is not None and instance.origin.source:
        await engine.caught_up(server, instance, folder)
        await serving.started_again(call, by_id(call, instance.id) or instance)  # with what its own groups say
    await engine.furnish(server, instance)
    latest = by_id(call, instance.id)
    if latest is None:
        return

    def act() -> None:
        origin = instance.origin or Origin(told="DB instance created")
        is_new = instance.origin is None
        kind = "RDS-EVENT-0005" if is_new else "RDS-EVENT-0019" if origin.source else "RDS-EVENT-0043"
        keep(
            call, latest, is_made=True, verifier="", origin=None, created=call.now(), **({"state": "available"} if latest.state == "creating" else {})
        )
        event.of(call, latest, kind, origin.told)
        for each in (latest, *(members(call, latest) if isinstance(latest, Cluster) else ())):
            look_again(call, each.id)

    call.atomically(act)
    call.keeps_otherwise()


async def _write_down(call: Call, id_: str) -> None:
    """Have the server whose changes shall be made again write down the last of them. One that was stopped has."""
    source = by_id(call, id_) if id_ else None
    if source is not None and source.state in RUNNING:
        await engine_list.of(source).write_down(hosting.folder_of(call, id_), await serving.started(call, source))


async def _run(call: Call, instance: Instance) -> None:
    """An instance that is available: see that it is, and to what waits for its time."""
    is_wanted = instance.state == "backing-up" or (instance.pending and instance.is_due)
    if isinstance(instance, Cluster) and not members(call, instance) and not is_wanted:
        await _rest(call, instance)
        return
    was_down = not serving.server_of(call, instance).is_running
    server = await serving.started(call, instance)
    instance = by_id(call, instance.id) or instance
    if was_down and instance.state == "available":
        event.of(call, instance, "RDS-EVENT-0021", "Recovery of the DB instance is complete.")
    if instance.is_to_reload:
        await serving.reload(call, instance, server)
        instance = by_id(call, instance.id) or instance
        if not instance.retention_days:
            await backup.purge(call, instance, server)
    if instance.is_leaving:
        await replicating.promote(call, instance)
        instance = by_id(call, instance.id) or instance
    if instance.has_slots:
        await replicating.drop_slots(call, instance, server)
    if instance.state != "available":
        return
    if instance.pending and (instance.is_due or _is_in(instance.maintenance_window, call.now())):
        await _modify(call, keep(call, instance, state="modifying"))
        instance = by_id(call, instance.id) or instance
    if backup.is_due(call, instance):
        await _back_up(call, instance, server)
        instance = by_id(call, instance.id) or instance
    times = [backup.next_due(call, instance)] if instance.retention_days else []
    times += [_next(instance.maintenance_window, call.now())] if instance.pending else []
    if times and instance.state == "available":
        look_again(call, instance.id, min(times))


def _week_minute(now: float) -> float:
    """From the Monday before: the epoch began on a Thursday."""
    return (now / 60.0 + 3 * 1_440) % 10_080


def _is_in(window: str, now: float) -> bool:
    begin, end = names.maintenance_window(window)
    at = _week_minute(now)
    return begin <= at < end or begin <= at + 10_080 < end


def _next(window: str, now: float) -> float:
    begin, _ = names.maintenance_window(window)
    return now + ((begin - _week_minute(now)) % 10_080) * 60.0 + 1.0


async def _modify(call: Call, instance: Instance) -> None:
    """Do all that is pending."""
    asked = instance.pending
    server = serving.server_of(call, instance)
    needs_restart = bool({"DBInstanceClass", "Port", "DBInstanceIdentifier"} & asked.keys())
    if needs_restart:
        await server.stop()
    if "DBInstanceClass" in asked:
        instance = keep(call, instance, class_=asked["DBInstanceClass"])
        event.of(call, instance, "RDS-EVENT-0014", "Finished applying modification to DB instance class")
    simple = {
        "AllocatedStorage": "storage_gb",
        "StorageType": "storage_type",
        "Iops": "iops",
        "StorageThroughput": "throughput",
        "Port": "wanted_port",
    }
    changes = {field: asked[member] for member, field in simple.items() if member in asked}
    if changes:
        instance = keep(call, instance, **changes)
    if "AllocatedStorage" in asked:
        event.of(call, instance, "RDS-EVENT-0017", "Finished applying modification to allocated storage")
    if "DBInstanceIdentifier" in asked:
        instance = call.atomically(lambda: _renamed(call, instance, asked["DBInstanceIdentifier"]))
    if "Port" in asked:
        instance = keep(call, instance, port=0)
    server = await serving.started(call, instance)
    instance = by_id(call, instance.id) or instance
    if "Verifier" in asked:
        await engine_list.of(instance).set_password(server, instance, asked["Verifier"])
        event.of(call, instance, "RDS-EVENT-0016", "Reset master credentials")
        instance = by_id(call, instance.id) or instance  # more may have been asked meanwhile, or that it goes
    left = {name: value for name, value in instance.pending.items() if asked.get(name) != value}
    keep(call, instance, pending=left, is_due=bool(left) and instance.is_due, **({"state": "available"} if instance.state in _CHANGING else {}))
    call.keeps_otherwise()
    look_again(call, instance.id)


def _renamed(call: Call, instance: Instance, name: str) -> Instance:
    shelf = call.shelf(type(instance))
    if name in shelf:
        return instance  # somebody has taken it since it was asked for
    del shelf[instance.name]
    renamed = shelf[name] = changed(instance, name=name)
    return renamed


async def _reboot(call: Call, instance: Instance) -> None:
    await serving.stopped(call, instance.id)
    event.of(call, instance, "RDS-EVENT-0004", "DB instance shutdown")
    await serving.started(call, instance)
    instance = by_id(call, instance.id) or instance
    if instance.state == "rebooting":
        keep(call, instance, state="available")
    event.of(call, instance, "RDS-EVENT-0006", "DB instance restarted")
    look_again(call, instance.id)


async def _stop(call: Call, instance: Instance) -> None:
    await serving.stopped(call, instance.id)
    instance = by_id(call, instance.id) or instance
    if instance.state == "stopping":
        keep(call, instance, state="stopped", stopped=call.now())
        for each in members(call, instance):
            keep(call, each, state="stopped" if each.state == "stopping" else each.state)
        event.of(call, instance, "RDS-EVENT-0087", "DB instance stopped")
        look_again(call, instance.id, call.now() + RESTARTED_AFTER_S)
    call.keeps_otherwise()


async def _start(call: Call, instance: Instance) -> None:
    await serving.started(call, instance)
    instance = by_id(call, instance.id) or instance
    if instance.state in ("starting", "stopped"):
        keep(call, instance, state="available")
        for each in members(call, instance):
            keep(call, each, state="available" if each.state in ("starting", "stopped") else each.state)
            look_again(call, each.id)
        event.of(call, instance, "RDS-EVENT-0088", "DB instance started")
    call.keeps_otherwise()
    look_again(call, instance.id)


async def _rest_on(call: Call, instance: Instance) -> None:
    """After seven days it starts by itself, and not before, whatever else gives it a turn."""
    due = instance.stopped + RESTARTED_AFTER_S
    if call.now() < due:
        look_again(call, instance.id, due)
    else:
        await _start(call, instance)


async def _delete(call: Call, instance: Instance) -> None:
    held = hosting.servers(call.home)
    stays = instance.is_made and retained.is_wanted(call, instance)
    if stays:
        server, until = await serving.started(call, instance), call.now()
        await engine_list.of(instance).write_down(hosting.folder_of(call, instance.id), server)
    if instance.final_snapshot and instance.is_made:
        if (server := held.by_id.get(instance.id)) is not None and not server.is_running or server is None:
            server = await serving.started(call, instance)  # what a killed server left must be read again before it is a copy
        await server.stop()
        made = call.shelf(snapshot.kind_for(instance)).get(instance.final_snapshot)
        if made is not None and made.state == "creating":
            target = hosting.snapshot_folder(call, made.id)
            await asyncio.to_thread(hosting.gone, target)
            await engine_list.of(instance).copied(server.data, target)
            call.atomically(lambda: snapshot.taken(call, made))
    elif instance.id in held.by_id:
        await held.by_id[instance.id].kill()
    held.by_id.pop(instance.id, None)
    if not stays:
        await asyncio.to_thread(hosting.gone, hosting.folder_of(call, instance.id))

    def act() -> None:
        if stays:
            retained.keep(call, instance, until)
        for each in () if stays else list(call.shelf(snapshot.kind_for(instance)).values()):
            if each.instance_id == instance.id and each.kind == "automated":
                snapshot.forget(call, each)
        del call.shelf(type(instance))[instance.name]
        event.of(call, instance, "RDS-EVENT-0003", "DB instance deleted")
        replicating.orphan(call, instance)
        replicating.left(call, instance, instance.source)

    placing.disconnect(call, instance.place)
    call.atomically(act)
    call.keeps_otherwise()
    proxy_running.look(call, instance.id)
    if instance.secret:
        await change.forget_secret(call, instance.secret)


async def _back_up(call: Call, instance: Instance, server: Any) -> None:
    """The automated backup of a day."""
    event.of(call, instance, "RDS-EVENT-0001", "Backing up DB instance")
    made = backup.begun(call, instance)
    await _taken(call, made, server)
    latest = by_id(call, instance.id)
    if latest is not None:
        keep(call, latest, backed_up=call.now(), **({"state": "available"} if latest.state == "backing-up" else {}))
        event.of(call, latest, "RDS-EVENT-0002", "Finished DB instance backup")
        await backup.purge(call, latest, server)


async def _taken(call: Call, made: Snapshot, server: Any) -> None:
    target = hosting.snapshot_folder(call, made.id)
    await asyncio.to_thread(hosting.gone, target)
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    if server is not None:
        await server.copy(target)
    else:
        await engine_list.of(made).copied(os.path.join(hosting.folder_of(call, made.instance_id), "data"), target)
    call.atomically(lambda: snapshot.taken(call, made))


async def _copy(call: Call, id_: str) -> None:
    """A manual snapshot of an instance, or a copy of one."""
    made = snapshot.by_id(call, id_)
    if made is None or made.state != "creating":
        return
    if made.source_id:
        await _fetch(call, made)
        return
    if made.source:
        source = snapshot.source_of(call, made)
        if source is None:
            del call.shelf(type(made))[made.name]
            return
        target = hosting.snapshot_folder(call, made.id)
        await asyncio.to_thread(shutil.rmtree, target, True)
        await engine_list.of(made).copied(hosting.snapshot_folder(call, source.id), target)
        call.atomically(lambda: snapshot.taken(call, made))
        return
    instance = by_id(call, made.instance_id)
    if instance is None:
        del call.shelf(type(made))[made.name]
        return
    if instance.final_snapshot == made.name:
        return  # its deletion takes it
    try:
        await _taken(call, made, await serving.started(call, instance) if instance.state in RUNNING else None)
    except ServerFailed:
        _copied(call, made.instance_id)
        raise
    _copied(call, made.instance_id)


def _copied(call: Call, id_: str) -> None:
    latest = by_id(call, id_)
    if latest is not None and latest.state == "backing-up":
        keep(call, latest, state="available")
        look_again(call, latest.id)


async def _fetch(call: Call, made: Snapshot) -> None:
    """A copy of one that lies in another region. While that is out of reach it waits."""
    target = hosting.snapshot_folder(call, made.id)
    await asyncio.to_thread(hosting.gone, target)  # what an earlier try left
    try:
        await carrying.fetched(call, made.source.split(":")[3], made.source_id, target)
    except AwsError as error:
        if not patience.is_passing(error):
            raise
        look_again(call, made.id, call.now() + AGAIN_S)
        return
    call.atomically(lambda: snapshot.taken(call, made))


# Members of clusters -------------------------------------------------------------------------------


async def _member_create(call: Call, instance: Instance) -> None:
    """It serves what its cluster has, as soon as that is there."""
    parent = by_id(call, instance.cluster)
    if parent is None or parent.state == "failed":
        keep(call, instance, state="failed")
        return
    if parent.state not in RUNNING:
        return  # which calls it when it is
    await serving.started(call, parent)
    latest = by_id(call, instance.id)
    if latest is None:
        return

    def act() -> None:
        keep(call, latest, is_made=True, created=call.now(), **({"state": "available"} if latest.state == "creating" else {}))
        event.of(call, latest, "RDS-EVENT-0005", "DB instance created")
        for each in (latest.id, latest.cluster):
            look_again(call, each)

    call.atomically(act)
    call.keeps_otherwise()


async def _rest(call: Call, cluster: Cluster) -> None:
    """It has data, and nobody who serves it. Its port stays its own: it was told already."""
    server = serving.server_of(call, cluster)
    async with server.turn:
        if not members(call, cluster):
            await server.stop()


async def _member_run(call: Call, instance: Instance) -> None:
    if instance.pending and (instance.is_due or _is_in(instance.maintenance_window, call.now())):
        await _member_modify(call, instance)
    elif instance.pending:
        look_again(call, instance.id, _next(instance.maintenance_window, call.now()))


async def _member_modify(call: Call, instance: Instance) -> None:
    asked, parent = instance.pending, by_id(call, instance.cluster)
    if "DBInstanceIdentifier" in asked:
        instance = call.atomically(lambda: _renamed(call, instance, asked["DBInstanceIdentifier"]))
    if "DBInstanceClass" in asked:
        instance = keep(call, instance, class_=asked["DBInstanceClass"])
        if parent is not None and parent.state in RUNNING:
            await serving.started_again(call, parent)
        event.of(call, instance, "RDS-EVENT-0014", "Finished applying modification to DB instance class")
    instance = by_id(call, instance.id) or instance
    left = {name: value for name, value in instance.pending.items() if asked.get(name) != value}
    keep(call, instance, pending=left, is_due=bool(left) and instance.is_due, **({"state": "available"} if instance.state in _CHANGING else {}))
    call.keeps_otherwise()


async def _member_reboot(call: Call, instance: Instance) -> None:
    parent = by_id(call, instance.cluster)
    event.of(call, instance, "RDS-EVENT-0004", "DB instance shutdown")
    if parent is not None and parent.state in RUNNING:
        await serving.started_again(call, parent)
    instance = by_id(call, instance.id) or instance
    if instance.state == "rebooting":
        keep(call, instance, state="available")
    event.of(call, instance, "RDS-EVENT-0006", "DB instance restarted")


async def _member_delete(call: Call, instance: Instance) -> None:
    def act() -> None:
        del call.shelf(Instance)[instance.name]
        event.of(call, instance, "RDS-EVENT-0003", "DB instance deleted")
        look_again(call, instance.cluster)

    placing.disconnect(call, instance.place)
    call.atomically(act)
    call.keeps_otherwise()


async def _modifying(call: Call, instance: Instance) -> None:
    if instance.is_leaving:
        await replicating.promote(call, instance)
        instance = by_id(call, instance.id) or instance
    await _modify(call, instance)


async def _nothing(call: Call, instance: Instance) -> None:
    """What waits for somebody, or for its snapshot."""


_STEPS: dict[str, Any] = {
    "creating": _create, "modifying": _modifying, "renaming": _modifying, "resetting-master-credentials": _modifying, "rebooting": _reboot,
    "stopping": _stop, "starting": _start, "stopped": _rest_on, "deleting": _delete, "backing-up": _run, "failed": _nothing,
    "incompatible-parameters": _nothing,
}  # fmt: skip


_MEMBER_STEPS: dict[str, Any] = {
    "creating": _member_create, "available": _member_run, "modifying": _member_modify, "renaming": _member_modify, "rebooting": _member_reboot,
    "deleting": _member_delete,
}  # fmt: skip


async def run(region: Any) -> None:
    await TURNS.run(region, unfinished, move)
