"""A proxy's process as its region sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from kumoniwa.engines.child import ended
from kumoniwa.kernel.clock import outside

SET_WITHIN_S = 30.0
LINE_BYTES_MAX = 1 << 22
REGISTERING = ("REGISTERING", "", "")


class Proxy:
    """``package`` is the protocol's own; ``hear`` is told what the process says by itself, ``on_ended`` that it ended without being asked to."""

    def __init__(self, package: str, hear: Callable[[dict[str, Any]], None], on_ended: Callable[[], None]) -> None:
        self.package, self._hear_fact, self._on_ended = package, hear, on_ended
        self.health: tuple[str, str, str] = REGISTERING
        """Of its target, as far as it was heard: state, reason, words."""
        self.process: asyncio.subprocess.Process | None = None
        self.config: dict[str, Any] | None = None
        """What it was last told."""
        self.certificate: tuple[tuple[str, ...], str] | None = None
        """That of its endpoints, and for which names it is."""
        self._hearing: asyncio.Task | None = None
        self._set: asyncio.Future[dict[str, Any]] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._turn = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None and self._hearing is not None and not self._hearing.done()

    async def start(self) -> None:
        self.config = None
        pipe = asyncio.subprocess.PIPE
        here = __file__.rsplit(os.sep, 4)[0]
        program = f"import sys; {here!r} in sys.path or sys.path.insert(0, {here!r}); from kumoniwa.engines.{self.package} import keeper; keeper.main()"
        with outside():
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-X", "utf8", "-c", program, str(os.getpid()), stdin=pipe, stdout=pipe,
                env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C.UTF-8"}, start_new_session=True, limit=LINE_BYTES_MAX,
            )  # fmt: skip
        self._hearing = asyncio.ensure_future(self._hear())

    def say(self, wish: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):
            self.process.stdin.write(json.dumps(wish).encode() + b"\n")  # type: ignore[union-attr]

    async def configure(self, config: dict[str, Any]) -> list[list[str]]:
        """Answers the endpoints that could not be opened, each with the reason, once all others are."""
        async with self._turn:
            if self.config is None or self.config["folder"] != config["folder"]:
                self.health = REGISTERING
            self.config, self._set = config, asyncio.get_running_loop().create_future()
            self.say({"config": config})
            with outside():
                async with asyncio.timeout(SET_WITHIN_S):
                    return (await self._set)["failed"]

    async def figures(self) -> dict[str, Any] | None:
        """What it counted since it was last asked; None if it is gone."""
        self._count += 1
        number, answer = self._count, asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self.say({"figures": number})
        with outside():
            try:
                async with asyncio.timeout(SET_WITHIN_S):
                    return await answer
            except TimeoutError:
                return None
            finally:
                del self._waiting[number]

    async def _hear(self) -> None:
        process = self.process
        while line := await process.stdout.readline():  # type: ignore[union-attr]
            fact = json.loads(line)
            if "listens" in fact:
                if self._set is not None and not self._set.done():
                    self._set.set_result(fact)
            elif "figures" in fact:
                if (answer := self._waiting.get(fact["answer"])) is not None and not answer.done():
                    answer.set_result(fact["figures"])
            elif "health" in fact:
                self.health = tuple(fact["health"])
            else:
                self._hear_fact(fact)
        await process.wait()  # type: ignore[union-attr]
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)
        if self._set is not None and not self._set.done():
            self._set.set_exception(ConnectionResetError("the proxy's process ended"))
        if self.process is process:
            self.health = REGISTERING
            self._on_ended()

    async def stop(self) -> None:
        process, self.process, self.config, self.health = self.process, None, None, REGISTERING
        if process is None:
            return
        await ended(process)
        if self._hearing is not None:
            with outside():
                await asyncio.wait([self._hearing])
        process._transport.close()  # type: ignore[attr-defined]
