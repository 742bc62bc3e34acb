"""A drill as it runs, told to the cloud that it strikes, whose console draws it.

It is told for watching only: what cannot be told at once is dropped, and whether anybody hears it changes nothing about the drill.
Times are those of the history, so that what is known only afterwards, such as recovery, is marked where it happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from kumoniwa.drill.admin import Admin, AdminRefused, NobodyThere
from kumoniwa.drill.format.plan import Plan
from kumoniwa.drill.history import History, Op
from kumoniwa.drill.measure import Measured
from kumoniwa.drill.measures.percentile import percentile
from kumoniwa.drill.report.machines import WORDS, quantity
from kumoniwa.drill.verdict import Verdict

WINDOW_S = 1.0
TOLD_WITHIN_S = 2.0
WAITING_MAX = 200
MARKS = {"detect": "detected", "decide": "decided", "switch": "switched", "warm": "recovered"}


class Live:
    def __init__(self, admin: Admin, now: Callable[[], float]) -> None:
        self.admin, self.now = admin, now
        self.waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING_MAX)
        self.ops: list[Op] = []
        """What ended since the last window was told."""
        self.marked: set[str] = set()
        self.is_loaded = self.is_judged = False
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self._tell()), loop.create_task(self._count())]

    def tell(self, what: str, t: float | None = None, **facts: Any) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self.waiting.put_nowait({"kind": "drill", "what": what, "t": self.now() if t is None else t, **facts})

    async def _tell(self) -> None:
        while True:
            said = await self.waiting.get()
            # A cloud of another version may know no such events, or answer something else.
            with contextlib.suppress(NobodyThere, AdminRefused, ValueError):
                await self.admin.ask("POST", "events", said, TOLD_WITHIN_S)
            self.waiting.task_done()

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(WINDOW_S)
            ops, self.ops = self.ops, []
            if self.is_loaded:
                self.tell("window", **_window(ops))

    def begin(self, plan: Plan, title: str, history: History) -> None:
        """A run begins; what its history learns is heard from now on."""
        history.on_op, history.on_note = self._saw, self._heard
        self.ops, self.marked, self.is_loaded = [], set(), True
        asked = [{"name": one.name, "asked": quantity(one.asked, one.unit)} for one in plan.objectives]
        self.tell("start", drill=plan.name, title=f"{plan.says} ({title})", journeys=[one.name for one in plan.workload.journeys], objectives=asked)
        self.tell("phase", phase="warming up")

    def _saw(self, op: Op) -> None:
        if not op.phase:
            self.ops.append(op)

    def _heard(self, event: dict[str, Any]) -> None:
        kind, t = event["event"], event["t"]
        if kind == "zero":
            self.tell("phase", t, phase="the steady state holds")
        elif kind == "fault" and event["phase"] == "confirmed":
            self._mark("fault", t)
            self.tell("phase", t, phase=f"{event['fault']} acts")
        elif kind == "alarm" or (kind == "health" and event.get("state") == "unhealthy"):
            if "fault" in self.marked:
                self._mark(MARKS["detect"], t)
        elif kind == "runbook":
            ending = "" if event["phase"] == "begin" else " done" if event["exit"] == 0 else " failed"
            self._mark(event["file"] + ending, t)
        elif kind == "heal":
            self._mark("healed", t)
            self.tell("phase", t, phase="healed")
        elif kind == "verified":
            self.is_loaded = False
            self.tell("phase", t, phase="reading back every acknowledged write")

    def _mark(self, name: str, t: float) -> None:
        """Each moment is marked once, at its first occurrence."""
        if name not in self.marked:
            self.marked.add(name)
            self.tell("mark", t, name=name)

    def end(self, found: Measured) -> None:
        """A run is over, and it is known when it recovered."""
        for part, name in MARKS.items():
            if found.marks[part] is not None:
                self._mark(name, found.marks[part])

    def judge(self, verdict: Verdict) -> None:
        self.is_judged = True
        for one in (*verdict.objectives, *verdict.invariants):
            figures = {"asked": quantity(one.asked, one.unit), "measured": quantity(one.measured, one.unit)} if one.asked is not None else {}
            self.tell("objective", name=one.name, verdict=WORDS[one.verdict].lower(), why=one.why, **figures)
        self.tell("phase", phase=verdict.word)

    async def close(self) -> None:
        """Give what still waits its moment."""
        if not self.is_judged:
            self.tell("phase", phase="ended without a verdict")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOLD_WITHIN_S):
                await self.waiting.join()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def _window(ops: list[Op]) -> dict[str, Any]:
    """Counts of one second by outcome: of all, of each journey, of each region that was reached."""
    journeys: dict[str, Counter[str]] = defaultdict(Counter)
    regions: dict[str, Counter[str]] = defaultdict(Counter)
    for op in ops:
        journeys[op.journey][op.out] += 1
        regions[op.served_by or op.entry_region or "nowhere"][op.out] += 1
    p99_s = percentile((op.latency_s for op in ops if op.is_ok), 0.99)
    total = Counter(op.out for op in ops)
    p99_ms = None if p99_s is None else round(p99_s * 1000, 1)
    return {"ok": total["ok"], "fail": total["fail"], "info": total["info"], "p99_ms": p99_ms, "journeys": journeys, "regions": regions}
