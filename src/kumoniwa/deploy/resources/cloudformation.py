"""AWS::CloudFormation: stacks in stacks, resources that a function makes, and waiting for somebody outside.

None of them is one call and an answer: a nested stack is watched until it is at rest, and the others answer by a PUT to a
URL, which the deploy waits for.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from kumoniwa.deploy.resource import ID, Call, Name, ResourceType, Setting, Work, carries, made, p, seen, use
from kumoniwa.deploy.resources.cloudformation_stackset import StackSet  # noqa: F401 (a type)
from kumoniwa.deploy.step import Failure
from kumoniwa.kernel.errors import ValidationError

ANSWER_S_MAX = 3600
LOOK_S = 0.1
LOOK_S_MAX = 2.0

# Stacks in stacks ------------------------------------------------------------------------------------


def _asked(work: Work) -> dict[str, Any]:
    """What a nested stack is told. Text is all that a parameter can be; lists are joined as AWS joins them."""
    parameters = work.properties.get("Parameters", {})
    return {
        "TemplateURL": work.properties["TemplateURL"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": as_parameter(value)} for key, value in parameters.items()],
        "Tags": work.properties.get("Tags", []),
    }


def as_parameter(value: Any) -> str:
    return ",".join(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


@carries("Parameters Tags TemplateURL TimeoutInMinutes")
async def _create_stack(work: Work) -> dict[str, Any]:
    asked = _asked(work) | {"StackName": work.properties["StackName"], "OnFailure": "DO_NOTHING"}
    if "TimeoutInMinutes" in work.properties:
        asked["TimeoutInMinutes"] = work.properties["TimeoutInMinutes"]
    return await work.ask("cloudformation:CreateStack", **asked)


async def _at_rest(work: Work) -> dict[str, Any]:
    pause_s = LOOK_S
    while True:
        stack = (await work.look("cloudformation:DescribeStacks", StackName=work.id))["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        await work.pause(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_S_MAX)


@carries("TemplateURL")
async def _await_stack(work: Work) -> None:
    stack = await _at_rest(work)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
        raise Failure(
            f"Embedded stack {work.id} was not successfully created: {stack.get('StackStatusReason', '')}".strip()
        )


@carries("Parameters Tags TemplateURL")
async def _update_stack(work: Work) -> None:
    try:
        await work.ask("cloudformation:UpdateStack", StackName=work.id, **_asked(work))
    except ValidationError as error:
        if error.text != "No updates are to be performed.":
            raise
        return
    stack = await _at_rest(work)
    if stack["StackStatus"] != "UPDATE_COMPLETE":
        events = (await work.look("cloudformation:DescribeStackEvents", StackName=work.id))["StackEvents"]
        # The reason was given when the nested stack turned back; what it says now is how that went.
        turned = next(
            (each for each in events if each["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"), stack
        )
        reason = turned.get("ResourceStatusReason", "")
        raise Failure(
            f"Embedded stack {work.id} was not successfully updated. Currently in {stack['StackStatus']} with reason: {reason}"
        )


async def _delete_stack(work: Work) -> None:
    await work.ask("cloudformation:DeleteStack", StackName=work.id)
    stack = await _at_rest(work)
    if stack["StackStatus"] != "DELETE_COMPLETE":
        raise Failure(
            f"Embedded stack {work.id} was not successfully deleted: {stack.get('StackStatusReason', '')}"
        )


def _outputs(stacks: list[dict[str, Any]]) -> dict[str, str]:
    return {f"Outputs.{each['OutputKey']}": each["OutputValue"] for each in stacks[0].get("Outputs", ())}


Stack = ResourceType(
    name=Name("StackName", 128),
    create=_create_stack,
    id=made.StackId,
    read=Call("cloudformation:DescribeStacks", StackName=ID),
    update=(_update_stack,),
    settings=(Setting(_await_stack, _await_stack),),
    delete=_delete_stack,
    attributes={"*": use(_outputs, seen.Stacks)},
    defaults={"Parameters": {}},
    fixed="TimeoutInMinutes",
    may_change_beneath=True,
)

# Resources that a function makes -----------------------------------------------------------------------


def _as_texts(value: Any) -> Any:
    """CloudFormation sends every scalar as text:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html"""
    if isinstance(value, dict):
        return {key: _as_texts(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_texts(member) for member in value]
    return value if value is None else _text(value)


async def _requested(work: Work, kind: str) -> dict[str, Any]:
    """Send one request to whoever makes the resource, and wait for the answer."""
    place = f"{work.token}/{kind}"
    request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, place))
    token = str(work.properties["ServiceToken"])
    request: dict[str, Any] = {
        "RequestType": kind,
        "ServiceToken": token,
        "ResponseURL": work.answer_url(place),
        "StackId": work.pseudo["AWS::StackId"],
        "RequestId": request_id,
        "LogicalResourceId": work.logical_id,
        "ResourceType": work.type,
        "ResourceProperties": _as_texts(work.properties),
    }
    if work.id:
        request["PhysicalResourceId"] = work.id
    if kind == "Update":
        request["OldResourceProperties"] = _as_texts(work.old)
    body = json.dumps(request)
    if ":sns:" in token:
        subject = "AWS CloudFormation custom resource request"
        await work.ask("sns:Publish", TopicArn=token, Subject=subject, Message=body)
    else:
        await work.ask("lambda:Invoke", FunctionName=token, InvocationType="Event", Payload=body.encode())
    wait_s = min(float(work.properties.get("ServiceTimeout", ANSWER_S_MAX)), ANSWER_S_MAX)
    answers = await work.answers(place, 1, wait_s)
    if not answers:
        raise Failure(
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId "
            f"[{request_id}]. If you are using the Python cfn-response module, you may need to update your Lambda "
            "function code so that CloudFormation can attach the updated version."
        )
    answer = answers[0]
    work.id = str(answer.get("PhysicalResourceId") or work.id or f"{work.logical_id}-{request_id}")
    if answer["Status"] != "SUCCESS":
        raise Failure(
            f"Received response status [FAILED] from custom resource. Message returned: {answer.get('Reason', '')} "
            f"(RequestId: {request_id})"
        )
    data = answer.get("Data")
    return {"PhysicalResourceId": work.id, "Data": data if isinstance(data, dict) else {}}


async def _create_custom(work: Work) -> dict[str, Any]:
    return await _requested(work, "Create")


async def _update_custom(work: Work) -> None:
    work.made = await _requested(work, "Update")


async def _delete_custom(work: Work) -> None:
    await _requested(work, "Delete")


CustomResource = ResourceType(
    create=_create_custom,
    id=made.PhysicalResourceId,
    update=(_update_custom,),
    delete=_delete_custom,
    attributes={"*": made.Data},
    is_open=True,
)
"""Also every ``Custom::`` type. Whose answer to an update names another physical id has replaced the resource; the old one is
deleted in the cleanup."""

# Waiting for somebody outside ----------------------------------------------------------------------------


async def _create_handle(work: Work) -> dict[str, Any]:
    return {"Url": work.answer_url(work.token)}


WaitConditionHandle = ResourceType(create=_create_handle, id=made.Url)


@carries("Handle Timeout Count")
async def _wait(work: Work) -> dict[str, Any]:
    handle = str(work.properties.get("Handle", ""))
    if not handle:
        # Its creation policy says for what it waits.
        return {"Id": f"{work.pseudo['AWS::StackId']}/{work.logical_id}"}
    count = int(work.properties.get("Count", 1))
    answers = await work.answers(work.place_of(handle), count, float(work.properties.get("Timeout", 0)))
    if failed := [answer for answer in answers if answer["Status"] != "SUCCESS"]:
        raise Failure(
            f"WaitCondition received failed message: '{failed[0].get('Reason', '')}' for uniqueId: {failed[0].get('UniqueId', '')}"
        )
    if len(answers) < count:
        raise Failure(f"WaitCondition timed out. Received {len(answers)} conditions when expecting {count}")
    return {
        "Id": handle,
        "Data": json.dumps({str(each.get("UniqueId", "")): each.get("Data") for each in answers}),
    }


WaitCondition = ResourceType(
    create=_wait, id=made.Id, attributes={"Data": made.Data}, fixed="Count Handle Timeout"
)

# Macros ------------------------------------------------------------------------------------------------


@carries("Name FunctionName Description")
async def _create_macro(work: Work) -> dict[str, Any]:
    if work.has_macro(name := work.properties["Name"]):
        raise Failure(f"{name} already exists")
    return {}


@carries("FunctionName Description")
async def _keep(work: Work) -> None:
    """A macro is its entry in the stack: whoever uses it looks there."""


Macro = ResourceType(create=_create_macro, id=p.Name, update=(_keep,), defaults={"Description": ""})
