"""How automations go on: step after step, each kept before the next begins, so that a region which was killed goes on where it was.

A turn runs steps until one has to wait; when the next turn is due is a row.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from msgspec import convert

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.languages.automation_document import Document, InvalidContent, Step, Unknown, filled
from kumoniwa.services.ssm import action
from kumoniwa.services.ssm.action import Actor, Done, StepFailed, Waits
from kumoniwa.services.ssm.execution import (
    ENDED,
    SERVICE,
    TURNS,
    Execution,
    StepRun,
    cancel,
    definition_of,
    end,
    keep,
    values_of,
)


async def run(region: Any) -> None:
    await TURNS.run(region, lambda call: [each.id for each in call.shelf(Execution).values() if each.status not in ENDED], _move)


async def _move(call: Call, id_: str) -> None:
    """A defect of ours fails the execution that it meets, and no other."""
    while (execution := call.shelf(Execution).get(id_)) is not None and execution.status not in ENDED:
        try:
            if await _advance(call, execution):
                return
        except Exception:
            traceback.print_exc()
            call.atomically(lambda: end(call, call.shelf(Execution)[id_], "Failed", "An internal error occurred."))


async def _advance(call: Call, execution: Execution) -> bool:
    """One step, or a part of one; answers whether it has to wait."""
    definition = definition_of(call, execution)
    step = definition.steps[execution.step]
    if execution.status == "Cancelling" and (execution.run is None or execution.run.ended is not None):
        call.atomically(lambda: cancel(call, execution))
        return False
    if execution.run is None or execution.run.ended is not None:
        execution = call.atomically(lambda: _begun(call, execution, step))
    try:
        outcome = await _acted(call, execution, step)
    except StepFailed as failure:
        outcome = failure
    return call.atomically(lambda: _kept(call, execution, definition, step, outcome))


def _begun(call: Call, execution: Execution, step: Step, attempt: int = 1) -> Execution:
    timeout_s = step.timeout_s if step.timeout_s is not None else action.TIMEOUTS_S.get(step.action)
    run = StepRun(
        id=call.new_id(), name=step.name, started=call.now(), attempt=attempt, deadline=call.now() + timeout_s if timeout_s is not None else None
    )
    try:
        run = changed(run, inputs=filled(step.inputs, values_of(call, execution)))
    except Unknown as missing:
        run = changed(run, failure=f"{{{{ {missing} }}}} has no value.")
    runs = execution.runs[:-1] if attempt > 1 else execution.runs
    execution = changed(execution, runs=(*runs, run))
    keep(call, execution)
    return execution


async def _acted(call: Call, execution: Execution, step: Step) -> Any:
    """What the step's action comes to. Raises StepFailed."""
    run = execution.run
    if run.failure:
        raise StepFailed(run.failure)
    if run.deadline is not None and call.now() >= run.deadline:
        raise _timed_out(step)
    remaining_s = run.deadline - call.now() if run.deadline is not None else None
    try:
        async with asyncio.timeout(remaining_s):
            return await action.ACTIONS[step.action](Actor(_as_whom(call, execution), execution, step, run))
    except TimeoutError:
        raise _timed_out(step) from None
    except InvalidContent as wrong:
        raise StepFailed(str(wrong)) from None
    except AwsError as error:
        raise StepFailed(f"({error.code}) {error.text}", hint=error.hint) from None


class TimedOut(StepFailed):
    """It took longer than it may."""


def _timed_out(step: Step) -> TimedOut:
    return TimedOut(f"The step {step.name} did not end within its time.")


def _as_whom(call: Call, execution: Execution) -> Call:
    if execution.role:
        return call.assuming(execution.role, SERVICE, f"Automation-{execution.id}")
    return call.home.call("ssm", call.account, convert(execution.who, Principal))


def _kept(call: Call, begun: Execution, definition: Document, step: Step, outcome: Done | Waits | StepFailed) -> bool:
    """Write down what a step came to. A signal that came meanwhile is looked at in a turn that follows at once."""
    execution = call.shelf(Execution)[begun.id]
    if execution.status in ENDED:
        return True
    run = execution.run
    if isinstance(outcome, Waits):
        state = {**outcome.state, **run.state}
        waiting = changed(run, state=state, status="Waiting" if outcome.is_waiting else "InProgress")
        keep(call, changed(execution, runs=(*execution.runs[:-1], waiting)))
        if execution is not begun:
            return False
        TURNS.put(call, execution.id, min(outcome.until, run.deadline if run.deadline is not None else outcome.until))
        return outcome.until > call.now()
    if isinstance(outcome, Done):
        try:
            outputs = action.outputs_of(step, outcome)
        except StepFailed as failure:
            outcome = failure
        else:
            _succeeded(call, execution, definition, step, outcome, outputs)
            return False
    return _failed(call, execution, definition, step, outcome)


def _succeeded(call: Call, execution: Execution, definition: Document, step: Step, done: Done, outputs: dict[str, Any]) -> None:
    run = changed(execution.run, status="Success", ended=call.now(), outputs=outputs)
    values = {**execution.values, **{f"{step.name}.{name}": value for name, value in outputs.items()}}
    execution = changed(execution, runs=(*execution.runs[:-1], run), values=values)
    _go_on(call, execution, definition, done.next or step.next)


def _go_on(call: Call, execution: Execution, definition: Document, following: str) -> None:
    if following:
        keep(call, changed(execution, step=following))
        return
    values = values_of(call, execution)
    outputs = {name: values[name] for name in (each.strip("{} ") for each in definition.outputs) if name in values}
    execution = changed(execution, outputs=outputs)
    end(call, execution, "Failed" if execution.has_failed else "Success", execution.failure)


def _failed(call: Call, execution: Execution, definition: Document, step: Step, failure: StepFailed) -> bool:
    if execution.run.attempt < step.attempts_max and execution.status != "Cancelling":
        _begun(call, execution, step, execution.run.attempt + 1)
        return False
    text = (
        f"Step fails when it is Execute/Cancelling action. {failure.text} "
        "Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
    )
    status = "TimedOut" if isinstance(failure, TimedOut) else "Failed"
    run = changed(execution.run, status=status, ended=call.now(), failure=text, outputs=failure.outputs)
    values = {**execution.values, **{f"{step.name}.{name}": value for name, value in failure.outputs.items()}}
    execution = changed(execution, runs=(*execution.runs[:-1], run), values=values)
    if step.on_failure == "Abort":
        end(call, execution, status, text)
        return False
    execution = changed(execution, has_failed=execution.has_failed or step.is_critical, failure=text if step.is_critical else execution.failure)
    _go_on(call, execution, definition, step.next if step.on_failure == "Continue" else step.on_failure)
    return False
