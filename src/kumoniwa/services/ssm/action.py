"""What steps of automations do.

https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kumoniwa.aws import sdk
from kumoniwa.engines import automation_script
from kumoniwa.gate import identity
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages import jsonpath
from kumoniwa.languages.automation_document import InvalidContent, Step, holds, seconds, text_of
from kumoniwa.services.ssm import execution as executions
from kumoniwa.services.ssm.execution import ENDED, Execution, StepRun

POLLED_EVERY_S = 5.0
SCRIPT_S = 600.0
KEYS_LIVE_S = 3_600.0
TIMEOUTS_S = {"aws:waitForAwsResourceProperty": 3_600.0, "aws:executeScript": SCRIPT_S, "aws:approve": 604_800.0, "aws:pause": 604_800.0}
"""How long a step may take that does not say."""


class Actor(NamedTuple):
    """A step that acts, as whom it acts."""

    call: Call
    execution: Execution
    step: Step
    run: StepRun

    async def ask(self, operation: str, /, *, word: str = "", **params: Any) -> dict[str, Any]:
        """A call that is not made twice, though its region be killed while it is made. Raises StepFailed."""
        token = f"{self.execution.id}/{self.run.id}/{self.run.attempt}/{word}"
        try:
            return await self.call.ask(operation, once=token, **params)
        except AwsError as error:
            raise StepFailed(_told(operation, error), hint=error.hint) from None

    async def look(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """A call that is made anew each time. Raises AwsError."""
        return await self.call.ask(operation, **params)


def _told(operation: str, error: AwsError) -> str:
    return f"An error occurred ({error.code}) when calling the {operation.partition(':')[2]} operation: {error.text}"


class StepFailed(Exception):
    """``outputs`` are what it gives to later steps nevertheless."""

    def __init__(self, text: str, *, hint: str = "", outputs: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.text, self.hint, self.outputs = text, hint, outputs or {}


class Done(NamedTuple):
    result: dict[str, Any] = {}
    """What selectors read."""
    outputs: dict[str, Any] = {}
    next: str | None = None
    """The step that follows, if the action has chosen it."""


class Waits(NamedTuple):
    until: float
    state: dict[str, Any] = {}
    is_waiting: bool = False
    """For somebody outside, and shown as such."""


Outcome = Done | Waits


def _given(inputs: dict[str, Any], name: str, kind: type) -> Any:
    """An input as the action needs it, whatever stood in its braces. Raises StepFailed."""
    value = inputs[name]
    if not isinstance(value, kind) or (kind is list and not all(isinstance(each, (str, int, bool)) for each in value)):
        raise StepFailed(f"The input {name} is not what the action takes: {text_of(value)}.")
    return value


def _read(service: str, operation: str, said: dict[str, Any]) -> dict[str, Any]:
    try:
        return sdk.params_of(service, operation, said)
    except sdk.WrongType as wrong:
        raise StepFailed(f"A parameter of {operation} is of another type: {wrong}.") from None


# Calls ---------------------------------------------------------------------------------------------


def _operation(inputs: dict[str, Any]) -> tuple[str, str]:
    found = sdk.operation(str(inputs["Service"]).lower().replace("-", ""), str(inputs["Api"]).replace("_", ""))
    if found is None:
        raise StepFailed(f"AWS has no operation {inputs['Api']} of {inputs['Service']}.")
    return found


def _params(inputs: dict[str, Any], service: str, operation: str) -> dict[str, Any]:
    own = ("Service", "Api", "PropertySelector", "DesiredValues")
    return _read(service, operation, {name: value for name, value in inputs.items() if name not in own})


async def _execute_api(actor: Actor) -> Outcome:
    service, operation = _operation(actor.run.inputs)
    params = _params(actor.run.inputs, service, operation)
    reply = sdk.plain(service, operation, await actor.ask(f"{service}:{operation}", **params))
    return Done(reply)


async def _property(actor: Actor) -> tuple[Any, bool]:
    """A property as it is now, and whether it is as desired."""
    inputs = actor.run.inputs
    service, operation = _operation(inputs)
    try:
        reply = await actor.look(f"{service}:{operation}", **_params(inputs, service, operation))
    except AwsError as error:
        raise StepFailed(_told(f"{service}:{operation}", error), hint=error.hint) from None
    value = _selected(_given(inputs, "PropertySelector", str), sdk.plain(service, operation, reply))
    return value, text_of(value) in [text_of(each) for each in _given(inputs, "DesiredValues", list)]


def _selected(selector: str, result: Any) -> Any:
    try:
        return jsonpath.compiled(selector).read(result)
    except jsonpath.PathNotFound:
        raise StepFailed(f"Nothing is found in the answer by the selector {selector}.") from None
    except (jsonpath.InvalidPath, jsonpath.TooManyValues):
        raise StepFailed(f"The selector {selector} cannot be read.") from None


async def _assert_property(actor: Actor) -> Outcome:
    value, is_as_desired = await _property(actor)
    if not is_as_desired:
        desired = ", ".join(text_of(each) for each in actor.run.inputs["DesiredValues"])
        raise StepFailed(f"The property is {text_of(value)}, and none of {desired}.")
    return Done()


async def _wait_for_property(actor: Actor) -> Outcome:
    """A resource that is not there yet is waited for, too."""
    try:
        _, is_as_desired = await _property(actor)
    except StepFailed:
        is_as_desired = False
    return Done() if is_as_desired else Waits(actor.call.now() + POLLED_EVERY_S)


async def _invoke_function(actor: Actor) -> Outcome:
    inputs = dict(actor.run.inputs)
    payload = inputs.pop("InputPayload", None)
    params = _read("lambda", "Invoke", inputs)
    if payload is not None:
        params["Payload"] = json.dumps(payload).encode()
    reply = sdk.plain("lambda", "Invoke", await actor.ask("lambda:Invoke", **params))
    if "FunctionError" in reply:
        raise StepFailed(f"The function failed ({reply['FunctionError']}): {reply.get('Payload')}")
    return Done(reply, reply)


async def _execute_machine(actor: Actor) -> Outcome:
    reply = sdk.plain("stepfunctions", "StartExecution", await actor.ask(
        "stepfunctions:StartExecution", **_read("stepfunctions", "StartExecution", actor.run.inputs)
    ))  # fmt: skip
    return Done(reply, reply)


# Flow ----------------------------------------------------------------------------------------------


async def _branch(actor: Actor) -> Outcome:
    inputs = actor.run.inputs
    for choice in inputs["Choices"]:
        if holds(choice):
            return Done(next=choice["NextStep"])
    return Done(next=inputs.get("Default"))


async def _sleep(actor: Actor) -> Outcome:
    """Until when is settled when it begins, and not again after a kill."""
    state = actor.run.state
    if "until" not in state:
        inputs = actor.run.inputs
        until = actor.run.started + seconds(_given(inputs, "Duration", str)) if "Duration" in inputs else _instant(inputs["Timestamp"])
        state = {"until": until}
    return Done() if actor.call.now() >= state["until"] else Waits(state["until"], state)


def _instant(text: str) -> float:
    try:
        read = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise StepFailed(f"{text} is no timestamp.") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


async def _pause(actor: Actor) -> Outcome:
    return Done() if actor.run.state.get("is_resumed") else Waits(actor.run.deadline, actor.run.state, is_waiting=True)


async def _approve(actor: Actor) -> Outcome:
    """Who may decide is told once, and says so by a signal. One rejection is enough."""
    inputs, state = actor.run.inputs, actor.run.state
    _given(inputs, "Approvers", list)
    decisions = state.get("decisions", {})
    if not state.get("is_asked"):
        if "NotificationArn" in inputs:
            await actor.ask("sns:Publish", TopicArn=inputs["NotificationArn"], Subject="Approval required", Message=_request(actor))
        return Waits(actor.run.deadline, {**state, "is_asked": True}, is_waiting=True)
    if any(each["decision"] == "Reject" for each in decisions.values()):
        raise StepFailed(f"The step was rejected by {', '.join(who for who, each in decisions.items() if each['decision'] == 'Reject')}.")
    wanted = str(inputs.get("MinRequiredApprovals", 1))
    if not wanted.isdecimal() or len(decisions) < int(wanted):
        return Waits(actor.run.deadline, state, is_waiting=True)
    listed = [{"Approver": who, "Decision": each["decision"], "Comment": each["comment"]} for who, each in decisions.items()]
    return Done(outputs={"ApprovalStatus": "Approved", "ApproverDecisions": listed})


def _request(actor: Actor) -> str:
    inputs = actor.run.inputs
    lines = [
        str(inputs.get("Message", "")), f"Automation: {actor.execution.document}", f"Execution: {actor.execution.id}", f"Step: {actor.step.name}",
        f"Approvers: {', '.join(map(text_of, inputs['Approvers']))}",
        f"aws ssm send-automation-signal --automation-execution-id {actor.execution.id} --signal-type Approve",
    ]  # fmt: skip
    return "\n".join(line for line in lines if line)


def _begun_child(actor: Actor, said: dict[str, Any]) -> str:
    """The child and its parent's knowledge of it are kept together."""
    call, inputs = actor.call, actor.run.inputs
    child = executions.begin(call, inputs["DocumentName"], inputs.get("DocumentVersion"), said, parent=actor.execution.id)
    held = call.shelf(Execution)[actor.execution.id]
    if held.run is not None:
        call.shelf(Execution)[held.id] = changed(held, runs=(*held.runs[:-1], changed(held.run, state={"child": child.id})))
    return child.id


async def _execute_automation(actor: Actor) -> Outcome:
    """A child is begun once, and wakes its parent when it is over."""
    inputs, state, call = actor.run.inputs, actor.run.state, actor.call
    if "child" not in state:
        said = _given(inputs, "RuntimeParameters", dict) if inputs.get("RuntimeParameters") else {}
        _given(inputs, "DocumentName", str)
        call.require("ssm:StartAutomationExecution", call.arn(f"automation-definition/{inputs['DocumentName']}:*"))
        return Waits(call.now(), {"child": call.atomically(lambda: _begun_child(actor, said))})
    child = executions.existing(call, state["child"])
    if child.status not in ENDED:
        return Waits(call.now() + KEYS_LIVE_S, state)
    if child.status != "Success":
        raise StepFailed(f"The automation {child.id} ended with the status {child.status}: {child.failure}")
    outputs = [text_of(value) for value in child.outputs.values()]
    return Done(child.outputs, {"ExecutionId": child.id, "Status": child.status, "Output": outputs})


# Commands ------------------------------------------------------------------------------------------


async def _run_command(actor: Actor) -> Outcome:
    """A command is sent once, and waited for. "If you target a tag or multiple instances with your command, no output value is returned", and
    of a document with several steps no response code: automation-action-runcommand. Their several outputs stand in lines of their own."""
    inputs, state = actor.run.inputs, actor.run.state
    if "command" not in state:
        said = dict(inputs)
        if isinstance(said.get("Parameters"), dict):
            said["Parameters"] = {name: [text_of(each) for each in _listed(value)] for name, value in said["Parameters"].items()}
        sent = await actor.ask("ssm:SendCommand", **_read("ssm", "SendCommand", said))
        return Waits(actor.call.now(), {"command": sent["Command"]["CommandId"]})
    id_ = state["command"]
    try:
        command = (await actor.look("ssm:ListCommands", CommandId=id_))["Commands"][0]
        if command["Status"] in ("Pending", "InProgress", "Cancelling"):
            return Waits(actor.call.now() + POLLED_EVERY_S, state)
        listed = await actor.look("ssm:ListCommandInvocations", CommandId=id_, Details=True)
    except AwsError as error:
        raise StepFailed(f"({error.code}) {error.text}", hint=error.hint) from None
    outputs = {"CommandId": id_, "Status": command["Status"]}
    if len(command["InstanceIds"]) == 1:
        plugins = listed["CommandInvocations"][0]["CommandPlugins"]
        outputs["Output"] = "\n".join(each["Output"] for each in plugins)
        outputs |= {"ResponseCode": plugins[0]["ResponseCode"]} if len(plugins) == 1 else {}
    if command["Status"] != "Success":
        raise StepFailed(f"The command {id_} ended with the status {command['StatusDetails']}: {outputs.get('Output', '')}", outputs=outputs)
    return Done(outputs, outputs)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Stacks --------------------------------------------------------------------------------------------


async def _create_stack(actor: Actor) -> Outcome:
    state = actor.run.state
    if "stack" not in state:
        params = _read("cloudformation", "CreateStack", actor.run.inputs)
        made = await actor.ask("cloudformation:CreateStack", **params)
        return Waits(actor.call.now(), {"stack": made["StackId"]})
    stack = await _stack(actor, state["stack"])
    status = stack["StackStatus"] if stack is not None else "DELETE_COMPLETE"
    if status in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"):
        return Waits(actor.call.now() + POLLED_EVERY_S, state)
    if status != "CREATE_COMPLETE":
        raise StepFailed(f"The stack {state['stack']} ended with the status {status}.")
    return Done(outputs={"StackId": stack["StackId"], "StackStatus": status, "StackStatusReason": stack.get("StackStatusReason", "")})


async def _delete_stack(actor: Actor) -> Outcome:
    state, name = actor.run.state, _given(actor.run.inputs, "StackName", str)
    if "stack" not in state:
        stack = await _stack(actor, name)
        if stack is None:
            return Done()
        await actor.ask("cloudformation:DeleteStack", **_read("cloudformation", "DeleteStack", actor.run.inputs))
        return Waits(actor.call.now(), {"stack": stack["StackId"]})
    stack = await _stack(actor, state["stack"])
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        return Done()
    if stack["StackStatus"] == "DELETE_FAILED":
        raise StepFailed(f"The stack {name} could not be deleted: {stack.get('StackStatusReason', '')}")
    return Waits(actor.call.now() + POLLED_EVERY_S, state)


async def _stack(actor: Actor, name: str) -> dict[str, Any] | None:
    try:
        return (await actor.look("cloudformation:DescribeStacks", StackName=name))["Stacks"][0]
    except AwsError as error:
        if error.code == "ValidationError" and "does not exist" in error.text:
            return None
        raise StepFailed(_told("cloudformation:DescribeStacks", error)) from None


# Scripts -------------------------------------------------------------------------------------------


async def _execute_script(actor: Actor) -> Outcome:
    """The script acts with temporary keys of whoever the automation acts as."""
    inputs, call = actor.run.inputs, actor.call
    session, token = identity.issue(call.home, call.principal, KEYS_LIVE_S, is_inside=True)
    variables = {
        "AWS_ACCESS_KEY_ID": session.key_id, "AWS_SECRET_ACCESS_KEY": session.secret, "AWS_SESSION_TOKEN": token, "AWS_REGION": call.region,
        "AWS_DEFAULT_REGION": call.region, "AWS_ENDPOINT_URL": call.home.settings.endpoint,
    }  # fmt: skip
    within_s = max(1.0, (actor.run.deadline or call.now() + SCRIPT_S) - call.now())
    try:
        returned, _ = await automation_script.run(inputs["Script"], inputs["Handler"], inputs.get("InputPayload") or {}, variables, within_s)
    except automation_script.ScriptFailed as failure:
        raise StepFailed(str(failure)) from None
    return Done({"Payload": returned}, {"Payload": returned})


ACTIONS: dict[str, Callable[[Actor], Awaitable[Outcome]]] = {
    "aws:executeAwsApi": _execute_api,
    "aws:assertAwsResourceProperty": _assert_property,
    "aws:waitForAwsResourceProperty": _wait_for_property,
    "aws:invokeLambdaFunction": _invoke_function,
    "aws:executeStateMachine": _execute_machine,
    "aws:branch": _branch,
    "aws:sleep": _sleep,
    "aws:pause": _pause,
    "aws:approve": _approve,
    "aws:executeAutomation": _execute_automation,
    "aws:runCommand": _run_command,
    "aws:createStack": _create_stack,
    "aws:deleteStack": _delete_stack,
    "aws:executeScript": _execute_script,
}

_TYPES: dict[str, Callable[[Any], Any]] = {
    "String": text_of, "Integer": int, "Boolean": lambda value: value if isinstance(value, bool) else str(value).lower() == "true",
    "StringList": lambda value: [text_of(each) for each in value], "StringMap": dict, "MapList": list,
}  # fmt: skip


def outputs_of(step: Step, done: Done) -> dict[str, Any]:
    """What a step gives to later ones: what its action gives, and what its selectors find. Raises StepFailed."""
    outputs = dict(done.outputs)
    for said in step.outputs:
        value, kind = _selected(said["Selector"], done.result), said.get("Type", "String")
        try:
            outputs[said["Name"]] = _TYPES[kind](value)
        except (KeyError, TypeError, ValueError):
            raise StepFailed(f"The output {said['Name']} is no {kind}: {text_of(value)}.") from None
    return outputs


__all__ = ["ACTIONS", "Actor", "Done", "InvalidContent", "StepFailed", "Waits", "outputs_of"]
