"""Executions of maintenance windows: how far each has come, task by task, and what may be asked of it.

https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows-cli-tutorials-describe.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm.errors import ValidationException
from kumoniwa.services.ssm.execution import KEPT_S, SERVICE
from kumoniwa.services.ssm.window import DoesNotExistException
from kumoniwa.services.ssm.window_task import Task
from kumoniwa.wire import timestamps

RUNS = Turns("ssm", SERVICE, "ssm_window_runs_due")
"""Of executions that have not ended."""
ENDED = ("SUCCESS", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED_OVERLAPPING")


class TaskRun(Record):
    """One task as it is run in one execution: its one invocation, too, as it has no targets."""

    id: str
    invocation: str
    task: Task
    """As it was when the window opened."""
    status: str = "PENDING"
    details: str = ""
    started: float | None = None
    ended: float | None = None
    action: str = ""
    """What was begun elsewhere: an execution's ARN or id."""


class Run(Record):
    """Shelved by its id."""

    id: str
    window: str
    started: float
    last_start: float
    """From when on no task begins."""
    status: str = "IN_PROGRESS"
    details: str = ""
    ended: float | None = None
    tasks: tuple[TaskRun, ...] = ()


def existing(call: Call, id_: str) -> Run:
    found = call.shelf(Run).get(id_)
    if found is None:
        raise DoesNotExistException(f"Maintenance window execution {id_} does not exist")
    return found


def _task(call: Call, id_: str, task_id: str) -> TaskRun:
    found = next((each for each in existing(call, id_).tasks if each.id == task_id), None)
    if found is None:
        raise DoesNotExistException(f"Maintenance window execution task {task_id} does not exist")
    return found


def tell(call: Call, run: Run, task: TaskRun | None = None) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html"""
    seen = task if task is not None else run
    started = seen.started if seen.started is not None else call.now()
    detail: dict[str, Any] = {"start-time": timestamps.to_millisecond(started)}
    if task is not None:
        detail["task-execution-id"] = task.id
    if seen.ended is not None:
        detail["end-time"] = timestamps.to_millisecond(seen.ended)
    detail |= {"window-id": run.window, "window-execution-id": run.id, "status": seen.status}
    call.tell(f"Maintenance Window {'Task ' if task is not None else ''}Execution State-change Notification", detail)


def forget_old(call: Call) -> None:
    for old in [each for each in call.shelf(Run).values() if each.ended is not None and each.ended < call.now() - KEPT_S]:
        del call.shelf(Run)[old.id]


# Looking -------------------------------------------------------------------------------------------


def _timed(seen: Run | TaskRun) -> dict[str, Any]:
    told = {"Status": seen.status, "StatusDetails": seen.details or None, "StartTime": seen.started, "EndTime": seen.ended}
    return {name: value for name, value in told.items() if value is not None}


def _wanted(filters: list[dict[str, Any]] | None, statuses: list[str]) -> list[bool]:
    for each in filters or ():
        if each.get("Key", "").upper() != "STATUS":
            raise ValidationException(f"The filter key {each.get('Key')} isn't valid.")
    return [all(status in (each.get("Values") or []) for each in filters or ()) for status in statuses]


def DescribeMaintenanceWindowExecutions(call: Call, *, WindowId: str, Filters: list[dict[str, Any]] | None = None) -> dict:
    chosen = sorted((each for each in call.shelf(Run).values() if each.window == WindowId), key=lambda each: -each.started)
    for each in Filters or ():
        try:
            at = timestamps.parsed((each.get("Values") or [""])[0])
        except (ValueError, AwsError):
            raise ValidationException(f"The value of the filter {each.get('Key')} isn't a valid date.") from None
        if each.get("Key") not in ("ExecutedBefore", "ExecutedAfter"):
            raise ValidationException(f"The filter key {each.get('Key')} isn't valid.")
        chosen = [run for run in chosen if (run.started < at if each["Key"] == "ExecutedBefore" else run.started > at)]
    return {"WindowExecutions": [{"WindowId": run.window, "WindowExecutionId": run.id, **_timed(run)} for run in chosen]}


def GetMaintenanceWindowExecution(call: Call, *, WindowExecutionId: str) -> dict:
    run = existing(call, WindowExecutionId)
    return {"WindowExecutionId": run.id, "TaskIds": [each.id for each in run.tasks], **_timed(run)}


def DescribeMaintenanceWindowExecutionTasks(
    call: Call, *, WindowExecutionId: str, Filters: list[dict[str, Any]] | None = None
) -> dict:
    tasks = existing(call, WindowExecutionId).tasks
    told = [
        {"WindowExecutionId": WindowExecutionId, "TaskExecutionId": each.id, **_timed(each), "TaskArn": each.task.arn, "TaskType": each.task.kind}
        for each, is_wanted in zip(tasks, _wanted(Filters, [each.status for each in tasks]))
        if is_wanted
    ]
    return {"WindowExecutionTaskIdentities": told}


def GetMaintenanceWindowExecutionTask(call: Call, *, WindowExecutionId: str, TaskId: str) -> dict:
    found = _task(call, WindowExecutionId, TaskId)
    return {
        "WindowExecutionId": WindowExecutionId, "TaskExecutionId": found.id, "TaskArn": found.task.arn, "ServiceRole": found.task.role,
        "Type": found.task.kind, "TaskParameters": [], "Priority": found.task.priority, "MaxConcurrency": found.task.concurrency,
        "MaxErrors": found.task.errors,
        **_timed(found),
    }  # fmt: skip


def _invocation(run_id: str, found: TaskRun) -> dict[str, Any]:
    told = {
        "WindowExecutionId": run_id, "TaskExecutionId": found.id, "InvocationId": found.invocation, "TaskType": found.task.kind, **_timed(found),
    }  # fmt: skip
    return told | ({"ExecutionId": found.action} if found.action else {})


def DescribeMaintenanceWindowExecutionTaskInvocations(
    call: Call, *, WindowExecutionId: str, TaskId: str, Filters: list[dict[str, Any]] | None = None
) -> dict:
    """A task that has not begun has no invocation yet."""
    found = _task(call, WindowExecutionId, TaskId)
    is_wanted = found.started is not None and _wanted(Filters, [found.status])[0]
    return {"WindowExecutionTaskInvocationIdentities": [_invocation(WindowExecutionId, found)] if is_wanted else []}


def GetMaintenanceWindowExecutionTaskInvocation(call: Call, *, WindowExecutionId: str, TaskId: str, InvocationId: str) -> dict:
    found = _task(call, WindowExecutionId, TaskId)
    if found.started is None or found.invocation != InvocationId:
        raise DoesNotExistException(f"Maintenance window execution task invocation {InvocationId} does not exist")
    return _invocation(WindowExecutionId, found)


def CancelMaintenanceWindowExecution(call: Call, *, WindowExecutionId: str) -> dict:
    """"Tasks already in progress will continue to completion." One that has ended stays as it is."""
    run = existing(call, WindowExecutionId)
    if run.status not in ENDED:
        tasks = tuple(changed(each, status="CANCELLED", ended=call.now()) if each.status == "PENDING" else each for each in run.tasks)
        call.shelf(Run)[run.id] = changed(run, status="CANCELLING", tasks=tasks)
        RUNS.put(call, run.id, call.now())
    return {"WindowExecutionId": WindowExecutionId}
