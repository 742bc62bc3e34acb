"""Carries every running experiment of a region on, from wherever an earlier life left it."""

from __future__ import annotations

import asyncio

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.fis import report
from kumoniwa.services.fis.experiment import (
    FINAL,
    OVER,
    SERVICE,
    Experiment,
    assumed,
    begin,
    end,
    is_alarmed,
    put,
    resolve,
)

BEGUN = ("fis", "begun")
ALARMS_EVERY_S = 5.0
FOREVER_S = 86_400.0


def changed_key(account: str, experiment_id: str) -> tuple:
    return ("fis", account, experiment_id)


async def run(region) -> None:
    carried: dict[tuple[str, str], asyncio.Task] = {}
    while True:
        for call in region.calls("fis", SERVICE):
            for experiment in call.shelf(Experiment).values():
                key = (call.account, experiment.id)
                if (experiment.status not in FINAL or report.is_owed(experiment)) and (key not in carried or carried[key].done()):
                    carried[key] = region.spawn(_carry(call, experiment.id))
        await region.wait(BEGUN, region.clock.now() + FOREVER_S)


async def _carry(call: Call, id_: str) -> None:
    await _run(call, id_)
    if report.is_owed(call.shelf(Experiment)[id_]):
        await report.deliver(call, id_)


async def _run(call: Call, id_: str) -> None:
    shelf = call.shelf(Experiment)
    if shelf[id_].status in FINAL:
        return
    try:
        role = assumed(call, shelf[id_])
        if shelf[id_].status in ("pending", "initiating"):
            put(call, changed(shelf[id_], status="initiating", reason="Experiment is initiating"))
            resolved = await resolve(call, role, shelf[id_])
            if any(not arns for arns in resolved.values()) and shelf[id_].template.options.get("emptyTargetResolutionMode", "fail") == "fail":
                _fail(call, id_, "Target resolution returned empty set", "TargetResolutionError")
                return
            put(call, changed(shelf[id_], status="running", reason="Experiment is running", resolved=resolved, started_at=call.now()))
        while shelf[id_].status not in FINAL:
            await _step(call, role, id_)
    except AwsError as error:
        await _stop(call, id_, "failed", error.text)


async def _step(call: Call, role: Call, id_: str) -> None:
    """Do whatever is due, and wait for what is due next."""
    shelf = call.shelf(Experiment)
    if not shelf[id_].is_stopping and await is_alarmed(role, shelf[id_]):
        put(call, changed(shelf[id_], is_stopping="Experiment halted by stop condition"))
    if shelf[id_].is_stopping:
        put(call, changed(shelf[id_], status="stopping", reason=shelf[id_].is_stopping))
        await _stop(call, id_, "stopped", shelf[id_].is_stopping)
        return
    for name, step in shelf[id_].steps.items():
        if step.status == "running" and step.ends_at <= call.now():
            await end(call, shelf[id_], name, "completed", "Action was completed")
    for name, asked in shelf[id_].template.actions.items():
        steps = shelf[id_].steps
        if steps[name].status == "pending" and all(steps[earlier].status in ("completed", "skipped") for earlier in asked.get("startAfter") or ()):
            await begin(call, role, shelf[id_], name)
    steps = shelf[id_].steps
    failed = next((name for name, step in steps.items() if step.status == "failed"), None)
    if failed is not None:
        await _stop(call, id_, "failed", f"The action {failed} failed: {steps[failed].reason}")
    elif all(step.status in OVER for step in steps.values()):
        put(call, changed(shelf[id_], status="completed", reason="Experiment completed", ended_at=call.now()))
    else:
        due = min((step.ends_at for step in steps.values() if step.status == "running"), default=call.now())
        has_alarms = any(stop["source"] != "none" for stop in shelf[id_].template.stops)
        await call.home.wait(changed_key(call.account, id_), min(due, call.now() + ALARMS_EVERY_S) if has_alarms else due)


async def _stop(call: Call, id_: str, status: str, reason: str) -> None:
    """End what runs, give up what has not begun."""
    shelf = call.shelf(Experiment)
    for name, step in shelf[id_].steps.items():
        if step.status == "running":
            await end(call, shelf[id_], name, "stopped", "Action was stopped")
        elif step.status == "pending":
            await end(call, shelf[id_], name, "cancelled", "Action was cancelled")
    put(call, changed(shelf[id_], status=status, reason=reason, ended_at=call.now()))


def _fail(call: Call, id_: str, reason: str, code: str) -> None:
    experiment = call.shelf(Experiment)[id_]
    steps = {name: changed(step, status="cancelled", reason="Action was cancelled") for name, step in experiment.steps.items()}
    error = {"accountId": call.account, "code": code, "location": "targets"}
    put(call, changed(experiment, status="failed", reason=reason, steps=steps, error=error, ended_at=call.now()))
