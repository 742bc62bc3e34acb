"""The control door: what ``chaos run`` calls while it runs a drill in its long form.

    POST /faults                     begin a fault; the body is what our admin door takes
    DELETE /faults[/ID]              heal all, or one
    GET /probe/success?journey=…&last=10s    the share of that journey's requests that succeeded, as a bare number

It is a process of the client side: it drives the journeys, forwards faults to the cloud's admin door with a lease, and heals
everything when it goes. If a journey made no request, the probe says 503: unknown is not healthy.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa.drill.admin import Admin, AdminRefused, NobodyThere
from kumoniwa.drill.faults import FaultHand, NotHealed
from kumoniwa.drill.format.plan import Plan, Step
from kumoniwa.drill.format.quantity import duration_s
from kumoniwa.drill.history import History
from kumoniwa.drill.journeys import Cloud
from kumoniwa.drill.load import Load
from kumoniwa.drill.stage import deployed, settled
from kumoniwa.drill.watch import Watch
from kumoniwa.wire.http import Connection, Reply, listen
from kumoniwa.wire.message import Request, Response

PIECE_S = 600.0
"""The load of a control door goes on until somebody ends it; it is laid down in pieces of so many seconds."""


class Control:
    """Answers the calls. ``hand`` and ``watch`` are what a run has as well."""

    def __init__(self, plan: Plan, hand: FaultHand, watch: Watch, now: Callable[[], float]) -> None:
        self.plan, self.hand, self.watch, self.now = plan, hand, watch, now
        self._tasks: set[asyncio.Task] = set()

    def __call__(self, request: Request, reply: Reply) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(request, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request, reply: Reply) -> None:
        try:
            if request.stream is not None:
                request.body = await request.stream.whole(1 << 20)
            status, said = await self._do(request)
        except (AdminRefused, ValueError) as error:
            status, said = 400, {"message": str(error)}
        except (NobodyThere, NotHealed) as error:
            status, said = 503, {"message": str(error)}
        reply(Response(status, orjson.dumps(said), {"Content-Type": "application/json"}))

    async def _do(self, request: Request) -> tuple[int, Any]:
        path = request.path.rstrip("/")
        if request.method == "POST" and path == "/faults":
            return 201, await self._begin(orjson.loads(request.body or b"null"))
        if request.method == "DELETE" and (path == "/faults" or path.startswith("/faults/")):
            await self.hand.heal(path.removeprefix("/faults").strip("/") or "all")
            return 200, {"held": sorted(self.hand.held)}
        if request.method == "GET" and path == "/probe/success":
            return self._success({name: values[0] for name, values in parse_qs(request.query).items()})
        return 404, {"message": f"The control door has no {request.method} {path}; it has POST /faults, DELETE /faults and GET /probe/success."}

    async def _begin(self, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict) or not isinstance(asked.get("fault"), str):
            raise ValueError("The body must be a fault such as {\"fault\": \"region.kill\", \"target\": {\"region\": \"us-east-1\"}}.")
        rest = {name: value for name, value in asked.items() if name not in ("fault", "target", "duration")}
        duration = {"duration": asked["duration"]} if "duration" in asked else {}
        step = Step(at_s=0.0, fault=asked["fault"], target=asked.get("target", {}), params=rest)
        return await self.hand.begin(step, duration)

    def _success(self, asked: dict[str, str]) -> tuple[int, Any]:
        journey, last_s = asked.get("journey"), duration_s(asked.get("last", "10s"))
        names = [one.name for one in self.plan.workload.journeys]
        if journey is not None and journey not in names:
            return 404, {"message": f"No journey is called {journey}; they are {', '.join(names)}."}
        share = self.watch.success(last_s, self.now(), journey)
        if share is None:
            return 503, {"message": f"{journey or 'Nobody'} made no request in the last {last_s:g} s: unknown is not healthy."}
        return 200, share


async def control(plan: Plan, endpoint: str, host: str, port: int, out: Path, say: Callable[[str], None], ready: Callable[[int], None]) -> None:
    """Drive the journeys and answer until SIGTERM or SIGINT; then heal everything."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    admin = Admin(endpoint)
    plan = settled(plan, await deployed(plan, endpoint, say))
    health = await admin.health()
    out.mkdir(parents=True, exist_ok=True)
    with (out / "history.jsonl").open("wb") as file:
        history, watch = History(file), Watch()
        hand = FaultHand(admin, history, loop.time)
        cloud = Cloud(admin.host, admin.port, health.get("dns_port") or 0)
        driving = loop.create_task(_drive(plan, cloud, history, watch))
        listener = listen(host, port)
        answer = Control(plan, hand, watch, loop.time)
        server = await loop.create_server(partial(Connection, answer), sock=listener)
        try:
            ready(listener.getsockname()[1])
            ending = loop.create_task(ended.wait())
            await asyncio.wait({driving, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            driving.cancel()
            server.close()
            await asyncio.gather(driving, return_exceptions=True)
            await hand.heal()
            await hand.verify()
            hand.close()
            admin.close()


async def _drive(plan: Plan, cloud: Cloud, history: History, watch: Watch) -> None:
    """The load, piece after piece, until somebody ends it."""
    quiet = replace(plan, workload=replace(plan.workload, warmup_s=0.0), steps=(), end_s=PIECE_S)
    for piece in itertools.count():
        load = Load(quiet, cloud, history, f"{plan.workload.seed}/{piece}", f"c{piece}x{int(asyncio.get_running_loop().time() * 1000):x}")
        load.on_op = watch.saw
        try:
            await load.run()
        finally:
            load.close()
