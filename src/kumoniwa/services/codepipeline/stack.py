"""Stacks that an action makes, changes, prepares or deletes, in the pipeline's region or in another.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.codepipeline import artifact
from kumoniwa.services.codepipeline.acting import ActionFailed, Actor, Done, Outcome, Waits

LOOKED_EVERY_S = 0.5
BODY_BYTES_MAX = 51_200
FAILED_STANDING = ("CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED")
SUCCEEDED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
NO_UPDATES = "No updates are to be performed"
NO_CHANGES = ("didn't contain changes", NO_UPDATES)


async def act(actor: Actor) -> Outcome:
    return await _MODES[actor.configuration["ActionMode"]](actor)


# What is asked -------------------------------------------------------------------------------------


async def _wish(actor: Actor) -> dict[str, Any]:
    """The parameters of the call that makes or changes the stack."""
    configuration = actor.configuration
    template = await actor.file(configuration["TemplatePath"])
    asked: dict[str, Any] = {"StackName": configuration["StackName"], "RoleARN": configuration["RoleArn"]}
    if len(template) <= BODY_BYTES_MAX:
        asked["TemplateBody"] = template.decode("utf-8", "replace")
    else:
        place = await artifact.put(actor.call, actor.declaration, actor.region, f"{actor.output_place('template')['key']}.template", template)
        asked["TemplateURL"] = f"https://{place['bucket']}.s3.{actor.region}.amazonaws.com/{place['key']}"
    if configuration.get("Capabilities"):
        asked["Capabilities"] = [each.strip() for each in configuration["Capabilities"].split(",")]
    said = await _said(actor)
    parameters = {**said.get("Parameters", {}), **await _overrides(actor)}
    if parameters:
        asked["Parameters"] = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    if said.get("Tags"):
        asked["Tags"] = [{"Key": key, "Value": value} for key, value in said["Tags"].items()]
    if said.get("StackPolicy") and "CHANGE_SET" not in configuration["ActionMode"]:
        asked["StackPolicyBody"] = json.dumps(said["StackPolicy"])
    return asked


def _object(content: bytes | str, what: str) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise ActionFailed(f"{what} is no JSON object.", "ConfigurationError")
    return read


async def _said(actor: Actor) -> dict[str, Any]:
    """The template configuration file: parameters, tags and the stack's policy."""
    spelled = actor.configuration.get("TemplateConfiguration")
    return _object(await actor.file(spelled), "The template configuration") if spelled else {}


async def _overrides(actor: Actor) -> dict[str, str]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-parameter-override-functions.html"""
    spelled = actor.configuration.get("ParameterOverrides")
    found = {}
    for name, value in (_object(spelled, "ParameterOverrides") if spelled else {}).items():
        found[name] = await _override(actor, value) if isinstance(value, dict) else str(value)
    return found


async def _override(actor: Actor, value: dict[str, Any]) -> str:
    declared = {each["name"] for each in actor.action["inputArtifacts"]}
    match value:
        case {"Fn::GetArtifactAtt": [str(name), str(attribute)]} if name in declared:
            place = await actor.input_here(name)
            attributes = {
                "BucketName": place["bucket"], "ObjectKey": place["key"],
                "URL": f"https://s3.{actor.region}.amazonaws.com/{place['bucket']}/{place['key']}",
            }  # fmt: skip
            if attribute in attributes:
                return attributes[attribute]
        case {"Fn::GetParam": [str(name), str(file), str(key)]} if name in declared:
            read = _object(await actor.file(f"{name}::{file}"), file)
            if key in read:
                return str(read[key])
    raise ActionFailed(f"The parameter override {json.dumps(value)} cannot be resolved.", "ConfigurationError")


async def _standing(actor: Actor, name: str) -> dict[str, Any] | None:
    try:
        return (await actor.look("cloudformation:DescribeStacks", StackName=name))["Stacks"][0]
    except AwsError as error:
        if error.code == "ValidationError" and "does not exist" in error.text:
            return None
        raise


# The modes -----------------------------------------------------------------------------------------


async def _create_or_update(actor: Actor) -> Outcome:
    if "stack" in actor.state:
        return await _finished(actor)
    name = actor.configuration["StackName"]
    standing = await _standing(actor, name)
    for name_ in [each["name"] for each in actor.action["inputArtifacts"]]:
        await actor.input_here(name_)
    if standing is not None and actor.configuration["ActionMode"] == "REPLACE_ON_FAILURE":
        if standing["StackStatus"] in FAILED_STANDING:
            await actor.ask("cloudformation:DeleteStack", word="replace", StackName=name, RoleARN=actor.configuration["RoleArn"])
        if standing["StackStatus"] in (*FAILED_STANDING, "DELETE_IN_PROGRESS"):
            return Waits(actor.call.now() + LOOKED_EVERY_S)
    wish = await _wish(actor)
    if standing is None or standing["StackStatus"] == "REVIEW_IN_PROGRESS":
        made = await actor.ask("cloudformation:CreateStack", word="create", **wish)
        return Waits(actor.call.now(), {"stack": made["StackId"]}, made["StackId"])
    try:
        made = await actor.ask("cloudformation:UpdateStack", word="update", **wish)
    except AwsError as error:
        if NO_UPDATES in error.text:
            return await _done(actor, standing, "The stack is up to date: no updates were to be performed.")
        raise
    return Waits(actor.call.now(), {"stack": made["StackId"]}, made["StackId"])


async def _finished(actor: Actor) -> Outcome:
    """Wait for the stack; then its outputs are the action's variables."""
    id_ = actor.state["stack"]
    stack = await _standing(actor, id_)
    status = stack["StackStatus"] if stack is not None else "DELETE_COMPLETE"
    if status.endswith("_IN_PROGRESS"):
        return Waits(actor.call.now() + LOOKED_EVERY_S, {}, id_)
    if status not in SUCCEEDED:
        raise ActionFailed(f"The stack {id_} ended with the status {status}. {await _reason(actor, id_)}", external_id=id_)
    return await _done(actor, stack, f"Stack {actor.configuration['StackName']} was {'created' if status[0] == 'C' else 'updated'}.")


async def _reason(actor: Actor, id_: str) -> str:
    """The first resource that failed says why."""
    events = (await actor.look("cloudformation:DescribeStackEvents", StackName=id_))["StackEvents"]
    failed = [each for each in events if each.get("ResourceStatus", "").endswith("_FAILED") and each.get("ResourceStatusReason")]
    return f"Reason: {failed[-1]['LogicalResourceId']}: {failed[-1]['ResourceStatusReason']}" if failed else ""


async def _done(actor: Actor, stack: dict[str, Any], summary: str) -> Done:
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs") or ()}
    artifacts = {}
    if "OutputFileName" in actor.configuration:
        (output,) = actor.action["outputArtifacts"]
        content = artifact.zipped({actor.configuration["OutputFileName"]: json.dumps(outputs).encode()})
        key = artifact.key_of(actor.execution.pipeline, output["name"], actor.run.id)
        artifacts[output["name"]] = await artifact.put(actor.call, actor.declaration, actor.call.region, key, content)
    return Done(summary, stack["StackId"], {"StackName": stack["StackName"], **outputs}, artifacts)


async def _replace_change_set(actor: Actor) -> Outcome:
    stack, name = actor.configuration["StackName"], actor.configuration["ChangeSetName"]
    if "change_set" not in actor.state:
        standing = await _standing(actor, stack)
        is_fresh = standing is None or standing["StackStatus"] == "REVIEW_IN_PROGRESS"
        if standing is not None:
            await actor.ask("cloudformation:DeleteChangeSet", word="replace", StackName=stack, ChangeSetName=name)
        made = await actor.ask(
            "cloudformation:CreateChangeSet", word="prepare", ChangeSetName=name, ChangeSetType="CREATE" if is_fresh else "UPDATE",
            **await _wish(actor),
        )  # fmt: skip
        return Waits(actor.call.now(), {"change_set": made["Id"]}, made["Id"])
    id_ = actor.state["change_set"]
    found = await actor.look("cloudformation:DescribeChangeSet", ChangeSetName=id_)
    if found["Status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
        return Waits(actor.call.now() + LOOKED_EVERY_S, {}, id_)
    reason = found.get("StatusReason", "")
    if found["Status"] != "CREATE_COMPLETE" and not any(text in reason for text in NO_CHANGES):
        raise ActionFailed(f"The change set {name} could not be created: {reason}", external_id=id_)
    return Done(reason or f"Change set {name} was created.", id_, {"StackName": stack, "ChangeSetName": name})


async def _execute_change_set(actor: Actor) -> Outcome:
    if "stack" in actor.state:
        return await _finished(actor)
    stack, name = actor.configuration["StackName"], actor.configuration["ChangeSetName"]
    found = await actor.look("cloudformation:DescribeChangeSet", StackName=stack, ChangeSetName=name)
    if found["Status"] == "FAILED" and any(text in found.get("StatusReason", "") for text in NO_CHANGES):
        standing = await _standing(actor, found["StackId"])
        return await _done(actor, standing, "The change set has no changes to execute.")
    await actor.ask("cloudformation:ExecuteChangeSet", word="execute", StackName=stack, ChangeSetName=name)
    return Waits(actor.call.now(), {"stack": found["StackId"]}, found["StackId"])


async def _delete(actor: Actor) -> Outcome:
    if "stack" not in actor.state:
        standing = await _standing(actor, actor.configuration["StackName"])
        if standing is None:
            return Done("There is no such stack.")
        await actor.ask("cloudformation:DeleteStack", word="delete", StackName=standing["StackId"], RoleARN=actor.configuration["RoleArn"])
        return Waits(actor.call.now(), {"stack": standing["StackId"]}, standing["StackId"])
    id_ = actor.state["stack"]
    standing = await _standing(actor, id_)
    if standing is None or standing["StackStatus"] == "DELETE_COMPLETE":
        return Done(f"Stack {actor.configuration['StackName']} was deleted.", id_)
    if standing["StackStatus"] == "DELETE_FAILED":
        raise ActionFailed(f"The stack could not be deleted. {await _reason(actor, id_)}", external_id=id_)
    return Waits(actor.call.now() + LOOKED_EVERY_S, {}, id_)


_MODES: dict[str, Callable[[Actor], Awaitable[Outcome]]] = {
    "CREATE_UPDATE": _create_or_update,
    "REPLACE_ON_FAILURE": _create_or_update,
    "CHANGE_SET_REPLACE": _replace_change_set,
    "CHANGE_SET_EXECUTE": _execute_change_set,
    "DELETE_ONLY": _delete,
}
