"""One server of a database as its region sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, ClassVar

from kumoniwa.engines.child import ended
from kumoniwa.engines.database.program import ServerFailed, begin
from kumoniwa.kernel.clock import outside

READY_WITHIN_S = 300.0
"""A server that was killed under heavy writes has much to read again."""
STOPPED_WITHIN_S = 20.0
_LINE_BYTES_MAX = 1 << 16


class Server:
    """``folder`` holds ``data`` and the server's logs. ``on_ended`` is called with its last words when it ended without being asked to."""

    keeper_module: ClassVar[str]
    """Whose ``main`` is the keeper's."""

    def __init__(self, folder: str, seal: bytes, on_ended: Callable[[str], None] = lambda _: None) -> None:
        self.folder, self.seal, self.on_ended = folder, seal, on_ended
        self.keeper: asyncio.subprocess.Process | None = None
        self.port = self.pid = 0
        self.is_ready = False
        self.turn = asyncio.Lock()
        """Held by who starts it."""
        self._is_wanted = False
        self._ended: asyncio.Future[str] | None = None
        self._hearing: asyncio.Task | None = None

    @property
    def data(self) -> str:
        return os.path.join(self.folder, "data")

    @property
    def is_running(self) -> bool:
        return self.keeper is not None and self._ended is not None and not self._ended.done()

    def order(self, port: int) -> dict[str, Any]:
        """What its keeper is told besides: ``command``, ``log``."""
        raise NotImplementedError

    async def start(self, hosts: list[str], port: int, certificate: bytes, *, demands_tls: bool, is_port_known: bool = False) -> None:
        """Serve at ``port``, if it is not 0, or at another that is free, at all of the addresses. Raises ServerFailed."""
        order = {
            "data": self.data, "lock": os.path.join(self.folder, "lock"), "hosts": hosts, "port": port, "certificate": certificate.decode(),
            "demands_tls": demands_tls, "is_port_known": is_port_known, **self.order(port),
        }  # fmt: skip
        pipe = asyncio.subprocess.PIPE
        self.is_ready, self._is_wanted, self._ended = False, True, asyncio.get_running_loop().create_future()
        with outside():
            self.keeper = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-X", "utf8", "-c", begin(self.keeper_module, "main"), str(os.getpid()), stdin=pipe, stdout=pipe,
                env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C.UTF-8"}, start_new_session=True, limit=_LINE_BYTES_MAX,
            )  # fmt: skip
            self.say(order)
            ready = asyncio.get_running_loop().create_future()
            self._hearing = asyncio.ensure_future(self._hear(ready))
            try:
                async with asyncio.timeout(READY_WITHIN_S):
                    await ready
            except BaseException as error:
                ready.cancel()
                await self.kill()
                if isinstance(error, TimeoutError):
                    raise ServerFailed("the server was not ready in time") from None
                raise

    def say(self, wish: dict[str, Any]) -> None:
        self.keeper.stdin.write(json.dumps(wish).encode() + b"\n")  # type: ignore[union-attr]

    async def _hear(self, ready: asyncio.Future[None]) -> None:
        """What the keeper tells, until it is gone."""
        words, keeper, told_end = "the keeper of the server ended", self.keeper, self._ended
        while line := await keeper.stdout.readline():  # type: ignore[union-attr]
            told = json.loads(line)
            if "port" in told:
                self.port, self.pid = told["port"], told["pid"]
            elif "ready" in told:
                self.is_ready = True
                if not ready.done():
                    ready.set_result(None)
            elif "log" in told:
                words = told["log"]
            else:
                self.heard(told)
        self.is_ready = False
        await keeper.wait()  # type: ignore[union-attr]
        told_end.set_result(words)  # type: ignore[union-attr]
        if not ready.done():
            ready.set_exception(ServerFailed(words[-1_000:]))
        elif self._is_wanted:
            self.on_ended(words)

    def heard(self, told: dict[str, Any]) -> None:
        """What its keeper tells besides."""

    async def stop(self) -> None:
        """End it in good order: sessions are ended, transactions under way are undone, what is in memory is written."""
        if not self.is_running:
            return
        self._is_wanted = False
        with outside():
            with contextlib.suppress(ConnectionError):
                self.say({"do": "stop"})
            try:
                async with asyncio.timeout(STOPPED_WITHIN_S):
                    await asyncio.shield(self._ended)  # type: ignore[arg-type]
            except TimeoutError:
                pass
        await self.kill()

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._is_wanted = False
        keeper, self.keeper = self.keeper, None
        if keeper is None:
            return
        await ended(keeper)
        if self._hearing is not None:
            with outside():
                await asyncio.wait([self._hearing])
        keeper._transport.close()  # type: ignore[attr-defined]


async def copied(source: str, target: str, *but: str) -> None:
    """Copy the data of a server that does not run, without some names. Raises ServerFailed."""
    try:
        await asyncio.to_thread(shutil.copytree, source, target, symlinks=True, ignore=shutil.ignore_patterns(*but))
    except OSError as error:
        raise ServerFailed(str(error)) from None
