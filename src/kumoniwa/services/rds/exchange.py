"""What RDS of another region asks ours: what a snapshot is, and its data, part by part. And what AWS Backup says: which instances there are,
and that it keeps one no more.

What replicas and their sources say to each other is carried here, too, as it is. Whoever copies a snapshot fetches it: it knows what it has already, and begins again by itself after a kill.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import pack
from kumoniwa.services.rds import hosting, relay, replicating, snapshot
from kumoniwa.services.rds.instance import SERVICE, Instance, keep, replicas
from kumoniwa.services.rds.snapshot import Snapshot


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``what``: a snapshot by its name, the files of one by its id, bytes of them; instances. None if there is no such thing."""
    call = home.call("rds", message["account"], principals.service(SERVICE, message["account"]))
    if message["what"] == "way-open":
        return await relay.opened(call, origin, message["id"], message["stream"])
    return await {"snapshot": _snapshot, "files": _files, "bytes": _bytes, "instances": _instances, "released": _released, "instance": _instance,
                   "follow": _follow, "unfollow": _unfollow, "way": _way, "way-look": _way_look, "way-end": _way_end}[message["what"]](call, message)


async def _snapshot(call: Call, message: dict[str, Any]) -> bytes | None:
    found = call.shelf(Snapshot).get(message["name"])
    return pack(found) if found is not None else None


async def _instances(call: Call, message: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Each with its tags; those of clusters have no backups of their own."""
    return [(each.name, each.tags) for each in call.shelf(Instance).values() if not each.cluster]


async def _instance(call: Call, message: dict[str, Any]) -> tuple[bytes, int] | None:
    """One by its name, and how many replicas it has."""
    found = call.shelf(Instance).get(message["name"])
    return (pack(found), len(replicas(call, found)) + len(found.followers)) if found is not None else None


async def _follow(call: Call, message: dict[str, Any]) -> str:
    return await replicating.followed(call, message["id"], message["slot"], message["arn"])


async def _unfollow(call: Call, message: dict[str, Any]) -> None:
    replicating.unfollowed(call, message["id"], message["slot"])


async def _way(call: Call, message: dict[str, Any]) -> bool:
    return await relay.taken(call, message["stream"], message["number"], message["piece"])


async def _way_look(call: Call, message: dict[str, Any]) -> bool:
    return relay.is_open(call, message["stream"])


async def _way_end(call: Call, message: dict[str, Any]) -> bool:
    return relay.ended(call, message["stream"])


async def _released(call: Call, message: dict[str, Any]) -> None:
    """The automated backups of an instance are no recovery point any more; they go on as they were."""
    instance = call.shelf(Instance).get(message["name"])
    if instance is not None and instance.backup_point == message["point"]:
        keep(call, instance, backup_point="")


async def _files(call: Call, message: dict[str, Any]) -> list[list[Any]] | None:
    if snapshot.by_id(call, message["id"]) is None:
        return None
    return await asyncio.to_thread(_listed, hosting.snapshot_folder(call, message["id"]))


def _listed(folder: str) -> list[list[Any]]:
    """Each folder, with None, before what lies in it; each file, with its size."""
    found: list[list[Any]] = []
    for at, folders, files in os.walk(folder):
        here = os.path.relpath(at, folder)
        found += [[os.path.normpath(os.path.join(here, name)), None] for name in sorted(folders)]
        for name in sorted(files):
            found.append([os.path.normpath(os.path.join(here, name)), os.path.getsize(os.path.join(at, name))])
    return found


async def _bytes(call: Call, message: dict[str, Any]) -> bytes | None:
    """Of some parts, each a file's name, a place and a length: all in a row, compressed."""
    if snapshot.by_id(call, message["id"]) is None:
        return None
    return await asyncio.to_thread(_pressed, hosting.snapshot_folder(call, message["id"]), message["parts"])


def _pressed(folder: str, parts: list[tuple[str, int, int]]) -> bytes | None:
    press = zlib.compressobj(1)
    found = []
    try:
        for name, place, length in parts:
            with open(os.path.join(folder, name), "rb") as file:
                file.seek(place)
                found.append(press.compress(file.read(length)))
    except FileNotFoundError:
        return None  # it was deleted meanwhile
    return b"".join((*found, press.flush()))
