"""What Systems Manager tells the region's bus of automations and of OpsItems.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.ssm.execution import Execution, StepRun
    from kumoniwa.services.ssm.opsitem import OpsItem

EXECUTION, STEP = "EC2 Automation Execution Status-change Notification", "EC2 Automation Step Status-change Notification"


def of_execution(call: Call, execution: Execution, status: str) -> None:
    call.tell(EXECUTION, {**_automation(call, execution, status, execution), "ExecutedBy": execution.who["arn"]})


def of_step(call: Call, execution: Execution, run: StepRun, action: str) -> None:
    call.tell(STEP, {**_automation(call, execution, run.status, run), "StepName": run.name, "Action": action})


def _automation(call: Call, execution: Execution, status: str, timed: Execution | StepRun) -> dict[str, Any]:
    """``Time`` is how many milliseconds it took; that it is told of what has not ended, as far as it has come, is ours."""
    until = timed.ended if timed.ended is not None else call.now()
    told = {
        "ExecutionId": execution.id, "Definition": execution.document, "DefinitionVersion": float(execution.version), "Status": status,
        "StartTime": timestamps.medium(timed.started), "Time": float(milliseconds(until) - milliseconds(timed.started)),
        "resources": [
            call.arn(f"automation-execution/{execution.id}", "ssm"),
            call.arn(f"automation-definition/{execution.document}:{execution.version}", "ssm"),
        ],
    }  # fmt: skip
    return told | ({"EndTime": timestamps.medium(timed.ended)} if timed.ended is not None else {})


def of_item(call: Call, item: OpsItem, what: str) -> None:
    """An OpsItem was made (``Create``) or changed (``Update``)."""
    told = {
        "created-by": item.who, "created-time": _to_microsecond(item.created), "source": item.source, "status": item.status,
        "ops-item-id": item.id, "title": item.title, "ops-item-type": item.kind, "description": item.description,
        "resources": [call.arn(f"opsitem/{item.id}", "ssm")],
    }  # fmt: skip
    if what == "Update":
        told |= {"modified-by": item.modifier, "modified-time": _to_microsecond(item.modified)}
    call.tell(f"OpsItem {what}", told)


def _to_microsecond(seconds: float) -> str:
    return f"{timestamps.to_millisecond(seconds)[:-1]}000Z"
