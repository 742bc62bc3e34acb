"""The operations on what is done to stack sets: how each begins, is looked at and stopped; and the one that looks for drift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudformation import organization, rollout, stackset, targets
from kumoniwa.services.cloudformation.stackset import (
    InvalidOperationException,
    Operation,
    OperationIdAlreadyExistsException,
    OperationInProgressException,
    Result,
    StackSet,
)


def again(call: Call, found: StackSet, id: str | None, action: str) -> dict[str, str] | None:
    """The answer given before to the same operation id."""
    each = call.shelf(Operation).get(f"{found.id}/{id}") if id else None
    if each is None:
        return None
    if each.action != action:
        raise OperationIdAlreadyExistsException(f"Operation {id} already exists")
    return {"OperationId": each.id}


def begun(call: Call, name: str, id: str | None, action: str, act: Callable[[StackSet], dict[str, str]]) -> dict[str, str]:
    """The answer given before to the same operation id, or else what ``act`` makes of the set as it is now, in one commit."""

    def once() -> dict[str, str]:
        held = stackset.get(call, name)
        return again(call, held, id, action) or act(held)

    return call.atomically(once)


def check_may_begin(call: Call, found: StackSet) -> None:
    """That nothing is done to a set whose operations do not wait for one another, and that there is a way into accounts."""
    busy = [each for each in stackset.operations(call, found) if not each.is_over]
    if busy and not found.queues:
        raise OperationInProgressException(
            f"Another Operation on StackSet {call.arn(f'stackset/{found.id}')} is in progress: {busy[0].id}"
        )
    if found.is_of_organization:
        organization.check_may_operate(call)
    else:
        rollout.administrator(call, found.administration_role)


def begin(
    call: Call, found: StackSet, id: str | None, action: str, results: list[Result], preferences: dict[str, Any], *, retains: bool = False,
    said: dict[str, Any] | None = None, imports: dict[str, str] | None = None,
) -> dict[str, str]:  # fmt: skip
    check_may_begin(call, found)
    operation = Operation(
        id=id or call.new_id(),
        set_id=found.id,
        number=len(stackset.operations(call, found)) + 1,
        action=action,
        created=call.now(),
        preferences=preferences,
        results=targets.ordered(results, preferences),
        retains=retains,
        administration_role=found.administration_role,
        execution_role=found.execution_role,
        targets=said or {},
        imports=imports or {},
    )
    rollout.begin(call, operation)
    return {"OperationId": operation.id}


# Looking ---------------------------------------------------------------------------------------------


def ListStackSetOperations(call: Call, *, StackSetName: str, CallAs: str | None = None) -> dict:
    call = organization.administered(call, CallAs)
    found = stackset.get(call, StackSetName)
    return {"Summaries": [stackset.operation_summary(each) for each in stackset.operations(call, found)]}


def DescribeStackSetOperation(call: Call, *, StackSetName: str, OperationId: str, CallAs: str | None = None) -> dict:
    call = organization.administered(call, CallAs)
    found = stackset.get(call, StackSetName)
    return {"StackSetOperation": stackset.operation_shown(stackset.operation(call, found, OperationId))}


def ListStackSetOperationResults(
    call: Call,
    *,
    StackSetName: str,
    OperationId: str,
    CallAs: str | None = None,
    Filters: list[dict] | None = None,
) -> dict:
    call = organization.administered(call, CallAs)
    found = stackset.operation(call, stackset.get(call, StackSetName), OperationId)
    wanted = [each["Values"] for each in Filters or () if each["Name"] == "OPERATION_RESULT_STATUS"]
    results = [each for each in found.results if all(each.status == status for status in wanted)]
    return {"Summaries": [stackset.result_shown(each) for each in results]}


# Stopping --------------------------------------------------------------------------------------------


def StopStackSetOperation(call: Call, *, StackSetName: str, OperationId: str, CallAs: str | None = None) -> dict:
    """What is under way is finished; what has not begun is cancelled."""
    call = organization.administered(call, CallAs)
    found = stackset.operation(call, stackset.get(call, StackSetName), OperationId)
    if found.is_over:
        raise InvalidOperationException(f"Operation {OperationId} is in {found.status} state and cannot be stopped")
    rollout.stop(call, found)
    return {}


# Drift -----------------------------------------------------------------------------------------------


def DetectStackSetDrift(
    call: Call,
    *,
    StackSetName: str,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    call = organization.administered(call, CallAs)
    preferences = targets.check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if answer := again(call, found, OperationId, "DETECT_DRIFT"):
        return answer
    results = [targets.result_of(each) for each in stackset.instances(call, found) if each.stack_id]
    return begin(call, found, OperationId, "DETECT_DRIFT", results, preferences)
