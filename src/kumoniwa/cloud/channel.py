"""The wire between the fleet and a region: messages with descriptors, in order, never blocking either side.

A message is a msgpack value; one larger than a packet travels in pieces. While the other side does not read (it is
paused), messages wait here.
"""

from __future__ import annotations

import array
import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

PIECE_BYTES = 60_000
FDS_MAX = 4

_pack, _unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a fresh channel."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
    return ours, theirs


class Channel:
    """One end. ``hear(message, descriptors)`` is called for each message, ``gone()`` once the other end is no more."""

    def __init__(self, end: socket.socket, hear: Callable[[Any, list[int]], None], gone: Callable[[], None]) -> None:
        self.end, self.hear, self.gone = end, hear, gone
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[tuple[bytes, list[int]]] = deque()
        self.pieces: list[bytes] = []
        self.is_open = True
        self.loop.add_reader(end.fileno(), self._read)

    def say(self, message: Any, descriptors: list[int] | tuple = ()) -> None:
        """Send a message with copies of the descriptors: the caller may close its own at once, however long ours must wait."""
        if not self.is_open:
            return
        body = _pack(message)
        pieces = [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)] or [b""]
        for piece in pieces[:-1]:
            self.waiting.append((b"+" + piece, []))
        self.waiting.append((b"." + pieces[-1], [os.dup(descriptor) for descriptor in descriptors]))
        self._write()

    def _write(self) -> None:
        while self.waiting and self.is_open:
            piece, descriptors = self.waiting[0]
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            try:
                self.end.sendmsg([piece], rights)
            except (BlockingIOError, InterruptedError):
                self.loop.add_writer(self.end.fileno(), self._write)
                return
            except OSError:
                self.close()
                return
            self.waiting.popleft()
            _close(descriptors)
        if self.is_open:
            self.loop.remove_writer(self.end.fileno())

    def _read(self) -> None:
        while self.is_open:
            rights = array.array("i")
            try:
                piece, ancillary, _, _ = self.end.recvmsg(PIECE_BYTES + 1, socket.CMSG_LEN(FDS_MAX * rights.itemsize))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                piece, ancillary = b"", []
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    rights.frombytes(data[: len(data) - len(data) % rights.itemsize])
            if not piece:
                self.close()
                return
            self.pieces.append(piece[1:])
            if piece[:1] == b".":
                body, self.pieces = b"".join(self.pieces), []
                self.hear(_unpack(body), list(rights))

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.loop.remove_reader(self.end.fileno())
            self.loop.remove_writer(self.end.fileno())
            self.end.close()
            for _, descriptors in self.waiting:
                _close(descriptors)
            self.waiting.clear()
            self.gone()


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
