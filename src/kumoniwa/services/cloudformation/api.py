"""The operations of CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import changeset, event, export, request, template, work
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.changeset import (
    CreateChangeSet,
    DeleteChangeSet,
    DescribeChangeSet,
    ExecuteChangeSet,
    ListChangeSets,
)
from kumoniwa.services.cloudformation.drift import (
    DescribeStackDriftDetectionStatus,
    DescribeStackResourceDrifts,
    DetectStackDrift,
    DetectStackResourceDrift,
)
from kumoniwa.services.cloudformation.stack import Stack
from kumoniwa.services.cloudformation.template import refuse

__all__ = [
    "CreateChangeSet",
    "DeleteChangeSet",
    "DescribeChangeSet",
    "DescribeStackDriftDetectionStatus",
    "DescribeStackResourceDrifts",
    "DetectStackDrift",
    "DetectStackResourceDrift",
    "ExecuteChangeSet",
    "ListChangeSets",
]

WITHOUT_STACK = frozenset(
    ("ValidateTemplate", "ListExports", "ListImports", "ListStacks", "DescribeStackDriftDetectionStatus")
)


# What the gate asks ------------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html"""
    name = str(params.get("StackName") or "")
    change_set = str(params.get("ChangeSetName") or "")
    if not name and change_set.startswith("arn:"):
        found = changeset.find(call, change_set, None)
        return found.stack_arn if found is not None else change_set
    if operation in WITHOUT_STACK or not name:
        return "*"
    if name.startswith("arn:"):
        return name
    stack = stacks.find(call, name)
    return stack.arn if stack is not None else call.arn(f"stack/{name}/*")


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    names = {"RoleARN": "rolearn", "TemplateURL": "templateurl", "ChangeSetName": "changesetname"}
    return {f"cloudformation:{key}": params[name] for name, key in names.items() if name in params}


# Making and changing -------------------------------------------------------------------------------------


async def CreateStack(
    call: Call,
    *,
    StackName: str,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    RoleARN: str | None = None,
    OnFailure: str | None = None,
    DisableRollback: bool | None = None,
    EnableTerminationProtection: bool | None = None,
    NotificationARNs: list[str] | None = None,
    ClientRequestToken: str | None = None,
    ResourceTypes: list[str] | None = None,
    RetainExceptOnCreate: bool | None = None,
    TimeoutInMinutes: int | None = None,
) -> dict:
    """Refuses at once what AWS refuses at once, and what it would find out in the stack's first second: a template
    with a transform that fails makes no stack."""
    return await make(
        call, StackName, TemplateBody, TemplateURL, Parameters, Capabilities, Tags, RoleARN,
        on_failure=_on_failure(OnFailure, DisableRollback), is_protected=bool(EnableTerminationProtection),
        notifications=NotificationARNs, token=ClientRequestToken, kinds=ResourceTypes,
        deletes_new=bool(RetainExceptOnCreate), timeout_s=(TimeoutInMinutes or 0) * 60.0,
    )  # fmt: skip


def _on_failure(on_failure: str | None, disable_rollback: bool | None) -> str:
    if on_failure is not None and disable_rollback is not None:
        raise ValidationError("Invalid Input: only one of 'DisableRollback' and 'OnFailure' can be specified")
    if on_failure is not None:
        return on_failure
    return "DO_NOTHING" if disable_rollback else "ROLLBACK"


async def make(
    call: Call,
    name: str,
    body: str | None,
    url: str | None,
    parameters: list[dict] | None,
    capabilities: list[str] | None,
    tags: list[dict] | None,
    role: str | None,
    *,
    on_failure: str,
    is_protected: bool,
    notifications: list[str] | None,
    token: str | None,
    kinds: list[str] | None,
    deletes_new: bool,
    timeout_s: float,
) -> dict:
    refuse(NotificationARNs=notifications)
    stacks.check_name(name)
    request.check_tags(tags)
    if not request.is_repeated(stacks.find(call, name), token, "CreateStack"):
        _check_new(call, name)
        text = await template.text_of(call, body, url)
        id = call.new_id()
        arn = call.arn(f"stack/{name}/{id}")
        blueprint = await template.drawn(call, name, arn, text, parameters)
        template.check_types(blueprint, kinds)
        template.check_capabilities(blueprint, capabilities)
        request.check_role(call, role)
        # Somebody may have been faster while the template was drawn.
        if not request.is_repeated(stacks.find(call, name), token, "CreateStack"):
            _check_new(call, name)
            stack = Stack(
                name=name,
                id=id,
                arn=arn,
                created=call.now(),
                status="CREATE_IN_PROGRESS",
                wish=stacks.wished(call, text, blueprint, tags or [], capabilities or []),
                principal=call.principal,
                role=role or "",
                on_failure=on_failure,
                is_protected=is_protected,
                token=token or "",
                deletes_new=deletes_new,
                timeout_s=timeout_s,
            )
            work.begin(call, stack, "CREATE_IN_PROGRESS", "CreateStack", blueprint)
    return {"StackId": stacks.find(call, name).arn}


def _check_new(call: Call, name: str) -> None:
    if stacks.find(call, name) is not None:
        raise request.AlreadyExistsException(f"Stack [{name}] already exists")


async def UpdateStack(
    call: Call,
    *,
    StackName: str,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    UsePreviousTemplate: bool | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    RoleARN: str | None = None,
    DisableRollback: bool | None = None,
    NotificationARNs: list[str] | None = None,
    ClientRequestToken: str | None = None,
    ResourceTypes: list[str] | None = None,
    RetainExceptOnCreate: bool | None = None,
) -> dict:
    refuse(NotificationARNs=NotificationARNs)
    request.check_tags(Tags)
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "UpdateStack"):
        return {"StackId": stack.arn}
    request.check_updatable(stack)
    text = await template.text_of(call, TemplateBody, TemplateURL, stack if UsePreviousTemplate else None)
    blueprint = await template.drawn(call, stack.name, stack.arn, text, Parameters, stack.wish.values)
    template.check_types(blueprint, ResourceTypes)
    template.check_capabilities(blueprint, Capabilities)
    request.check_role(call, RoleARN)
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "UpdateStack"):
        return {"StackId": stack.arn}
    request.check_updatable(stack)
    tags = [{"Key": key, "Value": value} for key, value in stack.wish.tags.items()] if Tags is None else Tags
    is_changing = changeset.is_different(call, stack, blueprint, {tag["Key"]: tag["Value"] for tag in tags})
    # What failed and was left standing may be tried again as it is.
    is_changing = is_changing or stack.status in ("CREATE_FAILED", "UPDATE_FAILED")
    if not changeset.differences(call, stack, blueprint) and not is_changing:
        raise ValidationError("No updates are to be performed.")
    stack = changed(
        stack,
        principal=call.principal,
        role=RoleARN or stack.role,
        on_failure="DO_NOTHING" if DisableRollback else "ROLLBACK",
        deletes_new=bool(RetainExceptOnCreate),
        token=ClientRequestToken or "",
    )
    wish = stacks.wished(call, text, blueprint, tags, Capabilities or [])
    work.begin(call, stack, "UPDATE_IN_PROGRESS", "UpdateStack", blueprint, wish)
    return {"StackId": stack.arn}


def CancelUpdateStack(call: Call, *, StackName: str, ClientRequestToken: str | None = None) -> None:
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "CancelUpdateStack"):
        return
    if stack.status != "UPDATE_IN_PROGRESS":
        raise ValidationError("CancelUpdateStack cannot be called from current stack status")
    stack = changed(stack, token=ClientRequestToken or stack.token)
    work.interrupt(call, stack, "UPDATE_ROLLBACK_IN_PROGRESS", "CancelUpdateStack", "User Initiated")


def ContinueUpdateRollback(
    call: Call,
    *,
    StackName: str,
    RoleARN: str | None = None,
    ResourcesToSkip: list[str] | None = None,
    ClientRequestToken: str | None = None,
) -> dict:
    """A skipped resource is taken to stand as it stood before the update, whatever has become of it."""
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "ContinueUpdateRollback"):
        return {}
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not continue rollback.")
    request.check_role(call, RoleARN)
    state = stacks.state_of(call, stack)
    for name in ResourcesToSkip or ():
        standing = state.resources.get(name)
        if standing is None or standing.status != "UPDATE_FAILED" or name not in state.before:
            raise ValidationError(f"Resource {name} is not in UPDATE_FAILED state and cannot be skipped.")
        state.put("resources", name, state.before[name])
    stack = changed(
        stack, principal=call.principal, role=RoleARN or stack.role, token=ClientRequestToken or ""
    )
    call.shelf(Stack)[stack.name] = stack
    work.go_on(call, stack, "UPDATE_ROLLBACK_IN_PROGRESS", "ContinueUpdateRollback")
    return {}


def DeleteStack(
    call: Call,
    *,
    StackName: str,
    RetainResources: list[str] | None = None,
    RoleARN: str | None = None,
    ClientRequestToken: str | None = None,
    DeletionMode: str | None = None,
) -> None:
    """A stack that is not there is deleted already. One deleted by force leaves behind what cannot be deleted."""
    stack = stacks.find(call, StackName)
    if stack is None or stack.status == "DELETE_IN_PROGRESS":
        return
    if stack.is_protected:
        raise ValidationError(
            f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    if stack.status.startswith("UPDATE_") and stack.is_busy:
        raise ValidationError(f"Stack [{stack.arn}] cannot be deleted while in status {stack.status}")
    if RetainResources and stack.status != "DELETE_FAILED":
        raise ValidationError(
            "Invalid operation on stack. Specify which resources to retain only when the stack is in the DELETE_FAILED state."
        )
    if unknown := sorted(set(RetainResources or ()) - set(stacks.resources_of(call, stack))):
        raise ValidationError(
            f"The specified resources to retain must be in a valid state. Resource {unknown[0]} does not exist."
        )
    if DeletionMode == "FORCE_DELETE_STACK" and stack.status != "DELETE_FAILED":
        raise ValidationError(
            "Invalid operation on stack. FORCE_DELETE_STACK can only be used when the stack is in the DELETE_FAILED state."
        )
    request.check_role(call, RoleARN)
    delete(
        call,
        changed(
            stack,
            retained=tuple(RetainResources or ()),
            is_forced=DeletionMode == "FORCE_DELETE_STACK",
            role=RoleARN or stack.role,
            token=ClientRequestToken or "",
        ),
    )


def delete(call: Call, stack: Stack) -> None:
    for change_set in changeset.of(call, stack):
        changeset.drop(call, change_set)
    if stack.is_busy:
        return work.interrupt(call, stack, "DELETE_IN_PROGRESS", "DeleteStack", "User Initiated")
    stack = changed(stack, principal=call.principal)
    if reason := export.in_use(call, stack.arn):
        # CloudFormation takes the request, says why not, and the stack is what it was: no status ends in FAILED.
        # https://github.com/aws/aws-cdk/issues/604 https://github.com/serverless/serverless/issues/2984
        event.happened(
            call, stack, stack.name, event.STACK, stack.arn, "DELETE_IN_PROGRESS", "User Initiated"
        )
        event.happened(call, stack, stack.name, event.STACK, stack.arn, stack.status, reason)
        call.shelf(Stack)[stack.name] = changed(stack, reason=reason)
        return None
    work.begin(call, stack, "DELETE_IN_PROGRESS", "DeleteStack")
    return None


def UpdateTerminationProtection(call: Call, *, EnableTerminationProtection: bool, StackName: str) -> dict:
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    call.shelf(Stack)[stack.name] = changed(stack, is_protected=EnableTerminationProtection)
    return {"StackId": stack.arn}


# Looking ---------------------------------------------------------------------------------------------------


def DescribeStacks(call: Call, *, StackName: str | None = None) -> dict:
    if StackName is None:
        return {"Stacks": [stacks.shown(call, stack) for stack in stacks.living(call)]}
    stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    return {"Stacks": [stacks.shown(call, stack)]}


def ListStacks(call: Call, *, StackStatusFilter: list[str] | None = None) -> dict:
    """Deleted stacks are listed for 90 days."""
    found = sorted(call.shelf(Stack).values(), key=lambda stack: -stack.created)
    wanted = set(StackStatusFilter or ())
    return {
        "StackSummaries": [
            stacks.summary(call, stack) for stack in found if not wanted or stack.status in wanted
        ]
    }


def DescribeStackEvents(call: Call, *, StackName: str, NextToken: str | None = None) -> dict:
    """The token says after which event to go on, so that events that happen meanwhile move nothing."""
    stack = request.named(call, StackName, "Stack [{}] does not exist", is_deleted_too=True)
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 19):
        raise ValidationError("Invalid NextToken.")
    found, next_ = event.listed(call, stack.id, None if NextToken is None else int(NextToken))
    return {"StackEvents": found} | ({"NextToken": str(next_)} if next_ is not None else {})


def DescribeStackResource(call: Call, *, StackName: str, LogicalResourceId: str) -> dict:
    stack = request.named(call, StackName, "Stack '{}' does not exist", is_deleted_too=True)
    for resource in stacks.resources_shown(call, stack):
        if resource["LogicalResourceId"] == LogicalResourceId:
            standing = stacks.resources_of(call, stack).get(LogicalResourceId)
            del resource["Timestamp"]
            return {
                "StackResourceDetail": resource
                | {"Metadata": json.dumps(standing.metadata if standing else {})}
            }
    raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {StackName}")


def DescribeStackResources(
    call: Call,
    *,
    StackName: str | None = None,
    LogicalResourceId: str | None = None,
    PhysicalResourceId: str | None = None,
) -> dict:
    if (StackName is None) == (PhysicalResourceId is None):
        raise ValidationError("Either StackName or PhysicalResourceId must be specified, but not both.")
    if StackName is not None:
        stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    else:
        stack = next((each for each in stacks.living(call) if _holds(call, each, PhysicalResourceId)), None)
        if stack is None:
            raise ValidationError(f"Stack for {PhysicalResourceId} does not exist")
    found = []
    for resource in stacks.resources_shown(call, stack):
        if LogicalResourceId in (None, resource["LogicalResourceId"]):
            del resource["LastUpdatedTimestamp"]
            found.append(resource)
    if LogicalResourceId is not None and not found:
        raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
    return {"StackResources": found}


def _holds(call: Call, stack: Stack, physical_id: str) -> bool:
    return any(standing.physical_id == physical_id for standing in stacks.resources_of(call, stack).values())


def ListStackResources(call: Call, *, StackName: str) -> dict:
    stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    found = stacks.resources_shown(call, stack)
    for resource in found:
        del resource["StackName"], resource["StackId"], resource["Timestamp"]
    return {"StackResourceSummaries": found}


def ListExports(call: Call) -> dict:
    exports = call.shelf(export.Export)
    return {
        "Exports": [{"ExportingStackId": e.stack, "Name": e.name, "Value": e.value} for e in exports.values()]
    }


def ListImports(call: Call, *, ExportName: str) -> dict:
    names = export.users(call, ExportName)
    if not names:
        raise ValidationError(f"Export '{ExportName}' is not imported by any stack.")
    return {"Imports": names}


# Templates -------------------------------------------------------------------------------------------------


def GetTemplate(
    call: Call,
    *,
    StackName: str | None = None,
    ChangeSetName: str | None = None,
    TemplateStage: str | None = None,
) -> dict:
    if ChangeSetName is not None:
        wish = changeset.get(call, ChangeSetName, StackName).wish
    elif StackName is not None:
        wish = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True).wish
    else:
        raise ValidationError("StackName is required if ChangeSetName is not specified.")
    if wish is None or not (text := stacks.document(call, wish)):
        raise ValidationError(f"Template for {ChangeSetName or StackName} does not exist")
    if TemplateStage == "Processed" and (blueprint := stacks.drawn(call, wish)).transforms:
        text = json.dumps(blueprint.body)
    return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}


async def ValidateTemplate(
    call: Call, *, TemplateBody: str | None = None, TemplateURL: str | None = None
) -> dict:
    text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    shown = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
    parameters = [{name: each[name] for name in shown if name in each} for each in outline["parameters"]]
    return _outlined(outline) | {"Parameters": parameters}


async def GetTemplateSummary(
    call: Call,
    *,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    StackName: str | None = None,
) -> dict:
    if StackName is not None:
        stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
        if stack.status == "REVIEW_IN_PROGRESS":
            raise ValidationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
        text = stacks.document(call, stack.wish)
    else:
        text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    reply = _outlined(outline) | {
        "Parameters": outline["parameters"],
        "ResourceTypes": outline["resource_types"],
    }
    if outline["version"]:
        reply["Version"] = outline["version"]
    if outline["metadata"]:
        reply["Metadata"] = json.dumps(outline["metadata"])
    return reply


def _outlined(outline: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = {}
    if outline["description"]:
        reply["Description"] = outline["description"]
    if outline["capabilities"]:
        reply |= {
            "Capabilities": outline["capabilities"],
            "CapabilitiesReason": outline["capabilities_reason"],
        }
    if outline["transforms"]:
        reply["DeclaredTransforms"] = outline["transforms"]
    return reply
