"""How read replicas come to be, follow their sources, and stand on their own feet.

A replica begins as a copy of its source's data and gets what is written after that by PostgreSQL's own streaming replication. For its sake its source's
server keeps what it has not had yet, until it is no replica any more.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from kumoniwa.engines.database.program import ServerFailed
from kumoniwa.engines.postgresql import replication
from kumoniwa.engines.postgresql import server as servers
from kumoniwa.gate import patience
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.rds import event, following, hosting, serving
from kumoniwa.services.rds.instance import (
    FAREWELL,
    RUNNING,
    Farewell,
    Instance,
    Source,
    arn_of,
    becoming,
    by_id,
    keep,
    look_again,
    replicas,
)
from kumoniwa.services.rds.relay import GONE, RESTING

AGAIN_S = 10.0
"""After how long a source that cannot be copied now is asked again."""
BEAT_S = 300.0
"""How often a source's replicas learn how late it is, if nobody writes: "up to five minutes" may such a one seem to lag.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.Monitoring.html"""
WITHIN_S = 60.0
KEPT = "kept"


# For a source --------------------------------------------------------------------------------------


async def followed(call: Call, id_: str, slot: str, arn: str = "") -> str:
    """Have the server of an instance of this region keep what comes from now on for a replica; ``arn`` is that of one in another region."""
    source = by_id(call, id_)
    if source is None or source.state in ("deleting", "failed"):
        return GONE
    if source.state not in RUNNING:
        return RESTING
    # Said before there is a slot: one that nobody has said is dropped.
    keep(call, source, has_slots=True, **({"followers": source.followers | {slot: arn}} if arn else {}))
    try:
        await replication.make_slot(await serving.started(call, source), slot)
    except ServerFailed:
        return RESTING
    return KEPT


def unfollowed(call: Call, id_: str, slot: str) -> None:
    """A replica of another region is none any more."""
    source = by_id(call, id_)
    if source is not None and slot in source.followers:
        keep(call, source, followers={each: arn for each, arn in source.followers.items() if each != slot})
        look_again(call, id_)


async def drop_slots(call: Call, instance: Instance, server: Any) -> None:
    """Those of replicas that are none any more."""

    def names() -> set[str]:
        latest = by_id(call, instance.id) or instance
        return {*latest.followers, *(following.slot_of(call.region, each.id) for each in replicas(call, latest))}

    if not await replication.keep_slots(server, names):
        keep(call, instance, has_slots=bool(names()))


def orphan(call: Call, source: Instance) -> None:
    """Have the replicas of an instance that goes be instances of their own: "each read replica is promoted to a standalone DB instance".
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html"""
    for each in replicas(call, source):
        if each.state in RUNNING:
            becoming(call, each, "modifying", is_leaving=True)
        else:
            keep(call, each, is_leaving=True)  # its next turn finds it so


# Replicas ------------------------------------------------------------------------------------------


async def _follow(call: Call, instance: Instance, source: Source) -> str:
    """Have a source keep what comes from now on."""
    slot = following.slot_of(call.region, instance.id)
    if source.region == call.region:
        return await followed(call, source.id, slot)
    said = {"what": "follow", "account": call.account, "id": source.id, "slot": slot, "arn": arn_of(call, instance.name)}
    try:
        return str(await call.home.exchange(source.region, "rds", said, WITHIN_S))
    except AwsError as error:
        if not patience.is_passing(error):
            raise
        return RESTING


async def create(call: Call, instance: Instance, source: Source) -> None:
    """Raises ServerFailed."""
    folder = hosting.folder_of(call, instance.id)
    await serving.server_of(call, instance).kill()
    following.close_way(call, instance.id)
    await asyncio.to_thread(hosting.gone, folder)  # what an earlier try left
    os.makedirs(folder, mode=0o700)
    found = await _follow(call, instance, source)
    if found == GONE:
        raise ServerFailed("the source of the read replica is gone")
    if found == RESTING:
        look_again(call, instance.id, call.now() + AGAIN_S)
        return
    data = os.path.join(folder, "data")
    try:
        await following.open_way(call, instance)
        following.copying(call, instance.id, is_copying=True)
        await servers.copied_from(following.socket_folder(call, instance, source), data, call.home.settings.seal)
    except (ServerFailed, OSError):
        # It ended, or the way to it was cut: whether it is gone the next try tells.
        look_again(call, instance.id, call.now() + AGAIN_S)
        return
    following.copying(call, instance.id, is_copying=False)
    await asyncio.to_thread(replication.become_follower, data)
    await serving.started(call, instance)
    latest = by_id(call, instance.id)
    if latest is None:
        return

    def act() -> None:
        is_created = {"state": "available"} if latest.state == "creating" else {}
        keep(call, latest, is_made=True, created=call.now(), replication="replicating", **is_created)
        event.of(call, latest, "RDS-EVENT-0005", "DB instance created")
        event.of(call, latest, "RDS-EVENT-0046", "Replication for the Read Replica resumed.")
        look_again(call, latest.id)

    call.atomically(act)
    call.keeps_otherwise()


async def promote(call: Call, instance: Instance) -> None:
    """Make a replica an instance of its own, which takes a restart."""
    server = await serving.started(call, instance)
    await replication.promote(server)

    def act() -> None:
        left(call, keep(call, by_id(call, instance.id) or instance, source=None, replication="", is_leaving=False), instance.source)

    call.atomically(act)
    await serving.started_again(call, by_id(call, instance.id) or instance)
    event.of(call, by_id(call, instance.id) or instance, "RDS-EVENT-0006", "DB instance restarted")


def left(call: Call, instance: Instance, source: Source | None) -> None:
    """A replica is none any more: tell its source."""
    if source is None:
        return
    following.close_way(call, instance.id)
    if source.region == call.region:
        if by_id(call, source.id) is not None:
            look_again(call, source.id)
        return
    slot = following.slot_of(call.region, instance.id)
    call.shelf(Farewell)[f"{FAREWELL}{slot}"] = Farewell(source=source, slot=slot)
    look_again(call, f"{FAREWELL}{slot}")


async def bid_farewell(call: Call, id_: str) -> None:
    """Again and again, until it is heard: a source keeps what it thinks that somebody has not had."""
    held = call.shelf(Farewell).get(id_)
    if held is None:
        return
    said = {"what": "unfollow", "account": call.account, "id": held.source.id, "slot": held.slot}
    try:
        await call.home.exchange(held.source.region, "rds", said, WITHIN_S)
    except AwsError as error:
        if not patience.is_passing(error):
            raise
        look_again(call, id_, call.now() + AGAIN_S)
        return
    del call.shelf(Farewell)[id_]


async def measure(call: Call, instance: Instance, server: Any, tell: Callable[[str, float, str], None]) -> None:
    """How far behind its source a replica is, and whether it hears it; and what a source says to those that listen."""
    try:
        if instance.has_slots and call.memory(_Beats).is_due(instance.id, call.now()):
            await replication.beat(server)
        if instance.source is None or instance.is_leaving:
            return
        is_heard, lag_s = await replication.seen(server)
    except ServerFailed:
        return  # whoever starts it again sees to that
    latest = by_id(call, instance.id)
    if latest is None or latest.source is None:
        return
    if lag_s is not None:
        tell("ReplicaLag", max(0.0, lag_s), "Seconds")
    if is_heard and latest.replication == "error":
        keep(call, latest, replication="replicating")
        event.of(call, latest, "RDS-EVENT-0046", "Replication for the Read Replica resumed.")
    elif not is_heard and latest.replication == "replicating":
        keep(call, latest, replication="error")
        event.of(call, latest, "RDS-EVENT-0045", "Replication has stopped.")


class _Beats:
    """By the id of a source: when its replicas are to hear next how late it is."""

    def __init__(self) -> None:
        self.due: dict[str, float] = {}

    def is_due(self, id_: str, now: float) -> bool:
        if now < self.due.get(id_, 0.0):
            return False
        self.due[id_] = now + BEAT_S
        return True
