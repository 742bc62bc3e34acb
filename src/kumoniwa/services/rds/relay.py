"""The way of a replica's server to its source in another region: a socket beside its data, whose connections are carried over the link, piece by piece.

So the write-ahead log takes the time that the link takes, waits while that is cut, and is lost with a region that dies. Who connects is the server
itself, which connects again when a connection ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any

from kumoniwa.engines.postgresql.session import SOCKET
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import outside
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.rds import hosting
from kumoniwa.services.rds.instance import Source, by_id

FOLDER = "source"
"""Beside a replica's data."""
PIECE_BYTES, UNDER_WAY_BYTES = 1 << 18, 8 << 20
"""So much is under way together, as TCP's window: a long way is not gone once for each piece."""
WITHIN_S = 30.0
"""After how long a piece that was not acknowledged ends its connection, as TCP's user timeout would."""
LOOK_S = 2.0
"""How often whoever only listens, as a copy that is being made does, sees that the other end is still there."""
GONE, RESTING, OPEN = "gone", "resting", "open"
"""What becomes of a connection: its server is no more, is not there now, or hears it."""


class Stream:
    """One end of a connection, in the region of the replica or in that of its source."""

    def __init__(self, home: Any, region: str, account: str, id_: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.home, self.region, self.account, self.id = home, region, account, id_
        self.reader, self.writer = reader, writer
        self.sent = self.heard = self.under_way_bytes = 0
        self.is_over = False
        hosting.servers(home).streams[id_] = self

    async def _say(self, what: str, **more: Any) -> bool:
        said = {"what": what, "account": self.account, "stream": self.id, **more}
        try:
            return bool(await self.home.exchange(self.region, "rds", said, WITHIN_S))
        except AwsError:
            return False

    async def carry(self) -> None:
        """Send on what the server here says, until it has nothing more to say or nobody hears it."""
        under_way: set[asyncio.Task] = set()
        try:
            while not self.is_over and (piece := await self.reader.read(PIECE_BYTES)):
                self.sent += 1
                self.under_way_bytes += len(piece)
                under_way.add(asyncio.ensure_future(self._send(self.sent, piece)))
                while self.under_way_bytes >= UNDER_WAY_BYTES:
                    _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                under_way = {each for each in under_way if not each.done()}
            await asyncio.gather(*under_way)
        except OSError:
            pass
        except asyncio.CancelledError:  # the region ends
            for each in under_way:
                each.cancel()
            self.end()
            raise
        if not self.is_over:
            self.end()
            await self._say("way-end")

    async def watch(self) -> None:
        """End when the other end is gone, though nobody says so: its region may have died."""
        while not self.is_over:
            await asyncio.sleep(LOOK_S)
            if not self.is_over and not await self._say("way-look"):
                self.end()

    async def _send(self, number: int, piece: bytes) -> None:
        if not await self._say("way", number=number, piece=piece):
            self.end()
        self.under_way_bytes -= len(piece)

    async def take(self, number: int, piece: bytes) -> bool:
        """Give the server here what was said there; False if something before that is missing, or it does not listen any more."""
        if self.is_over or number != self.heard + 1:
            self.end()
            return False
        self.heard = number
        self.writer.write(piece)
        try:
            with outside():
                await self.writer.drain()
        except OSError:
            self.end()
        return not self.is_over

    def end(self) -> None:
        self.is_over = True
        self.writer.transport.abort()
        hosting.servers(self.home).streams.pop(self.id, None)


class Relay:
    """The socket of one replica."""

    def __init__(self, home: Any, account: str, folder: str, source: Source, gone: Callable[[], None]) -> None:
        self.home, self.account, self.folder, self.source, self.gone = home, account, folder, source, gone
        self.server: asyncio.Server | None = None
        self.is_copying = False

    async def open(self) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.folder, SOCKET))  # of an earlier life
        # The name of a socket is short, that of a data folder need not be.
        here = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.server = await asyncio.start_unix_server(self._come, f"/proc/self/fd/{here}/{SOCKET}", limit=PIECE_BYTES)
        finally:
            os.close(here)

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.home.spawn(self._lead(reader, writer))

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(self.home, self.source.region, self.account, f"{self.home.name}-{self.home.ids.uuid()}", reader, writer)
        said = {"what": "way-open", "account": self.account, "id": self.source.id, "stream": stream.id}
        try:
            found = await self.home.exchange(self.source.region, "rds", said, WITHIN_S)
        except AwsError:
            found = RESTING
        if found == OPEN:
            # A server that follows says again and again how far it is, and hears so that nobody listens.
            watching = asyncio.ensure_future(stream.watch()) if self.is_copying else None
            try:
                await stream.carry()
            finally:
                if watching is not None:
                    watching.cancel()
            return
        stream.end()
        if found == GONE:
            self.gone()

    def close(self) -> None:
        if self.server is not None:
            self.server.close()


# In the source's region ----------------------------------------------------------------------------


async def opened(call: Call, origin: str, id_: str, stream: str) -> str:
    """Connect a stream with an instance's server."""
    if by_id(call, id_) is None:
        return GONE
    server = hosting.servers(call.home).by_id.get(id_)
    if server is None or not server.is_ready:
        return RESTING
    here = os.open(server.data, os.O_PATH | os.O_DIRECTORY)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{here}/{SOCKET}", limit=PIECE_BYTES)
    except OSError:
        return RESTING
    finally:
        os.close(here)
    made = Stream(call.home, origin, call.account, stream, reader, writer)
    call.home.spawn(made.carry())
    return OPEN


async def taken(call: Call, id_: str, number: int, piece: bytes) -> bool:
    found = hosting.servers(call.home).streams.get(id_)
    return found is not None and await found.take(number, piece)


def is_open(call: Call, id_: str) -> bool:
    return id_ in hosting.servers(call.home).streams


def ended(call: Call, id_: str) -> bool:
    found = hosting.servers(call.home).streams.get(id_)
    if found is not None:
        found.end()
    return True
