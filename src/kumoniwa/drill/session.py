"""A whole drill: a stage, proofs that the instruments work, the repeats, a verdict, the reports.

Two drills with known answers show that a verdict may be believed: the *null* drill breaks nothing and must find nothing, the
*sabotage* drill loses writes on purpose and must find them.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kumoniwa.drill.admin import Admin, AdminRefused, NobodyThere
from kumoniwa.drill.cost import spent
from kumoniwa.drill.faults import NotHealed
from kumoniwa.drill.format.fault_names import CLIENT_SIDE
from kumoniwa.drill.format.plan import Plan, Step
from kumoniwa.drill.format.quantity import duration_text
from kumoniwa.drill.history import History
from kumoniwa.drill.journeys import Cloud
from kumoniwa.drill.live import Live
from kumoniwa.drill.measure import Measured, measured
from kumoniwa.drill.readback import Table
from kumoniwa.drill.run import NotSteady, Run, Stopped
from kumoniwa.drill.runbook import check_runbooks
from kumoniwa.drill.stage import OwnCloud, StageFailed, deployed, settled
from kumoniwa.drill.verdict import Verdict, judge

SABOTAGE_LAG_S = 5.0
PROOF_S = 6.0
PROOF_WARMUP_S = 10.0
"""Load of a proof before anything may be broken; the steady state is looked at in its last seconds, as always."""


@dataclass
class Asked:
    """What the command line asked for."""

    plan: Plan
    out: Path
    endpoint: str | None = None
    repeat: int | None = None
    seed: int | None = None
    prove: bool = False
    null: bool = False
    keep: bool = False
    up: list[str] = field(default_factory=list)
    """Further arguments of ``kumoniwa up``."""


@dataclass
class Session:
    """Everything a report is made of."""

    plan: Plan
    seed: int
    verdict: Verdict
    runs: list[tuple[Measured, History]] = field(default_factory=list)
    proofs: dict[str, str] = field(default_factory=dict)
    links: list[dict[str, Any]] = field(default_factory=list)
    regions: dict[str, Any] = field(default_factory=dict)
    version: str = ""
    endpoint: str = ""
    cost: dict[str, Any] | None = None
    """What the runs used of what AWS bills: see ``cost.spent``."""


async def hold(asked: Asked, say: Callable[[str], None]) -> Session:
    """Hold the drill. Always answers a session; what went wrong stands in its verdict."""
    plan = asked.plan
    seed = asked.seed if asked.seed is not None else plan.workload.seed
    wanted = asked.repeat or plan.repeat
    session = Session(plan, seed, Verdict())
    own: OwnCloud | None = None
    asked.out.mkdir(parents=True, exist_ok=True)
    # A drill that is ended in its middle heals what it broke before it goes.
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task.cancel() if task else None)
    try:
        if asked.endpoint is None:
            own = OwnCloud([*_links(plan), *asked.up], asked.out / "cloud.log", is_kept=asked.keep)
            say(f"a cloud of its own at {own.endpoint}; watch it at {own.endpoint}/_kumoniwa/#drill")
        session.endpoint = asked.endpoint or own.endpoint  # type: ignore[union-attr]
        with (asked.out / "history.jsonl").open("wb") as file:
            await _Holding(session, asked, say, file).all(wanted)
    except (StageFailed, NobodyThere, NotHealed, AdminRefused) as error:
        session.verdict.failure = str(error)
    except asyncio.CancelledError:
        session.verdict.failure = "ended by hand"
    finally:
        if own is not None and not asked.keep:
            await asyncio.to_thread(own.stop)
        elif own is not None:
            say(f"the cloud goes on at {own.endpoint}, its console at {own.endpoint}/_kumoniwa/; `kumoniwa down --endpoint {own.endpoint}` ends it")
    return session


def _links(plan: Plan) -> list[str]:
    """How far the regions of a cloud of our own are. A table in a file stands beside the drill."""
    beside = Path(plan.folder, plan.links)
    return ["--links", str(beside) if beside.is_file() else plan.links]


class _Holding:
    """The drill in progress."""

    def __init__(self, session: Session, asked: Asked, say: Callable[[str], None], file: Any) -> None:
        self.session, self.asked, self.say, self.file = session, asked, say, file
        self.admin = Admin(session.endpoint)
        self.live = Live(self.admin, asyncio.get_running_loop().time)
        self.plan = asked.plan
        self.troubles: list[str] = []

    async def all(self, wanted: int) -> None:
        try:
            await self._stage()
            if self.asked.prove and not await self._prove():
                return
            plan = self.plan if not self.asked.null else null_drill(self.plan)
            before = await self.admin.cost()
            for number in range(1, wanted + 1):
                if number > 1:
                    await self._stage()
                try:
                    history = await self._run(plan if self.asked.null else self.plan, number, f"run {number} of {wanted}")
                except (NotSteady, Stopped) as error:
                    self.troubles.append(f"run {number}: {error}")
                    self.say(f"  {error}")
                    break
                found = measured(plan, history)
                if found is not None:
                    self.session.runs.append((found, history))
                    self.live.end(found)
            self.session.verdict = judge(plan, self.session.runs, wanted)
            self.session.verdict.troubles[:0] = self.troubles
            self.live.judge(self.session.verdict)
            self.session.plan = plan
            self.session.links = [await self._measured(link) for link in await self.admin.links()]
            self.session.regions = (await self.admin.health())["regions"]
            self.session.cost = spent(before, await self.admin.cost())
        finally:
            await self.live.close()
            self.admin.close()

    async def _measured(self, link: dict[str, Any]) -> dict[str, Any]:
        """A link as it is set, and as a few messages through it measure it."""
        if link["from"].startswith("aws-") or link["to"].startswith("aws-"):
            return link
        return {**link, "measured_rtt_ms": (await self.admin.measure(link["from"], link["to"])).get("p50_ms")}

    async def _stage(self) -> None:
        """Stacks are there, regions run, the cloud offers every fault of the drill."""
        check_runbooks(self.asked.plan)
        health = await self.admin.health()
        self.session.version = health["version"]
        for region in self.asked.plan.regions:
            await self.admin.start(region)
        outputs = await deployed(self.asked.plan, self.session.endpoint, self.say)
        self.plan = settled(self.asked.plan, outputs)
        self.session.plan = self.plan
        health = await self.admin.health()
        self.cloud = Cloud(self.admin.host, self.admin.port, health.get("dns_port") or 0)
        await self._check_faults([*self.plan.faults, *self.plan.sabotage])

    async def _check_faults(self, steps: list[Step]) -> None:
        offered = await self.admin.catalogue()
        for step in steps:
            if step.fault and step.fault not in CLIENT_SIDE and step.fault not in offered:
                raise StageFailed(f"this cloud has no fault {step.fault}; it has {', '.join(sorted(offered))}")

    async def _run(self, plan: Plan, number: int, title: str) -> History:
        self.say(title)
        history = History(self.file, number)
        seed = f"{self.session.seed}/{number}"
        history.note("run", asyncio.get_running_loop().time(), title=title, seed=seed, drill=plan.name)
        run = Run(plan, self.cloud, self.admin, history, seed, f"s{self.session.seed}r{number}x{_distinct()}", self.say)
        self.live.begin(plan, title, history)
        try:
            await run.go()
        finally:
            self.file.flush()
        return history

    # Proofs ---------------------------------------------------------------------------------------------

    async def _prove(self) -> bool:
        """The null drill finds nothing and the sabotage drill finds its loss; else no verdict of this session is valid."""
        plan = null_drill(self.plan)
        found = measured(plan, await self._run(plan, 0, "null drill: nothing is broken"))
        wrong = null_findings(plan, found)
        self.session.proofs["null"] = "; ".join(wrong) or "RTO 0, nothing lost"
        self.say(f"  null drill: {self.session.proofs['null']}")
        plan = await self._sabotage()
        if plan is None:
            self.session.proofs["sabotage"] = "no sabotage fits: give the drill `sabotage:` steps that lose writes"
        else:
            history = await self._run(plan, -1, "sabotage drill: writes are lost on purpose")
            found = measured(plan, history)
            lost = len(found.lost) if found else 0
            self.session.proofs["sabotage"] = f"{lost} lost writes found" if lost else "the loss was not found"
            if not lost:
                wrong.append("the sabotage drill found no lost write")
            await self._stage()
        self.say(f"  sabotage drill: {self.session.proofs['sabotage']}")
        if wrong or plan is None:
            self.session.verdict.failure = "the instruments are not proven: " + "; ".join(wrong or [self.session.proofs["sabotage"]])
            return False
        return True

    async def _sabotage(self) -> Plan | None:
        """The drill's own sabotage, or replication slowed and then its region killed; without replicas, killed with its disk."""
        steps = list(self.plan.sabotage) or await self._default_sabotage()
        if not steps:
            return None
        end_s = max(step.at_s + (step.for_s or 0.0) for step in steps) + PROOF_S
        return _proof(self.plan, tuple(steps), end_s)

    async def _default_sabotage(self) -> list[Step]:
        kill = next((step for step in self.plan.faults if step.fault == "region.kill"), None)
        if kill is None:
            return []
        target = {"region": kill.target["region"]}
        tables = await self._tables()
        if any(len(table.replicas) > 1 for table in tables):
            slow = Step(at_s=0.0, fault="replication.slow", target=target, params={"lag": duration_text(SABOTAGE_LAG_S)})
            return [slow, Step(at_s=SABOTAGE_LAG_S + 1, fault="region.kill", target=target, for_s=PROOF_S)]
        # What is read back through the door of users is seen only once they are served again.
        for_s = PROOF_S if tables else kill.for_s or PROOF_S
        return [Step(at_s=1.0, fault="region.kill", target=target, params={"disk": "lost"}, for_s=for_s)]

    async def _tables(self) -> list[Table]:
        """The tables that the drill reads back from."""
        run = Run(self.plan, self.cloud, self.admin, History(), "0", "look", self.say)
        try:
            await run.learn_tables()
            return list(run.back.tables.values())
        finally:
            run.close()


def _proof(plan: Plan, steps: tuple[Step, ...], end_s: float) -> Plan:
    workload = replace(plan.workload, warmup_s=min(plan.workload.warmup_s, PROOF_WARMUP_S), cooldown_s=0.0)
    return replace(plan, workload=workload, steps=steps, end_s=end_s)


def null_drill(plan: Plan) -> Plan:
    """The same load, and nothing broken."""
    return _proof(plan, (), PROOF_S)


def null_findings(plan: Plan, found: Measured | None) -> list[str]:
    """What a null drill found although there was nothing to find."""
    if found is None:
        return ["the null drill did not begin"]
    wrong = []
    if found.recovery.rto_s != 0.0:
        wrong.append(f"the null drill found an RTO of {found.recovery.rto_s} s")
    if found.lost:
        wrong.append(f"the null drill found {len(found.lost)} lost writes")
    return wrong


def _distinct() -> str:
    """Something no other run's keys begin with."""
    return f"{int(asyncio.get_running_loop().time() * 1000):x}"


