"""The process that keeps one server of a database: it starts it, lets its clients in, and takes it along when it ends, however it ends.

Servers refuse to run as root, or had better not, and one whose parent was killed lets its sessions go on for a while. So the server is the first process
of a process namespace of its own, in a user namespace where nobody is root: whoever we are owns its files there as before, and no other user
is needed who could not read our folders. When the keeper dies, the kernel kills the server with all its sessions at once. Where the kernel
gives no namespaces an ordinary user's server runs without; its sessions then end as soon as they next look for their parent.

It is told its order and then wishes by lines of JSON at its stdin, and tells what becomes of it at its stdout. The end of stdin is the region's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import sys
import zlib
from collections.abc import Callable
from typing import Any

from kumoniwa.engines.lambda_runtime.frames import die_with_parent

_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID = 0x0800_0000, 0x1000_0000, 0x2000_0000
USER = 1000
"""Who root is in there: anybody but root."""
_TAIL_BYTES = 4_096
_PORTS, _TRIED, _WAITED_S, _LOOK_S = 12_000, 100, 5.0, 0.01
_BEYOND = 100
"""Where no descriptor of ours is."""


class NoNamespace(Exception):
    """This kernel gives none, and root cannot do without."""


def isolate() -> bool:
    """Go into namespaces whose next child is their first process; answers whether we did. Raises NoNamespace."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWIPC) != 0:
        if user == 0:
            raise NoNamespace
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user or USER} {user} 1"), ("gid_map", f"{group or USER} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return True


def probe() -> None:
    """End with 0 if a server can run as whoever we are."""
    try:
        isolate()
    except (NoNamespace, OSError):
        os._exit(1)


def _spawn(command: list[str], folder: str, log: str, handed: list[int], more: dict[str, str], shut: Callable[[], None]) -> int:
    """Start the server, with its words appended to a file and ``handed`` as its descriptors from the third on, after ``shut``; answers its pid."""
    keeper = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        shut()
        os.chdir(folder)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        above = [fcntl.fcntl(each, fcntl.F_DUPFD, _BEYOND) for each in handed]
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for place, each in enumerate(above, 3):
            os.dup2(each, place)
        if keeper == os.getppid():
            die_with_parent(keeper)
        else:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # from within a namespace, its keeper has no number
        os.execve(command[0], command, {**os.environ, **more, "LISTEN_PID": str(os.getpid())})
    finally:
        os._exit(127)


def _bound(hosts: list[str], port: int) -> list[socket.socket]:
    """A socket at each address, with one port. Raises OSError if somebody has it."""
    found: list[socket.socket] = []
    try:
        for host in hosts:
            each = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            found.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                each.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                found.pop().close()  # this machine does not have that address
                continue
            each.listen(128)
            port = each.getsockname()[1]
    except OSError:
        for each in found:
            each.close()
        raise
    return found


def _reserved() -> range:
    """Ports that this machine gives nobody who does not ask for them by number."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            first = int(file.read().split()[0])
    except (OSError, ValueError):
        first = 32_768
    return range(max(1_024, first - _PORTS), first)


async def listening(hosts: list[str], port: int, name: str, *, is_known: bool) -> list[socket.socket]:
    """At that port, if it is not 0, or at another that is free. Clients may know it for long and find its server gone meanwhile, so that it must not become anybody
    else's by chance; one that ``is_known`` to them is waited for a while if somebody has it."""
    reserved = _reserved()
    place = zlib.crc32(name.encode()) % max(1, len(reserved))
    loop = asyncio.get_running_loop()
    until = loop.time() + (_WAITED_S if is_known else 0.0)
    while port:
        try:
            return _bound(hosts, port)
        except OSError:
            if loop.time() >= until:
                break
        await asyncio.sleep(_LOOK_S)
    for each in (*reserved[place : place + _TRIED], 0):
        with contextlib.suppress(OSError):
            return _bound(hosts, each)
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


class Keeper:
    """What of it is an engine's own: how it lets clients in, how it sees that its server is ready, and what it does for its region."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.folder = order["data"]
        self.pid = 0

    def cleared(self) -> None:
        """Remove what a server of an earlier life left, in whose folder we are."""

    def handed(self, listening: list[socket.socket]) -> tuple[list[int], dict[str, str]]:
        """Descriptors and variables that the server gets."""
        return [], {}

    def shut(self) -> None:
        """Take from what will be the server what it shall not have."""

    async def open(self, listening: list[socket.socket]) -> list[Any]:
        """Let clients in at these, if the server does not itself; answers what is to be closed when it ends."""
        return []

    async def ready(self) -> None:
        """Wait until the server takes sessions."""
        raise NotImplementedError

    async def do(self, wish: dict[str, Any]) -> None:
        raise NotImplementedError

    def say(self, **facts: Any) -> None:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        doors = await listening(self.order["hosts"], self.order["port"], self.folder, is_known=self.order["is_port_known"])
        self._wait_for_the_last()
        os.chdir(self.folder)  # sockets have short names only
        self.cleared()
        handed, variables = self.handed(doors)
        self.pid = _spawn(self.order["command"], self.folder, self.order["log"], handed, variables, self.shut)
        self.say(port=doors[0].getsockname()[1], pid=self.pid)
        ended = asyncio.Event()
        watched = os.pidfd_open(self.pid)
        loop.add_reader(watched, ended.set)
        servers = await self.open(doors)
        hearing = asyncio.ensure_future(self._hear())
        looking = asyncio.ensure_future(self._look())
        await ended.wait()
        for server in servers:
            server.close()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.say(ended=status, log=self._tail())
        for task in (hearing, looking):
            task.cancel()

    def _wait_for_the_last(self) -> None:
        """Hold a lock that every process of the server inherits. So none is begun while one of an earlier life still ends: what PostgreSQL looks at
        for that does not show across namespaces."""
        lock = os.open(self.order["lock"], os.O_CREAT | os.O_RDWR, 0o600)
        os.set_inheritable(lock, True)
        fcntl.flock(lock, fcntl.LOCK_EX)

    async def _look(self) -> None:
        await self.ready()
        self.say(ready=True)

    async def _hear(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            wish = json.loads(line)
            await self.do(wish)
        os.kill(self.pid, signal.SIGKILL)

    def _tail(self) -> str:
        with open(self.order["log"], "rb") as file:
            file.seek(max(0, os.path.getsize(self.order["log"]) - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")


def alone() -> None:
    """Run a program of a package that ends by itself, such as initdb, with our ends as its own."""
    isolate()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.execv(sys.argv[1], sys.argv[1:])
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


def serve(make: Callable[[dict[str, Any]], Keeper]) -> None:
    """Be the keeper of the process whose number is our argument."""
    parent = int(sys.argv[1])
    order = json.loads(sys.stdin.buffer.raw.readline())  # type: ignore[attr-defined]
    isolate()
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's is for the cloud, which says what to do
    asyncio.run(make(order).run())
