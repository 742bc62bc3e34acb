"""One region's end of the line to another: AWS calls, what replicas of one service say to each other, and shared identities.

A message is four bytes of length and a msgpack array ``[kind, number, …]``. Every byte between regions passes here, and comes in
through a ``Line``, where the link's delay, limits and cuts act.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import sys
import traceback
from collections.abc import Awaitable
from typing import Any

import msgspec

from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.errors import AwsError, InternalFailure, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.links.line import Conditions, Line
from kumoniwa.wire.message import BodyTooLarge, is_lying, whole

MESSAGE_BYTES_MAX = 256 << 20
CARRIED_BYTES_MAX = 64 << 20
"""As large may the body of an answer be. Who wants more asks for it stretch by stretch."""
ASKED_WITHIN_S = 60.0
"""How long an AWS call to another region may take: what an SDK waits for an answer."""
EXCHANGED_WITHIN_S = 10.0
SILENT_FOR_S = 5.0
"""A region that is no more says nothing: who waits for its answer learns of it this much later."""

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

    def __init__(self, region: Any, name: str, conditions: Conditions) -> None:
        self.region, self.name = region, name
        self.line = Line(
            self._arrived, conditions, dice=random.Random(region.ids.random.random()), pause=self._pause, resume=self._resume
        )
        self.numbers = itertools.count(1)
        self.asked: dict[int, asyncio.Future] = {}
        self.buffer = bytearray()
        self.transport: Any = None
        self.is_lost = self.is_reset = False
        self.heard_messages = 0
        self.following: asyncio.Future = asyncio.get_running_loop().create_future()
        """Done when the first copy of the other side's identities has come."""

    @classmethod
    async def over(cls, end: socket.socket, region: Any, name: str, conditions: Conditions) -> Peer:
        end.setblocking(False)
        _, peer = await asyncio.get_running_loop().create_connection(lambda: cls(region, name, conditions), sock=end)
        return peer

    # What we say --------------------------------------------------------------------------------

    async def ask(self, principal: Principal, operation: str, params: dict[str, Any], once: str | None = None, trace: str = "") -> dict:
        """An AWS call that the other region answers. Raises its AwsError, or RegionUnreachable."""
        return await self._asked(ASKED_WITHIN_S, "ask", principal, operation, params, once, trace)

    async def exchange(self, service: str, message: Any, within_s: float = EXCHANGED_WITHIN_S) -> Any:
        """Say something to the same service in the other region; answers its reply. Raises RegionUnreachable."""
        return await self._asked(within_s, "exchange", service, message)

    async def echo(self, body: bytes = b"") -> int:
        """There and back again; answers how many bytes the other side received."""
        return await self._asked(ASKED_WITHIN_S, "echo", body)

    async def _asked(self, within_s: float, kind: str, *message: Any) -> Any:
        if self.is_lost:
            raise RegionUnreachable(f"{self.name} cannot be reached.")
        number = next(self.numbers)
        answer = self.asked[number] = asyncio.get_running_loop().create_future()
        self._send(kind, number, *message)
        try:
            # Not wait_for: cancelled in the moment of the answer it would give the answer, and the cancellation would be lost.
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            raise RegionUnreachable(f"{self.name} did not answer within {within_s:g} s.") from None
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
        self.line.arrive(data)

    def _arrived(self, data: bytes) -> None:
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
            self.heard_messages += 1
            kind, number, *rest = _unpack(body)
            getattr(self, f"_hear_{kind}")(number, *rest)

    def _pause(self) -> None:
        if not self.is_lost:
            self.transport.pause_reading()

    def _resume(self) -> None:
        if not self.is_lost:
            self.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """The other side is gone. What it had sent is still under way."""
        self.is_lost = True
        if self._tell in self.region.followers:
            self.region.followers.remove(self._tell)
        if not self.following.done():
            self.following.set_result(False)
        asyncio.get_running_loop().call_later(0.0 if self.is_reset else SILENT_FOR_S, self._give_up)

    def reset(self) -> None:
        """End the line so that both sides learn of it at once."""
        self.is_reset = True
        self.line.close()
        if not self.is_lost:
            self.transport.abort()

    def _give_up(self) -> None:
        self.line.close()
        for answer in self.asked.values():
            if not answer.done():
                answer.set_exception(RegionUnreachable(f"{self.name} cannot be reached."))

    def _hear_ask(self, number: int, principal: dict, operation: str, params: dict, once: str | None, trace: str) -> None:
        asked_by = msgspec.convert(principal, Principal)
        self.region.spawn(self._answer(number, self._carried(self.region.ask(asked_by, operation, params, once=once, trace=trace))))

    async def _carried(self, asking: Awaitable[dict]) -> dict:
        """A reply whose bodies are here: what lies in our files the other side cannot open. Raises BodyTooLarge."""
        reply = await asking
        for name, value in reply.items():
            if is_lying(value):
                reply = {**reply, name: await whole(value, CARRIED_BYTES_MAX)}
        return reply

    def _hear_exchange(self, number: int, service: str, message: Any) -> None:
        self.region.spawn(self._answer(number, self.region.heard(self.name, service, message)))

    def _hear_echo(self, number: int, body: bytes) -> None:
        self._send("answer", number, len(body))

    async def _answer(self, number: int, answering: Awaitable[Any]) -> None:
        try:
            self._send("answer", number, await answering)
        except Exception as failed:
            error = failed
            if isinstance(failed, BodyTooLarge):
                error = NotImplementedHere(f"answers of more than {CARRIED_BYTES_MAX} bytes over a link: ask for ranges")
            elif not isinstance(failed, AwsError):
                traceback.print_exception(failed, file=sys.stderr)
                error = InternalFailure()
            self._send("refusal", number, error.code, error.status, error.text, error.hint, error.members)

    def _hear_answer(self, number: int, reply: Any) -> None:
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
