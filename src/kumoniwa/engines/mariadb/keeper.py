"""The process that keeps one MariaDB server: it takes the ports for it, and can have it stand still.

The server gets its listening sockets as systemd would give them, and says by systemd's protocol when it is ready. It has its certificate from memory.
https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html, …/sd_notify.html
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from typing import Any

from kumoniwa.engines.database import keeper, own_folder

SOCKET = ".s.mariadb"
_FIRST = 3
"""The descriptor of the first socket."""
_LOOK_S = 0.001
_BACKLOG = 128


class Keeper(keeper.Keeper):
    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told_at = f"@kumoniwa-{os.getpid()}-{secrets.token_hex(8)}"
        self.told.bind("\0" + self.told_at[1:])
        self.told.setblocking(False)
        self.own: list[socket.socket] = []

    def cleared(self) -> None:
        if os.path.lexists(SOCKET):
            os.unlink(SOCKET)

    def handed(self, listening: list[socket.socket]) -> tuple[list[int], dict[str, str]]:
        own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        own.bind(SOCKET)
        os.chmod(SOCKET, 0o600)
        own.listen(_BACKLOG)
        self.own = [own, *listening]
        certificate = os.memfd_create("certificate")
        os.write(certificate, self.order["certificate"].encode())
        path = f"/proc/self/fd/{_FIRST + len(self.own)}"
        self.order["command"] += [f"--port={listening[0].getsockname()[1]}", f"--socket={SOCKET}", f"--ssl-cert={path}", f"--ssl-key={path}"]
        return [*(each.fileno() for each in self.own), certificate], {"LISTEN_FDS": str(len(self.own)), "NOTIFY_SOCKET": self.told_at}

    def shut(self) -> None:
        own_folder.keep_to(os.path.dirname(self.folder))

    async def open(self, listening: list[socket.socket]) -> list[Any]:
        for each in self.own:
            each.close()  # with the server they end
        return []

    async def ready(self) -> None:
        while b"READY=1" not in (await asyncio.get_running_loop().sock_recv(self.told, 4_096)).splitlines():
            pass

    async def do(self, wish: dict[str, Any]) -> None:
        if wish["do"] == "stop":
            os.kill(self.pid, signal.SIGTERM)
        elif wish["do"] == "stand":
            os.kill(self.pid, signal.SIGSTOP)
            while os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
                await asyncio.sleep(_LOOK_S)  # until the last of its threads does
            self.say(stands=True)
        elif wish["do"] == "go on":
            os.kill(self.pid, signal.SIGCONT)


def main() -> None:
    keeper.serve(Keeper)
