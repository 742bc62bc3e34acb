"""Tasks of maintenance windows: what is done while one is open.

Functions, state machines and runbooks are run, without targets; commands on the nodes that their targets name. Targets that are registered
with a window are refused by name.
https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows-targetless-tasks.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm import window as windows
from kumoniwa.services.ssm.errors import Denied, ValidationException
from kumoniwa.services.ssm.execution import SERVICE
from kumoniwa.services.ssm.window import DoesNotExistException, ResourceLimitExceededException, Window

TASKS_MAX = 20
# https://docs.aws.amazon.com/general/latest/gr/ssm.html
COMMAND = "RUN_COMMAND"
MEMBERS = {"LAMBDA": "Lambda", "STEP_FUNCTIONS": "StepFunctions", "AUTOMATION": "Automation", COMMAND: "RunCommand"}
"""By type: where its parameters stand."""
PSEUDO = ("WINDOW_ID", "WINDOW_TASK_ID", "WINDOW_EXECUTION_ID", "TASK_EXECUTION_ID", "INVOCATION_ID")
OF_TARGETS = ("TARGET_ID", "TARGET_TYPE", "WINDOW_TARGET_ID", "RESOURCE_ID")
# https://docs.aws.amazon.com/systems-manager/latest/userguide/mw-cli-register-tasks-parameters.html
ROLE = LinkedRole(SERVICE, "AWSServiceRoleForAmazonSSM")
""""If no appropriate service-linked role for Systems Manager exists in your account, it is created", for tasks that name no role."""
PLACEHOLDER = "1"
""""The system inserts a placeholder value of 1", for MaxConcurrency and MaxErrors of tasks without targets."""


class Task(Record):
    """Shelved by ``window/id``."""

    id: str
    window: str
    kind: str
    arn: str
    role: str
    parameters: dict[str, Any]
    """As told for its type."""
    priority: int = 0
    name: str = ""
    description: str = ""
    on_cutoff: str = "CONTINUE_TASK"
    created: float = 0.0
    targets: tuple[dict[str, Any], ...] = ()
    """Of a command: its nodes, by their ids."""
    concurrency: str = PLACEHOLDER
    errors: str = PLACEHOLDER

    @property
    def nodes(self) -> list[str]:
        return list(dict.fromkeys(value for each in self.targets for value in each["Values"]))


def existing(call: Call, window: str, id_: str) -> Task:
    windows.existing(call, window)
    found = call.shelf(Task).get(f"{window}/{id_}")
    if found is None:
        raise DoesNotExistException(f"Maintenance window task {id_} does not exist")
    return found


def of_window(call: Call, id_: str) -> list[Task]:
    return sorted((each for each in call.shelf(Task).values() if each.window == id_), key=lambda each: (each.priority, each.created, each.id))


def _parameters(kind: str, told: dict[str, Any] | None) -> dict[str, Any]:
    given = told or {}
    if strange := set(given) - {MEMBERS[kind]}:
        raise ValidationException(f"Invalid task invocation parameters for a task of type {kind}: {', '.join(sorted(strange))}.")
    said = given.get(MEMBERS[kind]) or {}
    text = json.dumps(said, default=lambda value: value.decode("utf-8", "replace"))
    if used := next((name for name in OF_TARGETS if f"{{{{{name}}}}}" in text or f"{{{{ {name} }}}}" in text), None):
        raise ValidationException(f"{{{{{used}}}}} has no value in a task without targets.")
    return said


def _check_role(call: Call, role: str) -> str:
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    return role


def _refuse_targets(told: dict[str, Any]) -> None:
    """The texts: https://docs.aws.amazon.com/systems-manager/latest/userguide/troubleshooting-maintenance-windows.html"""
    if told.get("Targets"):
        raise NotImplementedHere("targets of a maintenance window's tasks")
    for name in ("MaxConcurrency", "MaxErrors"):
        if told.get(name) is not None:
            raise ValidationException(f"Maintenance window tasks without targets do not support {name} values")


def _check_targets(window: Window, kind: str, told: dict[str, Any]) -> None:
    """"One or more targets must be specified for maintenance window Run Command-type tasks", and, where a window takes no others than those
    that are registered with it, "you must specify previously-registered targets when you register a task": API_Target, API_CreateMaintenanceWindow."""
    if kind != COMMAND:
        _refuse_targets(told)
        return
    if not told.get("Targets"):
        raise ValidationException("One or more targets must be specified for maintenance window Run Command-type tasks.")
    for each in told["Targets"]:
        if each.get("Key") != "InstanceIds":
            raise NotImplementedHere(f"targets of a maintenance window's tasks by {each.get('Key')}")
    if not window.allows_others:
        raise ValidationException("The maintenance window allows registered targets alone.")


async def RegisterTaskWithMaintenanceWindow(
    call: Call, *, WindowId: str, TaskArn: str, TaskType: str, ServiceRoleArn: str | None = None,
    TaskInvocationParameters: dict[str, Any] | None = None, Priority: int | None = None, Targets: list[dict[str, Any]] | None = None,
    MaxConcurrency: str | None = None, MaxErrors: str | None = None, Name: str | None = None, Description: str | None = None,
    ClientToken: str | None = None, CutoffBehavior: str | None = None,
) -> dict:  # fmt: skip
    window = windows.existing(call, WindowId)
    if TaskType not in MEMBERS:
        raise NotImplementedHere(f"tasks of the type {TaskType} of maintenance windows")
    _check_targets(window, TaskType, {"Targets": Targets, "MaxConcurrency": MaxConcurrency, "MaxErrors": MaxErrors})
    parameters = _parameters(TaskType, TaskInvocationParameters)
    if ServiceRoleArn is None:
        await ROLE.ensure(call, Denied)
        role = ROLE.arn(call)
    else:
        role = _check_role(call, ServiceRoleArn)

    def keep() -> Task:
        windows.existing(call, WindowId)
        if len(of_window(call, WindowId)) >= TASKS_MAX:
            raise ResourceLimitExceededException(f"A maintenance window has {TASKS_MAX} tasks at most.")
        made = Task(
            id=call.new_id(), window=WindowId, kind=TaskType, arn=TaskArn, role=role, parameters=parameters, priority=Priority or 0,
            name=Name or "", description=Description or "", on_cutoff=CutoffBehavior or "CONTINUE_TASK", created=call.now(),
            targets=tuple(Targets or ()), concurrency=MaxConcurrency or PLACEHOLDER, errors=MaxErrors or PLACEHOLDER,
        )  # fmt: skip
        call.shelf(Task)[f"{WindowId}/{made.id}"] = made
        return made

    return {"WindowTaskId": call.atomically(keep).id}


def _shown(task: Task, kind_member: str = "TaskType") -> dict[str, Any]:
    told: dict[str, Any] = {
        "WindowId": task.window, "WindowTaskId": task.id, "Targets": list(task.targets), "TaskArn": task.arn, "ServiceRoleArn": task.role, kind_member: task.kind,
        "TaskParameters": {}, "Priority": task.priority, "MaxConcurrency": task.concurrency, "MaxErrors": task.errors, "Name": task.name,
        "Description": task.description, "CutoffBehavior": task.on_cutoff,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value != ""}


def _whole(task: Task) -> dict[str, Any]:
    return _shown(task) | {"TaskInvocationParameters": {MEMBERS[task.kind]: task.parameters} if task.parameters else {}}


def GetMaintenanceWindowTask(call: Call, *, WindowId: str, WindowTaskId: str) -> dict:
    return _whole(existing(call, WindowId, WindowTaskId))


def DescribeMaintenanceWindowTasks(call: Call, *, WindowId: str, Filters: list[dict[str, Any]] | None = None) -> dict:
    windows.existing(call, WindowId)
    chosen = of_window(call, WindowId)
    fields = {"WindowTaskId": "id", "TaskArn": "arn", "Priority": "priority", "TaskType": "kind"}
    for each in Filters or ():
        if each.get("Key") not in fields:
            raise ValidationException(f"The filter key {each.get('Key')} isn't valid.")
        chosen = [task for task in chosen if str(getattr(task, fields[each["Key"]])) in (each.get("Values") or [])]
    return {"Tasks": [_shown(task, "Type") for task in chosen]}


def UpdateMaintenanceWindowTask(
    call: Call, *, WindowId: str, WindowTaskId: str, Targets: list[dict[str, Any]] | None = None, TaskArn: str | None = None,
    ServiceRoleArn: str | None = None, TaskInvocationParameters: dict[str, Any] | None = None, Priority: int | None = None,
    MaxConcurrency: str | None = None, MaxErrors: str | None = None, Name: str | None = None, Description: str | None = None,
    Replace: bool | None = None, CutoffBehavior: str | None = None,
) -> dict:  # fmt: skip
    """What is not said stays; with ``Replace`` it goes. A task keeps its type, and its role unless another is said."""
    task = existing(call, WindowId, WindowTaskId)
    told_targets = {"Targets": Targets, "MaxConcurrency": MaxConcurrency, "MaxErrors": MaxErrors}
    if task.kind != COMMAND or Targets is not None or Replace:
        _check_targets(windows.existing(call, WindowId), task.kind, told_targets)
    if Replace and TaskArn is None:
        raise ValidationException("With Replace a task needs TaskArn.")
    told = {
        "arn": TaskArn, "role": _check_role(call, ServiceRoleArn) if ServiceRoleArn is not None else None, "priority": Priority, "name": Name,
        "description": Description, "on_cutoff": CutoffBehavior, "targets": tuple(Targets) if Targets is not None else None,
        "concurrency": MaxConcurrency, "errors": MaxErrors,
        "parameters": _parameters(task.kind, TaskInvocationParameters) if TaskInvocationParameters is not None or Replace else None,
    }  # fmt: skip
    if Replace:
        empty = {"arn": task.arn, "role": task.role, "priority": 0, "name": "", "description": "", "on_cutoff": "CONTINUE_TASK", "parameters": {},
                 "targets": (), "concurrency": PLACEHOLDER, "errors": PLACEHOLDER}  # fmt: skip
        told = {name: value if value is not None else empty[name] for name, value in told.items()}
    task = changed(task, **{name: value for name, value in told.items() if value is not None})
    call.shelf(Task)[f"{WindowId}/{WindowTaskId}"] = task
    return {name: value for name, value in _whole(task).items() if name != "TaskType"}


def DeregisterTaskFromMaintenanceWindow(call: Call, *, WindowId: str, WindowTaskId: str) -> dict:
    existing(call, WindowId, WindowTaskId)
    del call.shelf(Task)[f"{WindowId}/{WindowTaskId}"]
    return {"WindowId": WindowId, "WindowTaskId": WindowTaskId}


def DeleteMaintenanceWindow(call: Call, *, WindowId: str) -> dict:
    """To delete what is gone is no mistake: the model has no such error. What is under way comes to its end."""
    if WindowId in call.shelf(Window):
        for task in of_window(call, WindowId):
            del call.shelf(Task)[f"{WindowId}/{task.id}"]
        windows.OPENINGS.drop(call, WindowId)
        del call.shelf(Window)[WindowId]
    return {"WindowId": WindowId}
