"""The operations of CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy.standing import Blueprint
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import changeset, event, export, template, work
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.changeset import ChangeSet, InvalidChangeSetStatusException
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.template import InsufficientCapabilitiesException, refuse

UPDATABLE = frozenset(
    ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED")
)
WITHOUT_STACK = frozenset(("ValidateTemplate", "ListExports", "ListImports", "ListStacks"))


class AlreadyExistsException(AwsError): ...


class TokenAlreadyExistsException(AwsError): ...


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


# Who is meant --------------------------------------------------------------------------------------------


def _stack(call: Call, name: str, refusal: str, *, is_deleted_too: bool = False) -> Stack:
    """A stack, or the refusal of this operation: CloudFormation's operations do not agree on one text."""
    stack = stacks.find(call, name, is_deleted_too=is_deleted_too)
    if stack is None:
        raise ValidationError(refusal.format(name))
    return stack


def _is_repeated(stack: Stack | None, token: str | None, operation: str) -> bool:
    """Whether this very request was taken already."""
    if stack is None or token is None or stack.token != token:
        return False
    if stack.operation_name != operation:
        raise TokenAlreadyExistsException(
            f"Token {token} already exists for another operation on stack {stack.arn}"
        )
    return True


def _check_role(call: Call, role: str | None) -> None:
    if role is None:
        return
    call.require("iam:PassRole", role, **{"iam:PassedToService": work.SERVICE})
    try:
        call.assuming(role, work.SERVICE, work.SESSION)
    except AwsError:
        raise ValidationError(f"Role {role} is invalid or cannot be assumed") from None


def _check_tags(tags: list[dict[str, str]] | None) -> None:
    keys = [tag["Key"] for tag in tags or ()]
    if len(keys) > 50:
        raise ValidationError("Number of tags exceeds the limit of 50.")
    if len(set(keys)) < len(keys):
        raise ValidationError("Duplicate tag keys found.")
    if any(key.startswith("aws:") for key in keys):
        raise ValidationError("aws: prefixed tag key names are not allowed for external use.")


def _check_updatable(stack: Stack) -> None:
    if stack.status not in UPDATABLE:
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not be updated.")


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
) -> dict:
    """Refuses at once what AWS refuses at once, and what it would find out in the stack's first second: a template
    with a transform that fails makes no stack."""
    return await make(
        call, StackName, TemplateBody, TemplateURL, Parameters, Capabilities, Tags, RoleARN,
        on_failure=_on_failure(OnFailure, DisableRollback), is_protected=bool(EnableTerminationProtection),
        notifications=NotificationARNs, token=ClientRequestToken,
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
) -> dict:
    refuse(NotificationARNs=notifications)
    stacks.check_name(name)
    _check_tags(tags)
    if not _is_repeated(stacks.find(call, name), token, "CreateStack"):
        _check_new(call, name)
        text = await template.text_of(call, body, url)
        id = call.new_id()
        arn = call.arn(f"stack/{name}/{id}")
        blueprint = await template.drawn(call, name, arn, text, parameters)
        template.check_capabilities(blueprint, capabilities)
        _check_role(call, role)
        # Somebody may have been faster while the template was drawn.
        if not _is_repeated(stacks.find(call, name), token, "CreateStack"):
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
            )
            work.begin(call, stack, "CREATE_IN_PROGRESS", "CreateStack", blueprint)
    return {"StackId": stacks.find(call, name).arn}


def _check_new(call: Call, name: str) -> None:
    if stacks.find(call, name) is not None:
        raise AlreadyExistsException(f"Stack [{name}] already exists")


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
) -> dict:
    refuse(NotificationARNs=NotificationARNs)
    _check_tags(Tags)
    stack = _stack(call, StackName, "Stack [{}] does not exist")
    if _is_repeated(stack, ClientRequestToken, "UpdateStack"):
        return {"StackId": stack.arn}
    _check_updatable(stack)
    text = await template.text_of(call, TemplateBody, TemplateURL, stack if UsePreviousTemplate else None)
    blueprint = await template.drawn(call, stack.name, stack.arn, text, Parameters, stack.wish.values)
    template.check_capabilities(blueprint, Capabilities)
    _check_role(call, RoleARN)
    stack = _stack(call, StackName, "Stack [{}] does not exist")
    if _is_repeated(stack, ClientRequestToken, "UpdateStack"):
        return {"StackId": stack.arn}
    _check_updatable(stack)
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
        token=ClientRequestToken or "",
    )
    wish = stacks.wished(call, text, blueprint, tags, Capabilities or [])
    work.begin(call, stack, "UPDATE_IN_PROGRESS", "UpdateStack", blueprint, wish)
    return {"StackId": stack.arn}


def CancelUpdateStack(call: Call, *, StackName: str, ClientRequestToken: str | None = None) -> None:
    stack = _stack(call, StackName, "Stack [{}] does not exist")
    if _is_repeated(stack, ClientRequestToken, "CancelUpdateStack"):
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
    stack = _stack(call, StackName, "Stack [{}] does not exist")
    if _is_repeated(stack, ClientRequestToken, "ContinueUpdateRollback"):
        return {}
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not continue rollback.")
    _check_role(call, RoleARN)
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
    """A stack that is not there is deleted already."""
    if DeletionMode not in (None, "STANDARD"):
        raise NotImplementedHere(f"the DeletionMode {DeletionMode} of cloudformation:DeleteStack")
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
    _check_role(call, RoleARN)
    delete(
        call,
        changed(
            stack,
            retained=tuple(RetainResources or ()),
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
    stack = _stack(call, StackName, "Stack [{}] does not exist")
    call.shelf(Stack)[stack.name] = changed(stack, is_protected=EnableTerminationProtection)
    return {"StackId": stack.arn}


# Looking ---------------------------------------------------------------------------------------------------


def DescribeStacks(call: Call, *, StackName: str | None = None) -> dict:
    if StackName is None:
        return {"Stacks": [stacks.shown(call, stack) for stack in stacks.living(call)]}
    stack = _stack(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    return {"Stacks": [stacks.shown(call, stack)]}


def ListStacks(call: Call, *, StackStatusFilter: list[str] | None = None) -> dict:
    """Deleted stacks are listed for 90 days."""
    found = sorted(call.shelf(Stack).values(), key=lambda stack: -stack.created)
    wanted = set(StackStatusFilter or ())
    return {
        "StackSummaries": [stacks.summary(stack) for stack in found if not wanted or stack.status in wanted]
    }


def DescribeStackEvents(call: Call, *, StackName: str) -> dict:
    stack = _stack(call, StackName, "Stack [{}] does not exist", is_deleted_too=True)
    return {"StackEvents": event.listed(call, stack.id)}


def DescribeStackResource(call: Call, *, StackName: str, LogicalResourceId: str) -> dict:
    stack = _stack(call, StackName, "Stack '{}' does not exist", is_deleted_too=True)
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
        stack = _stack(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
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
    stack = _stack(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
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
        wish = _stack(call, StackName, "Stack with id {} does not exist", is_deleted_too=True).wish
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
        stack = _stack(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
        text = stacks.document(call, stack.wish)
    else:
        text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    reply = _outlined(outline) | {
        "Parameters": outline["parameters"],
        "ResourceTypes": outline["resource_types"],
    }
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


# Change sets -------------------------------------------------------------------------------------------------


async def CreateChangeSet(
    call: Call,
    *,
    StackName: str,
    ChangeSetName: str,
    ChangeSetType: str | None = None,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    UsePreviousTemplate: bool | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    RoleARN: str | None = None,
    Description: str | None = None,
    OnStackFailure: str | None = None,
    NotificationARNs: list[str] | None = None,
    IncludeNestedStacks: bool | None = None,
    ImportExistingResources: bool | None = None,
    ClientToken: str | None = None,
) -> dict:
    """The comparison is done when this answers, so the change set is never seen pending."""
    refuse(
        NotificationARNs=NotificationARNs,
        IncludeNestedStacks=IncludeNestedStacks,
        ImportExistingResources=ImportExistingResources,
    )
    kind = ChangeSetType or "UPDATE"
    if kind == "IMPORT":
        raise NotImplementedHere("the ChangeSetType IMPORT of cloudformation:CreateChangeSet")
    _check_tags(Tags)
    stack = _reviewed(call, StackName, ChangeSetName, kind)
    if again := _again(call, stack, ChangeSetName, ClientToken):
        return again
    text = await template.text_of(call, TemplateBody, TemplateURL, stack if UsePreviousTemplate else None)
    _check_role(call, RoleARN)
    blueprint, failure = None, ""
    try:
        values = stack.wish.values if kind == "UPDATE" else None
        blueprint = await template.drawn(call, stack.name, stack.arn, text, Parameters, values)
        template.check_capabilities(blueprint, Capabilities, is_reviewed=True)
    except (ValidationError, InsufficientCapabilitiesException) as error:
        # What a transform brings to light is told by the change set, anything else by the request.
        if not error.text.startswith("Transform ") and not (blueprint is not None and blueprint.transforms):
            raise
        failure, blueprint = error.text, None
    stack = _reviewed(call, stack.name, ChangeSetName, kind, stack)
    if again := _again(call, stack, ChangeSetName, ClientToken):
        return again
    if stack.name not in call.shelf(Stack):
        call.shelf(Stack)[stack.name] = stack
        event.happened(
            call, stack, stack.name, event.STACK, stack.arn, "REVIEW_IN_PROGRESS", "User Initiated"
        )
    change_set = ChangeSet(
        name=ChangeSetName, arn=call.arn(f"changeSet/{ChangeSetName}/{call.new_id()}"), kind=kind, created=call.now(),
        stack=stack.id, stack_name=stack.name, stack_arn=stack.arn, status="CREATE_COMPLETE", description=Description or "",
        role=RoleARN or "", on_failure=OnStackFailure or "", token=ClientToken or "",
    )  # fmt: skip
    call.shelf(ChangeSet)[change_set.key] = _compared(
        call, change_set, stack, text, blueprint, failure, Tags, Capabilities
    )
    return {"Id": change_set.arn, "StackId": stack.arn}


def _again(call: Call, stack: Stack, name: str, token: str | None) -> dict | None:
    """The answer given before to the same request."""
    found = call.shelf(ChangeSet).get(f"{stack.id}/{name}")
    if found is None:
        return None
    if token is None or found.token != token:
        raise AlreadyExistsException(f"ChangeSet [{name}] already exists")
    return {"Id": found.arn, "StackId": stack.arn}


def _reviewed(call: Call, name: str, change_set: str, kind: str, drafted: Stack | None = None) -> Stack:
    """The stack a change set is for. A new one is only drafted here."""
    stack = stacks.find(call, name)
    if kind == "UPDATE":
        if stack is None:
            raise ValidationError(f"Stack [{name}] does not exist")
        _check_updatable(stack)
        return stack
    if stack is not None:
        if stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
            )
        return stack
    if drafted is not None:
        return drafted
    stacks.check_name(name)
    id = call.new_id()
    return Stack(
        name=name, id=id, arn=call.arn(f"stack/{name}/{id}"), created=call.now(), status="REVIEW_IN_PROGRESS",
        reason="User Initiated", wish=Wish(id=call.new_id()), principal=call.principal,
    )  # fmt: skip


def _compared(
    call: Call, change_set: ChangeSet, stack: Stack, text: str, blueprint: Blueprint | None, failure: str,
    tags: list[dict] | None, capabilities: list[str] | None,
) -> ChangeSet:  # fmt: skip
    if blueprint is None:
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=failure)
    if tags is None:
        tags = [{"Key": key, "Value": value} for key, value in stack.wish.tags.items()]
    try:
        found = changeset.differences(call, stack, blueprint)
    except ValidationError as error:
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=error.text)
    if not found and not changeset.is_different(
        call, stack, blueprint, {tag["Key"]: tag["Value"] for tag in tags}
    ):
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=changeset.NO_CHANGES)
    wish = stacks.wished(call, text, blueprint, tags, capabilities or [])
    return changed(change_set, wish=wish, changes=tuple(changeset.change_shown(each) for each in found))


def DescribeChangeSet(call: Call, *, ChangeSetName: str, StackName: str | None = None) -> dict:
    return changeset.shown(call, changeset.get(call, ChangeSetName, StackName))


def ListChangeSets(call: Call, *, StackName: str) -> dict:
    stack = _stack(call, StackName, "Stack [{}] does not exist")
    found = [each for each in changeset.of(call, stack) if each.execution != "EXECUTED"]
    return {
        "Summaries": [changeset.summary(call, each) for each in sorted(found, key=lambda each: -each.created)]
    }


def DeleteChangeSet(call: Call, *, ChangeSetName: str, StackName: str | None = None) -> dict:
    found = changeset.find(call, ChangeSetName, StackName)
    if found is not None:
        if found.execution == "EXECUTED":
            raise InvalidChangeSetStatusException(
                f"ChangeSet [{found.arn}] cannot be deleted in its current status."
            )
        changeset.drop(call, found)
    return {}


def ExecuteChangeSet(
    call: Call,
    *,
    ChangeSetName: str,
    StackName: str | None = None,
    ClientRequestToken: str | None = None,
    DisableRollback: bool | None = None,
) -> dict:
    """The stack's other change sets compared with what no longer stands, and are deleted."""
    found = changeset.get(call, ChangeSetName, StackName)
    stack = _stack(call, found.stack_arn, "Stack [{}] does not exist")
    if _is_repeated(stack, ClientRequestToken, "ExecuteChangeSet"):
        return {}
    if found.status != "CREATE_COMPLETE" or found.execution != "AVAILABLE":
        status = found.status if found.status != "CREATE_COMPLETE" else "EXECUTE_COMPLETE"
        raise InvalidChangeSetStatusException(
            f"ChangeSet [{found.arn}] cannot be executed in its current status of [{status}]"
        )
    if found.kind == "UPDATE":
        _check_updatable(stack)
    for other in changeset.of(call, stack):
        if other.arn != found.arn:
            changeset.drop(call, other)
    call.shelf(ChangeSet)[found.key] = changed(found, execution="EXECUTED")
    stack = changed(
        stack,
        change_set=found.arn,
        principal=call.principal,
        role=found.role or stack.role,
        on_failure=found.on_failure or ("DO_NOTHING" if DisableRollback else "ROLLBACK"),
        token=ClientRequestToken or "",
    )
    blueprint = stacks.drawn(call, found.wish)
    if found.kind == "CREATE":
        work.begin(call, changed(stack, wish=found.wish), "CREATE_IN_PROGRESS", "ExecuteChangeSet", blueprint)
    else:
        work.begin(call, stack, "UPDATE_IN_PROGRESS", "ExecuteChangeSet", blueprint, found.wish)
    return {}
