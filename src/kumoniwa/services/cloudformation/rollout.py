"""An operation on a stack set, carried out: account by account and region by region, until it failed too often or was stopped.

It acts as AWS's self-managed sets do: the administration role of this account assumes the execution role of the other one, and
that makes the stacks. Every request carries the operation's id, so an operation that was killed is taken up and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from kumoniwa.gate import identity
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import patience, stackset, telling
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stackset import Instance, Operation, Result, StackSet

LOOK_S, LOOK_S_MAX = 0.05, 2.0
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
UNMADE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
NO_UPDATES = "No updates are to be performed."


class _Failed(Exception):
    """One account and region came to nothing; the text is the result's reason."""


class Rolling:
    """The operations under way in this process, by their keys."""

    def __init__(self) -> None:
        self.keys: set[str] = set()


def administrator(call: Call, role_arn: str) -> Call:
    """This account's administration role. Raises if CloudFormation may not assume it."""
    try:
        return call.assuming(role_arn, stacks.SERVICE, stacks.SESSION)
    except AwsError:
        raise ValidationError(
            f"Account {call.account} should have '{role_arn.rpartition('/')[2]}' role with trust relationship to CloudFormation service."
        ) from None


async def _executor(call: Call, operation: Operation, account: str) -> Call:
    """The execution role of an account, assumed by the administration role of this one."""
    admin = administrator(call, operation.administration_role)
    role = f"arn:{call.home.partition}:iam::{account}:role/{operation.execution_role}"
    try:
        given = (await admin.ask("sts:AssumeRole", RoleArn=role, RoleSessionName=f"StackSet-{operation.id}"[:64]))["Credentials"]
    except AwsError:
        raise _Failed(
            f"Account {account} should have '{operation.execution_role}' role with trust relationship to Role "
            f"'{operation.administration_role.rpartition('/')[2]}'."
        ) from None
    principal, _ = identity.identify(call.home, given["AccessKeyId"], given["SessionToken"], "query")
    return call.home.call("cloudformation", account, principal)


def begin(call: Call, operation: Operation) -> None:
    """Write an operation down and set about it."""
    call.shelf(Operation)[operation.key] = operation
    telling.of_operation(call, operation)
    for result in operation.results:
        instance = call.shelf(Instance)[stackset.key_of(operation.set_id, result.account, result.region)]
        news = {} if operation.action == "DETECT_DRIFT" else {"status": "OUTDATED", "reason": "User Initiated"}
        call.shelf(Instance)[instance.key] = instance = changed(instance, operation=operation.id, detailed="PENDING", **news)
        telling.of_instance(call, operation.action, instance)
    carry_out(call, operation)


def carry_out(call: Call, operation: Operation) -> None:
    rolling = call.memory(Rolling).keys
    if operation.key not in rolling:
        rolling.add(operation.key)
        own = call.home.call("cloudformation", call.account, call.principal)
        call.home.spawn(_run(own, operation.key))


def resume(call: Call) -> None:
    """Take up again what an earlier life of the region left unfinished."""
    for operation in list(call.shelf(Operation).values()):
        if not operation.is_over:
            carry_out(call, operation)


async def _run(call: Call, key: str) -> None:
    reason = ""
    try:
        await _roll(call, key)
    except Exception as error:
        # A defect of ours. An operation that stayed under way would have its owner wait for ever.
        print(f"kumoniwa: the operation {key} failed", file=sys.stderr)
        traceback.print_exception(error)
        reason = f"Internal Failure: {type(error).__name__}"
    finally:
        call.memory(Rolling).keys.discard(key)
    _end(call, key, reason)


def _end(call: Call, key: str, reason: str) -> None:
    operation = call.shelf(Operation)[key]
    results = tuple(each if each.status in ("SUCCEEDED", "FAILED") else changed(each, status="CANCELLED") for each in operation.results)
    statuses = [each.status for each in results]
    status = "STOPPED" if operation.status == "STOPPING" else "FAILED" if reason or set(statuses) - {"SUCCEEDED"} else "SUCCEEDED"
    if status == "FAILED" and not reason and statuses.count("FAILED") <= _tolerance(operation, _accounts(results)) and "CANCELLED" not in statuses:
        status = "SUCCEEDED"
    for each in results:
        if each.status == "CANCELLED":
            _note(call, operation, each, detailed="CANCELLED", reason="Cancelled since failure tolerance has exceeded")
    ended = call.shelf(Operation)[key] = changed(operation, results=results, status=status, ended=call.now(), reason=reason)
    telling.of_operation(call, ended)
    if operation.action == "DETECT_DRIFT":
        _note_drift(call, call.shelf(Operation)[key])


def _accounts(results: Iterable[Result]) -> int:
    return len({each.account for each in results})


def _tolerance(operation: Operation, accounts: int) -> int:
    """In how many accounts of a region an operation may fail and go on."""
    said = operation.preferences
    return said.get("FailureToleranceCount", accounts * said.get("FailureTolerancePercentage", 0) // 100)


def _at_once(operation: Operation, accounts: int) -> int:
    """In how many accounts of a region an operation works at the same time."""
    said = operation.preferences
    wanted = said.get("MaxConcurrentCount", max(1, accounts * said.get("MaxConcurrentPercentage", 0) // 100))
    is_strict = said.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    return min(wanted, _tolerance(operation, accounts) + 1) if is_strict else wanted


async def _roll(call: Call, key: str) -> None:
    operation = call.shelf(Operation)[key]
    regions = list(dict.fromkeys(each.region for each in operation.results))
    if operation.preferences.get("RegionConcurrencyType") == "PARALLEL":
        await asyncio.gather(*(_region(call, key, region) for region in regions))
        return
    for region in regions:
        if not await _region(call, key, region):
            return


async def _region(call: Call, key: str, region: str) -> bool:
    """One region of an operation; answers whether the next one may follow."""
    operation = call.shelf(Operation)[key]
    mine = [each for each in operation.results if each.region == region]
    turn = asyncio.Semaphore(_at_once(operation, len(mine)))

    def has_failed() -> bool:
        now = call.shelf(Operation)[key]
        failed = sum(each.region == region and each.status == "FAILED" for each in now.results)
        return failed > _tolerance(operation, len(mine))

    async def one(result: Result) -> None:
        async with turn:
            if call.shelf(Operation)[key].status == "RUNNING" and not has_failed():
                await _one(call, key, result)

    await asyncio.gather(*(one(each) for each in mine if each.status in ("PENDING", "RUNNING")))
    return not has_failed()


async def _one(call: Call, key: str, result: Result) -> None:
    operation = call.shelf(Operation)[key]
    _record(call, key, changed(result, status="RUNNING"))
    _note(call, operation, result, detailed="RUNNING")
    found = call.shelf(StackSet).get(operation.set_id.partition(":")[0])
    instance = call.shelf(Instance)[stackset.key_of(operation.set_id, result.account, result.region)]
    try:
        if operation.action == "DELETE":
            await _delete(call, operation, instance)
        elif operation.action == "DETECT_DRIFT":
            await _detect(call, operation, instance)
        else:
            await _bring(call, operation, found, instance)
    except (_Failed, AwsError) as error:
        _note(call, operation, result, detailed="FAILED", reason=str(error))
        _record(call, key, changed(result, status="FAILED", reason=str(error)))
        return
    if operation.action == "DELETE":
        call.shelf(Instance).pop(instance.key, None)
    elif operation.action == "DETECT_DRIFT":
        _note(call, operation, result, detailed="SUCCEEDED")
    else:
        _note(call, operation, result, detailed="SUCCEEDED", status="CURRENT", reason="")
    _record(call, key, changed(result, status="SUCCEEDED"))


def _record(call: Call, key: str, result: Result) -> None:
    operation = call.shelf(Operation)[key]
    results = tuple(
        result if (each.account, each.region) == (result.account, result.region) else each for each in operation.results
    )
    call.shelf(Operation)[key] = changed(operation, results=results)


def _note(call: Call, operation: Operation, result: Result, **news: Any) -> None:
    key = stackset.key_of(operation.set_id, result.account, result.region)
    if (instance := call.shelf(Instance).get(key)) is not None:
        stackset.become(call, operation.action, instance, **news)


# One stack in one account and region -------------------------------------------------------------------


async def _ask(call: Call, executor: Call, region: str, operation: str, /, **params: Any) -> dict[str, Any]:
    """An AWS call in a region, which may be away for a while."""
    await call.home.store.journal.settled()
    return await patience.asked(call, lambda: executor.ask(operation, to_region=region, **params))


async def _at_rest(call: Call, executor: Call, region: str, stack: str) -> dict[str, Any]:
    pause_s = LOOK_S
    while True:
        found = (await _ask(call, executor, region, "cloudformation:DescribeStacks", StackName=stack))["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            return found
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


async def _bring(call: Call, operation: Operation, found: StackSet, instance: Instance) -> None:
    """The stack as the set wants it: made if it is not there, updated if it is."""
    executor = await _executor(call, operation, instance.account)
    if instance.made_by != operation.id and not await _stands(call, executor, operation, instance):
        instance = changed(call.shelf(Instance)[instance.key], stack_id="", made_by=operation.id)
        call.shelf(Instance)[instance.key] = instance
    is_new = instance.made_by == operation.id
    wish = {
        "StackName": instance.stack_name if is_new else instance.stack_id,
        "TemplateBody": stackset.template(call, found),
        "Parameters": stackset.given({**found.values, **instance.overrides}),
        "Capabilities": list(found.capabilities),
        "Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()],
        "ClientRequestToken": operation.id,
    }
    verb = "CreateStack" if is_new else "UpdateStack"
    try:
        made = await _ask(call, executor, instance.region, f"cloudformation:{verb}", **wish)
    except AwsError as error:
        if error.text != NO_UPDATES:
            raise
        return
    call.shelf(Instance)[instance.key] = changed(call.shelf(Instance)[instance.key], stack_id=made["StackId"])
    stack = await _at_rest(call, executor, instance.region, made["StackId"])
    if stack["StackStatus"] not in GOOD:
        raise _Failed(f"ResourceLogicalId:{instance.stack_name}, ResourceStatusReason:{stack.get('StackStatusReason', stack['StackStatus'])}")


async def _stands(call: Call, executor: Call, operation: Operation, instance: Instance) -> bool:
    """Whether an instance has a stack that can be updated. One that never came to be is cleared away."""
    if not instance.stack_id:
        return False
    found = await _at_rest(call, executor, instance.region, instance.stack_id)
    if found["StackStatus"] in UNMADE:
        await _delete(call, changed(operation, retains=False), instance)
    return found["StackStatus"] not in (*UNMADE, "DELETE_COMPLETE")


async def _delete(call: Call, operation: Operation, instance: Instance) -> None:
    if operation.retains or not instance.stack_id:
        return
    executor = await _executor(call, operation, instance.account)
    token = {"ClientRequestToken": operation.id}
    await _ask(call, executor, instance.region, "cloudformation:DeleteStack", StackName=instance.stack_id, **token)
    stack = await _at_rest(call, executor, instance.region, instance.stack_id)
    if stack["StackStatus"] != "DELETE_COMPLETE":
        raise _Failed(stack.get("StackStatusReason", stack["StackStatus"]))


# Drift -------------------------------------------------------------------------------------------------


async def _detect(call: Call, operation: Operation, instance: Instance) -> None:
    executor = await _executor(call, operation, instance.account)
    begun = await _ask(call, executor, instance.region, "cloudformation:DetectStackDrift", StackName=instance.stack_id)
    found = await _ask(call, executor, instance.region, "cloudformation:DescribeStackDriftDetectionStatus", StackDriftDetectionId=begun["StackDriftDetectionId"])  # fmt: skip
    call.shelf(Instance)[instance.key] = changed(
        call.shelf(Instance)[instance.key], drift=found["StackDriftStatus"], drift_at=call.now()
    )


def _note_drift(call: Call, operation: Operation) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetDriftDetectionDetails.html"""
    name = operation.set_id.partition(":")[0]
    found = call.shelf(StackSet).get(name)
    if found is None or found.id != operation.set_id:
        return
    drifts = [each.drift for each in stackset.instances(call, found)]
    statuses = [each.status for each in operation.results]
    details = {
        "DriftStatus": "DRIFTED" if "DRIFTED" in drifts else "IN_SYNC",
        "DriftDetectionStatus": {"SUCCEEDED": "COMPLETED", "STOPPED": "STOPPED"}.get(operation.status, "FAILED"),
        "LastDriftCheckTimestamp": call.now(),
        "TotalStackInstancesCount": len(drifts),
        "DriftedStackInstancesCount": drifts.count("DRIFTED"),
        "InSyncStackInstancesCount": drifts.count("IN_SYNC"),
        "InProgressStackInstancesCount": 0,
        "FailedStackInstancesCount": statuses.count("FAILED"),
    }
    call.shelf(StackSet)[name] = changed(found, drift=details)
