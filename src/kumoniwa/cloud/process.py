"""A region as a process: forked from the fleet, spoken to over one channel, and gone without a trace when killed.

Connections arrive as descriptors. One whose next request belongs to another region is given back to the door.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from kumoniwa.aws.regions import balanced_at, region_at
from kumoniwa.cloud.channel import Channel
from kumoniwa.cloud.region import Region
from kumoniwa.gate.address import BALANCER, GLOBAL, Address, is_admin, is_led, locate
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, host_at
from kumoniwa.gate.private_network import Network
from kumoniwa.gate.settings import Settings
from kumoniwa.kernel.fault import Fault, FaultRefused
from kumoniwa.links.line import Conditions
from kumoniwa.links.peer import RegionUnreachable
from kumoniwa.links.peers import Peers
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Client, Request, Session

PR_SET_PDEATHSIG = 1
FIRST_COPY_WITHIN_S = 2.0
NEWS_EVERY_S = 0.02
HINTS_MAX = 20
"""How many different hints are printed in one life."""
FREQUENT = frozenset({"apply", "call"})
"""Kinds of news that come with every write or call."""


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


def freeze(pid: int) -> list[int]:
    """Stop a region with all that it has begun: functions, databases, builds. Answers whom this stopped; who stood already is not to go on with them."""
    stopped: list[int] = []
    seen: set[int] = set()
    while found := [each for each in (pid, *_descendants(pid)) if each not in seen]:
        moving = [each for each in found if not _stands(each)]
        _signal(moving, signal.SIGSTOP)
        stopped += moving
        seen.update(found)  # what one of them began while it was found out is found the next time
    return stopped


def thaw(stopped: list[int]) -> None:
    """Have them go on, whoever is waited for first."""
    _signal(reversed(stopped), signal.SIGCONT)


def _stands(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
    return False


def _descendants(pid: int) -> list[int]:
    """Children of a process and theirs, each after its parent."""
    asked = [pid]
    for each in asked:
        with contextlib.suppress(OSError):  # it has ended
            for thread in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{thread}/children") as file:
                    asked += map(int, file.read().split())
    return asked[1:]


def _signal(pids: Iterable[int], number: int) -> None:
    for each in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, number)


async def _live(name: str, settings: Settings, folder: str, end: socket.socket) -> None:
    process = RegionProcess(name, settings, folder)
    process.region.store.journal.on_failure = process.fail
    await process.region.open()
    # What was made at the start stays; most garbage of a request is freed by counting references, so the collector may rest.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    process.listen(end)
    await process.ended
    await process.region.close()


class _Belonging:
    """Which requests of a connection are for a region: ``here`` is the one at whose address it came in, for requests that name none."""

    def __init__(self, name: str, here: str, *, is_led: bool) -> None:
        self.name, self.here = name, here
        self.is_led = is_led
        """Whether the edge has led the next request here. It does so for one at a time, because the next it may lead elsewhere."""

    def is_elsewhere(self, request: Request) -> bool:
        address = request.address = locate(request)
        if is_led(address):
            was_led, self.is_led = self.is_led, False
            return not was_led
        return is_admin(request) or (address.region or self.here) != self.name

    def stays(self, request: Request) -> bool:
        """Of a network that nothing leaves: wherever a request wants to go, the region that it is in judges."""
        request.address = locate(request)
        return False


class RegionProcess:
    """What stands between the channel and the region object."""

    def __init__(self, name: str, settings: Settings, folder: str) -> None:
        self.peers = Peers(None, lambda other: self.channel.say(["introduce", other]))
        self.region = self.peers.region = Region(name, settings, folder, peers=self.peers, outside=self)
        self.region.gate.on_hint = self._hint
        self.hinted: set[str] = set()
        self.name = name
        self.default = settings.region
        self.ready = asyncio.Event()
        self.ended: asyncio.Future = asyncio.get_running_loop().create_future()
        self.news: list[dict[str, Any]] = []
        self.wanted: dict[int, asyncio.Future] = {}
        self.numbers = itertools.count(1)

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

    def _hint(self, what: str, code: str, hint: str) -> None:
        """Most clients do not show the header with a hint: whoever runs the cloud reads each once."""
        if hint not in self.hinted and len(self.hinted) < HINTS_MAX:
            self.hinted.add(hint)
            print(f"kumoniwa: {what} was refused ({code}). {hint}", file=sys.stderr, flush=True)

    # Connections ----------------------------------------------------------------------------------

    def _hear_serve(self, follows: bool) -> None:
        """Begin to serve; first wait for a copy of the identities if there is somebody to copy from."""
        if not follows:
            self.ready.set()

    def _hear_connection(
        self, number: int, arrived: bytes, address: str, is_tls: bool, is_led: bool, client: list | None, session: list | None,
        network: list | None, descriptor: int,
    ) -> None:  # fmt: skip
        shown, agreed = Client(*client) if client is not None else None, Session(*session) if session is not None else None
        within = Network(*network) if network is not None else None
        self.region.spawn(self._adopt(number, arrived, address, is_tls, is_led, shown, agreed, within, socket.socket(fileno=descriptor)))

    async def _adopt(
        self, number: int, arrived: bytes, address: str, is_tls: bool, is_led: bool, client: Client | None, session: Session | None,
        network: Network | None,
        connection: socket.socket,
    ) -> None:  # fmt: skip
        if not self.ready.is_set():
            await self.ready.wait()
        connection.setblocking(False)
        belonging = _Belonging(self.name, region_at(address) or self.default, is_led=is_led)
        belongs_elsewhere = belonging.is_elsewhere if network is None or network.public_ip else belonging.stays
        if balanced_at(address) is not None:
            belongs_elsewhere = partial(self._means_balancer, address)

        def hand_over(protocol: Connection, request: Request, arrived: bytes) -> None:
            self.channel.say(["elsewhere", number, arrived])
            protocol.is_lost = True
            protocol.transport.abort()  # closes our descriptor; the door's copy keeps the connection open

        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Connection(
                self.region.answer, belongs_elsewhere, hand_over, arrived, is_tls=is_tls, client=client, session=session, network=network
            ),
            connection,
        )

    def _means_balancer(self, address: str, request: Request) -> bool:
        """At the address of a load balancer it is meant, whatever name is asked for."""
        named = host_at(self.region.store.shelf(SHARED, HostName), address)
        request.address = Address(region=self.name, door=BALANCER, name=named.name if named is not None else address, path=request.path)
        return False

    def stand_at(self, address: str, is_there: bool) -> None:
        """Have the door listen at an address that a load balancer has to itself, or no more."""
        self.channel.say(["stand_at", address, is_there])

    def let_in(self, listener: socket.socket, network: Network) -> Callable[[], None]:
        """Have the door accept from a socket in a private network; answers how to end that."""
        number = next(self.numbers)
        self.channel.say(["let_in", number, list(network)], [listener.fileno()])
        listener.close()
        return lambda: self.channel.say(["keep_out", number])

    # Other regions --------------------------------------------------------------------------------

    def _hear_peer(self, name: str, conditions: dict, descriptor: int) -> None:
        self.peers.conditions[name] = msgspec.convert(conditions, Conditions)
        self.region.spawn(self._meet(name, socket.socket(fileno=descriptor)))

    async def _meet(self, name: str, end: socket.socket) -> None:
        peer = await self.peers.meet(name, end)
        if name == GLOBAL:
            peer.follow()
            await asyncio.wait([peer.following], timeout=FIRST_COPY_WITHIN_S)
            self.ready.set()

    def _hear_unreachable(self, name: str) -> None:
        self.peers.unreachable(name)

    def _hear_link(self, token: int, name: str, conditions: dict) -> None:
        self.peers.become(name, msgspec.convert(conditions, Conditions))
        self.channel.say(["done", token, True])

    def _hear_reset_link(self, name: str) -> None:
        self.peers.reset(name)

    # Faults and what is seen of them ----------------------------------------------------------------

    def _hear_faults(self, token: int, faults: list) -> None:
        self.region.suffer(msgspec.convert(faults, list[Fault]))
        self.channel.say(["done", token, True])

    async def inject(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        """A service here asks for a fault, as FIS does. Raises FaultRefused."""
        number = next(self.numbers)
        answer = self.wanted[number] = asyncio.get_running_loop().create_future()
        self.channel.say(["inject", number, what, asked])
        try:
            reply, refusal = await answer
        finally:
            del self.wanted[number]
        if refusal is not None:
            raise FaultRefused(refusal)
        return reply

    def _hear_injected(self, number: int, reply: dict, refusal: str | None) -> None:
        if number in self.wanted and not self.wanted[number].done():
            self.wanted[number].set_result((reply, refusal))

    def noted(self, kind: str, facts: dict[str, Any]) -> None:
        """News travel together. What happens at the rate of writes is told only while somebody watches."""
        if kind in FREQUENT and not self.region.is_watched:
            return
        if not self.news:
            asyncio.get_running_loop().call_later(NEWS_EVERY_S, self._tell_news)
        self.news.append({"kind": kind, **facts})

    def _tell_news(self) -> None:
        news, self.news = self.news, []
        self.channel.say(["news", news])

    def _hear_watch(self, is_watched: bool) -> None:
        self.region.is_watched = is_watched

    # What the admin door wants ---------------------------------------------------------------------

    def _hear_reset(self, token: int, account: str | None) -> None:
        # Not a task of the region's: a reset ends those.
        self.resetting = asyncio.get_running_loop().create_task(self._reset(token, account))

    async def _reset(self, token: int, account: str | None) -> None:
        await self.region.reset(account)
        self.channel.say(["done", token, None])

    def _hear_report(self, token: int) -> None:
        self.channel.say(["done", token, {**self.region.report(), "traffic": self.peers.traffic()}])

    def _hear_observed(self, token: int, name: str) -> None:
        self.channel.say(["done", token, self.region.gate.authorizer.observed(name)])

    def _hear_used(self, token: int) -> None:
        self.channel.say(["done", token, self.region.gate.ledger.told()])

    def _hear_service(self, token: int, service: str, message: Any) -> None:
        self.region.spawn(self._serve(token, service, message))

    async def _serve(self, token: int, service: str, message: Any) -> None:
        """A question to a service here, in the words in which its other regions ask it. It may be about what is still being copied."""
        await self.ready.wait()
        self.channel.say(["done", token, await self.region.heard("", service, message)])

    def _hear_measure(self, token: int, name: str, count: int, size_bytes: int) -> None:
        self.region.spawn(self._measure(token, name, count, size_bytes))

    async def _measure(self, token: int, name: str, count: int, size_bytes: int) -> None:
        try:
            self.channel.say(["done", token, await self.peers.measure(name, count, size_bytes)])
        except RegionUnreachable as error:
            self.channel.say(["done", token, {"unreachable": error.text}])

    def _hear_stop(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
