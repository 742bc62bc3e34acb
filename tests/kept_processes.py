"""What outlives a test's cloud and serves the next, because to make it costs more than most tests do: child processes, and a database's first data."""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
import sys
import tempfile
from typing import Any

from kumoniwa.deploy.workshop import LINE_BYTES_MAX, Workshop
from kumoniwa.engines.database.golden import Golden
from kumoniwa.engines.lambda_runtime.nursery import Nursery

QUIET_WITHIN_S = 5.0
_ZYGOTES: list[tuple[subprocess.Popen, socket.socket]] = []
_BENCHES: list[Bench] = []
_GOLDEN: list[tempfile.TemporaryDirectory] = []


class KeptNursery(Nursery):
    """A nursery whose zygote goes to the next when all that was born of it is dead."""

    def warm(self) -> None:
        if self.zygote is None and _ZYGOTES:
            self.zygote, self.socket = _ZYGOTES.pop()
            self.loop.add_reader(self.socket, self._read)
        super().warm()

    def close(self) -> None:
        while self.zygote is not None and self.zygote.poll() is None:
            for process in self.living.values():
                process.crash()
            if not self.orders and not self.living:
                self.loop.remove_reader(self.socket)
                _ZYGOTES.append((self.zygote, self.socket))
                self.zygote = self.socket = None
            elif select.select([self.socket], [], [], QUIET_WITHIN_S)[0]:
                self._read()
            else:
                break
        super().close()


class Bench:
    """A workbench at the other end of a socket, as ``Workshop`` wants its child."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.process = subprocess.Popen([sys.executable, "-m", "kumoniwa.deploy.workbench"], stdin=theirs, stdout=theirs)
        theirs.close()

    async def connect(self) -> Bench:
        """Serve the loop that runs now."""
        self.stdout, self.stdin = await asyncio.open_connection(sock=self.socket.dup(), limit=LINE_BYTES_MAX)
        return self

    @property
    def returncode(self) -> int | None:
        return self.process.poll()

    def kill(self) -> None:
        self.stdin.transport.abort()
        self.socket.close()
        self.process.kill()
        self.process.wait()


class KeptWorkshop(Workshop):
    """A workshop whose child goes to the next unless it was left in the middle of an answer."""

    async def _started(self) -> Any:
        return await (_BENCHES.pop() if _BENCHES else Bench()).connect()

    def _kill(self) -> None:
        child, self.child = self.child, None
        if child is None:
            return
        if self.turn.locked() or child.returncode is not None:
            child.kill()
        else:
            child.stdin.transport.abort()
            _BENCHES.append(child)

    async def close(self) -> None:
        self._stay()
        self._kill()


def kept(golden: type[Golden]) -> type[Golden]:
    """An engine's data that databases begin with, which is the same in all clouds of one seal."""

    class Kept(golden):  # type: ignore[misc, valid-type]
        def __init__(self, folder: str, seal: bytes) -> None:
            if not _GOLDEN:
                _GOLDEN.append(tempfile.TemporaryDirectory(prefix="kumoniwa-golden-"))
            super().__init__(_GOLDEN[0].name, seal)

    return Kept


def forget() -> None:
    """Remove what lies on the disk: a worker of pytest-xdist ends without goodbye."""
    for folder in _GOLDEN:
        folder.cleanup()
