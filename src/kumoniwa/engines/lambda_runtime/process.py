"""The process of one environment, seen from its region: requests in, one reply each, and what it logs on the way.

Whatever happens to the process, whoever waits gets a ``Reply``: its own, or EXITED, or EXPIRED. ``ForkedProcess`` is
what every process has; ``FramedProcess`` adds the socket pair that our own runners speak over.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from kumoniwa.engines.lambda_runtime.frames import (
    CHUNK,
    ENDED,
    FORKED,
    OUT_OF_MEMORY,
    RECORD,
    REPLY,
    REQUEST,
    STREAM,
    TEXT,
)

EXITED, EXPIRED = 100, 101
"""Kinds of reply that no process sends: it ended with ``status``, or its time was up."""

OUTPUT = 102
"""A kind of log: text that went past our runners, straight to descriptor 1 or 2."""

_READ_BYTES = 1 << 16
_HEADER_BYTES = REPLY.size

Fields = tuple[str, str, str, str, str]
"""The values of ``frames.REQUEST_FIELDS``."""


class Reply(NamedTuple):
    kind: int
    body: bytes = b""
    duration_us: int = 0
    memory_kib: int = 0
    status: int = 0
    """For EXITED: the exit code, or minus the signal's number."""
    is_out_of_memory: bool = False


class ForkedProcess:
    """A process from the order for it to its end. ``hear(kind, body)`` receives what it logs and streams, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hear: Callable[[int, bytes], None]) -> None:
        self.loop, self.hear = loop, hear
        self.output, output_end = os.pipe()
        os.set_blocking(self.output, False)
        self.ends = [output_end]
        """The process's own ends of what we share, ours only until it is born."""
        self.pid = 0
        self.waiter: asyncio.Future[Reply] | None = None
        self.memory_kib = 0
        self.is_over = self.is_reaped = self.is_out_of_memory = False
        loop.add_reader(self.output, self._read_output)

    def born(self, pid: int) -> None:
        """The zygote has forked it."""
        self.pid = pid
        self._close_ends()
        if self.is_over:
            self._kill()

    def abandoned(self) -> None:
        """The zygote is gone, and the process with it if it ever was."""
        self._close_ends()
        self.ended(-signal.SIGKILL)

    def _close_ends(self) -> None:
        for descriptor in self.ends:
            os.close(descriptor)
        self.ends = []

    def expect(self) -> asyncio.Future[Reply]:
        """The reply to come: READY or INIT_ERROR at first, then one per request."""
        self.waiter = self.loop.create_future()
        return self.waiter

    def ask(self, fields: Fields, payload: bytes, timeout_ms: int) -> asyncio.Future[Reply]:
        """Send one request."""
        raise NotImplementedError

    def pause(self) -> None:
        """Read no more of a streamed response until ``resume``: whoever gets it is slower than the function."""

    def resume(self) -> None: ...

    def _read_output(self) -> None:
        """What went to descriptors 1 and 2: for Python, only the prints of subprocesses and C libraries."""
        try:
            while body := os.read(self.output, _READ_BYTES):
                self.hear(OUTPUT, body)
        except BlockingIOError:
            return
        self.loop.remove_reader(self.output)

    def _settle(self, reply: Reply) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)

    def expire(self) -> None:
        """Its time is up: whoever waits learns so. To kill it is the waiter's business."""
        self._read_output()
        self._settle(Reply(EXPIRED, memory_kib=self.memory_kib))

    def _read_rest(self) -> None:
        self._read_output()

    def ended(self, status: int) -> None:
        """The process is gone. What it sent before is still in what we share."""
        self.is_reaped = True
        if self.is_over:
            return
        self._read_rest()
        self._settle(Reply(EXITED, b"", 0, self.memory_kib, status, self.is_out_of_memory))
        self.close()

    def close(self) -> None:
        """Kill what is left of the process and its group, and forget it."""
        if self.is_over:
            return
        self.is_over = True
        self._settle(Reply(EXITED, status=-signal.SIGKILL))
        self.loop.remove_reader(self.output)
        os.close(self.output)
        if self.pid:
            self._kill()

    def crash(self) -> None:
        """Kill it from outside: whoever waits learns of its end as of any other."""
        if self.pid and not self.is_over:
            self._kill()

    def _kill(self) -> None:
        # The group's leader may be gone while its children live. A fresh process may not lead its group yet.
        for kill in (os.killpg,) if self.is_reaped else (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)


class FramedProcess(ForkedProcess):
    """A process that runs ``runner.py`` or ``runner.mjs`` and speaks frames."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hear: Callable[[int, bytes], None]) -> None:
        super().__init__(loop, hear)
        self.control, theirs = socket.socketpair()
        self.control.setblocking(False)
        self.ends.append(theirs.detach())
        self.held = bytearray()
        self.unsent: bytes | memoryview = b""
        loop.add_reader(self.control, self._read)

    def ask(self, fields: Fields, payload: bytes, timeout_ms: int) -> asyncio.Future[Reply]:
        meta = "\0".join(fields).encode()
        self.unsent = b"".join((REQUEST.pack(len(meta), len(payload), timeout_ms), meta, payload))
        waiter = self.expect()
        self._write()
        if self.unsent:
            self.loop.add_writer(self.control, self._write)
        return waiter

    def _write(self) -> None:
        try:
            sent = self.control.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            # It is gone; the report of its end settles the waiter.
            sent = len(self.unsent)
        if sent == len(self.unsent):
            if type(self.unsent) is memoryview:
                self.loop.remove_writer(self.control)
            self.unsent = b""
        else:
            self.unsent = memoryview(self.unsent)[sent:]

    def _read(self) -> bool:
        """Take in one piece; answers whether there was any."""
        try:
            data = self.control.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.loop.remove_reader(self.control)
            return False
        if self.held:
            self.held += data
            data = self.held
        at, end = 0, len(data)
        while end - at >= _HEADER_BYTES:
            kind, size, duration_us, memory_kib = REPLY.unpack_from(data, at)
            body_at = at + _HEADER_BYTES
            if end - body_at < size:
                break
            at = body_at + size
            self._arrived(kind, bytes(data[body_at:at]), duration_us, memory_kib)
        if data is not self.held:
            if at < end:
                self.held = bytearray(data[at:])
        elif at:
            del self.held[:at]
        return True

    def _arrived(self, kind: int, body: bytes, duration_us: int, memory_kib: int) -> None:
        if kind in (TEXT, RECORD, STREAM, CHUNK):
            self.hear(kind, body)
        elif kind == OUT_OF_MEMORY:
            self.is_out_of_memory = True
        else:
            self.memory_kib = memory_kib
            self._read_output()
            self._settle(Reply(kind, body, duration_us, memory_kib))

    def pause(self) -> None:
        self.loop.remove_reader(self.control)

    def resume(self) -> None:
        if not self.is_over:
            self.loop.add_reader(self.control, self._read)

    def _read_rest(self) -> None:
        while self._read():
            pass
        self._read_output()

    def close(self) -> None:
        if not self.is_over:
            self.loop.remove_reader(self.control)
            self.loop.remove_writer(self.control)
            self.control.close()
        super().close()


class SnapshotProcess(FramedProcess):
    """A process that, once it is READY, is a snapshot: it forks itself for every environment that is restored from it.
    Those end with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hear: Callable[[int, bytes], None]) -> None:
        super().__init__(loop, hear)
        self.orders: deque[tuple[FramedProcess, str]] = deque()
        self.asked: FramedProcess | None = None
        self.living: dict[int, FramedProcess] = {}

    def restore(self, process: FramedProcess, scratch: str) -> None:
        """Have ``process`` forked, with a temporary folder of its own. It becomes known to it later; until then it just waits."""
        if self.is_over:
            self.loop.call_soon(process.abandoned)
            return
        self.orders.append((process, scratch))
        self._order()

    def _order(self) -> None:
        if self.asked is not None or not self.orders:
            return
        self.asked, scratch = self.orders.popleft()
        # If it is gone, the report of its end says so to all.
        with contextlib.suppress(OSError):
            socket.send_fds(self.control, [json.dumps({"scratch": scratch}).encode()], self.asked.ends)

    def _arrived(self, kind: int, body: bytes, duration_us: int, memory_kib: int) -> None:
        if kind == FORKED and self.asked is not None:
            process, self.asked, pid = self.asked, None, json.loads(body)
            self.living[pid] = process
            process.born(pid)
            self._order()
        elif kind == ENDED:
            pid, status = json.loads(body)
            self.living.pop(pid).ended(status)
        else:
            super()._arrived(kind, body, duration_us, memory_kib)

    def close(self) -> None:
        if self.is_over:
            return
        super().close()
        asked = [self.asked] if self.asked is not None else []
        orphans = [*asked, *(process for process, _ in self.orders), *self.living.values()]
        self.orders.clear()
        self.living.clear()
        for process in orphans:
            process.abandoned()
