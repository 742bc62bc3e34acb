"""The process that keeps one PostgreSQL server: clients speak to it first, because it opens TLS."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Any

from kumoniwa.engines.database import keeper
from kumoniwa.engines.postgresql import front

_LOOK_S = 0.01
_SOCKET = ".s.PGSQL.5432"


class Keeper(keeper.Keeper):
    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        self.guard = front.Guard(certificate=order["certificate"].encode(), socket=_SOCKET)
        self.guard.demands_tls = order["demands_tls"]

    def cleared(self) -> None:
        for name in (_SOCKET, f"{_SOCKET}.lock", "postmaster.pid"):
            if os.path.lexists(name):
                os.unlink(name)  # of an earlier life, which ended with its keeper

    def handed(self, listening: list[socket.socket]) -> tuple[list[int], dict[str, str]]:
        return [], self.order["environment"]

    async def open(self, listening: list[socket.socket]) -> list[Any]:
        loop = asyncio.get_running_loop()
        return [await loop.create_server(lambda: front.Client(self.guard), sock=each) for each in listening]

    async def ready(self) -> None:
        """It writes so into a file."""
        while True:
            try:
                with open("postmaster.pid") as file:
                    lines = file.read().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) > 7 and lines[7].strip() == "ready":
                return
            await asyncio.sleep(_LOOK_S)

    async def do(self, wish: dict[str, Any]) -> None:
        if wish["do"] == "stop":
            os.kill(self.pid, signal.SIGINT)
        elif wish["do"] == "reload":
            self.guard.demands_tls = wish["demands_tls"]
            os.kill(self.pid, signal.SIGHUP)


def main() -> None:
    keeper.serve(Keeper)
