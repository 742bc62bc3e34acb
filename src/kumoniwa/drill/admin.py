"""The cloud's admin door as a drill uses it: faults with leases, links, health, and the stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from kumoniwa.drill.web import NotSent, Unknown, Web


class AdminRefused(Exception):
    """The door said no, in its own words."""


class NobodyThere(Exception):
    """No cloud answers at the endpoint."""


class Admin:
    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self.endpoint = endpoint.rstrip("/")
        self.host, self.port = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or "127.0.0.1", parts.port or 80
        self.web = Web()

    async def ask(self, method: str, path: str, body: Any = None, timeout_s: float = 30.0) -> Any:
        headers = {"host": f"127.0.0.1:{self.port}", "content-type": "application/json"}
        content = b"" if body is None else orjson.dumps(body)
        try:
            answer = await self.web.ask((self.host, self.port), method, f"/_kumoniwa/{path}", headers, content, timeout_s)
        except (NotSent, Unknown) as error:
            raise NobodyThere(f"no cloud answers at {self.endpoint} ({error})")
        said = orjson.loads(answer.body) if answer.body else None
        if answer.status >= 400:
            raise AdminRefused(said.get("message", f"HTTP {answer.status}") if isinstance(said, dict) else f"HTTP {answer.status}")
        return said

    async def health(self) -> dict[str, Any]:
        return await self.ask("GET", "health")

    async def start(self, region: str) -> None:
        """See that a region runs."""
        await self.ask("POST", f"regions/{region}/start")

    async def catalogue(self) -> dict[str, Any]:
        return await self.ask("GET", "faults/catalogue")

    async def inject(self, fault: dict[str, Any]) -> dict[str, Any]:
        return await self.ask("POST", "faults", fault)

    async def renew(self, fault_id: str, lease: str) -> bool:
        """Put off the end of a lease; answers whether the fault is still there."""
        return (await self.ask("POST", f"faults/{fault_id}/renew", {"lease": lease}))["state"] == "active"

    async def faults(self) -> list[dict[str, Any]]:
        return (await self.ask("GET", "faults"))["faults"]

    async def heal(self, fault_id: str = "") -> dict[str, list[str]]:
        return await self.ask("DELETE", f"faults/{fault_id}" if fault_id else "faults")

    async def links(self) -> list[dict[str, Any]]:
        return (await self.ask("GET", "links"))["links"]

    async def measure(self, source: str, destination: str) -> dict[str, Any]:
        """Round trips through a link; without ``p50_ms`` if the other side does not answer."""
        return await self.ask("POST", "links/measure", {"from": source, "to": destination, "count": 5})

    async def calls(self, region: str) -> dict[str, int]:
        """How often each operation was asked for in a region since its process began."""
        return (await self.ask("GET", f"report/{region}")).get("calls", {})

    async def cost(self) -> dict[str, Any]:
        """What AWS would ask for what was used until now."""
        return await self.ask("GET", "cost")

    async def follow(self, hear: Callable[[dict[str, Any]], None], since: int = 0) -> None:
        """Hear every event from now on, until cancelled. The door is no fault's target; if it ends, so does this."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        try:
            writer.write(f"GET /_kumoniwa/events?since={since} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise AdminRefused(f"the event stream answered {head.split(bytes([13]), 1)[0].decode('latin-1')}")
            is_chunked = b"chunked" in head.lower()
            buffer = b""
            while True:
                if is_chunked:
                    size = int((await reader.readuntil(b"\r\n")).strip() or b"0", 16)
                    piece = (await reader.readexactly(size + 2))[:-2]
                else:
                    piece = await reader.read(1 << 16)
                if not piece:
                    return
                buffer += piece
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    if line.strip():
                        hear(orjson.loads(line))
        finally:
            writer.close()

    def close(self) -> None:
        self.web.close()
