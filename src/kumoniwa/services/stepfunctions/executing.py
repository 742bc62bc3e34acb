"""Operations on executions."""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed, unpack
from kumoniwa.languages.states_definition import parse_failure
from kumoniwa.services.stepfunctions import bill, distributed, logging, tracing
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions import execution as executions
from kumoniwa.services.stepfunctions import run as runs
from kumoniwa.services.stepfunctions.errors import (
    ExecutionAlreadyExists,
    ExecutionNotRedrivable,
    InvalidArn,
    InvalidExecutionInput,
    StateMachineTypeNotSupported,
)
from kumoniwa.services.stepfunctions.execution import EXECUTIONS, Event, Execution
from kumoniwa.services.stepfunctions.machine import (
    StateMachine,
    check_name,
    defined,
    definition_text,
    parsed_arn,
)
from kumoniwa.services.stepfunctions.release import Chosen, chosen

INPUT_BYTES_MAX = 262_144


def _read(text: str) -> Any:
    if not text.strip():
        raise InvalidExecutionInput("Invalid State Machine Execution Input: 'Invalid execution input.'")
    if len(text.encode()) > INPUT_BYTES_MAX:
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: 'Input is too long: {INPUT_BYTES_MAX} bytes at most'")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{parse_failure(text)[0]}'")


def _new(call: Call, which: Chosen, name: str, text: str, trace: str | None, *, is_sync: bool = False) -> Execution:
    machine = which.machine
    if machine.is_express:
        arn = call.arn(f"express:{machine.name}:{name}:{call.new_id()}", "states")
    else:
        arn = call.arn(f"execution:{machine.name}:{name}", "states")
    said = trace or call.trace
    traced, caller = tracing.begun(call, machine, said)
    return Execution(
        arn=arn, name=name, machine=machine.arn, machine_name=machine.name, kind=machine.kind, definition=which.definition, role=which.role,
        input=text, started=call.now(), version=which.version, alias=which.alias, trace=said, is_sync=is_sync, encryption=which.encryption,
        logging=logging.acting(machine.logging),
        traced=traced, caller=caller, is_of_tracing=machine.is_traced,
    )  # fmt: skip


def StartExecution(
    call: Call, *, stateMachineArn: str, name: str | None = None, input: str | None = None, traceHeader: str | None = None
) -> dict:
    """Starting once more with the name and the input of an execution that runs answers that one; with another input it is refused."""
    which = chosen(call, stateMachineArn)
    text = "{}" if input is None else input
    data = _read(text)
    if name is not None:
        check_name(name)
    begun = _new(call, which, name or call.new_id(), text, traceHeader)
    if name is not None and not begun.is_express:
        found = executions.find(call, begun.arn)
        if found is not None:
            found = executions.opened(found, runs.lock_of(call, found))
            if found.status == "RUNNING" and found.input == text:
                return {"executionArn": found.arn, "startDate": found.started}
            raise ExecutionAlreadyExists(f"Execution Already Exists: '{found.arn}'")
    runs.begin(call, begun, data)
    return {"executionArn": begun.arn, "startDate": begun.started}


async def StartSyncExecution(
    call: Call, *, stateMachineArn: str, name: str | None = None, input: str | None = None, traceHeader: str | None = None,
    includedData: str | None = None,
) -> dict:  # fmt: skip
    which = chosen(call, stateMachineArn)
    if not which.machine.is_express:
        raise StateMachineTypeNotSupported
    text = "{}" if input is None else input
    data = _read(text)
    if name is not None:
        check_name(name)
    begun = _new(call, which, name or call.new_id(), text, traceHeader, is_sync=True)
    is_told = includedData != "METADATA_ONLY"
    if is_told and which.encryption is not None:
        lock = encryptions.of_caller(call, which.machine.arn, which.encryption)
        await opening(call, lambda: definition_text(call, which.definition, lock))
    over = await opening(call, lambda: runs.begin(call, begun, data))
    while over.status == "RUNNING":
        await call.home.wait(("states", "ended", over.arn), over.started + runs.EXPRESS_S_MAX + 1)
        over = executions.existing(call, over.arn)
    if over.sealed and is_told:
        over = await opening(call, lambda: executions.opened(over, runs.lock_of(call, over)))
    executions.forget(call, over.arn)
    answer = {
        "executionArn": over.arn, "stateMachineArn": over.machine, "name": over.name, "startDate": over.started, "stopDate": over.stopped,
        "status": over.status, "traceHeader": over.trace or None,
        "billingDetails": {"billedMemoryUsedInMB": bill.MEMORY_MB, "billedDurationInMilliseconds": bill.billed_ms(over)},
    }  # fmt: skip
    if is_told:
        answer |= {"error": over.error, "cause": over.cause, "input": over.input, "inputDetails": {"included": True}}
        answer |= {"output": over.output, "outputDetails": {"included": True}}
    return {member: value for member, value in answer.items() if value is not None}


def StopExecution(call: Call, *, executionArn: str, error: str | None = None, cause: str | None = None) -> dict:
    found = _standard(call, executionArn)
    if found.status == "RUNNING":
        found = runs.stopped(call, found, "ABORTED", error, cause)
    return {"stopDate": found.stopped}


def _standard(call: Call, arn: str) -> Execution:
    parsed_arn(arn, "execution")
    return executions.existing(call, arn)


def RedriveExecution(call: Call, *, executionArn: str, clientToken: str | None = None) -> dict:
    found = _standard(call, executionArn)
    told = executions.redrive_of(found, call.now())
    if told["redriveStatus"] != "REDRIVABLE":
        raise ExecutionNotRedrivable(told.get("redriveStatusReason", "Execution is redriven with its Map Run, by redriving the parent workflow"))
    return {"redriveDate": runs.redriven(call, found).redriven}


def DescribeExecution(call: Call, *, executionArn: str, includedData: str | None = None) -> dict:
    found = _standard(call, executionArn)
    if includedData != "METADATA_ONLY":
        found = executions.opened(found, encryptions.of_caller(call, found.machine, found.encryption))
    answer: dict[str, Any] = {
        "executionArn": found.arn, "stateMachineArn": found.machine, "name": found.name, "status": found.status,
        "startDate": found.started, "stopDate": found.stopped, "error": found.error, "cause": found.cause,
        "traceHeader": found.trace or None, "stateMachineVersionArn": found.version or None, "stateMachineAliasArn": found.alias or None,
        "redriveCount": found.redrives, "redriveDate": found.redriven, **executions.redrive_of(found, call.now()),
    }  # fmt: skip
    if includedData != "METADATA_ONLY":
        answer |= {"input": found.input, "inputDetails": {"included": True}, "output": found.output}
        if found.output is not None:
            answer["outputDetails"] = {"included": True}
    return {member: value for member, value in answer.items() if value is not None}


def DescribeStateMachineForExecution(call: Call, *, executionArn: str, includedData: str | None = None) -> dict:
    found = _standard(call, executionArn)
    machine = call.shelf(StateMachine).get(found.machine_name)
    answer = {
        "stateMachineArn": found.machine, "name": found.machine_name,
        "roleArn": found.role, "updateDate": machine.modified or machine.created if machine is not None else found.started,
        "loggingConfiguration": logging.shown(found.logging), "tracingConfiguration": {"enabled": found.is_of_tracing},
        "encryptionConfiguration": encryptions.shown(found.encryption),
    }  # fmt: skip
    if machine is not None and machine.revision:
        answer["revisionId"] = machine.revision
    lock = encryptions.of_caller(call, found.machine, found.encryption)
    return answer | defined(call, found.definition, found.is_of_express, lock, has_definition=includedData != "METADATA_ONLY")


def ListExecutions(
    call: Call, *, stateMachineArn: str | None = None, statusFilter: str | None = None, redriveFilter: str | None = None,
    mapRunArn: str | None = None,
) -> dict:  # fmt: skip
    """The newest first."""
    if mapRunArn is not None:
        parsed_arn(mapRunArn, "mapRun")
        map_run = distributed.find(call, mapRunArn)
        held = distributed.results(call, map_run) if map_run.kind == "STANDARD" else []
        return {"executions": [_listed(one) | {"mapRunArn": mapRunArn} for one in held if statusFilter in (None, one.status)]}
    if stateMachineArn is None:
        raise InvalidArn("Invalid Arn: 'stateMachineArn or mapRunArn is required'")
    which = chosen(call, stateMachineArn)
    if which.machine.is_express:
        raise StateMachineTypeNotSupported
    rows = call.rows(EXECUTIONS).all("select body from sfn_execution where machine = ? order by number desc", which.machine.arn)
    found = [one for row in rows if not (one := unpack(row[0], Execution)).map_run]
    if stateMachineArn != which.machine.arn:
        found = [one for one in found if stateMachineArn in (one.version, one.alias)]
    if statusFilter is not None:
        found = [one for one in found if one.status == statusFilter]
    if redriveFilter is not None:
        found = [one for one in found if (one.redrives > 0) == (redriveFilter == "REDRIVEN")]
    return {"executions": [_listed(one) for one in found]}


def ListMapRuns(call: Call, *, executionArn: str) -> dict:
    found = distributed.of_execution(call, _standard(call, executionArn).arn)
    members = {"mapRunArn": "arn", "executionArn": "execution", "stateMachineArn": "machine", "startDate": "started", "stopDate": "stopped"}
    told = [{name: getattr(one, held) for name, held in members.items()} for one in found]
    return {"mapRuns": [{name: value for name, value in one.items() if value is not None} for one in told]}


def DescribeMapRun(call: Call, *, mapRunArn: str) -> dict:
    parsed_arn(mapRunArn, "mapRun")
    return distributed.described(call, distributed.find(call, mapRunArn))


def UpdateMapRun(
    call: Call, *, mapRunArn: str, maxConcurrency: int | None = None, toleratedFailurePercentage: float | None = None,
    toleratedFailureCount: int | None = None,
) -> None:  # fmt: skip
    """What runs already goes on."""
    parsed_arn(mapRunArn, "mapRun")
    map_run = distributed.find(call, mapRunArn)
    wishes = {"concurrency": maxConcurrency, "tolerated_percentage": toleratedFailurePercentage, "tolerated_count": toleratedFailureCount}
    distributed.keep(call, changed(map_run, **{name: value for name, value in wishes.items() if value is not None}))
    if map_run.status == "RUNNING":
        distributed.is_due(call, map_run)
        call.after_commit(lambda: call.home.wake(runs.WAITING))


def _listed(one: Execution) -> dict[str, Any]:
    answer = {
        "executionArn": one.arn, "stateMachineArn": one.machine, "name": one.name, "status": one.status, "startDate": one.started,
        "stopDate": one.stopped, "redriveCount": one.redrives, "redriveDate": one.redriven,
        "stateMachineVersionArn": one.version or None, "stateMachineAliasArn": one.alias or None,
    }  # fmt: skip
    return {member: value for member, value in answer.items() if value is not None}


_DATA = frozenset({"input", "output", "parameters", "assignedVariables"})
_SHARED = re.compile(r"(\w+)State(Entered|Exited)\Z")


def GetExecutionHistory(
    call: Call, *, executionArn: str, reverseOrder: bool | None = None, includeExecutionData: bool | None = None
) -> dict:
    found = _standard(call, executionArn)
    lock = encryptions.of_caller(call, found.machine, found.encryption)
    events = [_told(number, event, includeExecutionData is not False) for number, event in executions.history(call, found.arn, lock)]
    return {"events": events[::-1] if reverseOrder else events}


def _told(number: int, event: Event, has_data: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"timestamp": event.at, "type": event.type, "id": number, "previousEventId": event.previous}
    if event.details is not None:
        shared = _SHARED.match(event.type)
        name = f"state{shared[2]}" if shared is not None else event.type[0].lower() + event.type[1:]
        details = event.details if has_data else {key: value for key, value in event.details.items() if key not in _DATA}
        told[f"{name}EventDetails"] = details
    return told


