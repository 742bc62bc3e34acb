"""How maintenance windows open, and how their tasks are run: those of the lowest priority first, those of one priority together.

What is begun is begun under a token, so that a region which was killed does not begin it twice. A window that should have opened while its
region was dark opens when it comes back, if tasks may still begin in it.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.ssm import command_progress
from kumoniwa.services.ssm import window as windows
from kumoniwa.services.ssm import window_task as tasks
from kumoniwa.services.ssm.command import Command
from kumoniwa.services.ssm.execution import SERVICE
from kumoniwa.services.ssm.window import HOUR_S, OPENINGS, Window
from kumoniwa.services.ssm.window_run import ENDED, RUNS, Run, TaskRun, tell
from kumoniwa.services.ssm.window_task import PSEUDO

POLLED_EVERY_S = 5.0
FAILED_TASKS = "One or more tasks in the orchestration failed."
"""https://github.com/aws/aws-cli's examples and the user guide's tutorials show it; of the other details no record is at hand."""
OUTCOMES = {
    "SUCCEEDED": "SUCCESS", "FAILED": "FAILED", "TIMED_OUT": "TIMED_OUT", "ABORTED": "CANCELLED", "Success": "SUCCESS", "Failed": "FAILED",
    "TimedOut": "TIMED_OUT", "Cancelled": "CANCELLED",
}  # fmt: skip
"""What state machines, runbooks and commands come to."""


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(
            OPENINGS.run(region, lambda call: [each.id for each in call.shelf(Window).values() if each.following is not None], _open)
        )
        group.create_task(RUNS.run(region, lambda call: [each.id for each in call.shelf(Run).values() if each.status not in ENDED], _move))


# Opening -------------------------------------------------------------------------------------------


async def _open(call: Call, id_: str) -> None:
    call.atomically(lambda: _opened(call, id_))


def _opened(call: Call, id_: str) -> None:
    window = call.shelf(Window).get(id_)
    if window is None or window.following is None:
        return
    at = window.following
    if at > call.now():
        OPENINGS.put(call, id_, at)
        return
    windows.keep(call, changed(window, following=windows.after(window, call.now())))
    last_start = at + (window.duration - window.cutoff) * HOUR_S
    if call.now() >= last_start:
        return
    is_busy = any(each.window == id_ and each.status not in ENDED for each in call.shelf(Run).values())
    listed = () if is_busy else tuple(TaskRun(id=call.new_id(), invocation=call.new_id(), task=task) for task in tasks.of_window(call, id_))
    made = Run(id=call.new_id(), window=id_, started=call.now(), last_start=last_start, tasks=listed)
    if is_busy:
        made = changed(made, status="SKIPPED_OVERLAPPING", ended=call.now())
    elif not listed:
        made = changed(made, status="SUCCESS", details="No tasks to execute.", ended=call.now())
    call.shelf(Run)[made.id] = made
    tell(call, made)
    if made.status not in ENDED:
        RUNS.put(call, made.id, call.now())


# Running -------------------------------------------------------------------------------------------


async def _move(call: Call, id_: str) -> None:
    """A defect of ours fails the task that it meets, and no other."""
    while (held := call.shelf(Run).get(id_)) is not None and held.status not in ENDED:
        due = call.atomically(lambda: _due(call, id_))
        if not due:
            call.atomically(lambda: _ended(call, id_))
            return
        await asyncio.gather(*(_turn(call, id_, each) for each in due))
        waiting = [each for each in call.shelf(Run)[id_].tasks if each.status == "IN_PROGRESS"]
        if waiting:
            RUNS.put(call, id_, call.now() + POLLED_EVERY_S)
            return


def _due(call: Call, id_: str) -> list[TaskRun]:
    """The tasks whose turn it is, those that begin begun. None begins after the cutoff."""
    held, now = call.shelf(Run)[id_], call.now()
    listed = list(held.tasks)
    priority = min((each.task.priority for each in listed if each.status in ("PENDING", "IN_PROGRESS")), default=None)
    for place, each in enumerate(listed):
        if each.status == "IN_PROGRESS" and now >= held.last_start and each.task.on_cutoff == "CANCEL_TASK":
            # "The status for tasks that are not completed is TIMED_OUT": RegisterTaskWithMaintenanceWindow's page.
            listed[place] = changed(each, status="TIMED_OUT", ended=now)
            _cancel(call, each)
        elif each.status == "PENDING" and now >= held.last_start:
            listed[place] = changed(each, status="TIMED_OUT", ended=now, details="The cutoff was reached before the task began.")
        elif each.status == "PENDING" and each.task.priority == priority:
            listed[place] = changed(each, status="IN_PROGRESS", started=now)
    _keep(call, held, tuple(listed))
    return [each for each in listed if each.status == "IN_PROGRESS"]


def _cancel(call: Call, begun: TaskRun) -> None:
    """Of commands alone: "the system attempts to cancel any command that is still running on any targets"."""
    command = call.shelf(Command).get(begun.action) if begun.task.kind == tasks.COMMAND else None
    if command is not None and command.ended is None:
        command_progress.cancel(call, command, list(command.nodes))


def _keep(call: Call, held: Run, listed: tuple[TaskRun, ...]) -> None:
    after = changed(held, tasks=listed)
    call.shelf(Run)[held.id] = after
    for before, each in zip(held.tasks, listed):
        if before.status != each.status:
            tell(call, after, each)


def _ended(call: Call, id_: str) -> None:
    held = call.shelf(Run)[id_]
    statuses = {each.status for each in held.tasks}
    status = next((status for status in ("FAILED", "TIMED_OUT", "CANCELLED") if status in statuses), "SUCCESS")
    status = "CANCELLED" if held.status == "CANCELLING" else status
    held = changed(held, status=status, ended=call.now(), details=FAILED_TASKS if status == "FAILED" else "")
    call.shelf(Run)[id_] = held
    tell(call, held)


async def _turn(call: Call, id_: str, begun: TaskRun) -> None:
    try:
        outcome = await _acted(call, id_, begun)
    except AwsError as error:
        outcome = {"status": "FAILED", "details": f"({error.code}) {error.text}"}
    except Exception:
        traceback.print_exc()
        outcome = {"status": "FAILED", "details": "An internal error occurred."}

    def keep() -> None:
        held = call.shelf(Run)[id_]
        ended = {"ended": call.now()} if outcome.get("status", "IN_PROGRESS") != "IN_PROGRESS" else {}
        _keep(call, held, tuple(
            changed(each, **outcome, **ended) if each.id == begun.id and each.status == "IN_PROGRESS" else each for each in held.tasks
        ))  # fmt: skip

    call.atomically(keep)


async def _acted(call: Call, id_: str, begun: TaskRun) -> dict[str, Any]:
    """What a task has come to, as members of its record. Raises AwsError."""
    as_role = call.assuming(begun.task.role, SERVICE, begun.invocation)
    return await _ACTIONS[begun.task.kind](as_role, begun, _filled(id_, begun))


def _filled(id_: str, begun: TaskRun) -> dict[str, Any]:
    """A task's parameters with the values of pseudo parameters."""
    values = dict(zip(PSEUDO, (begun.task.window, begun.task.id, id_, begun.id, begun.invocation)))

    def put(value: Any) -> Any:
        if isinstance(value, bytes):
            return put(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if isinstance(value, dict):
            return {name: put(each) for name, each in value.items()}
        if isinstance(value, list):
            return [put(each) for each in value]
        if isinstance(value, str):
            for name, text in values.items():
                value = value.replace(f"{{{{{name}}}}}", text).replace(f"{{{{ {name} }}}}", text)
        return value

    return put(begun.task.parameters)


async def _function(as_role: Call, begun: TaskRun, said: dict[str, Any]) -> dict[str, Any]:
    """A function that fails fails its task: what AWS makes of it no source tells."""
    more = {name: said[name] for name in ("Qualifier", "ClientContext", "Payload") if said.get(name)}
    answer = await as_role.ask("lambda:Invoke", once=begun.invocation, FunctionName=begun.task.arn, **more)
    if answer.get("FunctionError"):
        return {"status": "FAILED", "details": _failure(bytes(answer["Payload"]))}
    return {"status": "SUCCESS"}


def _failure(payload: bytes) -> str:
    try:
        return str(json.loads(payload)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return "The function failed."


async def _machine(as_role: Call, begun: TaskRun, said: dict[str, Any]) -> dict[str, Any]:
    if not begun.action:
        more = {member: said[name] for name, member in (("Input", "input"), ("Name", "name")) if said.get(name)}
        begun_ = await as_role.ask("stepfunctions:StartExecution", once=begun.invocation, stateMachineArn=begun.task.arn, **more)
        return {"action": begun_["executionArn"]}
    seen = await as_role.ask("stepfunctions:DescribeExecution", executionArn=begun.action)
    return {"status": OUTCOMES.get(seen["status"], "IN_PROGRESS"), "details": seen.get("cause") or seen.get("error") or ""}


async def _runbook(as_role: Call, begun: TaskRun, said: dict[str, Any]) -> dict[str, Any]:
    if not begun.action:
        more = {name: said[name] for name in ("DocumentVersion", "Parameters") if said.get(name)}
        begun_ = await as_role.ask("ssm:StartAutomationExecution", once=begun.invocation, DocumentName=begun.task.arn, **more)
        return {"action": begun_["AutomationExecutionId"]}
    seen = (await as_role.ask("ssm:GetAutomationExecution", AutomationExecutionId=begun.action))["AutomationExecution"]
    return {"status": OUTCOMES.get(seen["AutomationExecutionStatus"], "IN_PROGRESS"), "details": seen.get("FailureMessage") or ""}


async def _command(as_role: Call, begun: TaskRun, said: dict[str, Any]) -> dict[str, Any]:
    if not begun.action:
        task, more = begun.task, {name: value for name, value in said.items() if value not in (None, {}, "")}
        sent = await as_role.ask(
            "ssm:SendCommand", once=begun.invocation, DocumentName=task.arn, InstanceIds=task.nodes, MaxConcurrency=task.concurrency,
            MaxErrors=task.errors, **more,
        )  # fmt: skip
        return {"action": sent["Command"]["CommandId"]}
    seen = (await as_role.ask("ssm:ListCommands", CommandId=begun.action))["Commands"][0]
    return {"status": OUTCOMES.get(seen["Status"], "IN_PROGRESS"), "details": seen["StatusDetails"] if seen["Status"] != "Success" else ""}


_ACTIONS = {"LAMBDA": _function, "STEP_FUNCTIONS": _machine, "AUTOMATION": _runbook, tasks.COMMAND: _command}
