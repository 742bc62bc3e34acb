"""What happens in a cloud, in the order in which its door hears of it, for whoever watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from heapq import merge
from itertools import takewhile
from operator import itemgetter
from typing import Any

import orjson

from kumoniwa.kernel.clock import monotonic

KEPT_MAX = 50_000
FREQUENT = ("call", "apply")
"""Kinds that come with every request: they are kept apart, so that they push nothing else out."""
ALIVE_EVERY_S = 2.0


class Events:
    """The latest events, each with a number ``n`` and a time ``t`` (CLOCK_MONOTONIC, shared by all processes of a machine)."""

    def __init__(self) -> None:
        self.kept: dict[bool, deque[dict[str, Any]]] = {is_frequent: deque(maxlen=KEPT_MAX) for is_frequent in (False, True)}
        self.number = 0
        self.watchers = 0
        self.on_watched: Callable[[bool], None] = lambda _: None
        """The first came, or the last left."""
        self._more: asyncio.Event = asyncio.Event()

    def add(self, kind: str, **facts: Any) -> None:
        self.number += 1
        self.kept[kind in FREQUENT].append({"n": self.number, "t": monotonic(), "kind": kind, **facts})
        self._more.set()

    def _after(self, number: int) -> list[dict[str, Any]]:
        """What is kept of the events after ``number``, in their order."""
        fresh = ([*takewhile(lambda event: event["n"] > number, reversed(kept))][::-1] for kept in self.kept.values())
        return [*merge(*fresh, key=itemgetter("n"))]

    async def since(self, number: int) -> AsyncIterator[bytes]:
        """Each event after ``number`` as a line of JSON, then each that comes, until the reader leaves. An empty line says: still here."""
        self.watchers += 1
        if self.watchers == 1:
            self.on_watched(True)
        try:
            while True:
                if self.number > number:
                    new = self._after(number)
                    number = self.number
                    yield b"".join(orjson.dumps(event) + b"\n" for event in new)
                    continue
                self._more.clear()
                try:
                    async with asyncio.timeout(ALIVE_EVERY_S):
                        await self._more.wait()
                except TimeoutError:
                    yield b"\n"
        finally:
            self.watchers -= 1
            if not self.watchers:
                self.on_watched(False)
