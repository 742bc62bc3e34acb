"""A whole cloud in the foreground: the folder, the fleet, the door, until somebody says stop."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable

from kumoniwa.cloud import trace_daemon
from kumoniwa.cloud.admin import Admin, Page
from kumoniwa.cloud.door import Door
from kumoniwa.cloud.fleet import Fleet
from kumoniwa.cloud.links import Links
from kumoniwa.cloud.tls import Certificates, authority, authority_certificate
from kumoniwa.gate.address import EDGE
from kumoniwa.gate.identity import ACCESS_KEY, new_key_id
from kumoniwa.gate.settings import Settings
from kumoniwa.kernel.ids import Ids
from kumoniwa.kernel.record import changed
from kumoniwa.wire.http import listen


class AlreadyRunning(Exception):
    """Another cloud lives in this folder."""


class Folder:
    """Where a cloud's state lives; locked while it does. A temporary one goes with the process."""

    def __init__(self, path: str | None) -> None:
        self.is_temporary = path is None
        if path is None:
            from kumoniwa.cloud import temporary  # noqa: PLC0415 - it brings compressors, and who keeps his state needs none

            path = temporary.made()
        self.path = path
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        self._lock = os.open(os.path.join(self.path, "lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(self.path)

    def seal(self) -> bytes:
        """The cloud's key, made on its first day."""
        return self._kept("seal", lambda: os.urandom(32))

    def root_key(self, account: str) -> tuple[str, str]:
        """Id and secret of the key by which an account's root enters a ``strict`` cloud. It belongs to the cloud and not to
        IAM's records, so that a reset locks nobody out; without its file there will be another one."""
        ids = Ids()
        pair = self._kept(f"root-key-{account}", lambda: f"{new_key_id(ids, ACCESS_KEY, account)} {ids.secret()}".encode())
        key_id, _, secret = pair.decode().partition(" ")
        return key_id, secret

    def authority(self) -> bytes:
        """The key and certificate of the cloud's own authority, made when somebody first speaks TLS or asks for it."""
        seal = self.seal()
        return authority(seal, self._kept("authority.pem", lambda: authority_certificate(seal)))

    def _kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A file for this user's eyes, made when it is first asked for."""
        path = os.path.join(self.path, name)
        if not os.path.exists(path):
            draft = path + ".new"
            descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            os.write(descriptor, make())
            os.fsync(descriptor)
            os.close(descriptor)
            os.replace(draft, path)
        with open(path, "rb") as file:
            return file.read()

    def regions(self) -> str:
        path = os.path.join(self.path, "regions")
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def close(self) -> None:
        if self.is_temporary:
            from kumoniwa.cloud import temporary  # noqa: PLC0415 - it was imported when the folder was made

            temporary.removed(self.path)
        os.close(self._lock)


def _free_port(host: str) -> int:
    """A port that nobody uses, over UDP or TCP, at this moment."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            stream.bind((host, 0))
            port = stream.getsockname()[1]
            try:
                datagrams.bind((host, port))
            except OSError:
                continue
            return port


async def serve(
    settings: Settings, host: str, port: int, dns_port: int, xray_port: int, links: Links, folder: Folder, page: Page,
    ready: Callable[[int], None],
) -> None:
    """Run a cloud until SIGTERM, SIGINT or ``kumoniwa down``. ``ready(port)`` is called when the first request may come,
    ``page(path)`` gives the console's pages."""
    loop = asyncio.get_running_loop()
    # The door holds one descriptor for each connection of every region.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listener = listen(host, port)
    port = listener.getsockname()[1]
    reached = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    dns = f"{reached}:{dns_port or _free_port(reached)}"
    settings = changed(settings, seal=folder.seal(), endpoint=f"http://{reached}:{port}", dns=dns)
    daemon = await trace_daemon.begin(settings, reached, xray_port)
    settings = changed(settings, xray=daemon.address)
    fleet = Fleet(settings, folder.regions(), links)
    stopping = asyncio.Event()
    certificates = Certificates(folder.authority)
    door = Door(fleet, listener, Admin(fleet, (host,), stopping.set, page, certificates), certificates)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGCHLD, fleet.reap)
    door.open()
    # Regions are forked from here: what is frozen is not touched by their collectors and stays shared.
    gc.freeze()
    ready(port)
    if os.path.exists(os.path.join(folder.regions(), EDGE)):
        fleet.needed(EDGE)  # names resolve before anybody asks a region
    await stopping.wait()
    await daemon.close()
    await fleet.stop()
    door.close()
