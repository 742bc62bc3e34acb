"""The process that opens doors in the networks of a region's environments, and passes on what comes in at them.

A door is a socket that listens in a network, at an address that is heard there only while a door of it is open. The socket was made by a thread
that is in that network; whoever accepts and answers, this process or somebody to whom the socket is lent, stays where the real servers are.
A door that is shut leaves nothing that could answer. Where its address must stay, as it is the loopback's or somebody is still inside, it is
``clogged``: it listens, but its queue is full, so that the kernel drops whoever calls as if nobody were there.

It is a fork of the zygote's, because only who shares its namespace of users may enter the networks of its children, and dies with it.
Orders and answers are JSON, one a message, with descriptors beside them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kumoniwa.engines.vpc_network import namespace

ORDER_BYTES_MAX = 1 << 14
WAITING_MAX = 1024
_DATAGRAM_BYTES_MAX = 65_535
LOOPBACK, ANY = "127.0.0.1", "0.0.0.0"


class _Side(asyncio.Protocol):
    """One end of what is passed on."""

    def __init__(self, passage: _Passage) -> None:
        self.passage, self.transport, self.is_full, self.has_said_all = passage, None, False, False
        self.early = b""
        """What it said before the other was there."""
        self.other: _Side

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.passage.is_over:
            transport.abort()
            return
        if self.other.early:
            transport.write(self.other.early)
        if self.other.has_said_all:
            transport.write_eof()
        self.passage.flow()

    def data_received(self, data: bytes) -> None:
        if self.other.transport is None:
            self.early += data
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.has_said_all = True
        if self.other.transport is not None and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return not self.other.has_said_all

    def pause_writing(self) -> None:
        self.is_full = True
        self.passage.flow()

    def resume_writing(self) -> None:
        self.is_full = False
        self.passage.flow()

    def connection_lost(self, error: Exception | None) -> None:
        self.passage.end(self, error)


class _Passage:
    """A connection through a door: who calls, and the server behind it."""

    def __init__(self, door: Door) -> None:
        self.door, self.caller, self.server = door, _Side(self), _Side(self)
        self.caller.other, self.server.other = self.server, self.caller
        self.is_over = False
        door.passages.add(self)

    def flow(self) -> None:
        """Read of each side what the other can take."""
        for side in (self.caller, self.server):
            transport = side.transport
            if transport is None or transport.is_closing() or side.has_said_all:
                continue
            may = not self.door.is_held and side.other.transport is not None and not side.other.is_full
            if may and not transport.is_reading():
                transport.resume_reading()
            elif not may and transport.is_reading():
                transport.pause_reading()

    async def meet(self, connection: socket.socket, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: self.caller, connection)
        try:
            await loop.create_connection(lambda: self.server, host, port)
        except OSError as error:
            self.end(self.server, error)

    def end(self, side: _Side, error: Exception | None) -> None:
        self.door.passages.discard(self)
        self.is_over = True
        other = side.other.transport
        if other is not None and not other.is_closing():
            other.abort() if error is not None else other.close()


class Listener:
    """A socket that listens at one address and port of a network. To plug and unplug it, and to make it, is the business of the thread inside."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.plug: socket.socket | None = None
        self.plugged: tuple[str, int] | None = None
        """Where the latest plug called from."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(WAITING_MAX)

    def clog(self) -> None:
        """Let it have a queue of one, which is full. Who waits there already is sent away: nobody would ever come for him."""
        if self.plug is None:
            self.socket.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.socket.accept()[0].close()
            self.plug = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.plug.connect_ex((LOOPBACK if self.address == ANY else self.address, self.port))  # done at once, unless the queue is full anyway
            self.plugged = self.plug.getsockname()

    def clear(self) -> None:
        """Who accepts finds the plug first, whose other end is closed."""
        if self.plug is not None:
            self.plug.close()
            self.plug = None
            self.socket.listen(WAITING_MAX)

    def close(self) -> None:
        for each in (self.socket, self.plug):
            if each is not None:
                each.close()


class Door:
    """Lets in whoever comes to a listener, for a server at another address of the machine's own."""

    def __init__(self) -> None:
        self.to: tuple[str, int] = ("", 0)
        self.listener: Listener | None = None
        self.passages: set[_Passage] = set()
        self.meetings: set[asyncio.Future] = set()
        self.is_open = self.is_held = False
        """A door that is held passes on nothing of what came through it before."""

    def open(self, listener: Listener) -> None:
        self.listener = listener
        if not self.is_open:
            self.is_open = True
            asyncio.get_running_loop().add_reader(listener.socket, self._accept)
        self.hold(False)

    def _accept(self) -> None:
        try:
            connection, caller = self.listener.socket.accept()
        except OSError:
            return
        if caller == self.listener.plugged:
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._go_on(_Passage(self).meet(connection, *self.to))

    def _go_on(self, meeting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(meeting)
        self.meetings.add(task)
        task.add_done_callback(self.meetings.discard)

    def hold(self, is_held: bool) -> None:
        self.is_held = is_held
        for passage in list(self.passages):
            passage.flow()

    def shut(self) -> None:
        """Accept nobody any more."""
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().remove_reader(self.listener.socket)

    def end(self) -> None:
        self.shut()
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def close(self) -> None:
        self.end()
        for passage in list(self.passages):
            for side in (passage.caller, passage.server):
                if side.transport is not None:
                    side.transport.abort()


class Datagrams:
    """What passes datagrams on, in one direction: nobody answers them."""

    def __init__(self, listener: socket.socket, to: tuple[str, int]) -> None:
        self.listener, self.to = listener, to
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asyncio.get_running_loop().add_reader(listener, self._pass)

    def _pass(self) -> None:
        try:
            self.sender.sendto(self.listener.recv(_DATAGRAM_BYTES_MAX), self.to)
        except OSError:
            pass  # nobody hears them there, as on any network

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.listener)
        self.listener.close()
        self.sender.close()


class Network:
    """One environment's, by the descriptor of its namespace."""

    def __init__(self, number: int) -> None:
        self.namespace = number
        self.doors: dict[tuple[str, int], Door] = {}
        self.datagrams: dict[int, Datagrams] = {}
        self.lent: dict[int, Listener] = {}
        """Sockets that somebody else accepts from."""

    def heard(self) -> set[str]:
        return {address for (address, _), door in self.doors.items() if door.listener is not None}

    def close(self) -> None:
        for each in (*self.doors.values(), *self.datagrams.values(), *self.lent.values()):
            each.close()
        os.close(self.namespace)


class Switch:
    def __init__(self, region: socket.socket) -> None:
        self.region = region
        self.networks: dict[int, Network] = {}
        self.inside = ThreadPoolExecutor(1)
        """The one thread that goes from network to network."""

    async def _within(self, network: Network | None, act: Callable[[], Any]) -> Any:
        def do() -> Any:
            if network is not None:
                namespace.enter(network.namespace)
            return act()

        return await asyncio.get_running_loop().run_in_executor(self.inside, do)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self.region.setblocking(False)
        orders: asyncio.Queue[bytes] = asyncio.Queue()

        def hear() -> None:
            try:
                orders.put_nowait(self.region.recv(ORDER_BYTES_MAX))
            except BlockingIOError:
                pass
            except OSError:
                orders.put_nowait(b"")

        loop.add_reader(self.region, hear)
        while body := await orders.get():
            order = json.loads(body)
            number = order.pop("n")
            try:
                lent = await getattr(self, f"do_{order.pop('do')}")(**order)
                answer, descriptors = {"n": number}, [] if lent is None else [lent]
            except OSError as error:
                answer, descriptors = {"n": number, "error": str(error)}, []
            try:
                socket.send_fds(self.region, [json.dumps(answer).encode()], descriptors)
            except BlockingIOError:
                os._exit(1)  # the region has not heard thousands of answers: it is no more
            except OSError:
                return

    async def do_begin(self, network: int, own: str) -> int:
        def act() -> int:
            made = namespace.new()
            namespace.furnish(own)
            return made

        self.networks[network] = held = Network(await self._within(None, act))
        return held.namespace

    async def do_open(self, network: int, address: str, port: int, to: list) -> None:
        held = self.networks[network]
        door = held.doors.get((address, port))
        if door is None:
            door = held.doors[address, port] = Door()
        door.to = (to[0], to[1])
        listener, is_heard = door.listener, _is_own(address) or address in held.heard()

        def act() -> Listener:
            if not is_heard:
                namespace.add(address)
            if listener is None:
                return Listener(address, port)
            listener.clear()
            return listener

        if not door.is_open:
            door.open(await self._within(held, act))

    async def do_shut(self, network: int, address: str, port: int, is_held: bool) -> None:
        """Whoever is inside a door that is shut and not held stays at an address that is heard; nobody follows him."""
        held = self.networks[network]
        door = held.doors.get((address, port))
        if door is None or not (door.is_open or is_held):
            return
        door.shut()
        door.hold(is_held)
        if door.passages and not is_held:
            await self._within(held, door.listener.clog)
            return
        door.end()
        if not door.passages:
            del held.doors[address, port]
        if not _is_own(address) and address not in held.heard():
            await self._within(held, lambda: namespace.remove(address))

    async def do_datagrams(self, network: int, port: int, to: list) -> None:
        held = self.networks[network]
        if port not in held.datagrams:

            def act() -> socket.socket:
                made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                made.bind((LOOPBACK, port))
                return made

            held.datagrams[port] = Datagrams(await self._within(held, act), (to[0], to[1]))

    async def do_let_in(self, network: int, address: str, port: int) -> int:
        held = self.networks[network]
        found = held.lent.get(port)

        def act() -> Listener:
            if found is None:
                return _anywhere(address, port)
            found.clear()
            return found

        held.lent[port] = await self._within(held, act)
        return held.lent[port].socket.fileno()

    async def do_keep_out(self, network: int, address: str, port: int) -> None:
        held = self.networks[network]
        found = held.lent.get(port)

        def act() -> Listener:
            kept = found or _anywhere(address, port)
            kept.clog()
            return kept

        held.lent[port] = await self._within(held, act)

    async def do_end(self, network: int) -> None:
        self.networks.pop(network).close()


def _anywhere(address: str, port: int) -> Listener:
    """At whichever address of this machine's, one of which may not be the loopback's."""
    if not _is_own(address) and address != "localhost":
        namespace.add(address)
    return Listener(ANY, port)


def _is_own(address: str) -> bool:
    """Whether an address is heard in every network."""
    return address.startswith("127.")


def main(descriptor: int) -> None:
    """Serve the region at the other end until it is gone."""
    asyncio.run(Switch(socket.socket(fileno=descriptor)).run())
    os._exit(0)
