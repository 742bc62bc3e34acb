"""A change set: a wish that has been drawn and compared, and waits for somebody to say yes."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy import plan
from kumoniwa.deploy.plan import Change
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import Record
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack, Wish

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class ChangeSetNotFoundException(AwsError): ...


class InvalidChangeSetStatusException(AwsError): ...


class ChangeSet(Record):
    """Shelved by its stack's id and its name."""

    name: str
    arn: str
    stack: str
    """The stack's id."""
    stack_name: str
    stack_arn: str
    kind: str
    """CREATE or UPDATE."""
    created: float
    status: str
    reason: str = ""
    execution: str = "AVAILABLE"
    description: str = ""
    wish: Wish | None = None
    """None for one that failed before there was anything to wish for."""
    changes: tuple[dict[str, Any], ...] = ()
    role: str = ""
    on_failure: str = ""
    token: str = ""

    @property
    def key(self) -> str:
        return f"{self.stack}/{self.name}"


def find(call: Call, name_or_arn: str, stack_name: str | None) -> ChangeSet | None:
    if name_or_arn.startswith("arn:"):
        return next((found for found in call.shelf(ChangeSet).values() if found.arn == name_or_arn), None)
    if not stack_name:
        raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = stacks.find(call, stack_name)
    if stack is None:
        raise ValidationError(f"Stack [{stack_name}] does not exist")
    return call.shelf(ChangeSet).get(f"{stack.id}/{name_or_arn}")


def get(call: Call, name_or_arn: str, stack_name: str | None) -> ChangeSet:
    found = find(call, name_or_arn, stack_name)
    if found is None:
        raise ChangeSetNotFoundException(f"ChangeSet [{name_or_arn}] does not exist")
    return found


def of(call: Call, stack: Stack) -> list[ChangeSet]:
    return [found for found in call.shelf(ChangeSet).values() if found.stack == stack.id]


def drop(call: Call, change_set: ChangeSet) -> None:
    if change_set.execution != "EXECUTED":
        stacks.forget(call, change_set.wish)
    del call.shelf(ChangeSet)[change_set.key]


# What would change -----------------------------------------------------------------------------------


def differences(call: Call, stack: Stack, blueprint: Blueprint) -> list[Change]:
    """What applying a blueprint to a stack would do to its resources."""
    return plan.changes(blueprint.resources, stacks.resources_of(call, stack), blueprint.levels)


def is_different(call: Call, stack: Stack, blueprint: Blueprint, tags: dict[str, str]) -> bool:
    """Whether anything but resources would change."""
    if stack.status == "REVIEW_IN_PROGRESS":
        return True
    return tags != stack.wish.tags or blueprint.outputs != stacks.drawn(call, stack.wish).outputs


def change_shown(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "ResourceType": change.type,
        "Scope": ["Properties"] if change.details else [],
        "Details": [_detail(*detail) for detail in change.details],
    }
    optional = {
        "PhysicalResourceId": change.physical_id,
        "Replacement": change.replacement,
        "PolicyAction": change.policy_action,
    }
    return {
        "Type": "Resource",
        "ResourceChange": found | {name: value for name, value in optional.items() if value},
    }


def _detail(name: str, evaluation: str, recreation: str, cause: str | None) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    found: dict[str, Any] = {"Target": target, "Evaluation": evaluation}
    if cause is None:
        found["ChangeSource"] = "DirectModification"
    else:
        found["CausingEntity"] = cause
    return found


# Shown -----------------------------------------------------------------------------------------------


def _execution(call: Call, change_set: ChangeSet) -> str:
    if change_set.execution != "EXECUTED":
        return change_set.execution
    stack = stacks.find(call, change_set.stack_arn, is_deleted_too=True)
    if stack is None or stack.change_set != change_set.arn:
        return "OBSOLETE"
    if stack.is_busy:
        return "EXECUTE_IN_PROGRESS"
    return "EXECUTE_COMPLETE" if stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") else "EXECUTE_FAILED"


def summary(call: Call, change_set: ChangeSet) -> dict[str, Any]:
    """As ListChangeSets answers it."""
    reply: dict[str, Any] = {
        "StackId": change_set.stack_arn,
        "StackName": change_set.stack_name,
        "ChangeSetId": change_set.arn,
        "ChangeSetName": change_set.name,
        "ExecutionStatus": _execution(call, change_set),
        "Status": change_set.status,
        "CreationTime": change_set.created,
        "IncludeNestedStacks": False,
    }
    optional = {"StatusReason": change_set.reason, "Description": change_set.description}
    return reply | {name: value for name, value in optional.items() if value}


def shown(call: Call, change_set: ChangeSet) -> dict[str, Any]:
    """As DescribeChangeSet answers it."""
    reply = summary(call, change_set) | {
        "RollbackConfiguration": {},
        "NotificationARNs": [],
        "Changes": list(change_set.changes),
    }
    if change_set.wish is not None:
        reply |= {
            "Parameters": list(change_set.wish.parameters),
            "Capabilities": list(change_set.wish.capabilities),
            "Tags": [{"Key": key, "Value": value} for key, value in change_set.wish.tags.items()],
        }
    if change_set.on_failure:
        reply["OnStackFailure"] = change_set.on_failure
    return reply
