"""Snapshots that come from another region: their files, asked for part by part over the link.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
"""

from __future__ import annotations

import asyncio
import os
import zlib
from typing import Any

from kumoniwa.engines.database.program import ServerFailed
from kumoniwa.kernel.call import Call

PART_BYTES = 1 << 20
AT_ONCE = 8
"""So many parts are under way together: a long way is not gone once for each."""
WITHIN_S = 60.0

Part = list[tuple[str, int, int]]


async def _said(call: Call, region: str, what: str, **more: Any) -> Any:
    return await call.home.exchange(region, "rds", {"what": what, "account": call.account, **more}, WITHIN_S)


async def found(call: Call, region: str, name: str) -> bytes | None:
    """The record of a snapshot of another region, packed. Raises RegionUnreachable."""
    return await _said(call, region, "snapshot", name=name)


async def fetched(call: Call, region: str, id_: str, target: str) -> None:
    """Lay a snapshot's data in a folder that is not there. Raises RegionUnreachable, ServerFailed."""
    listed = await _said(call, region, "files", id=id_)
    if listed is None:
        raise ServerFailed("the snapshot that was copied is gone")
    await asyncio.to_thread(_laid_out, target, listed)
    parts = _parts(listed)
    for first in range(0, len(parts), AT_ONCE):
        await asyncio.gather(*(_fetch(call, region, id_, target, part) for part in parts[first : first + AT_ONCE]))


def _laid_out(target: str, listed: list[list[Any]]) -> None:
    """Folders and empty files that nobody else may look into: a server does not start otherwise."""
    os.makedirs(target, mode=0o700)
    for name, size in listed:
        path = os.path.join(target, name)
        if size is None:
            os.mkdir(path, 0o700)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _parts(listed: list[list[Any]]) -> list[Part]:
    """About as many bytes at a time, of one file or of many."""
    found: list[Part] = []
    room = 0
    for name, size in listed:
        place = 0
        while size and place < size:
            if not room:
                found.append([])
                room = PART_BYTES
            length = min(room, size - place)
            found[-1].append((name, place, length))
            place, room = place + length, room - length
    return found


async def _fetch(call: Call, region: str, id_: str, target: str, part: Part) -> None:
    body = await _said(call, region, "bytes", id=id_, parts=part)
    if body is None:
        raise ServerFailed("the snapshot that was copied is gone")
    await asyncio.to_thread(_written, target, part, body)


def _written(target: str, part: Part, pressed: bytes) -> None:
    body, at = zlib.decompress(pressed), 0
    for name, place, length in part:
        with open(os.path.join(target, name), "r+b") as file:
            file.seek(place)
            file.write(body[at : at + length])
        at += length
