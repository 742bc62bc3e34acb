"""A warm child process in which the heavy, pure stages of a deploy run.

Reading a megabyte of YAML, the SAM transform and a thousand resource checks each cost far more than the 20 ms a region's
loop may spend, and all of them are functions from text to data. One line of JSON goes in, one comes out. The child is
started on first use, ends when its input does, and is started again if it died. `workbench` is its other end.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import orjson

from kumoniwa.deploy.macros import ANSWERS_MAX, TransformFailed
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.engines.child import ended
from kumoniwa.kernel.clock import outside
from kumoniwa.kernel.errors import AwsError, InternalFailure, NotImplementedHere, ValidationError

LINE_BYTES_MAX = 64 * 1024 * 1024
ANSWER_S_MAX = 120.0
IDLE_S_MAX = 300.0
"""A child that has drawn SAM templates holds some 100 MB; it goes when nobody needed it for so long."""


Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def _opened(reply: dict[str, Any]) -> dict[str, Any]:
    if refused := reply.get("refused"):
        error: AwsError
        if refused["code"] == "NotImplemented":
            error = NotImplementedHere(refused["text"])
        elif refused["code"] == "TransformFailed":
            error = TransformFailed(refused["text"], hint=refused["hint"])
        else:
            error = ValidationError(refused["text"], hint=refused["hint"])
        raise error
    if "done" not in reply:
        raise InternalFailure
    return reply["done"]


class Workshop:
    """The parent's end. One request at a time; `close` ends the child."""

    def __init__(self) -> None:
        self.child: asyncio.subprocess.Process | None = None
        self.turn = asyncio.Lock()
        self.idle: asyncio.TimerHandle | None = None

    async def draw(
        self,
        text: str,
        given: dict[str, str | None],
        pseudo: dict[str, Any],
        *,
        previous: dict[str, str] | None = None,
        zones: list[str] | None = None,
        answer: Answer | None = None,
    ) -> Blueprint:
        """A `Blueprint`. Raises what the stages raise. ``answer`` finds what transforms want to know of the world."""
        request = {
            "do": "draw",
            "text": text,
            "given": given,
            "pseudo": pseudo,
            "previous": previous,
            "zones": zones,
            "told": [],
        }
        for _ in range(ANSWERS_MAX):
            reply = await self._ask(request)
            if "wanted" not in reply:
                return msgspec.convert(_opened(reply), Blueprint)
            if answer is None:
                raise NotImplementedHere("transforms that need the world")
            request["told"].append(await answer(reply["wanted"]))
        raise TransformFailed("Template error: too many transforms.")

    async def outline(self, text: str, *, is_lenient: bool = False) -> dict[str, Any]:
        return _opened(await self._ask({"do": "outline", "text": text, "is_lenient": is_lenient}))

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self.turn:
            self._stay()
            if self.child is None or self.child.returncode is not None:
                self.child = await self._started()
            child = self.child
            try:
                child.stdin.write(orjson.dumps(request) + b"\n")
                with outside():
                    async with asyncio.timeout(ANSWER_S_MAX):
                        line = await child.stdout.readline()
                if not line:
                    raise InternalFailure
            except BaseException:
                # A child that was left in the middle of an answer would give it to the next who asks.
                self._kill()
                raise
            self.idle = asyncio.get_running_loop().call_later(IDLE_S_MAX, self._kill)
        return orjson.loads(line)

    async def _started(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kumoniwa.deploy.workbench", stdin=pipe, stdout=pipe, limit=LINE_BYTES_MAX
        )

    def _stay(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None

    def _kill(self) -> None:
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
        self.child = None

    async def close(self) -> None:
        self._stay()
        child, self.child = self.child, None
        if child is not None and child.returncode is None:
            child.stdin.close()
            await ended(child)
