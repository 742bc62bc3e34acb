"""Change sets made, looked at, executed and deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from kumoniwa.deploy import importing, step, types
from kumoniwa.deploy.macros import TransformFailed
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.deploy.step import Work
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import nested, notification, request, template, work
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.changeset import (
    ChangeSet,
    InvalidChangeSetStatusException,
    drop,
    execution,
    find,
    get,
    of,
    shown,
    summary,
    with_names,
)
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.surroundings import Surroundings
from kumoniwa.services.cloudformation.template import InsufficientCapabilitiesException


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
    ResourceTypes: list[str] | None = None,
    RollbackConfiguration: dict[str, Any] | None = None,
    DeploymentConfig: dict[str, Any] | None = None,
    DisableValidation: bool | None = None,
    ResourcesToImport: list[dict] | None = None,
) -> dict:
    """The comparison is done when this answers, so the change set is never seen pending."""
    watching = request.watching(RollbackConfiguration)
    is_kept = bool(request.disables_rollback(None, DeploymentConfig))
    kind = ChangeSetType or "UPDATE"
    if (kind == "IMPORT") != bool(ResourcesToImport):
        raise ValidationError("ResourcesToImport must be specified for change sets of type IMPORT, and only for those.")
    request.check_tags(Tags)
    stack = _reviewed(call, StackName, ChangeSetName, kind)
    notified = stack.notified if NotificationARNs is None else notification.check(NotificationARNs)
    if again := _again(call, stack, ChangeSetName, ClientToken):
        return again
    text = await template.text_of(call, TemplateBody, TemplateURL, stack if UsePreviousTemplate else None)
    request.check_role(call, RoleARN)
    blueprint, failure = None, ""
    try:
        values = None if stack.status == "REVIEW_IN_PROGRESS" else stack.wish.values
        blueprint = await template.drawn(call, stack.name, stack.arn, text, Parameters, values, notified=notified)
        template.check_types(blueprint, ResourceTypes)
        template.check_capabilities(blueprint, Capabilities, is_reviewed=True)
        if ResourcesToImport:
            blueprint = _imported(call, stack, blueprint, ResourcesToImport)
        if ImportExistingResources:
            blueprint = await _with_existing(call, stack, blueprint)
    except (ValidationError, InsufficientCapabilitiesException) as error:
        # What a transform brings to light is told by the change set, anything else by the request.
        if not isinstance(error, TransformFailed) and not (blueprint is not None and blueprint.transforms):
            raise
        failure, blueprint = error.text, None
    change_set = ChangeSet(
        name=ChangeSetName, arn=call.arn(f"changeSet/{ChangeSetName}/{call.new_id()}"), kind=kind, created=call.now(),
        stack=stack.id, stack_name=stack.name, stack_arn=stack.arn, status="CREATE_COMPLETE", description=Description or "",
        role=RoleARN or "", on_failure=OnStackFailure or ("DO_NOTHING" if is_kept else ""), token=ClientToken or "",
        watching=watching, notified=notified, imports=bool(ImportExistingResources), is_whole=bool(IncludeNestedStacks),
        mode=request.mode(DeploymentConfig),
    )  # fmt: skip
    draft = await nested.drafted(call, nested.Draft(change_set, stack, text, blueprint, failure, Tags, Capabilities))
    stack = _reviewed(call, stack.name, ChangeSetName, kind, stack)
    if again := _again(call, stack, ChangeSetName, ClientToken):
        return again
    nested.keep(call, replace(draft, stack=stack, change_set=changed(change_set, stack=stack.id, stack_arn=stack.arn)))
    return {"Id": change_set.arn, "StackId": stack.arn}


def _imported(call: Call, stack: Stack, blueprint: Blueprint, wanted: list[dict]) -> Blueprint:
    """The blueprint with the ids of what it imports."""
    for each in wanted:
        for id in each["ResourceIdentifier"].values():
            _check_free(call, each["ResourceType"], id)
    old = Blueprint(body={}) if stack.status == "REVIEW_IN_PROGRESS" else stacks.drawn(call, stack.wish)
    return importing.adopted(blueprint, old, stacks.resources_of(call, stack), wanted)


async def _with_existing(call: Call, stack: Stack, blueprint: Blueprint) -> Blueprint:
    """The blueprint with the ids of the new resources that exist, as far as whoever asks may see them."""
    looked = importing.nameable(blueprint, stacks.resources_of(call, stack))
    surroundings = Surroundings(call, stack.name, is_reading=True)
    pseudo = template.pseudo_parameters(call, stack.name, stack.arn, stack.notified)

    async def is_there(name: str, id: str) -> bool:
        kind = blueprint.resources[name]["Type"]
        properties = {key: value for key, value in blueprint.resources[name]["Properties"].items() if value == id}
        looking = Work(
            host=surroundings, entry=types.find(kind), logical_id=name, pseudo=pseudo, token="", properties=properties, id=id
        )
        try:
            return await step.exists(looking, by_name=True)
        except AwsError:
            # Whoever may not see it may not import it either; that it is there comes to light when it is to be made.
            return False

    found = await asyncio.gather(*(is_there(name, id) for name, id in looked.items()))
    existing = {name: id for (name, id), is_found in zip(looked.items(), found, strict=True) if is_found}
    for name, id in existing.items():
        _check_free(call, blueprint.resources[name]["Type"], id)
    return importing.marked(blueprint, existing)


def _check_free(call: Call, kind: str, id: str) -> None:
    """Nobody may import what another stack has."""
    if owner := stacks.owner(call, kind, id):
        raise ValidationError(f"{id} already exists in stack {owner.arn}")


def _again(call: Call, stack: Stack, name: str, token: str | None) -> dict | None:
    """The answer given before to the same request."""
    found = call.shelf(ChangeSet).get(f"{stack.id}/{name}")
    if found is None or found.is_executed:
        # One that was executed has given its name free.
        return None
    if token is None or found.token != token:
        raise request.AlreadyExistsException(f"ChangeSet [{name}] already exists")
    return {"Id": found.arn, "StackId": stack.arn}


def _reviewed(call: Call, name: str, change_set: str, kind: str, drafted: Stack | None = None) -> Stack:
    """The stack a change set is for. A new one is only drafted here."""
    stack = stacks.find(call, name, is_deleted_too=True)
    if kind == "UPDATE" or kind == "IMPORT" and stack is not None and stack.status != "REVIEW_IN_PROGRESS":
        if stack is None:
            raise ValidationError(f"Stack [{name}] does not exist")
        request.check_updatable(stack)
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


def DescribeChangeSet(
    call: Call, *, ChangeSetName: str, StackName: str | None = None, IncludePropertyValues: bool | None = None
) -> dict:
    found = get(call, ChangeSetName, StackName)
    return shown(call, found, with_values=bool(IncludePropertyValues))


def DescribeChangeSetHooks(
    call: Call,
    *,
    ChangeSetName: str,
    StackName: str | None = None,
    LogicalResourceId: str | None = None,
) -> dict:
    """No hook can be registered here, so none will be invoked, for any resource."""
    found = get(call, ChangeSetName, StackName)
    return {
        "ChangeSetId": found.arn,
        "ChangeSetName": found.name,
        "StackId": found.stack_arn,
        "StackName": found.stack_name,
        "Hooks": [],
        "Status": "PLANNED" if found.status == "CREATE_COMPLETE" else "UNAVAILABLE",
    }


def ListChangeSets(call: Call, *, StackName: str) -> dict:
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    found = [each for each in of(call, stack) if not each.is_executed]
    return {"Summaries": [summary(call, each) for each in sorted(found, key=lambda each: -each.created)]}


def DeleteChangeSet(call: Call, *, ChangeSetName: str, StackName: str | None = None) -> dict:
    found = find(call, ChangeSetName, StackName)
    if found is not None:
        nested.check_root(found, "deleted")
        if execution(call, found) == "EXECUTE_IN_PROGRESS":
            raise InvalidChangeSetStatusException(
                f"ChangeSet [{found.arn}] cannot be deleted in its current status."
            )
        drop(call, found)
    return {}


def ExecuteChangeSet(
    call: Call,
    *,
    ChangeSetName: str,
    StackName: str | None = None,
    ClientRequestToken: str | None = None,
    DisableRollback: bool | None = None,
    RetainExceptOnCreate: bool | None = None,
) -> dict:
    """The stack's other change sets compared with what no longer stands, and are deleted."""
    found = get(call, ChangeSetName, StackName)
    nested.check_root(found, "executed")
    stack = request.named(call, found.stack_arn, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "ExecuteChangeSet"):
        return {}
    if found.status != "CREATE_COMPLETE" or found.execution != "AVAILABLE":
        status = execution(call, found) if found.status == "CREATE_COMPLETE" else found.status
        raise InvalidChangeSetStatusException(
            f"ChangeSet [{found.arn}] cannot be executed in its current status of [{status}]"
        )
    is_new = stack.status == "REVIEW_IN_PROGRESS"
    if not is_new:
        request.check_updatable(stack)
    for other in of(call, stack):
        if other.arn != found.arn:
            drop(call, other)
    call.shelf(ChangeSet)[found.key] = changed(found, execution="EXECUTED")
    nested.execute(call, found)
    stack = changed(
        stack,
        change_set=found.arn,
        principal=call.principal,
        role=found.role or stack.role,
        on_failure=found.on_failure or ("DO_NOTHING" if DisableRollback else "ROLLBACK"),
        deletes_new=bool(RetainExceptOnCreate),
        token=ClientRequestToken or "",
        **found.watching,
        notified=found.notified,
        mode=found.mode,
    )
    blueprint = with_names(call, stack, stacks.drawn(call, found.wish))
    if is_new:
        # What a change set makes counts as updated from the beginning, as AWS was recorded.
        stack = changed(stack, updated=call.now())
    if found.kind == "IMPORT":
        work.begin(call, stack, "IMPORT_IN_PROGRESS", "ExecuteChangeSet", blueprint, found.wish)
    elif is_new:
        work.begin(call, changed(stack, wish=found.wish), "CREATE_IN_PROGRESS", "ExecuteChangeSet", blueprint)
    else:
        work.begin(call, stack, "UPDATE_IN_PROGRESS", "ExecuteChangeSet", blueprint, found.wish)
    return {}
