"""The one port of a cloud. It looks at the first request of a connection and passes the connection to the region it names.

The door keeps a copy of every descriptor it passes on. When a region is killed, its open connections therefore go dark
instead of being reset, as in a real outage; the copy is dropped when the client leaves or the region ends the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import select
import socket
import struct
import sys
from http import HTTPStatus
from typing import NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from kumoniwa.aws import regions
from kumoniwa.cloud.anycast import nearest
from kumoniwa.cloud.fleet import Fleet, Member, NoSuchRegion
from kumoniwa.cloud.hello import Incomplete, host_of
from kumoniwa.cloud.tls import HANDSHAKE, Certificates
from kumoniwa.gate.address import BALANCER, CONTROL, EDGE, is_admin, is_led, locate
from kumoniwa.gate.private_network import Network
from kumoniwa.gate.route import NoRoute
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.ids import Ids
from kumoniwa.wire.http import HEAD_BYTES_MAX, Application, Connection, listen
from kumoniwa.wire.message import Client, Request, Session
from kumoniwa.wire.secure import Ready, opened

HEAD_WITHIN_S = 30.0
LOOK_AGAIN_S = 0.005
ACCEPTED_AT_ONCE = 64
SHOWN_WITHIN_S = 5.0
"""A region that does not say in time which certificate it shows has one of the cloud's authority."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() a reset."""
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\n"
"""How a client begins that speaks HTTP/2 (RFC 9113, 3.4)."""
_MISSING = b"HTTP/2 needs h2: pip install 'kumoniwa[http2]'."
HTTP_2_MISSING = bytes.fromhex("000000 04 00 00000000" "000037 07 00 00000000" "00000000 0000000d") + _MISSING
"""SETTINGS and GOAWAY with the code HTTP_1_1_REQUIRED (RFC 9113, 6.5, 6.8 and 7), as long as the extra is not there."""


class InvalidSignatureException(AwsError):
    """What AWS answers to a region it does not have."""

    status = 400
    message = "Credential should be scoped to a valid region."


class NotOfAws(AwsError):
    code = "Forbidden"
    status = 403

    def __init__(self, host: str) -> None:
        super().__init__(f"This cloud is a proxy for names of AWS's alone, and {host} is none.")


class Origin(NamedTuple):
    """Of a connection whose other end is ours: the address at which its client came in, whether in TLS, whether it is a stream of HTTP/2,
    who its client has proved to be, and what was agreed upon in TLS."""

    address: str
    is_tls: bool
    is_stream: bool
    client: Client | None = None
    session: Session | None = None


class Door:
    def __init__(self, fleet: Fleet, listener: socket.socket, admin: Application, certificates: Certificates) -> None:
        self.fleet, self.listener, self.admin, self.certificates = fleet, listener, admin, certificates
        self.opened: WeakKeyDictionary[socket.socket, Origin] = WeakKeyDictionary()
        """The plain ends of encrypted connections, and those of streams."""
        self.sessions: WeakSet[asyncio.BaseProtocol] = WeakSet()
        """Of clients that speak HTTP/2."""
        self.loop = asyncio.get_running_loop()
        self.numbers, self.ids = itertools.count(1), Ids()
        self.watch = select.epoll()
        self.watched: dict[int, tuple[Member, int]] = {}
        """Descriptor of each copy, and whose connection it is."""
        self.addresses: dict[str, socket.socket] = {}
        """A listener at the address of each region in use."""
        self.stands: dict[str, socket.socket] = {}
        """Listeners at the addresses that load balancers have to themselves. One of a dead region is silent like its region."""
        self.networks: dict[tuple[str, int], tuple[socket.socket, list]] = {}
        """The listeners that regions have in private networks, and what those are, by region and number."""
        self.within: WeakKeyDictionary[socket.socket, list] = WeakKeyDictionary()
        """Connections that come from there."""
        fleet.on_elsewhere, fleet.on_gone, fleet.on_back = self._elsewhere, self._gone, self._came_back
        fleet.on_let_in, fleet.on_keep_out = self._let_in, self._keep_out
        fleet.on_stand = self._stand

    def open(self) -> None:
        self._listen(self.listener)
        self.loop.add_reader(self.watch.fileno(), self._ended)

    def close(self) -> None:
        for listener in (self.listener, *self.addresses.values(), *self.stands.values(), *(listener for listener, _ in self.networks.values())):
            self.loop.remove_reader(listener.fileno())
            listener.close()
        self.loop.remove_reader(self.watch.fileno())
        self.watch.close()
        for session in list(self.sessions):
            session.close()

    def _listen(self, listener: socket.socket, network: list | None = None) -> None:
        self.loop.add_reader(listener.fileno(), self._accept, listener, network)

    def _let_in(self, member: Member, number: int, network: list, descriptor: int) -> None:
        listener = socket.socket(fileno=descriptor)
        self.networks[member.name, number] = listener, network
        self._listen(listener, network)

    def _keep_out(self, member: Member, number: int) -> None:
        """Connections that were let out of the network end with its way out: other regions would not know that it is gone."""
        listener, network = self.networks.pop((member.name, number), (None, None))
        if listener is None:
            return
        self.loop.remove_reader(listener.fileno())
        listener.close()
        if Network(*network).public_ip:
            for connection in [each for each, its in self.within.items() if its is network]:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _stand(self, member: Member, address: str, is_there: bool) -> None:
        if not is_there:
            listener = self.stands.pop(address, None)
            if listener is not None:
                self.loop.remove_reader(listener.fileno())
                listener.close()
            return
        host, port = self.listener.getsockname()[:2]
        if address not in self.stands and host not in ("0.0.0.0", "::"):
            try:
                listener = self.stands[address] = listen(address, port)
            except OSError as error:
                print(f"kumoniwa: a load balancer of {member.name} has no address of its own, {address}:{port}: {error.strerror}", file=sys.stderr)
            else:
                self._listen(listener)

    def _gone(self, member: Member) -> None:
        """With a region its networks are gone."""
        for name, number in list(self.networks):
            if name == member.name:
                self._keep_out(member, number)
        self._reset_all(member)

    def _came_back(self, member: Member) -> None:
        """A region began a life: it is reached at its own address, and connections may be waiting for it."""
        host, port = self.listener.getsockname()[:2]
        # A door on every address of the machine has this one already.
        if member.address != regions.LOOPBACK and member.name not in self.addresses and host not in ("0.0.0.0", "::"):
            try:
                listener = self.addresses[member.name] = listen(member.address, port)
            except OSError as error:
                print(f"kumoniwa: {member.name} has no address of its own, {member.address}:{port}: {error.strerror}", file=sys.stderr)
            else:
                self._listen(listener)
        self._deliver_waiting(member)

    # Coming in ---------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket, network: list | None) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    # No descriptors left: rest a little instead of spinning on a connection we cannot take.
                    self.loop.remove_reader(listener.fileno())
                    self.loop.call_later(0.1, self._listen, listener, network)
                return
            if network is not None:
                self.within[connection] = network
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._look(connection, self.loop.time() + HEAD_WITHIN_S)

    def _look(self, connection: socket.socket, deadline: float) -> None:
        """Read the head of the first request without taking it from the socket."""
        self.loop.remove_reader(connection.fileno())
        try:
            head = connection.recv(HEAD_BYTES_MAX, socket.MSG_PEEK)
        except BlockingIOError:
            self.loop.add_reader(connection.fileno(), self._look, connection, deadline)
            return
        except OSError:
            head = b""
        if not head:
            connection.close()
        elif head[0] == HANDSHAKE and connection not in self.opened:
            self._secure(connection, head, deadline)
        elif head.startswith(b"CONNECT ") and b"\r\n\r\n" in head and connection not in self.opened:
            self._tunnel(connection, head, deadline)
        elif head.startswith(HTTP_2) and not self._origin(connection).is_stream:
            self._converse(connection)
        elif b"\r\n\r\n" in head or len(head) >= HEAD_BYTES_MAX or not 65 <= head[0] <= 90:
            # What does not begin as a method does (a capital letter) is no HTTP: the region says so at once.
            self._route(connection, head_of(head), b"")
        elif self.loop.time() > deadline:
            connection.close()
        else:
            # Waiting for more: the bytes stay in the socket, so readiness would be told at once and always.
            self.loop.call_later(LOOK_AGAIN_S, self._look, connection, deadline)

    def _tunnel(self, connection: socket.socket, head: bytes, deadline: float) -> None:
        """A client that takes this cloud for its proxy. So it finds names to which its SDK goes whatever endpoint it is given."""
        request = head_of(head)
        host = request.path.rpartition(":")[0]
        if _is_customers(host):
            self._refuse(connection, request, NotOfAws(host))
            return
        connection.recv(head.index(b"\r\n\r\n") + 4)
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._look(connection, deadline)

    def _secure(self, connection: socket.socket, head: bytes, deadline: float) -> None:
        try:
            host = host_of(head)
        except Incomplete:
            if self.loop.time() > deadline:
                connection.close()
            else:
                self.loop.call_later(LOOK_AGAIN_S, self._look, connection, deadline)
            return
        address, network = connection.getsockname()[0], self.within.get(connection)

        def ready(plain: socket.socket, certificate: bytes | None, session: Session | None) -> None:
            if network is not None:
                self.within[plain] = network
            client = Client(host, certificate) if host is not None and certificate is not None else None
            self.opened[plain] = Origin(address, is_tls=True, is_stream=False, client=client, session=session)
            self._look(plain, deadline)

        self.fleet.spawn(self._opened(connection, address, host, ready))

    async def _opened(self, connection: socket.socket, address: str, host: str | None, ready: Ready) -> None:
        may_be = regions.balanced_at(address) is not None or (host is not None and _may_be_brought(host))
        brought = await self._brought(address, host) if may_be else None
        name = host or address
        context = self.certificates.showing(f"{name} at {address}", name, *brought) if brought is not None else self.certificates.context(address)
        await opened(connection, context, ready, host)

    async def _brought(self, address: str, host: str | None) -> list | None:
        """What the region which will be asked shows under a customer's own name or a load balancer's, up to which certificates those of
        clients must lead, and on which terms TLS is spoken, if it has anything to say of the name."""
        said = locate(Request("GET", "/", "", {"host": host or ""}))
        balanced = regions.balanced_at(address)
        try:
            member = self.fleet.needed(balanced or said.region or regions.region_at(address) or self.fleet.settings.region)
        except NoSuchRegion:
            return None
        asked = {"host": said.name if said.door == BALANCER else host or ""} | ({"at": address} if balanced is not None else {})
        return await self.fleet.ask(member, "service", "acm", asked, within_s=SHOWN_WITHIN_S) if member.is_up else None

    def _converse(self, connection: socket.socket) -> None:
        """A client that speaks HTTP/2: each of its streams comes in as a connection."""
        try:
            from kumoniwa.cloud.http2 import Session  # noqa: PLC0415 - an extra, and only clients of HTTP/2 need it
        except ModuleNotFoundError:
            self._say_last(connection, HTTP_2_MISSING)
            return
        origin, network = self._origin(connection)._replace(is_stream=True), self.within.get(connection)

        def enter(stream: socket.socket) -> None:
            if network is not None:
                self.within[stream] = network
            self.opened[stream] = origin
            self._look(stream, self.loop.time() + HEAD_WITHIN_S)

        session = Session(enter)
        self.sessions.add(session)
        self.fleet.spawn(self.loop.connect_accepted_socket(lambda: session, connection))

    def _route(self, connection: socket.socket, request: Request, arrived: bytes) -> None:
        if is_admin(request) and connection not in self.within and regions.balanced_at(self._origin(connection).address) is None:
            self._serve_admin(connection, arrived)
        else:
            self._pass(connection, request, arrived)

    def _serve_admin(self, connection: socket.socket, arrived: bytes) -> None:
        origin = self.opened.get(connection)

        def leave(protocol: Connection, request: Request, body: bytes) -> None:
            ours = socket.socket(fileno=socket.dup(protocol.transport.get_extra_info("socket").fileno()))
            protocol.is_lost = True
            protocol.transport.abort()
            if origin is not None:
                self.opened[ours] = origin
            self._pass(ours, request, body)

        adopting = self.loop.connect_accepted_socket(
            lambda: Connection(self.admin, lambda request: not is_admin(request), leave, arrived), connection
        )
        task = self.loop.create_task(adopting)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _pass(self, connection: socket.socket, request: Request, arrived: bytes) -> None:
        """Hand a connection to the region of its request, or to the silence of one that was killed. One from a network that nothing leaves is its
        own region's, wherever it wants to go."""
        network = self.within.get(connection)
        if network is not None and not Network(*network).public_ip:
            self._hand(self.fleet.needed(Network(*network).region), connection, arrived)
            return
        balanced = regions.balanced_at(self._origin(connection).address)
        if balanced is not None:
            # Whatever name is asked for there, the balancer is meant.
            self._hand(self.fleet.needed(balanced), connection, arrived)
            return
        request.address = locate(request)
        here = regions.region_at(self._origin(connection).address) or self.fleet.settings.region
        if is_led(request.address):
            self.fleet.spawn(self._lead(connection, request, arrived, here))
            return
        try:
            member = self.fleet.needed(request.address.region or here)
        except NoSuchRegion as error:
            self._refuse(connection, request, InvalidSignatureException(hint=f"There is no region {error} in this cloud."))
            return
        self._hand(member, connection, arrived)

    async def _lead(self, connection: socket.socket, request: Request, arrived: bytes, here: str) -> None:
        """Hand a connection to the region to which the edge leads its request. Where there is no edge, it waits for it."""
        edge = self.fleet.needed(EDGE)
        asked = {"do": "where", "alias": request.address.name}
        active = await self.fleet.ask(edge, "service", CONTROL, asked, within_s=SHOWN_WITHIN_S) if edge.state == "running" else None
        if active is None:
            self._hand(edge, connection, arrived)
            return
        # Whom nobody knows, the region at whose address he came in says so.
        region = nearest(active, here, self.fleet.links, self._lives) if active else here
        self._hand(self.fleet.needed(region), connection, arrived, is_led=True)

    def _lives(self, region: str) -> bool:
        return self.fleet.member(region).state not in ("killed", "paused")

    def _hand(self, member: Member, connection: socket.socket, arrived: bytes, *, is_led: bool = False) -> None:
        if member.state == "killed" and member.loss != "blackhole":
            _end_by_reset(connection)
            return
        number = next(self.numbers)
        member.connections[number] = connection
        self.watched[connection.fileno()] = (member, number)
        self.watch.register(connection.fileno(), select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLET)
        if member.line is not None and member.is_up:
            self._tell(member, number, arrived, connection, is_led=is_led)
        else:
            member.waiting[number] = arrived

    def _deliver_waiting(self, member: Member) -> None:
        waiting, member.waiting = member.waiting, {}
        for number, arrived in waiting.items():
            connection = member.connections.get(number)
            if connection is not None:
                self._tell(member, number, arrived, connection)

    def _origin(self, connection: socket.socket) -> Origin:
        return self.opened.get(connection) or Origin(connection.getsockname()[0], is_tls=False, is_stream=False)

    def _tell(self, member: Member, number: int, arrived: bytes, connection: socket.socket, *, is_led: bool = False) -> None:
        origin = self._origin(connection)
        told = [origin.address, origin.is_tls, is_led, origin.client, origin.session, self.within.get(connection)]
        member.line.say(["connection", number, arrived, *told], [connection.fileno()])

    def _refuse(self, connection: socket.socket, request: Request, error: AwsError) -> None:
        response = NoRoute(request).refuse(error, self.ids.request_id())
        headers = {**response.headers, "x-kumoniwa-hint": ascii(error.hint), "Connection": "close", "Content-Length": len(response.body)}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        said = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{head}\r\n"
        self._say_last(connection, said.encode() + response.body)

    def _say_last(self, connection: socket.socket, said: bytes) -> None:
        try:
            connection.send(said)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client was faster
        self.loop.call_later(1.0, connection.close)

    # Going on and away ---------------------------------------------------------------------------------

    def _elsewhere(self, member: Member, number: int, arrived: bytes) -> None:
        connection = self._forget(member, number)
        if connection is not None:
            self._route(connection, head_of(arrived), arrived)

    def _forget(self, member: Member, number: int) -> socket.socket | None:
        connection = member.connections.pop(number, None)
        if connection is not None:
            self.watched.pop(connection.fileno(), None)
            try:
                self.watch.unregister(connection.fileno())
            except OSError:
                pass  # it ended this instant
        return connection

    def _ended(self) -> None:
        """The client has left, or the region has shut the connection down: drop our copy."""
        for descriptor, _ in self.watch.poll(0, 256):
            found = self.watched.get(descriptor)
            if found is not None:
                member, number = found
                connection = self._forget(member, number)
                if connection is not None:
                    connection.close()

    def _reset_all(self, member: Member) -> None:
        is_seen_gone = member.state == "killed" and member.loss != "blackhole"
        if is_seen_gone:
            member.waiting.clear()
        for number in list(member.connections):
            connection = None if number in member.waiting else self._forget(member, number)
            if connection is not None:
                _end_by_reset(connection)
        if is_seen_gone and member.loss == "refuse" and member.name in self.addresses:
            # Nobody listens there any more. On the port that all regions share, a reset must stand for it.
            listener = self.addresses.pop(member.name)
            self.loop.remove_reader(listener.fileno())
            listener.close()


def _may_be_brought(host: str) -> bool:
    """Whether somebody may have said what is shown under a host name: a customer's, or a load balancer's."""
    return locate(Request("GET", "/", "", {"host": host})).door == BALANCER or _is_customers(host)


def _is_customers(host: str) -> bool:
    """Whether a host name is neither AWS's nor this machine's."""
    address = locate(Request("GET", "/", "", {"host": host}))
    is_ours = address.door is not None or address.signing_name is not None or address.region is not None
    return not is_ours and host != "localhost" and not host.endswith(".localhost")


def _end_by_reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def head_of(head: bytes) -> Request:
    """Enough of a request to route by; the region parses it properly."""
    lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    target = rest.rpartition(" ")[0] or rest
    path, _, query = target.partition("?")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Request(method, path, query, headers)
