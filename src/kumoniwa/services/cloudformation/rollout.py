"""An operation on a stack set, carried out: account by account and region by region, until it failed too often or was stopped.

A set with permissions of its own acts by roles that its owner made: the administration role of this account assumes the execution role of
the other one, and that makes the stacks. For a set of an organization CloudFormation has its own (`organization`). Every request carries the
operation's id, so an operation that was killed is taken up and nothing is done twice.

Operations of a set begin in the order in which they were asked for, one after the other; where its execution is managed, as soon as none
before is about the same account and region. What is deployed by itself may also wait for operations of other sets.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from kumoniwa.gate import identity
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import Member
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import organization, patience, stackset, telling, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stackset import Instance, Operation, Result, StackSet

LOOK_S, LOOK_S_MAX = 0.05, 2.0
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
IMPORTABLE = (*GOOD, "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")
UNMADE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
NO_UPDATES = "No updates are to be performed."
GATE = "AWSCloudFormationStackSetAccountGate"
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-account-gating.html"""


class Failed(Exception):
    """One account and region came to nothing; the text is the result's reason."""


class _Stuck(Failed):
    """A stack could not be deleted, and is in a state in which nothing else can be done to it."""


class _FailedImport(Failed):
    """A stack that stands could not become an instance's own."""


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


async def executor(call: Call, operation: Operation, account: str) -> Call:
    """The execution role of an account, assumed by the administration role of this one."""
    session = f"StackSet-{operation.id}"[:64]
    if not operation.execution_role:
        try:
            return await organization.entered(call, account, session)
        except organization.LacksRole as error:
            raise Failed(str(error)) from None
    admin = administrator(call, operation.administration_role)
    role = f"arn:{call.home.partition}:iam::{account}:role/{operation.execution_role}"
    try:
        given = (await admin.ask("sts:AssumeRole", RoleArn=role, RoleSessionName=session))["Credentials"]
    except AwsError:
        raise Failed(
            f"Account {account} should have '{operation.execution_role}' role with trust relationship to Role "
            f"'{operation.administration_role.rpartition('/')[2]}'."
        ) from None
    principal, _ = identity.identify(call.home, given["AccessKeyId"], given["SessionToken"], "query")
    return call.home.call("cloudformation", account, principal)


# Waiting for one another -------------------------------------------------------------------------------


def begin(call: Call, operation: Operation) -> None:
    """Write an operation down, and set about it unless something stands in its way."""
    call.shelf(Operation)[operation.key] = operation
    advance(call)
    if call.shelf(Operation)[operation.key].status == "QUEUED":
        telling.of_operation(call, operation)


def advance(call: Call) -> None:
    """Set about what waits for nothing any more."""
    every = call.shelf(Operation)
    under_way = sorted((each for each in every.values() if not each.is_over), key=lambda each: (each.created, each.number))
    for operation in under_way:
        if operation.status != "QUEUED":
            continue
        ended = [every[key].status for key in operation.needs if key in every and every[key].is_over]
        if set(ended) - {"SUCCEEDED"}:
            # No source tells what becomes of what depends on a failure, or in which words.
            _end(call, operation.key, "A stack set that this one depends on was not deployed.")
            return
        if all(every[key].is_over for key in (*operation.after, *operation.needs) if key in every) and not _is_in_the_way(call, operation, under_way):
            _start(call, operation)


def _is_in_the_way(call: Call, operation: Operation, under_way: list[Operation]) -> bool:
    """Whether an operation of the same set must be over before."""
    found = call.shelf(StackSet).get(operation.set_id.partition(":")[0])
    before = [each for each in under_way if each.set_id == operation.set_id and each.number < operation.number]
    if found is None or not found.queues:
        return bool(before)
    places = _places(operation)
    return any(places & _places(each) for each in before)


def _places(operation: Operation) -> set[tuple[str, str]]:
    return {(each.account, each.region) for each in operation.results}


def _start(call: Call, operation: Operation) -> None:
    operation = call.shelf(Operation)[operation.key] = changed(operation, status="RUNNING")
    telling.of_operation(call, operation)
    found, shelf = call.shelf(StackSet).get(operation.set_id.partition(":")[0]), call.shelf(Instance)
    news = {} if operation.action == "DETECT_DRIFT" else {"status": "OUTDATED", "reason": "User Initiated"}
    for result in operation.results:
        key = stackset.key_of(operation.set_id, result.account, result.region)
        if operation.action == "CREATE" and found is not None:
            # What was there when it was asked for may have been deleted before its turn came.
            stackset.promise(call, found, result)
        if key in shelf:
            instance = shelf[key] = changed(shelf[key], operation=operation.id, detailed="PENDING", **news)
            telling.of_instance(call, operation.action, instance)
    carry_out(call, operation)


def stop(call: Call, operation: Operation) -> None:
    """What is under way is finished; what has not begun is cancelled."""
    has_begun = operation.status != "QUEUED"
    operation = call.shelf(Operation)[operation.key] = changed(operation, status="STOPPING")
    telling.of_operation(call, operation)
    if not has_begun:
        _end(call, operation.key, "")


def carry_out(call: Call, operation: Operation) -> None:
    rolling = call.memory(Rolling).keys
    if operation.key not in rolling:
        rolling.add(operation.key)
        own = call.home.call("cloudformation", call.account, call.principal)
        call.home.spawn(_run(own, operation.key))


def resume(call: Call) -> None:
    """Take up again what an earlier life of the region left unfinished."""
    for operation in list(call.shelf(Operation).values()):
        if operation.status in ("RUNNING", "STOPPING"):
            carry_out(call, operation)
    advance(call)


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
    is_whole = all(each.status != "CANCELLED" for each in results) and not any(_has_failed(operation, results, each.region) for each in results)
    status = "STOPPED" if operation.status == "STOPPING" else "SUCCEEDED" if is_whole and not reason else "FAILED"
    # The words for what was stopped are ours.
    why = "Cancelled since the operation was stopped" if status == "STOPPED" else reason or "Cancelled since failure tolerance has exceeded"
    for each in results:
        if each.status == "CANCELLED":
            _note(call, operation, each, detailed="CANCELLED", reason=why)
    ended = call.shelf(Operation)[key] = changed(operation, results=results, status=status, ended=call.now(), reason=reason)
    telling.of_operation(call, ended)
    if operation.action == "DETECT_DRIFT":
        _note_drift(call, call.shelf(Operation)[key])
    advance(call)


def _has_failed(operation: Operation, results: Iterable[Result], region: str) -> bool:
    """Whether an operation has failed in a region: the tolerance is for each."""
    here = [each for each in results if each.region == region]
    return sum(each.status == "FAILED" for each in here) > _tolerance(operation, len(here))


def _tolerance(operation: Operation, accounts: int) -> int:
    """In how many accounts of a region an operation may fail and go on."""
    said = operation.preferences
    return said.get("FailureToleranceCount", accounts * said.get("FailureTolerancePercentage", 0) // 100)


def _at_once(operation: Operation, results: Iterable[Result], region: str) -> int:
    """In how many accounts of a region an operation may work at the same time now. Where it is strict, no more ever fail than one above what
    is tolerated. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html"""
    said, here = operation.preferences, [each for each in results if each.region == region]
    wanted = said.get("MaxConcurrentCount", max(1, len(here) * said.get("MaxConcurrentPercentage", 0) // 100))
    if said.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") != "STRICT_FAILURE_TOLERANCE":
        return wanted
    return min(wanted, _tolerance(operation, len(here)) + 1 - sum(each.status == "FAILED" for each in here))


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
    waiting = [each for each in call.shelf(Operation)[key].results if each.region == region and each.status in ("PENDING", "RUNNING")]
    working: set[asyncio.Task] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            operation = call.shelf(Operation)[key]
            may_go_on = operation.status == "RUNNING" and not _has_failed(operation, operation.results, region)
            while waiting and may_go_on and len(working) < _at_once(operation, operation.results, region):
                working.add(group.create_task(_one(call, key, waiting.pop(0))))
            if not working:
                return not _has_failed(operation, operation.results, region)
            _, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)


async def _one(call: Call, key: str, result: Result) -> None:
    operation = call.shelf(Operation)[key]
    result = changed(result, status="RUNNING")
    _record(call, key, result)
    _note(call, operation, result, detailed="RUNNING")
    instance = call.shelf(Instance).get(stackset.key_of(operation.set_id, result.account, result.region))
    if instance is None:
        # An operation that came before has deleted it.
        _record(call, key, changed(result, status="SUCCEEDED"))
        return
    if _is_suspended(call, result.account) and not (operation.action == "DELETE" and operation.retains):
        # It counts as no failure: https://aws.amazon.com/about-aws/whats-new/2023/06/aws-cloudformation-stacksets-suspended-accounts-deployments/
        reason = f"Skipped since account {result.account} is suspended"
        _note(call, operation, result, detailed="SKIPPED_SUSPENDED_ACCOUNT", reason=reason)
        _record(call, key, changed(result, status="SUCCEEDED", reason=reason))
        return
    try:
        if operation.action == "DETECT_DRIFT":
            await _detect(call, operation, instance)
        elif operation.action == "DELETE" and (operation.retains or not instance.stack_id):
            pass
        else:
            there = await executor(call, operation, instance.account)
            result = changed(result, gate=await _gate(call, there, instance.region))
            _record(call, key, result)
            if result.gate[0] == "FAILED":
                raise Failed(f"Account gate check failed: {result.gate[1]}")
            if operation.action == "DELETE":
                await _delete(call, there, operation, instance)
            elif arn := operation.imports.get(instance.key):
                await _import(call, there, operation, instance, arn)
            else:
                await _bring(call, there, operation, instance)
    except (Failed, AwsError) as error:
        detailed = {_Stuck: "INOPERABLE", _FailedImport: "FAILED_IMPORT"}.get(type(error), "FAILED")
        news = {"detailed": detailed} | ({"status": "INOPERABLE"} if detailed != "FAILED" else {})
        _note(call, operation, result, reason=str(error), **news)
        _record(call, key, changed(result, status="FAILED", reason=str(error)))
        return
    if operation.action == "DELETE":
        call.shelf(Instance).pop(instance.key, None)
        call.rows(stackset.DRIFTS).run("delete from cloudformation_set_drift where instance = ?", instance.key)
    elif operation.action == "DETECT_DRIFT":
        _note(call, operation, result, detailed="SUCCEEDED")
    else:
        _note(call, operation, result, detailed="SUCCEEDED", status="CURRENT", reason="")
    _record(call, key, changed(result, status="SUCCEEDED"))


def _is_suspended(call: Call, account: str) -> bool:
    member = call.home.store.shelf(SHARED, Member).get(account)
    return member is not None and member.is_suspended


async def _gate(call: Call, executor: Call, region: str) -> tuple[str, str]:
    """What the account says to it, if it has a function that is asked: a status and why."""
    try:
        answer = await _ask(call, executor, region, "lambda:Invoke", FunctionName=GATE, Payload=b"{}")
    except AwsError as error:
        if error.code not in ("ResourceNotFoundException", "AccessDeniedException"):
            raise
        return "SKIPPED", error.text.removesuffix(":$LATEST")
    try:
        status = json.loads(answer["Payload"])["Status"]
    except (ValueError, TypeError, KeyError):
        status = ""
    if status in ("SUCCEEDED", "FAILED") and "FunctionError" not in answer:
        return status, f"{GATE} answered {status}"
    return "FAILED", f"{GATE} did not answer a status"


def _record(call: Call, key: str, result: Result) -> None:
    operation = call.shelf(Operation)[key]
    results = tuple(
        result if (each.account, each.region) == (result.account, result.region) else each for each in operation.results
    )
    call.shelf(Operation)[key] = changed(operation, results=results)


def _note(call: Call, operation: Operation, result: Result, /, **news: Any) -> None:
    key = stackset.key_of(operation.set_id, result.account, result.region)
    if (instance := call.shelf(Instance).get(key)) is not None:
        stackset.become(call, operation.action, instance, **news)


# One stack in one account and region -------------------------------------------------------------------


async def _ask(call: Call, executor: Call, region: str, operation: str, /, **params: Any) -> dict[str, Any]:
    """An AWS call in a region, which may be away for a while, or not know of a role yet that was just made."""
    await call.home.store.journal.settled()
    while True:
        try:
            return await patience.asked(call, lambda: executor.ask(operation, to_region=region, **params))
        except AwsError as error:
            if not error.code.startswith("AccessDenied") or not organization.was_just_made(call, executor.account):
                raise
        await asyncio.sleep(patience.AGAIN_S)


async def _at_rest(call: Call, executor: Call, region: str, stack: str) -> dict[str, Any]:
    pause_s = LOOK_S
    while True:
        found = (await _ask(call, executor, region, "cloudformation:DescribeStacks", StackName=stack))["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            return found
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


async def _bring(call: Call, executor: Call, operation: Operation, instance: Instance) -> None:
    """The stack as the set wants it just now: made if it is not there, updated if it is."""
    if instance.made_by != operation.id and not await _stands(call, executor, operation, instance):
        instance = changed(call.shelf(Instance)[instance.key], stack_id="", made_by=operation.id)
        call.shelf(Instance)[instance.key] = instance
    is_new = instance.made_by == operation.id
    found = call.shelf(StackSet)[operation.set_id.partition(":")[0]]
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
        raise Failed(f"ResourceLogicalId:{instance.stack_name}, ResourceStatusReason:{stack.get('StackStatusReason', stack['StackStatus'])}")


async def _import(call: Call, executor: Call, operation: Operation, instance: Instance, arn: str) -> None:
    """A stack that stands becomes the instance's, and stays as it is: where its parameters are others than the set's, they override them.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html. The words are ours, and that the template must be
    the set's to the letter."""
    found = call.shelf(StackSet)[operation.set_id.partition(":")[0]]
    try:
        stack = await _at_rest(call, executor, instance.region, arn)
        text = (await _ask(call, executor, instance.region, "cloudformation:GetTemplate", StackName=arn))["TemplateBody"]
    except AwsError as error:
        raise _FailedImport(error.text) from None
    if stack["StackStatus"] not in IMPORTABLE:
        raise _FailedImport(f"Stack {arn} is in {stack['StackStatus']} state and cannot be imported")
    if text.strip() != stackset.template(call, found).strip():
        raise _FailedImport(f"The template of stack {arn} is not the one of StackSet {found.name}")
    declared = (await template.workshop(call).outline(text))["parameters"]
    usual = {each["ParameterKey"]: each["DefaultValue"] for each in declared if "DefaultValue" in each} | found.values
    hidden = {each["ParameterKey"] for each in declared if each["NoEcho"]}
    own = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ()) if each["ParameterKey"] not in hidden}
    overrides = {name: value for name, value in own.items() if usual.get(name) != value}
    call.shelf(Instance)[instance.key] = changed(
        call.shelf(Instance)[instance.key], stack_id=arn, stack_name=stack["StackName"], overrides=overrides
    )


async def _stands(call: Call, executor: Call, operation: Operation, instance: Instance) -> bool:
    """Whether an instance has a stack that can be updated. One that never came to be is cleared away."""
    if not instance.stack_id:
        return False
    found = await _at_rest(call, executor, instance.region, instance.stack_id)
    if found["StackStatus"] in UNMADE:
        await _delete(call, executor, operation, instance)
    return found["StackStatus"] not in (*UNMADE, "DELETE_COMPLETE")


async def _delete(call: Call, executor: Call, operation: Operation, instance: Instance) -> None:
    token = {"ClientRequestToken": operation.id}
    await _ask(call, executor, instance.region, "cloudformation:DeleteStack", StackName=instance.stack_id, **token)
    stack = await _at_rest(call, executor, instance.region, instance.stack_id)
    if stack["StackStatus"] != "DELETE_COMPLETE":
        raise _Stuck(stack.get("StackStatusReason", stack["StackStatus"]))


# Drift -------------------------------------------------------------------------------------------------


async def _detect(call: Call, operation: Operation, instance: Instance) -> None:
    there = await executor(call, operation, instance.account)
    begun = await _ask(call, there, instance.region, "cloudformation:DetectStackDrift", StackName=instance.stack_id)
    found = await _ask(call, there, instance.region, "cloudformation:DescribeStackDriftDetectionStatus", StackDriftDetectionId=begun["StackDriftDetectionId"])  # fmt: skip
    resources, more = [], {}
    while True:
        page = await _ask(call, there, instance.region, "cloudformation:DescribeStackResourceDrifts", StackName=instance.stack_id, **more)
        resources += page["StackResourceDrifts"]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    _remember(call, operation, instance, resources)
    call.shelf(Instance)[instance.key] = changed(
        call.shelf(Instance)[instance.key], drift=found["StackDriftStatus"], drift_at=call.now()
    )


def _remember(call: Call, operation: Operation, instance: Instance, resources: list[dict[str, Any]]) -> None:
    rows = call.rows(stackset.DRIFTS)
    rows.run("delete from cloudformation_set_drift where instance = ?", instance.key)
    for each in resources:
        told = {name: value for name, value in each.items() if name not in ("ExpectedProperties", "ActualProperties")}
        rows.run(
            "insert into cloudformation_set_drift values (?,?,?,?,?)",
            instance.key, operation.id, each["LogicalResourceId"], each["StackResourceDriftStatus"], json.dumps(told),
        )  # fmt: skip


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
    call.shelf(Operation)[operation.key] = changed(operation, drift=details)
