"""One region's line to another: AWS calls there and back, and the identities that ``aws-global`` shares.

A message is four bytes of length and a msgpack array ``[kind, number, …]``. Every byte between regions passes here,
which is where a link's delay and loss will act.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
import traceback
from typing import Any

import msgspec

from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.errors import AwsError, InternalFailure
from kumoniwa.kernel.principal import Principal

MESSAGE_BYTES_MAX = 256 << 20

_pack, _unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


class RegionUnreachable(AwsError):
    """The other region is dead, or the way to it is cut."""

    code = "ServiceUnavailable"
    status = 503


class RemoteError(AwsError):
    """An error that another region answered, carried over with its code."""

    @classmethod
    def carried(cls, code: str, status: int | None, text: str, hint: str, members: dict) -> AwsError:
        kind = type(code.replace(".", "_"), (cls,), {"code": code, "status": status})
        return kind(text, hint=hint, **members)


class Peer(asyncio.Protocol):
    """One end of the line between two regions."""

    def __init__(self, region: Any, name: str) -> None:
        self.region, self.name = region, name
        self.numbers = itertools.count(1)
        self.asked: dict[int, asyncio.Future] = {}
        self.buffer = bytearray()
        self.transport: Any = None
        self.is_lost = False
        self.following: asyncio.Future = asyncio.get_running_loop().create_future()
        """Done when the first copy of the other side's identities has come."""

    @classmethod
    async def over(cls, end: socket.socket, region: Any, name: str) -> Peer:
        end.setblocking(False)
        _, peer = await asyncio.get_running_loop().create_connection(lambda: cls(region, name), sock=end)
        return peer

    # What we say --------------------------------------------------------------------------------

    async def ask(self, principal: Principal, operation: str, params: dict[str, Any], once: str | None = None) -> dict:
        """An AWS call that the other region answers. Raises its AwsError, or RegionUnreachable."""
        if self.is_lost:
            raise RegionUnreachable(f"{self.name} cannot be reached.")
        number = next(self.numbers)
        answer = self.asked[number] = asyncio.get_running_loop().create_future()
        self._send("ask", number, principal, operation, params, once)
        try:
            return await answer
        finally:
            self.asked.pop(number, None)

    def follow(self) -> None:
        """Ask to be told of every identity, now and whenever one changes."""
        self._send("follow", 0)

    def used(self, key_id: str, use: LastUse) -> None:
        """Tell of an access key's use."""
        self._send("used", 0, key_id, use)

    def _send(self, *message: Any) -> None:
        if not self.is_lost:
            body = _pack(message)
            self.transport.write(len(body).to_bytes(4, "big") + body)

    # What we hear -------------------------------------------------------------------------------

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= 4:
            size = int.from_bytes(self.buffer[:4], "big")
            if size > MESSAGE_BYTES_MAX:
                self.transport.abort()
                return
            if len(self.buffer) < 4 + size:
                return
            body = bytes(self.buffer[4 : 4 + size])
            del self.buffer[: 4 + size]
            kind, number, *rest = _unpack(body)
            getattr(self, f"_hear_{kind}")(number, *rest)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if self._tell in self.region.followers:
            self.region.followers.remove(self._tell)
        for answer in self.asked.values():
            if not answer.done():
                answer.set_exception(RegionUnreachable(f"{self.name} cannot be reached."))
        if not self.following.done():
            self.following.set_result(False)

    def _hear_ask(self, number: int, principal: dict, operation: str, params: dict, once: str | None) -> None:
        self.region.spawn(self._answer(number, msgspec.convert(principal, Principal), operation, params, once))

    async def _answer(self, number: int, principal: Principal, operation: str, params: dict, once: str | None) -> None:
        try:
            self._send("answer", number, await self.region.ask(principal, operation, params, once=once))
        except Exception as failed:
            error = failed
            if not isinstance(failed, AwsError):
                traceback.print_exception(failed, file=sys.stderr)
                error = InternalFailure()
            self._send("refusal", number, error.code, error.status, error.text, error.hint, error.members)

    def _hear_answer(self, number: int, reply: dict) -> None:
        if number in self.asked and not self.asked[number].done():
            self.asked[number].set_result(reply)

    def _hear_refusal(self, number: int, code: str, status: int | None, text: str, hint: str, members: dict) -> None:
        if number in self.asked and not self.asked[number].done():
            self.asked[number].set_exception(RemoteError.carried(code, status, text, hint, members))

    def _hear_used(self, number: int, key_id: str, use: dict) -> None:
        self.region.gate.usage.keep(key_id, msgspec.convert(use, LastUse))

    def _hear_follow(self, number: int) -> None:
        self._send("replica", 0, self.region.gate.replica())
        self.region.followers.append(self._tell)

    def _tell(self, changes: list[tuple[str, str, bytes | None]]) -> None:
        self._send("changes", 0, changes)

    def _hear_replica(self, number: int, replica: list) -> None:
        self.region.gate.replicate_all([tuple(entry) for entry in replica])
        if not self.following.done():
            self.following.set_result(True)

    def _hear_changes(self, number: int, changes: list) -> None:
        self.region.gate.replicate([tuple(change) for change in changes])
