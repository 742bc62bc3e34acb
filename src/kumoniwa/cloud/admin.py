"""The admin door, ``/_kumoniwa/…``: health, reset, and the life and death of regions.

It answers only requests that name this machine as their host and come from no other site: a web page in the user's
browser must not be able to reach it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa import __version__
from kumoniwa.cloud.fleet import Fleet, NoSuchRegion
from kumoniwa.kernel.clock import monotonic
from kumoniwa.wire.http import Reply
from kumoniwa.wire.message import Request, Response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d+)?")


class Admin:
    def __init__(self, fleet: Fleet, hosts: tuple[str, ...], on_down: Callable[[], None]) -> None:
        self.fleet, self.hosts, self.on_down = fleet, (*LOOPBACK, *hosts), on_down
        self.began = monotonic()
        self._tasks: set[asyncio.Task] = set()

    def __call__(self, request: Request, reply: Reply) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(request, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request, reply: Reply) -> None:
        try:
            status, body = await self._do(request)
        except NoSuchRegion as error:
            status, body = 404, {"message": f"There is no region {error} in this cloud."}
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            status, body = 500, {"message": f"The admin door failed: {error!r}. Its log says more."}
        reply(Response(status, orjson.dumps(body) + b"\n", {"Content-Type": "application/json"}))

    async def _do(self, request: Request) -> tuple[int, Any]:
        origin = request.headers.get("origin")
        if not self._is_ours(request.host) or (origin is not None and not self._is_ours(origin.partition("://")[2])):
            return 403, {"message": "The admin door answers this machine only: use http://localhost or http://127.0.0.1."}
        path, asked = request.path.rstrip("/"), parse_qs(request.query)
        if request.method == "GET" and path == "/_kumoniwa/health":
            return 200, self._health()
        if request.method == "GET" and path == "/_kumoniwa/gaps":
            return 200, await self._gaps()
        if request.method != "POST":
            return 404, {"message": f"The admin door has no {request.method} {path}."}
        if path == "/_kumoniwa/reset":
            account = asked.get("account", [None])[0]
            if account is not None and not re.fullmatch("[0-9]{12}", account):
                return 400, {"message": "An account has twelve digits."}
            await self.fleet.reset(account)
            return 200, {"status": "empty"}
        if path == "/_kumoniwa/down":
            asyncio.get_running_loop().call_later(0.02, self.on_down)
            return 200, {"status": "going down"}
        parts = path.split("/")
        if len(parts) == 5 and parts[2] == "regions" and parts[4] in ("kill", "pause", "resume", "restart", "start"):
            return await self._region(parts[3], parts[4])
        return 404, {"message": f"The admin door has no POST {path}."}

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        name = found[1] if found else ""
        return name in self.hosts or name.endswith(".localhost")

    async def _region(self, name: str, what: str) -> tuple[int, Any]:
        if what == "start":
            member = self.fleet.needed(name)
            if member.is_up:
                await self.fleet.ask(member, "report")
        else:
            done = getattr(self.fleet, what)(name)
            if asyncio.iscoroutine(done):
                await done
        return 200, {"region": name, "state": self.fleet.member(name).state}

    def _health(self) -> dict[str, Any]:
        members = sorted(self.fleet.members.values(), key=lambda m: m.name)
        return {
            "status": "ok",
            "version": __version__,
            "uptime_s": round(monotonic() - self.began, 3),
            "regions": {
                m.name: {"state": m.state, "pid": m.pid or None, "connections": len(m.connections)} for m in members if m.state != "idle"
            },
        }

    async def _gaps(self) -> dict[str, int]:
        """What clients asked for and was refused (or ignored, under --lenient), most asked first."""
        running = [m for m in self.fleet.members.values() if m.state == "running"]
        total: Counter[str] = Counter()
        for report in await asyncio.gather(*(self.fleet.ask(m, "report") for m in running)):
            total.update((report or {}).get("gaps", {}))
        return dict(total.most_common())
