"""What requests have in common: which stack is meant, whether it was asked before, and whether it may be.

CloudFormation's operations do not agree on one text for a stack that is not there, so each brings its own.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack

UPDATABLE = frozenset(
    (
        "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED", "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    )  # fmt: skip
)


ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
ALARM = re.compile(r"arn:[^:]+:cloudwatch:[^:]+:\d{12}:alarm:.+")


class AlreadyExistsException(AwsError): ...


class TokenAlreadyExistsException(AwsError): ...


def place(token: str | None) -> int | None:
    """The number that a token of these lists is. Raises ValidationError."""
    if token is not None and not (token.isascii() and token.isdigit() and len(token) < 19):
        raise ValidationError("Invalid NextToken.")
    return None if token is None else int(token)


def named(call: Call, name: str, refusal: str, *, is_deleted_too: bool = False) -> Stack:
    """A stack, or the refusal of this operation: CloudFormation's operations do not agree on one text."""
    stack = stacks.find(call, name, is_deleted_too=is_deleted_too)
    if stack is None:
        raise ValidationError(refusal.format(name))
    return stack


def is_repeated(stack: Stack | None, token: str | None, operation: str) -> bool:
    """Whether this very request was taken already."""
    if stack is None or token is None or stack.token != token:
        return False
    if stack.operation_name != operation:
        raise TokenAlreadyExistsException(
            f"Token {token} already exists for another operation on stack {stack.arn}"
        )
    return True


def check_passed(call: Call, role: str) -> None:
    call.require("iam:PassRole", role, **{"iam:PassedToService": stacks.SERVICE})


def check_role(call: Call, role: str | None) -> None:
    if role is None:
        return
    check_passed(call, role)
    try:
        call.assuming(role, stacks.SERVICE, stacks.SESSION)
    except AwsError:
        raise ValidationError(f"Role {role} is invalid or cannot be assumed") from None


def check_tags(tags: list[dict[str, str]] | None) -> None:
    keys = [tag["Key"] for tag in tags or ()]
    if len(keys) > 50:
        raise ValidationError("Number of tags exceeds the limit of 50.")
    if len(set(keys)) < len(keys):
        raise ValidationError("Duplicate tag keys found.")


def disables_rollback(disabled: bool | None, config: dict[str, Any] | None) -> bool | None:
    """Whether a request wants a failure left standing; it can say so in two places."""
    return (config or {}).get("DisableRollback") if disabled is None else disabled


def mode(config: dict[str, Any] | None) -> str:
    """STANDARD, or EXPRESS for an operation that does not wait until its resources are ready.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-express-mode.html"""
    return (config or {}).get("Mode", "STANDARD")


def watching(configuration: dict[str, Any] | None) -> dict[str, Any]:
    """What a request says of how its stack is watched, as fields of the stack; nothing if it is to be as before."""
    if configuration is None:
        return {}
    triggers = configuration.get("RollbackTriggers") or []
    # Recorded: localstack/localstack, test_update_stack.snapshot.json, test_update_with_invalid_rollback_configuration_errors.
    if any(each["Type"] not in ALARMS for each in triggers):
        raise ValidationError("Rollback Trigger Type not supported")
    if any(not ALARM.fullmatch(each["Arn"]) for each in triggers):
        raise ValidationError("RelativeId of a Rollback Trigger's ARN is incorrect")
    return {"triggers": tuple(triggers), "watched_s": (configuration.get("MonitoringTimeInMinutes") or 0) * 60.0}


def check_updatable(stack: Stack) -> None:
    if stack.status not in UPDATABLE:
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not be updated.")
