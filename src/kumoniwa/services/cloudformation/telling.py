"""What CloudFormation tells the region's bus: how stacks, their resources, detections of drift, and stack sets stand.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/events-detail-reference.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.call import Call

if TYPE_CHECKING:
    from kumoniwa.services.cloudformation.drift import Detection
    from kumoniwa.services.cloudformation.stackset import Instance, Operation, StackSet

STACK, RESOURCE = "CloudFormation Stack Status Change", "CloudFormation Resource Status Change"
DRIFT = "CloudFormation Drift Detection Status Change"
STACK_SET, INSTANCE = "CloudFormation StackSet Status Change", "CloudFormation StackSet StackInstance Status Change"
OPERATION = "CloudFormation StackSet Operation Status Change"


def of_stack(call: Call, stack: Any, status: str, reason: str) -> None:
    _tell(call, STACK, stack.arn, {"stack-id": stack.arn, "status-details": _status(status, reason), "client-request-token": stack.token})


def of_resource(call: Call, stack: Any, logical_id: str, kind: str, physical_id: str, status: str, reason: str) -> None:
    _tell(call, RESOURCE, stack.arn, {
        "stack-id": stack.arn, "logical-resource-id": logical_id, "physical-resource-id": physical_id,
        "status-details": _status(status, reason), "resource-type": kind, "client-request-token": stack.token,
    })  # fmt: skip


def of_drift(call: Call, detection: Detection) -> None:
    """That it was begun, and how it ended: the count while it lasts, and that no token is told, was seen in an event of AWS's
    (https://dev.to/aws-builders/aws-cdk-101-projects-cdk-stackresourcedrift-events-forwarded-to-cool-slack-posts-event-forwarder-1m0m)."""
    ended = "DETECTION_FAILED" if detection.failed else "DETECTION_COMPLETE"
    for drift, status, drifted in (("", "DETECTION_IN_PROGRESS", -1), (detection.status, ended, detection.drifted)):
        _tell(call, DRIFT, detection.stack_arn, {
            "stack-id": detection.stack_arn, "stack-drift-detection-id": detection.id,
            "status-details": {"stack-drift-status": drift, "detection-status": status},
            "drift-detection-details": {"drifted-stack-resource-count": drifted},
        })  # fmt: skip


def of_stack_set(call: Call, found: StackSet) -> None:
    _tell_set(call, STACK_SET, found.id, {"status-details": {"status": found.status}})


def of_instance(call: Call, action: str, instance: Instance) -> None:
    details = _status(instance.status, instance.reason) | {"detailed-status": instance.detailed}
    _tell_set(call, INSTANCE, instance.set_id, {"stack-id": instance.stack_id, "action": action, "status-details": details})


def of_operation(call: Call, operation: Operation) -> None:
    """AWS's page does not list the action. Rules in use choose by it (``"action": ["DETECT_DRIFT"]``), and who shows these events shows it."""
    said = {"stack-set-operation-id": operation.id, "action": operation.action, "status-details": {"status": operation.status}}
    _tell_set(call, OPERATION, operation.set_id, said)


def _status(status: str, reason: str) -> dict[str, str]:
    return {"status": status, "status-reason": reason or ""}


def _tell_set(call: Call, kind: str, set_id: str, said: dict[str, Any]) -> None:
    arn = call.arn(f"stackset/{set_id}")
    _tell(call, kind, arn, {"stack-set-arn": arn, **said})


def _tell(call: Call, kind: str, arn: str, said: dict[str, Any]) -> None:
    call.tell(kind, {"resources": [arn], **said})
