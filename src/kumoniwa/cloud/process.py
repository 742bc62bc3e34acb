"""A region as a process: forked from the fleet, spoken to over one channel, and gone without a trace when killed.

Connections arrive as descriptors. One whose next request belongs to another region is given back to the door.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
import traceback
from typing import Any

from kumoniwa.cloud.channel import Channel
from kumoniwa.cloud.region import Region
from kumoniwa.gate.address import GLOBAL, is_admin, locate
from kumoniwa.gate.settings import Settings
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.principal import Principal
from kumoniwa.links.peer import Peer, RegionUnreachable
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Request

PR_SET_PDEATHSIG = 1
FIRST_COPY_WITHIN_S = 2.0
INTRODUCED_WITHIN_S = 5.0


def spawn(name: str, settings: Settings, folder: str, end: socket.socket) -> int:
    """Fork a process that is the region ``name``; answers its pid. The child never returns from here."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        # Objects of the fleet stay referenced by the frames below us and are never collected, so none of them can close
        # a descriptor number that we use anew.
        gc.freeze()
        asyncio._set_running_loop(None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        kept = os.dup2(end.fileno(), 3) if end.fileno() != 3 else 3
        os.closerange(kept + 1, max(map(int, os.listdir("/proc/self/fd"))) + 1)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_live(name, settings, folder, socket.socket(fileno=kept)))
        os._exit(0)
    except BaseException as error:
        print(f"kumoniwa: {name} failed to start or to go on", file=sys.stderr)
        traceback.print_exception(error)
        sys.stderr.flush()
        os._exit(1)


async def _live(name: str, settings: Settings, folder: str, end: socket.socket) -> None:
    process = RegionProcess(name, settings, folder)
    process.region.store.journal.on_failure = process.fail
    await process.region.open()
    # What was made at the start stays; most garbage of a request is freed by counting references, so the collector may rest.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    process.listen(end)
    await process.ended
    await process.region.close()


class RegionProcess:
    """What stands between the channel and the region object."""

    def __init__(self, name: str, settings: Settings, folder: str) -> None:
        self.region = Region(name, settings, folder, peers=self)
        self.name = name
        self.default = settings.region
        self.peers: dict[str, Peer] = {}
        self.introductions: dict[str, asyncio.Future] = {}
        self.ready = asyncio.Event()
        self.ended: asyncio.Future = asyncio.get_running_loop().create_future()

    def listen(self, end: socket.socket) -> None:
        self.channel = Channel(end, self._hear, self._orphaned)

    def _orphaned(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _hear(self, message: list, descriptors: list[int]) -> None:
        kind, *rest = message
        getattr(self, f"_hear_{kind}")(*rest, *descriptors)

    def fail(self, error: BaseException) -> None:
        """A commit failed: end at once, so that nothing is answered that the disk does not hold."""
        print(f"kumoniwa: {self.name} could not commit ({error}) and ends; it starts again from what is on the disk", file=sys.stderr, flush=True)
        os._exit(1)

    # Connections ----------------------------------------------------------------------------------

    def _hear_serve(self, follows: bool) -> None:
        """Begin to serve; first wait for a copy of the identities if there is somebody to copy from."""
        if not follows:
            self.ready.set()

    def _hear_connection(self, number: int, arrived: bytes, descriptor: int) -> None:
        self.region.spawn(self._adopt(number, arrived, socket.socket(fileno=descriptor)))

    async def _adopt(self, number: int, arrived: bytes, connection: socket.socket) -> None:
        if not self.ready.is_set():
            await self.ready.wait()
        connection.setblocking(False)

        def hand_over(protocol: Connection, request: Request, arrived: bytes) -> None:
            self.channel.say(["elsewhere", number, arrived])
            protocol.is_lost = True
            protocol.transport.abort()  # closes our descriptor; the door's copy keeps the connection open

        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Connection(self.region.answer, self._belongs_elsewhere, hand_over, arrived), connection
        )

    def _belongs_elsewhere(self, request: Request) -> bool:
        address = request.address = locate(request)
        return is_admin(request) or (address.region or self.default) != self.name

    # Other regions --------------------------------------------------------------------------------

    async def ask(self, region: str, principal: Principal, operation: str, params: dict[str, Any], once: str | None) -> dict:
        peer = self.peers.get(region)
        if peer is None or peer.is_lost:
            peer = await self._introduced(region)
        return await peer.ask(principal, operation, params, once)

    def used(self, key_id: str, use: LastUse) -> None:
        peer = self.peers.get(GLOBAL)
        if peer is not None:
            peer.used(key_id, use)

    async def _introduced(self, region: str) -> Peer:
        """The fleet brings two regions together on first need; it refuses if the other one is down."""
        waiting = self.introductions.get(region)
        if waiting is None:
            waiting = self.introductions[region] = asyncio.get_running_loop().create_future()
            self.channel.say(["introduce", region])
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), INTRODUCED_WITHIN_S)
        except TimeoutError:
            self.introductions.pop(region, None)
            raise RegionUnreachable(f"{region} cannot be reached.")

    def _hear_peer(self, name: str, descriptor: int) -> None:
        self.region.spawn(self._meet(name, socket.socket(fileno=descriptor)))

    async def _meet(self, name: str, end: socket.socket) -> None:
        peer = self.peers[name] = await Peer.over(end, self.region, name)
        waiting = self.introductions.pop(name, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(peer)
        if name == GLOBAL:
            peer.follow()
            await asyncio.wait([peer.following], timeout=FIRST_COPY_WITHIN_S)
            self.ready.set()

    def _hear_unreachable(self, name: str) -> None:
        waiting = self.introductions.pop(name, None)
        if waiting is not None and not waiting.done():
            waiting.set_exception(RegionUnreachable(f"{name} cannot be reached."))

    # What the admin door wants ---------------------------------------------------------------------

    def _hear_reset(self, token: int, account: str | None) -> None:
        # Not a task of the region's: a reset ends those.
        self.resetting = asyncio.get_running_loop().create_task(self._reset(token, account))

    async def _reset(self, token: int, account: str | None) -> None:
        await self.region.reset(account)
        self.channel.say(["done", token, None])

    def _hear_report(self, token: int) -> None:
        self.channel.say(["done", token, {"gaps": dict(self.region.gate.gaps), "accounts": self.region.store.accounts()}])

    def _hear_stop(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
