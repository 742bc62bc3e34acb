"""The networks in which environments of functions in a VPC are, and the doors there that EC2 lets be open.

Each environment has a network of its own, with the address of one of its function's interfaces. A server of the VPC has a door there as long as the
security groups, the network lists and the routes between the two let a connection through. They are asked again when anything has changed that
they go by, so that what is forbidden or allowed comes into force without a new environment. Who is connected when only a security group changes
stays so, because groups remember connections; where a network list or a route changes, what he says is not heard any more.
https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from kumoniwa.engines.lambda_runtime.runtimes import Runtimes
from kumoniwa.engines.vpc_network.network import Network, SwitchGone
from kumoniwa.gate import private_network
from kumoniwa.gate.network_way import INTERNET, endpoint_name
from kumoniwa.gate.private_network import Listening
from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.operation import service_names
from kumoniwa.services.lambda_.errors import EC2UnexpectedException
from kumoniwa.services.lambda_.function import Version
from kumoniwa.services.lambda_.vpc import SERVICE, Interface, connect, itself, keys_of

LOOPBACK = "127.0.0.1"
AGAIN_S = 5.0
"""How often is asked again while a gateway is being made, which takes its time at AWS's pace."""
_DECIDE = frozenset(("ec2", "rds", "elbv2"))
"""Services whose calls may change who reaches whom."""
_REMEMBERED = "security group"
"""How the layers begin that let those stay who are connected."""

Door = tuple[str, int]


class Place:
    """An environment's network, and what is open there: for each door the server behind it, and whether AWS is to be reached."""

    def __init__(self, account: str, interface: str, network: Network, aws: tuple[str, int]) -> None:
        self.account, self.interface, self.network = account, interface, network
        self.aws = aws
        """The address and port at which functions find AWS."""
        self.way_out: private_network.Network | None = None
        self.close_way: Callable[[], None] | None = None
        network.on_end = self.leave
        self.open: dict[Door, tuple[str, int]] = {}
        self.shut: dict[Door, bool] = {}
        """Doors that were open once, and whether those inside are held."""

    @property
    def is_gone(self) -> bool:
        return self.network.namespace < 0 or self.network.switch.is_over

    async def become(self, wanted: dict[Door, tuple[str, int]], held: dict[Door, bool]) -> None:
        """Have these doors be open and no others; ``held`` says of those that are not whether who is inside is held. A server that is there no
        more has its own way to say so."""
        for door, server in wanted.items():
            if self.open.get(door) != server:
                await self.network.open(*door, *server)
                self.open[door] = server
                self.shut.pop(door, None)
        for door in [*self.open.keys() - wanted.keys(), *self.shut]:
            is_held = held.get(door, False)
            if self.shut.get(door) != is_held:
                self.open.pop(door, None)
                await self.network.shut(*door, is_held=is_held)
                self.shut[door] = is_held

    async def lead(self, way: private_network.Network | None, outside: Outside) -> None:
        """Have requests to AWS come out as those of ``way``, or not at all."""
        if way == self.way_out or self.is_gone:
            return
        if self.close_way is not None:
            self.close_way()
            self.close_way = None
            await self.network.keep_out(*self.aws)
        self.way_out = way
        if way is not None:
            self.close_way = outside.let_in(await self.network.let_in(*self.aws), way)

    def leave(self) -> None:
        """Its environment has ended."""
        if self.close_way is not None:
            self.close_way()
            self.close_way = None


async def _is_something_pending(call: Call) -> bool:
    return any(each["State"] == "pending" for each in (await itself(call).ask("ec2:DescribeNatGateways"))["NatGateways"])


class Outside(Protocol):
    """Whoever lets requests into the cloud."""

    def let_in(self, listener: socket.socket, network: private_network.Network) -> Callable[[], None]: ...


class Networks:
    """Those of a region's functions."""

    def __init__(self, home: Any, runtimes: Runtimes, folder: Path) -> None:
        self.home, self.runtimes, self.folder = home, runtimes, folder
        reached = urlsplit(home.settings.endpoint)
        self.aws = (reached.hostname or LOOPBACK, reached.port or 443)
        self.places: list[Place] = []
        self.looking: dict[str, asyncio.Task] = {}
        """By account: who looks again at what is open."""
        self.is_stale: set[str] = set()
        self.turn = asyncio.Lock()
        """Held by who asks EC2 and does as it says: what was asked later is done later."""
        home.listen(self._hear)

    async def joined(self, version: Version, call: Call, daemon: int) -> Network:
        """A network for one more environment of a version that is in a VPC, and the port at which it finds the daemon of its traces, which is the
        environment's own wherever that is. Raises EC2UnexpectedException."""
        try:
            network = await self._join(version, call)
            await network.pass_datagrams(daemon, LOOPBACK, daemon)
            await network.open(LOOPBACK, daemon, LOOPBACK, daemon)
        except (SwitchGone, OSError) as error:
            raise EC2UnexpectedException(hint=str(error)) from None
        return network

    async def _join(self, version: Version, call: Call) -> Network:
        interface = await self._interface(call, version)
        hosts = self._hosts(call.account)
        network = await self.runtimes.network(interface.address, hosts)
        place = Place(call.account, interface.id, network, self.aws)
        self.places = [each for each in self.places if not each.is_gone] + [place]
        try:
            await network.keep_out(*self.aws)
            await self._settle(call, [place])
        except BaseException:
            await network.end()
            raise
        return network

    async def _interface(self, call: Call, version: Version) -> Interface:
        """One of those that the version is connected by, drawn for each environment. One that a kill has kept from being made is made now."""
        await connect(call, version.function, version.vpc)
        shelf = call.shelf(Interface)
        return shelf[call.ids.random.choice(keys_of(version.vpc))]

    def _hosts(self, account: str) -> str:
        """The file of names that functions of an account find where a machine has its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return str(self.folder / account)

    def uses(self, interface: str) -> bool:
        """Whether an environment is behind an interface."""
        return any(each.interface == interface and not each.is_gone for each in self.places)

    # What changes -----------------------------------------------------------------------------

    def _hear(self, fact: tuple) -> None:
        service, kind, account, detail = fact
        is_change = (service == CHANGED and detail in _DECIDE) or (service, kind) == (private_network.NETWORK, private_network.CHANGED)
        if is_change and any(each.account == account for each in self.places):
            self.is_stale.add(account)
            if account not in self.looking:
                self.looking[account] = task = self.home.spawn(self._look(account))
                task.add_done_callback(lambda _: self.looking.pop(account, None))

    async def _look(self, account: str) -> None:
        call = self.home.call("lambda", account, principals.service(SERVICE, account))
        while account in self.is_stale:
            await asyncio.sleep(0)  # whatever else is done in this turn counts, too
            self.is_stale.discard(account)
            self.places = [each for each in self.places if not each.is_gone]
            try:
                await self._settle(call, [each for each in self.places if each.account == account])
            except (SwitchGone, OSError):
                continue  # networks that ended meanwhile
        if any(each.account == account for each in self.places) and await _is_something_pending(call):
            asyncio.get_running_loop().call_later(AGAIN_S, self._stir, account)

    def _stir(self, account: str) -> None:
        self._hear((private_network.NETWORK, private_network.CHANGED, account, None))

    async def _settle(self, call: Call, places: list[Place]) -> None:
        """Open and shut doors as EC2 has it now."""
        async with self.turn:
            await self._follow(call, places)

    async def _follow(self, call: Call, places: list[Place]) -> None:
        servers = private_network.listening(call)
        self._name(call.account, servers)
        for interface in dict.fromkeys(place.interface for place in places):
            wanted: dict[Door, tuple[str, int]] = {}
            held: dict[Door, bool] = {}
            for server in servers:
                verdict = await private_network.judged(call, interface, address=server.address, port=server.port)
                for port in {server.port, server.told}:
                    door = (server.address, port)
                    if verdict["is_allowed"]:
                        wanted[door] = (server.host, server.at)
                    else:
                        held[door] = not verdict["layer"].startswith(_REMEMBERED)
            way = await self._way_out(call, interface)
            for place in places:
                if place.interface == interface and not place.is_gone:
                    await place.become(wanted, held)
                    await place.lead(way, self.home.outside)

    async def _way_out(self, call: Call, interface: str) -> private_network.Network | None:
        """How requests to AWS come out of an interface's network: under an address of their own, or through endpoints alone; None if not at all."""
        network = private_network.Network(call.account, self.home.name, interface)
        ways = self.home.gate.ways
        if (out := await ways.way(network, INTERNET)) is not None:
            return network._replace(public_ip=out.source)
        for name in sorted({endpoint_name(service) for service in service_names()}):
            if await ways.way(network, name) is not None:
                return network
        return None

    def _name(self, account: str, servers: list[Listening]) -> None:
        """Have the names be known of all who listen. The file is mounted where functions look, so that it stays the same one."""
        text = f"{LOOPBACK} localhost\n" + "".join(f"{each.address} {each.name}\n" for each in servers)
        path = self._hosts(account)
        try:
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    return
        except FileNotFoundError:
            pass
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, text.encode(), 0)
            os.ftruncate(descriptor, len(text.encode()))
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self.home.unlisten(self._hear)
        for place in self.places:
            place.leave()
