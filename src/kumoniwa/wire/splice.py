"""Two connections that say to each other what they hear, no faster than the other listens: what a request became that asked for another protocol
of somebody to whom it was passed on."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Callable
from typing import Any

LINGER_S = 5.0
READ_BYTES = 1 << 16


class Splice(asyncio.Protocol):
    """The client's end. ``first`` is what the other has said already; when nothing passed for ``idle_s`` both are closed. ``ended`` is told once
    how many bytes the client was sent."""

    def __init__(
        self, home: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes, idle_s: float, ended: Callable[[int], None]
    ) -> None:
        self.home, self.reader, self.writer, self.first, self.idle_s, self.ended = home, reader, writer, first, idle_s, ended
        self.transport: Any = None
        self.sent_bytes = len(first)
        self.stirred = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.tasks: list[asyncio.Task] = []
        self.is_over = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.first:
            transport.write(self.first)
        self.tasks = [self.home.spawn(self._heard()), self.home.spawn(self._mind_silence())]

    def data_received(self, data: bytes) -> None:
        self.stirred.set()
        self.writer.write(data)
        if self.writer.transport.get_write_buffer_size() > READ_BYTES:
            self.transport.pause_reading()
            self.tasks.append(self.home.spawn(self._drained()))

    async def _drained(self) -> None:
        try:
            await self.writer.drain()
        except OSError:
            self.end()
        else:
            if not self.transport.is_closing():
                self.transport.resume_reading()

    async def _heard(self) -> None:
        """What the other says, until it has said its last word or the region ends."""
        try:
            while data := await self.reader.read(READ_BYTES):
                self.stirred.set()
                self.sent_bytes += len(data)
                self.transport.write(data)
                await self.may_write.wait()
        except OSError:
            pass
        finally:
            self.end()

    async def _mind_silence(self) -> None:
        while True:
            self.stirred.clear()
            try:
                async with asyncio.timeout(self.idle_s):
                    await self.stirred.wait()
            except TimeoutError:
                self.end()
                return

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.end()

    def end(self) -> None:
        """Close both. Closing our descriptor of the client's is not enough: the door holds a copy."""
        if self.is_over:
            return
        self.is_over = True
        self.may_write.set()
        self.writer.close()
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if self.transport is not None and not self.transport.is_closing():
            try:
                self.transport.write_eof()
            except OSError:
                self.transport.abort()
            else:
                asyncio.get_running_loop().call_later(LINGER_S, self._abort)
        self.ended(self.sent_bytes)

    def _abort(self) -> None:
        if not self.transport.is_closing():
            try:
                self.transport.get_extra_info("socket").shutdown(sockets.SHUT_RDWR)
            except OSError:
                pass  # the client was faster
            self.transport.abort()
