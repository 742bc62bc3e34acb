"""Streaming replication: how a copy of a server's data becomes a server that follows it, and one of its own.

A follower gets its source's write-ahead log by the protocol of PostgreSQL itself, through the source's private socket or one that leads there; what it has
not had yet the source keeps, in a slot of the follower's name.
https://www.postgresql.org/docs/18/warm-standby.html#STREAMING-REPLICATION
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kumoniwa.engines.database.program import ADMINISTRATOR, ServerFailed, run
from kumoniwa.engines.postgresql import golden
from kumoniwa.engines.postgresql.server import Server

SIGNAL = "standby.signal"
FOLLOWERS_MOST = 20
"""Slots and senders of a server: fifteen replicas, a standby, and copies that are being made."""
PACE = {"wal_retrieve_retry_interval": "200ms", "wal_receiver_status_interval": "1s"}
"""After how long a follower looks for its source again, and how often it says that it is there, if nobody says otherwise. PostgreSQL's own 5 and 10
seconds would be most of what an outage takes here."""
_LOOK_S, _PROMOTED_WITHIN_S = 0.02, 120
_ROOM = re.compile(r"^(max_\w+) setting: +(\d+)$", re.MULTILINE)
_SLOTS = "pg_replslot"


def own_settings() -> dict[str, str]:
    """What a server needs that may be followed."""
    return {"max_wal_senders": str(FOLLOWERS_MOST), "max_replication_slots": str(FOLLOWERS_MOST)}


def following_settings(socket_folder: str, slot: str) -> dict[str, str]:
    """What a server reads that follows another. The folder is seen from the server's data."""
    return {
        "primary_conninfo": f"host=/proc/self/cwd/{socket_folder} user={ADMINISTRATOR} application_name={slot}", "primary_slot_name": slot,
    }  # fmt: skip


async def room(data: str) -> dict[str, str]:
    """How many of each the server had whose changes the data is to be changed by. One with less room makes none of them again."""
    told = (await run(os.path.join(golden.programs(), "pg_controldata"), "-D", data, env={"LC_ALL": "C"})).decode()
    return {name.replace("_xact", "_transaction"): value for name, value in _ROOM.findall(told)}


def become_follower(data: str) -> None:
    with open(os.path.join(data, SIGNAL), "w"):
        pass


def become_own(data: str) -> None:
    """Of a copy that no server serves: it follows nobody, and nobody follows it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(data, SIGNAL))
    slots = os.path.join(data, _SLOTS)
    for name in os.listdir(slots):
        shutil.rmtree(os.path.join(slots, name), ignore_errors=True)


def _asyncpg() -> Any:
    import asyncpg  # noqa: PLC0415 (an extra)

    return asyncpg


@asynccontextmanager
async def _session(server: Server) -> AsyncIterator[Any]:
    """One of the server's owner. Raises ServerFailed where the server ends meanwhile, or does not do what it is asked."""
    try:
        async with server.session() as session:
            yield session
    except (OSError, _asyncpg().PostgresError, _asyncpg().InterfaceError) as error:
        raise ServerFailed(str(error)) from None


# Of a source ---------------------------------------------------------------------------------------


async def make_slot(server: Server, name: str) -> None:
    """Have a server keep what comes from now on. A slot that is there stays as it is. Raises ServerFailed, as all of these do."""
    async with _session(server) as session:
        if not await session.fetchval("select count(*) from pg_replication_slots where slot_name = $1", name):
            with contextlib.suppress(_asyncpg().DuplicateObjectError):  # somebody who asks at the same time was faster
                await session.execute(f"select pg_create_physical_replication_slot('{name}', true)")


async def keep_slots(server: Server, names: Callable[[], set[str]]) -> int:
    """Drop all others, also those in use; answers how many are left."""
    async with _session(server) as session:
        found = await session.fetch("select slot_name, active_pid from pg_replication_slots where slot_type = 'physical' and not temporary")
        kept = names()  # now: who was said to follow before the slots were looked at keeps its own
        for name, pid in found:
            if name in kept:
                continue
            while pid is not None:
                await session.execute(f"select pg_terminate_backend({pid})")
                await asyncio.sleep(_LOOK_S)
                pid = await session.fetchval("select active_pid from pg_replication_slots where slot_name = $1", name)
            with contextlib.suppress(_asyncpg().UndefinedObjectError, _asyncpg().ObjectInUseError):  # gone, or back again: the next time
                await session.execute(f"select pg_drop_replication_slot('{name}')")
        return int(await session.fetchval("select count(*) from pg_replication_slots"))


async def beat(server: Server) -> None:
    """Commit nothing, so that followers learn how late it is."""
    async with _session(server) as session:
        await session.execute("select pg_current_xact_id()")


# Of a follower -------------------------------------------------------------------------------------


async def promote(server: Server) -> None:
    """Have a follower make all that it has and be a server of its own; one that is stays so."""
    async with _session(server) as session:
        if await session.fetchval("select pg_is_in_recovery()"):
            await session.fetchval(f"select pg_promote(true, {_PROMOTED_WITHIN_S})")
        while await session.fetchval("select pg_is_in_recovery()"):
            await asyncio.sleep(_LOOK_S)


async def seen(server: Server) -> tuple[bool, float | None]:
    """Whether a follower hears its source, and how many seconds ago what it made last was committed there; None if that was nothing yet."""
    async with _session(server) as session:
        row: Any = await session.fetchrow(
            "select exists(select from pg_stat_wal_receiver where status = 'streaming'), "
            "extract(epoch from now() - pg_last_xact_replay_timestamp())::float8"
        )
        return bool(row[0]), row[1]
