"""One run of a drill: warm up, break, watch, heal, read back. Everything it learns goes into the history, and only there.

What is then computed is computed from the history, so that anybody can compute it again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from kumoniwa.drill.admin import Admin
from kumoniwa.drill.faults import FaultHand
from kumoniwa.drill.format.fault_names import CLIENT_SIDE
from kumoniwa.drill.format.plan import Plan, Step
from kumoniwa.drill.history import History
from kumoniwa.drill.inspection import Inspection
from kumoniwa.drill.journeys import Cloud, plain
from kumoniwa.drill.load import Load
from kumoniwa.drill.measures.convergence import unequal
from kumoniwa.drill.measures.percentile import percentile
from kumoniwa.drill.readback import ReadBack, Table
from kumoniwa.drill.runbook import Runbooks
from kumoniwa.drill.watch import Watch
from kumoniwa.kernel.clock import Clock

STEADY_S = 10.0
"""Of the warm-up, in which the steady state must hold."""
TOLD_EVERY_S = 5.0
LOOK_EVERY_S = 0.5
RECONCILED_WITHIN_S = 30.0
DRAINED_AFTER_S = 2.0
READ_BACK_PER_S = 300.0
"""Keys per second that reading back before a healing is given time for."""
LATE_S = 5.0
KINDS_KEPT = ("apply", "health", "dns", "region", "alarm", "link", "promote", "deploy")
"""Events of the cloud that belong into a history."""


class NotSteady(Exception):
    """The system was not well before anything was broken: nothing can be learnt from breaking it."""


class Stopped(Exception):
    """The guard ended the run."""


Say = Callable[[str], None]


class Run:
    def __init__(self, plan: Plan, cloud: Cloud, admin: Admin, history: History, seed: str, prefix: str, say: Say) -> None:
        self.plan, self.cloud, self.admin, self.history, self.say = plan, cloud, admin, history, say
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.load = Load(plan, cloud, history, seed, prefix)
        self.hand = FaultHand(admin, history, self.now)
        self.back = ReadBack(plan, cloud, history, self.now)
        self.inspection = Inspection(plan, self.back.aws, history, self.now)
        self.runbooks = Runbooks(plan, admin.endpoint, history, self.now, self._say_at)
        self.watch = Watch()
        self.load.on_op = self.watch.saw
        self.began = self.now()
        self.epoch_s = Clock().now() - self.began
        """Between the dates that services write and the seconds that a history is written in."""
        self.struck: set[str] = set()
        """Regions that nobody can ask at the moment."""
        self.looking: asyncio.Task | None = None
        self.looked = False

    async def go(self) -> None:
        """The whole run. Raises NotSteady, Stopped, NotHealed; whatever happens, everything is healed first."""
        await self.inspection.begin(self.load.prefix, await self._alive())
        following = self.loop.create_task(self.admin.follow(self._hear))
        load = self.loop.create_task(self.load.run())
        acting = self.loop.create_task(self._act())
        telling = self.loop.create_task(self._tell())
        try:
            await asyncio.wait({load, acting}, return_when=asyncio.FIRST_EXCEPTION)
            for task in (acting, load):
                if task.done():
                    task.result()
            await asyncio.gather(load, acting)
        finally:
            for task in (load, acting, telling):
                task.cancel()
            await asyncio.gather(load, acting, telling, return_exceptions=True)
            await self.runbooks.end()
            try:
                await self.hand.heal()
                await self.hand.verify()
                self.struck.clear()
                await self._finally()
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
                self.close()

    def close(self) -> None:
        self.hand.close()
        self.load.close()
        self.back.close()
        if self.looking is not None:
            self.looking.cancel()

    def _hear(self, event: dict[str, Any]) -> None:
        kind, t = event.pop("kind", ""), event.pop("t", 0.0)
        if kind in KINDS_KEPT and t >= self.began:
            if kind == "apply":
                event = {**event, "key": _key_text(event.get("key")), "written_at": event["written_at"] - self.epoch_s}
            self.history.note(kind, t, **{name: value for name, value in event.items() if name != "event"})

    # Warm-up and guard --------------------------------------------------------------------------------

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, self.load.zero + at_s - self.now()))

    def _steady(self) -> None:
        """Every journey met its level in the last seconds of the warm-up, and reads found what had been written."""
        seconds = min(STEADY_S, self.plan.workload.warmup_s)
        lows = {one.name: self.plan.slo.success for one in self.plan.workload.journeys}
        lasts = {}
        for probe in self.plan.steady:
            lows[probe.journey], lasts[probe.journey] = probe.low, min(probe.last_s, seconds)
        acked = {op.key: op.t1 for op in self.history.ops if op.f == "write" and op.is_ok}
        for journey in self.plan.workload.journeys:
            if journey.kind == "receive":
                continue
            ops = self.watch.last(lasts.get(journey.name, seconds), self.now(), journey.name)
            share = sum(op.is_ok for op in ops) / len(ops) if ops else None
            if share is None:
                raise NotSteady(f"{journey.name} made no request in the last {seconds:g} s of the warm-up")
            if share < lows[journey.name]:
                codes = ", ".join(sorted({op.code for op in ops if not op.is_ok})[:3])
                raise NotSteady(f"{journey.name} succeeded in {100 * share:.1f} % of requests before anything was broken ({codes})")
            p99_s = percentile((op.latency_s for op in ops if op.is_ok), 0.99)
            if p99_s is not None and p99_s * 1000 > self.plan.slo.p99_ms:
                raise NotSteady(f"{journey.name} had a p99 of {p99_s * 1000:.0f} ms before anything was broken")
            blind = [op for op in ops if op.f == "read" and op.is_ok and op.value is None and acked.get(op.key, op.t0) < op.t0 - LATE_S]
            if blind and len(blind) > (1 - lows[journey.name]) * len(ops):
                raise NotSteady(f"{journey.name} does not find what was written, such as {blind[0].key}")

    async def _tell(self) -> None:
        """Progress, for whoever waits."""
        while True:
            await asyncio.sleep(TOLD_EVERY_S)
            self._say_at(self.watch.line(TOLD_EVERY_S, self.now()))

    async def _guard(self) -> None:
        guard, ill_since = self.plan.guard, None
        while True:
            await asyncio.sleep(0.5)
            if guard.max_duration_s is not None and self.now() - self.load.zero > guard.max_duration_s:
                raise Stopped(f"the guard stopped the run after {guard.max_duration_s:g} s")
            if guard.success_below is None:
                continue
            share = self.watch.success(1.0, self.now())
            if share is None or share >= guard.success_below:
                ill_since = None
            else:
                ill_since = ill_since if ill_since is not None else self.now()
                if self.now() - ill_since >= guard.for_s:
                    raise Stopped(f"the guard stopped the run: success was below {guard.success_below:g} for {guard.for_s:g} s")

    # Breaking and healing -------------------------------------------------------------------------------

    async def _act(self) -> None:
        await asyncio.sleep(0)  # the load sets its zero first
        await self._until(0.0)
        self._steady()
        self.history.note("zero", self.load.zero, ends=self.load.zero + self.plan.end_s)
        self.say("  warm-up over: the steady state holds")
        await self.learn_tables()
        guarding = self.loop.create_task(self._guard())
        steps = self.loop.create_task(self._steps())
        try:
            await asyncio.wait({guarding, steps}, return_when=asyncio.FIRST_COMPLETED)
            if guarding.done():
                guarding.result()
            await steps
        finally:
            guarding.cancel()
            steps.cancel()
            await asyncio.gather(guarding, steps, return_exceptions=True)

    async def learn_tables(self) -> None:
        regions = sorted((await self.admin.health())["regions"])
        for journey in self.plan.workload.journeys:
            name = self.back.table_of(journey)
            if name:
                await self.back.learn(name, journey.value, [region for region in regions if not region.startswith("aws-")])
        for invariant in self.plan.invariants:
            if invariant.kind == "converged" and "table" in invariant.params:
                await self.back.learn(invariant.params["table"], "value", [region for region in regions if not region.startswith("aws-")])

    async def _steps(self) -> None:
        """Each step at its second; a fault that lasts for a while ends when the while is over."""
        moments: list[tuple[float, int, Step, bool]] = []
        for number, step in enumerate(self.plan.steps):
            moments.append((step.at_s, number, step, True))
            if step.fault and step.for_s is not None:
                moments.append((step.at_s + step.for_s, number, step, False))
        begun: dict[int, str] = {}
        await self._count("zero")
        for at_s, number, step, is_begin in sorted(moments, key=lambda moment: (moment[0], moment[3], moment[1])):
            if is_begin and step.fault:
                await self._until(at_s)
                if not begun:
                    await self._count("fault")
                begun[number] = (await self.hand.begin(step))["id"]
                self._strike(step)
                self._say_at(f"{step.fault} {_aimed(step)}: confirmed")
            elif is_begin and step.run:
                await self._until(at_s)
                self.runbooks.begin(number, step)
            elif is_begin:
                await self._heal_at(at_s, step.heal)
            elif step.fault in CLIENT_SIDE:
                await self._until(at_s)
                self.hand.over(step)
            elif begun.get(number) in self.hand.held:
                await self._heal_at(at_s, begun[number])
        await self._until(self.plan.end_s)

    def _say_at(self, said: str) -> None:
        self.say(f"{self.now() - self.load.zero:+7.1f} s  {said}")

    def _strike(self, step: Step) -> None:
        if step.fault in ("region.kill", "region.pause"):
            named = step.target["region"]
            self.struck |= set(named if isinstance(named, list) else [named])

    async def _count(self, moment: str) -> None:
        """How often each service was asked so far: at the beginning, before the fault and before the healing."""
        for region in sorted(await self._alive()):
            calls = {operation: count for operation, count in (await self.admin.calls(region)).items() if count}
            self.history.note("calls", self.now(), moment=moment, region=region, calls=calls)

    async def _heal_at(self, at_s: float, which: str) -> None:
        if not self.looked:
            self.looked = True
            await self._look_before_healing(at_s)
        await self._until(at_s)
        await self.hand.heal(which)
        self.history.note("heal", self.now(), which=which)
        self._say_at(f"healed: {which}")
        if not self.hand.held:
            self.struck.clear()
            self.looking = self.looking or self.loop.create_task(self._converging(self.now()))

    async def _look_before_healing(self, at_s: float) -> None:
        """What users miss at the side that serves now. The healing does not wait for it: what is unread then is told as not measured."""
        writes = [op for op in self.history.load if op.f == "write"] if self.struck else []
        broken_s = self.load.zero + at_s - self.now()
        await self._until(at_s - min(broken_s / 2, 1.0 + len(writes) / READ_BACK_PER_S))
        await self._count("healing")
        if writes:
            reading = self.back.read("failover", writes, await self._alive())
            try:
                async with asyncio.timeout(max(0.1, self.load.zero + at_s - self.now())):
                    count = await reading
            except TimeoutError:
                count = 0
            self.history.note("read-back", self.now(), phase="failover", answers=count)

    async def _alive(self) -> set[str]:
        regions = (await self.admin.health())["regions"]
        return {name for name, region in regions.items() if region["state"] == "running" and name not in self.struck}

    # Afterwards ---------------------------------------------------------------------------------------------

    async def _converging(self, healed: float) -> None:
        """Look at all replicas until they hold the same under every key that was written before the healing and not after."""
        stories = [op for op in self.history.load if op.f in ("write", "cas")]
        for table in [table for table in self.back.tables.values() if len(table.replicas) > 1]:
            await self._converge(table, {op.key for op in stories if op.t0 <= healed}, healed)

    async def _converge(self, table: Table, keys: set[str], healed: float) -> None:
        budget_s = max([RECONCILED_WITHIN_S, *(float(i.params.get("within", 0)) for i in self.plan.invariants if i.kind == "converged")])
        while self.now() < healed + budget_s:
            later = {op.key for op in self.history.load if op.f in ("write", "cas") and op.t1 > healed}
            asked_at = self.now()
            replicas = await self.back.look(table, sorted(keys - later), table.replicas)
            if replicas is not None:
                differing = unequal(replicas)
                self.history.note(
                    "look",
                    asked_at,
                    table=table.name,
                    replicas=list(table.replicas),
                    keys=len(keys - later),
                    unequal=len(differing),
                    sample=differing[:20],
                )
                if not differing:
                    return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _finally(self) -> None:
        """After everything is healed: replicas reconcile, queues are drained, every acknowledged write is read everywhere."""
        if not self.history.told("zero"):
            return
        if self.looking is None:
            self.looking = self.loop.create_task(self._converging(self.now()))
        with contextlib.suppress(asyncio.CancelledError):
            await self.looking
        await self._drain()
        writes = [op for op in self.history.load if op.f == "write"]
        await self._reconcile({op.key for op in writes})
        count = await self.back.read("final", writes, await self._alive())
        self.history.note("read-back", self.now(), phase="final", answers=count)
        await self.inspection.end(await self._alive())
        lateness = self.load.lateness_s
        self.history.note("calibration", self.now(), lateness_p50_s=percentile(lateness, 0.5), lateness_p99_s=percentile(lateness, 0.99))

    async def _reconcile(self, keys: set[str]) -> None:
        """Give replicas their time for what was written last; what they lack after that is lost."""
        deadline = self.now() + RECONCILED_WITHIN_S
        for table in [table for table in self.back.tables.values() if len(table.replicas) > 1]:
            while self.now() < deadline:
                replicas = await self.back.look(table, sorted(keys), table.replicas)
                if replicas is not None and not unequal(replicas):
                    break
                await asyncio.sleep(LOOK_EVERY_S)

    async def _drain(self) -> None:
        """Receive until nothing has come for a while: only an empty queue can tell what is lost."""
        for one in self.plan.workload.journeys:
            if one.kind == "receive":
                quiet_since = self.now()
                while self.now() - quiet_since < DRAINED_AFTER_S:
                    if await self.load.receive_once(one):
                        quiet_since = self.now()
                    else:
                        await asyncio.sleep(0.1)
                self.history.note("drained", self.now(), journey=one.name)


def _key_text(key: Any) -> str:
    """The key of an item or object as its writer spelled it; of a composite key, the first part."""
    if isinstance(key, dict):
        first = next(iter(key.values()), "")
        return str(plain(first)) if isinstance(first, dict) else str(first)
    return str(key)


def _aimed(step: Step) -> str:
    return " ".join(str(value) for value in step.target.values()) or "everything"
