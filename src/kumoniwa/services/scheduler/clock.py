"""What is due: rows say when each schedule is called next, so that a region that was dead misses none and calls none twice."""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.scheduler import delivery
from kumoniwa.services.scheduler.schedule import DUE, SERVICE, WAITING, Schedule, plan, remove

IDLE_S = 3600.0


async def run(region: Any) -> None:
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("scheduler", SERVICE):
            call.atomically(partial(_fire_all, call))
            next_due = call.rows(DUE).one("select min(at) from scheduler_due")[0]
            until = min(until, next_due or until)
        await region.wait(WAITING, until)


def _fire_all(call: Call) -> None:
    for key, planned in call.rows(DUE).all("select schedule, planned from scheduler_due where at <= ? order by at", call.now()):
        schedule = call.shelf(Schedule).get(key)
        if schedule is None:
            call.rows(DUE).run("delete from scheduler_due where schedule = ?", key)
            continue
        delivery.promise(call, schedule, planned)
        # A region that slept through several times calls once and goes on with the next that is to come.
        sleeping_s = call.now() - planned - schedule.flexible_s
        if plan(call, schedule, planned if sleeping_s < 1 else call.now()) is None and schedule.after == "DELETE":
            remove(call, schedule)
