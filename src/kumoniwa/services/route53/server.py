"""The name server's sockets: UDP and TCP on one port.

Packets are read in batches while there are any, and the same query again is a look-up and a roll of dice.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

Answer = Callable[[bytes, str, bool], bytes | None]
"""``answer(packet, source address, is_tcp)``: the reply, or None for silence."""

BATCH_PACKETS = 64
PACKET_BYTES_MAX = 65_535
IDLE_TCP_S = 10.0
UNREAD_BYTES_MAX = 1 << 20
"""Of replies that a client does not fetch."""


class NameServer:
    def __init__(self, answer: Answer, udp: socket.socket) -> None:
        self.answer, self.udp = answer, udp
        self._tcp: asyncio.Server | None = None

    @classmethod
    async def listen(cls, answer: Answer, host: str, port: int) -> NameServer:
        """Listen on both; raises OSError if somebody else does."""
        udp = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.bind((host, port))
            server, loop = cls(answer, udp), asyncio.get_running_loop()
            server._tcp = await loop.create_server(lambda: _Stream(answer), host, udp.getsockname()[1], reuse_address=True)
        except OSError:
            udp.close()
            raise
        loop.add_reader(udp.fileno(), server._drain)
        return server

    @property
    def port(self) -> int:
        return self.udp.getsockname()[1]

    def _drain(self) -> None:
        answer, receive, send = self.answer, self.udp.recvfrom, self.udp.sendto
        for _ in range(BATCH_PACKETS):
            try:
                packet, source = receive(PACKET_BYTES_MAX)
            except OSError:
                return  # nothing more, or the echo of a reply that could not be delivered
            reply = answer(packet, source[0], False)
            if reply is not None:
                try:
                    send(reply, source)
                except OSError:
                    continue  # the client is gone, or its buffer full: as a datagram that was lost

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.udp.fileno())
        self.udp.close()
        if self._tcp is not None:
            self._tcp.close()


class _Stream(asyncio.Protocol):
    """One TCP connection: each message after its length (RFC 7766), until nobody speaks any more."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport) -> None:
        self.transport, self.source = transport, transport.get_extra_info("peername")[0]
        self._wait()

    def _wait(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(IDLE_TCP_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        self._wait()
        self.buffer += data
        while len(self.buffer) >= 2:
            size = int.from_bytes(self.buffer[:2], "big")
            if len(self.buffer) < 2 + size:
                return
            packet = bytes(self.buffer[2 : 2 + size])
            del self.buffer[: 2 + size]
            reply = self.answer(packet, self.source, True)
            if reply is not None:
                self.transport.write(len(reply).to_bytes(2, "big") + reply)
        if self.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
