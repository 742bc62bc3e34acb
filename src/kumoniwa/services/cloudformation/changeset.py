"""A change set: a wish that has been drawn and compared, and waits for somebody to say yes."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy import plan
from kumoniwa.deploy.parameters import hides
from kumoniwa.deploy.plan import Change
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudformation import export
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack, Wish

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
    capabilities: tuple[str, ...] = ()
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
    parent: str = ""
    """The change set of the stack that this one is nested in, as an ARN; and the outermost."""
    root: str = ""
    children: dict[str, str] = {}
    """Those of the stacks nested in this one, by what they are called in its template."""

    @property
    def key(self) -> str:
        return f"{self.stack}/{self.name}"

    @property
    def is_executed(self) -> bool:
        return self.execution.startswith("EXECUTE")


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


def children_of(call: Call, change_set: ChangeSet) -> list[ChangeSet]:
    found = (find(call, arn, None) for arn in change_set.children.values())
    return [each for each in found if each is not None]


def with_names(call: Call, stack: Stack, blueprint: Blueprint) -> Blueprint:
    """The blueprint with the names under which the change set that is being executed has nested stacks in review."""
    change_set = find(call, stack.change_set, None) if stack.change_set else None
    resources = dict(blueprint.resources)
    for name, arn in change_set.children.items() if change_set is not None else ():
        child = find(call, arn, None)
        reviewed = stacks.find(call, child.stack_arn) if child is not None and child.execution == "EXECUTED" else None
        if reviewed is not None and reviewed.status == "REVIEW_IN_PROGRESS" and name in resources:
            resources[name] = {**resources[name], "Named": reviewed.name}
    return changed(blueprint, resources=resources)


def drop(call: Call, change_set: ChangeSet) -> None:
    """Forget a change set with those of nested stacks, and nested stacks that are there for its sake alone."""
    for child in children_of(call, change_set):
        drop(call, child)
    if not change_set.is_executed or change_set.parent:
        stacks.forget(call, change_set.wish)
    del call.shelf(ChangeSet)[change_set.key]
    stack = stacks.find(call, change_set.stack_arn)
    if change_set.parent and stack is not None and stack.status == "REVIEW_IN_PROGRESS" and not of(call, stack):
        stacks.state_of(call, stack).move_on("DELETE_COMPLETE")


def retire(call: Call, stack: Stack) -> None:
    """A stack is deleted: the change set that made it what it was can be described as long as the stack itself. Recorded: localstack's
    test_changesets.py, test_name_conflicts."""
    for found in of(call, stack):
        if not found.is_executed:
            drop(call, found)
        elif not stack.is_busy:
            call.shelf(ChangeSet)[found.key] = changed(found, execution=execution(call, found))
    for found in list(call.shelf(ChangeSet).values()):
        if stacks.find(call, found.stack_arn, is_deleted_too=True) is None and call.shelf(ChangeSet).get(found.key) is found:
            drop(call, found)


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


def compared(
    call: Call, change_set: ChangeSet, stack: Stack, text: str, blueprint: Blueprint | None, failure: str,
    tags: list[dict] | None, capabilities: list[str] | None, children: dict[str, ChangeSet],
) -> ChangeSet:  # fmt: skip
    """The change set with what it would change. ``children`` are those of its nested stacks, by what their stacks are called in it."""
    change_set = changed(change_set, children={name: child.arn for name, child in children.items()}, capabilities=tuple(capabilities or ()))
    if blueprint is None:
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=failure)
    if failed := [child for child in children.values() if child.status == "FAILED"]:
        reason = f"Nested change set {failed[0].arn} was not successfully created: Currently in FAILED."
        return changed(change_set, status="FAILED", execution="UNAVAILABLE", reason=reason)
    if tags is None:
        tags = [{"Key": key, "Value": value} for key, value in stack.wish.tags.items()]
    try:
        found = _told(change_set, differences(call, stack, blueprint))
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
        changes=tuple(_shown_in(change_set, each, with_values=False) for each in found),
        valued=tuple(_shown_in(change_set, each, with_values=True) for each in _told(change_set, valued)),
    )


def _told(change_set: ChangeSet, found: list[Change]) -> list[Change]:
    """The changes, but for nested stacks that were looked into and stay as they are."""
    return [each for each in found if not (change_set.is_whole and each.is_beneath and each.logical_id not in change_set.children)]


def _shown_in(change_set: ChangeSet, change: Change, *, with_values: bool) -> dict[str, Any]:
    shown = change_shown(change, with_values=with_values)
    if change.logical_id in change_set.children:
        shown["ResourceChange"]["ChangeSetId"] = change_set.children[change.logical_id]
    return shown


# Shown -----------------------------------------------------------------------------------------------


def execution(call: Call, change_set: ChangeSet) -> str:
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
        "ExecutionStatus": execution(call, change_set),
        "Status": change_set.status,
        "CreationTime": change_set.created,
        "IncludeNestedStacks": change_set.is_whole,
    }
    optional = {
        "StatusReason": change_set.reason, "Description": change_set.description, "ImportExistingResources": change_set.imports,
        "ParentChangeSetId": change_set.parent, "RootChangeSetId": change_set.root,
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
    reply["Capabilities"] = list(change_set.capabilities)
    if change_set.wish is not None:
        if change_set.wish.parameters:
            reply["Parameters"] = list(change_set.wish.parameters)
        if tags := [{"Key": key, "Value": value} for key, value in change_set.wish.tags.items()]:
            reply["Tags"] = tags
    if change_set.on_failure:
        reply["OnStackFailure"] = change_set.on_failure
    return reply
