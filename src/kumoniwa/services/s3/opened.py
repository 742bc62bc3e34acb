"""Bodies that were decrypted lately, held in memory that no disk backs: who reads one again has it from the kernel, as if it were a file.

To decrypt costs as much as to send. Only what S3's own key encrypts is held; what a key of KMS or of the customer opens is opened
anew for everybody who may.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from kumoniwa.wire.message import File

BODY_BYTES_MAX = 16 << 20
HELD_BYTES_MAX = 64 << 20
HELD_S = 60.0
CAN_HOLD = hasattr(os, "memfd_create")


class Memory:
    """A file that exists in memory, for as long as somebody holds it."""

    def __init__(self, body: bytes) -> None:
        self.size = len(body)
        self.descriptor = os.memfd_create("body", os.MFD_CLOEXEC)
        view = memoryview(body)
        while view:
            view = view[os.write(self.descriptor, view) :]

    def __del__(self) -> None:
        os.close(self.descriptor)

    def stretch(self, start: int, length: int) -> File:
        return File(f"/proc/self/fd/{self.descriptor}", start, length, self)


class Opened:
    """Those of an account, the one that was read longest ago first."""

    def __init__(self) -> None:
        self._held: dict[str, Memory] = {}
        self._used: dict[str, float] = {}
        self._size = 0

    def body(self, name: str, decrypt: Callable[[], bytes]) -> Memory:
        """The body of the file ``name``, which never changes."""
        loop = asyncio.get_running_loop()
        memory = self._held.pop(name, None)
        if memory is None:
            memory = Memory(decrypt())
            self._size += memory.size
            loop.call_later(HELD_S, self._forget, name)
        self._held[name], self._used[name] = memory, loop.time()
        while self._size > HELD_BYTES_MAX:
            self._drop(next(iter(self._held)))
        return memory

    def _forget(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        if name in self._held:
            rest = self._used[name] + HELD_S - loop.time()
            if rest > 0:
                loop.call_later(rest, self._forget, name)
            else:
                self._drop(name)

    def _drop(self, name: str) -> None:
        self._size -= self._held.pop(name).size
        del self._used[name]
