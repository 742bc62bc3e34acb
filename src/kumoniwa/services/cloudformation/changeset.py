"""A change set: a wish that has been drawn and compared, and waits for somebody to say yes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from kumoniwa.deploy import importing, plan, step, types
from kumoniwa.deploy.macros import TransformFailed
from kumoniwa.deploy.parameters import hides
from kumoniwa.deploy.plan import Change
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.deploy.step import Work
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudformation import event, export, notification, request, template, work
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.template import InsufficientCapabilitiesException

NESTED = "AWS::CloudFormation::Stack"
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class ChangeSetNotFoundException(AwsError): ...


class InvalidChangeSetStatusException(AwsError): ...


class ChangeSet(Record):
    """Shelved by its stack's id and its name."""

    name: str
    arn: str
    stack: str
    """The stack's id."""
    stack_name: str
    stack_arn: str
    kind: str
    """CREATE, UPDATE or IMPORT."""
    created: float
    status: str
    reason: str = ""
    execution: str = "AVAILABLE"
    description: str = ""
    wish: Wish | None = None
    """None for one that failed before there was anything to wish for."""
    changes: tuple[dict[str, Any], ...] = ()
    valued: tuple[dict[str, Any], ...] = ()
    """The changes as they are shown with the values of properties."""
    warning: str = ""
    """Why not all values could be told."""
    role: str = ""
    on_failure: str = ""
    token: str = ""
    watching: dict[str, Any] = {}
    """How the stack is to be watched, as its fields; nothing for as before."""
    notified: tuple[str, ...] = ()
    imports: bool = False
    """Whether it takes in what is there already."""
    is_whole: bool = False
    """Whether it was to tell of nested stacks too."""
    mode: str = "STANDARD"

    @property
    def key(self) -> str:
        return f"{self.stack}/{self.name}"


def find(call: Call, name_or_arn: str, stack_name: str | None) -> ChangeSet | None:
    if name_or_arn.startswith("arn:"):
        return next((found for found in call.shelf(ChangeSet).values() if found.arn == name_or_arn), None)
    if not stack_name:
        raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = stacks.find(call, stack_name)
    if stack is None:
        raise ValidationError(f"Stack [{stack_name}] does not exist")
    return call.shelf(ChangeSet).get(f"{stack.id}/{name_or_arn}")


def get(call: Call, name_or_arn: str, stack_name: str | None) -> ChangeSet:
    found = find(call, name_or_arn, stack_name)
    if found is None:
        raise ChangeSetNotFoundException(f"ChangeSet [{name_or_arn}] does not exist")
    return found


def of(call: Call, stack: Stack) -> list[ChangeSet]:
    return [found for found in call.shelf(ChangeSet).values() if found.stack == stack.id]


def outdate(call: Call, stack: Stack) -> None:
    """The stack changes otherwise than its pending change sets would have it: nobody may execute them any more."""
    for found in of(call, stack):
        if found.execution == "AVAILABLE":
            call.shelf(ChangeSet)[found.key] = changed(found, execution="OBSOLETE")


def drop(call: Call, change_set: ChangeSet) -> None:
    if change_set.execution != "EXECUTED":
        stacks.forget(call, change_set.wish)
    del call.shelf(ChangeSet)[change_set.key]


# What would change -----------------------------------------------------------------------------------


def differences(call: Call, stack: Stack, blueprint: Blueprint, seen: plan.Seen | None = None) -> list[Change]:
    """What applying a blueprint to a stack would do to its resources."""
    old = stacks.drawn(call, stack.wish) if stack.status != "REVIEW_IN_PROGRESS" else Blueprint(body={})
    differing = {name for name, value in blueprint.values.items() if old.values.get(name) != value}
    written = _written(blueprint, frozenset(differing))
    return plan.changes(
        blueprint.resources, stacks.resources_of(call, stack), blueprint.levels, written, _written(old), seen
    )


def _valued(call: Call, stack: Stack, blueprint: Blueprint) -> tuple[list[Change], str]:
    """The differences with their values, and why some could not be told."""
    shelf = call.shelf(export.Export)
    seen = plan.Seen(
        stacks.resources_of(call, stack), lambda name: shelf[name].value if name in shelf else None
    )
    return differences(call, stack, blueprint, seen), seen.problem


def _written(blueprint: Blueprint, differing: frozenset[str] = frozenset()) -> plan.Written:
    declared = blueprint.body.get("Parameters") or {}
    hidden = frozenset(name for name, entry in declared.items() if hides(entry))
    return plan.Written(blueprint.body.get("Resources") or {}, differing, hidden, blueprint.resources)


def is_different(call: Call, stack: Stack, blueprint: Blueprint, tags: dict[str, str]) -> bool:
    """Whether anything but resources would change."""
    if stack.status == "REVIEW_IN_PROGRESS":
        return True
    return tags != stack.wish.tags or blueprint.outputs != stacks.drawn(call, stack.wish).outputs


def change_shown(change: Change, *, with_values: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "ResourceType": change.type,
        "Scope": sorted({detail.attribute for detail in change.details}),
        "Details": [_detail(detail, with_values) for detail in change.details],
    }
    optional = {
        "PhysicalResourceId": change.physical_id,
        "Replacement": change.replacement,
        "PolicyAction": change.policy_action,
    }
    if with_values:
        optional |= {"BeforeContext": _context(change.before), "AfterContext": _context(change.after)}
    return {
        "Type": "Resource",
        "ResourceChange": found | {name: value for name, value in optional.items() if value},
    }


def _context(properties: dict[str, Any] | None) -> str:
    return "" if properties is None else json.dumps({"Properties": properties}, separators=(",", ":"), default=str)


def _detail(detail: plan.Detail, with_values: bool) -> dict[str, Any]:
    target = {"Attribute": detail.attribute, "RequiresRecreation": detail.recreation}
    if detail.property:
        target["Name"] = detail.property
    if detail.property and with_values:
        kind = "Add" if detail.before is None else "Remove" if detail.after is None else "Modify"
        target |= {"Path": f"/Properties/{detail.property}", "AttributeChangeType": kind}
        for name, value in (("BeforeValue", detail.before), ("AfterValue", detail.after)):
            if value is not None:
                target[name] = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)
    found = {
        "Target": target,
        "Evaluation": "Static" if detail.is_certain else "Dynamic",
        "ChangeSource": detail.source,
    }
    return found | ({"CausingEntity": detail.cause} if detail.cause else {})


# Shown -----------------------------------------------------------------------------------------------


def _execution(call: Call, change_set: ChangeSet) -> str:
    if change_set.execution != "EXECUTED":
        return change_set.execution
    stack = stacks.find(call, change_set.stack_arn, is_deleted_too=True)
    if stack is None or stack.change_set != change_set.arn:
        return "OBSOLETE"
    if stack.is_busy:
        return "EXECUTE_IN_PROGRESS"
    return "EXECUTE_COMPLETE" if stack.status in GOOD else "EXECUTE_FAILED"


def summary(call: Call, change_set: ChangeSet) -> dict[str, Any]:
    """As ListChangeSets answers it."""
    reply: dict[str, Any] = {
        "StackId": change_set.stack_arn,
        "StackName": change_set.stack_name,
        "ChangeSetId": change_set.arn,
        "ChangeSetName": change_set.name,
        "ExecutionStatus": _execution(call, change_set),
        "Status": change_set.status,
        "CreationTime": change_set.created,
        "IncludeNestedStacks": change_set.is_whole,
    }
    optional = {
        "StatusReason": change_set.reason, "Description": change_set.description, "ImportExistingResources": change_set.imports,
    }  # fmt: skip
    return reply | {name: value for name, value in optional.items() if value}


def shown(call: Call, change_set: ChangeSet, *, with_values: bool = False) -> dict[str, Any]:
    """As DescribeChangeSet answers it."""
    reply = summary(call, change_set) | {
        "RollbackConfiguration": stacks.rollback_configuration(**change_set.watching),
        "NotificationARNs": list(change_set.notified),
        "Changes": list(change_set.valued if with_values else change_set.changes),
    }
    if with_values and change_set.warning:
        reply["StatusReason"] = f"[WARN] --include-property-values option can return incomplete ChangeSet data because: {change_set.warning}"
    reply["Capabilities"] = list(change_set.wish.capabilities) if change_set.wish is not None else []
    if change_set.wish is not None:
        if change_set.wish.parameters:
            reply["Parameters"] = list(change_set.wish.parameters)
        if tags := [{"Key": key, "Value": value} for key, value in change_set.wish.tags.items()]:
            reply["Tags"] = tags
    if change_set.on_failure:
        reply["OnStackFailure"] = change_set.on_failure
    return reply


# The operations ------------------------------------------------------------------------------------


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
        if IncludeNestedStacks and any(entry["Type"] == NESTED for entry in blueprint.resources.values()):
            raise NotImplementedHere("change sets of nested stacks (IncludeNestedStacks) of cloudformation")
    except (ValidationError, InsufficientCapabilitiesException) as error:
        # What a transform brings to light is told by the change set, anything else by the request.
        if not isinstance(error, TransformFailed) and not (blueprint is not None and blueprint.transforms):
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
        role=RoleARN or "", on_failure=OnStackFailure or ("DO_NOTHING" if is_kept else ""), token=ClientToken or "",
        watching=watching, notified=notified, imports=bool(ImportExistingResources), is_whole=bool(IncludeNestedStacks), mode=request.mode(DeploymentConfig),
    )  # fmt: skip
    call.shelf(ChangeSet)[change_set.key] = _compared(
        call, change_set, stack, text, blueprint, failure, Tags, Capabilities
    )
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
    surroundings = work.Surroundings(call, stack.name, is_reading=True)
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
    if found is None or found.execution == "EXECUTED":
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


def _compared(
    call: Call, change_set: ChangeSet, stack: Stack, text: str, blueprint: Blueprint | None, failure: str,
    tags: list[dict] | None, capabilities: list[str] | None,
) -> ChangeSet:  # fmt: skip
    if blueprint is None:
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=failure)
    if tags is None:
        tags = [{"Key": key, "Value": value} for key, value in stack.wish.tags.items()]
    try:
        found = differences(call, stack, blueprint)
    except ValidationError as error:
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=error.text)
    if not found and not is_different(call, stack, blueprint, {tag["Key"]: tag["Value"] for tag in tags}):
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=NO_CHANGES)
    wish = stacks.wished(call, text, blueprint, tags, capabilities or [])
    valued, warning = _valued(call, stack, blueprint)
    return changed(
        change_set,
        wish=wish,
        warning=warning,
        changes=tuple(change_shown(each, with_values=False) for each in found),
        valued=tuple(change_shown(each, with_values=True) for each in valued),
    )


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
    found = [each for each in of(call, stack) if each.execution != "EXECUTED"]
    return {"Summaries": [summary(call, each) for each in sorted(found, key=lambda each: -each.created)]}


def DeleteChangeSet(call: Call, *, ChangeSetName: str, StackName: str | None = None) -> dict:
    found = find(call, ChangeSetName, StackName)
    if found is not None:
        if _execution(call, found) == "EXECUTE_IN_PROGRESS":
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
    stack = request.named(call, found.stack_arn, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "ExecuteChangeSet"):
        return {}
    if found.status != "CREATE_COMPLETE" or found.execution != "AVAILABLE":
        status = _execution(call, found) if found.status == "CREATE_COMPLETE" else found.status
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
    blueprint = stacks.drawn(call, found.wish)
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
