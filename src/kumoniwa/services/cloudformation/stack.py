"""A stack: what was asked for, what stands of it, and what happened to it.

The record says where a stack is in its life; what `deploy` keeps of its resources, and its events, are rows. All of it is
written in the tick in which it becomes true, so the record's status tells a new process where to go on.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kumoniwa.deploy.standing import Blueprint, Standing, State
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.cloudformation import event, export
from kumoniwa.store.rows import Table

SERVICE = "cloudformation.amazonaws.com"
SESSION = "AWSCloudFormation"
"""As whom CloudFormation assumes a role."""
WHOLE = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
"""How an update ends that can no longer be taken back."""
KEPT_DELETED_S = 90 * 86_400
"""How long a deleted stack can still be described by its id:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html"""
NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
NAME_CHARACTERS_MAX = 128

PARTS = Table(
    "cloudformation_part",
    """create table if not exists cloudformation_part
       (stack text, part text, key text, body blob, primary key (stack, part, key)) without rowid""",
)
DOCUMENTS = Table(
    "cloudformation_document",
    """create table if not exists cloudformation_document
       (wish text, stage text, body blob, primary key (wish, stage)) without rowid""",
)
CHECKED = Table(
    "cloudformation_drift",
    """create table if not exists cloudformation_drift
       (stack text, logical text, status text, at real, body text, primary key (stack, logical)) without rowid""",
)


class Checked(Record):
    """How a stack's last drift detection ended, shelved by the stack's id."""

    status: str
    at: float


class Wish(Record):
    """What somebody asked a stack to be. The template and what was drawn from it are rows under ``id``."""

    id: str
    description: str = ""
    parameters: tuple[dict[str, str], ...] = ()
    """As they may be shown."""
    values: dict[str, str] = {}
    """As they are."""
    tags: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    """The names of exports it uses."""


class Stack(Record):
    """Shelved by name while it lives, and by name and id once it is deleted."""

    name: str
    id: str
    arn: str
    created: float
    status: str
    wish: Wish
    principal: Principal
    """Whose permissions count for its resources, unless it has a role."""
    reason: str = ""
    updated: float = 0.0
    deleted: float = 0.0
    deleting: float = 0.0
    """When its resources began to be taken away, by a deletion or by a rollback of its creation."""
    previous: Wish | None = None
    """While an update may still be taken back."""
    before: Wish | None = None
    """Of a nested stack: what it was before the stacks above it began an update, while that may still be taken back."""
    role: str = ""
    on_failure: str = "ROLLBACK"
    is_protected: bool = False
    change_set: str = ""
    parent: str = ""
    root: str = ""
    operation: str = ""
    """The id of what is being done or was done last."""
    operation_name: str = ""
    token: str = ""
    retained: tuple[str, ...] = ()
    """Resources that the deletion leaves alone."""
    is_forced: bool = False
    """Whether the deletion leaves alone what cannot be deleted."""
    deletes_new: bool = False
    """RetainExceptOnCreate: whether a rollback deletes what it made although the template says to retain it."""
    timeout_s: float = 0.0
    """How long its creation may take; 0 for as long as it likes."""
    policy: str = ""
    policy_of_update: str = ""
    """What holds instead of its policy while the update lasts."""
    policy_after: str = ""
    """What becomes its policy if the update succeeds."""
    watched_s: float = 0.0
    """How long after everything is made it is watched before that is final."""
    triggers: tuple[dict[str, str], ...] = ()
    """The alarms that take back what is being done when they sound."""
    watched_until: float = 0.0
    doomed: str = ""
    """Why what is being done can only fail: a transform did."""
    notified: tuple[str, ...] = ()
    """The topics that are told its events."""
    mode: str = "STANDARD"
    """Whether what is being done waits until its resources are ready, or is EXPRESS."""

    @property
    def key(self) -> str:
        return f"{self.name}/{self.id}" if self.status == "DELETE_COMPLETE" else self.name

    @property
    def is_busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def is_before(self) -> bool:
        """Whether it is, or is becoming again, what it was before the stacks above it began an update."""
        return self.before is not None and self.wish.id == self.before.id


# Finding ---------------------------------------------------------------------------------------------


def find(call: Call, name_or_arn: str, *, is_deleted_too: bool = False) -> Stack | None:
    """A stack by its name or its ARN; a deleted one only by its ARN."""
    shelf = call.shelf(Stack)
    if not name_or_arn.startswith("arn:"):
        return shelf.get(name_or_arn) if "/" not in name_or_arn else None
    name, _, id = name_or_arn.partition(":stack/")[2].partition("/")
    stack = shelf.get(name)
    if stack is not None and stack.arn == name_or_arn:
        return stack
    deleted = shelf.get(f"{name}/{id}") if is_deleted_too else None
    return deleted if deleted is not None and deleted.arn == name_or_arn else None


def living(call: Call) -> list[Stack]:
    """Newest first."""
    found = [stack for key, stack in call.shelf(Stack).items() if "/" not in key]
    return sorted(found, key=lambda stack: -stack.created)


def check_name(name: str) -> None:
    """Constraints that AWS enforces and its model does not state."""
    broken = []
    if not NAME.fullmatch(name):
        broken.append(f"Member must satisfy regular expression pattern: {NAME.pattern}|arn:[-a-zA-Z0-9:/._+]*")
    if len(name) > NAME_CHARACTERS_MAX:
        broken.append(f"Member must have length less than or equal to {NAME_CHARACTERS_MAX}")
    if broken:
        told = "; ".join(
            f"Value '{name}' at 'stackName' failed to satisfy constraint: {each}" for each in broken
        )
        errors = "error" if len(broken) == 1 else "errors"
        raise ValidationError(f"{len(broken)} validation {errors} detected: {told}")


# What a wish says ------------------------------------------------------------------------------------


def wished(
    call: Call, text: str, blueprint: Blueprint, tags: list[dict[str, str]], capabilities: list[str]
) -> Wish:
    """Keep a template and what was drawn from it."""
    wish = Wish(
        id=call.new_id(),
        description=blueprint.description,
        parameters=tuple(blueprint.parameters),
        values=blueprint.values,
        tags={tag["Key"]: tag["Value"] for tag in tags},
        capabilities=tuple(capabilities),
        imports=tuple(sorted(export.imported([blueprint.resources, blueprint.outputs]))),
    )
    rows = call.rows(DOCUMENTS)
    rows.run("insert into cloudformation_document values (?,?,?)", wish.id, "Original", text.encode())
    rows.run("insert into cloudformation_document values (?,?,?)", wish.id, "Drawn", pack(blueprint))
    return wish


def document(call: Call, wish: Wish) -> str:
    """The template as it was sent."""
    found = call.rows(DOCUMENTS).one(
        "select body from cloudformation_document where wish = ? and stage = 'Original'", wish.id
    )
    return found[0].decode() if found else ""


def drawn(call: Call, wish: Wish) -> Blueprint:
    found = call.rows(DOCUMENTS).one(
        "select body from cloudformation_document where wish = ? and stage = 'Drawn'", wish.id
    )
    return unpack(found[0], Blueprint)


def forget(call: Call, wish: Wish | None) -> None:
    if wish is not None:
        call.rows(DOCUMENTS).run("delete from cloudformation_document where wish = ?", wish.id)


def let_go(call: Call, stack: Stack, wish: Wish | None) -> None:
    """Forget what the stack is no longer to be, unless the stacks above it may want it again."""
    if wish is not None and (stack.before is None or wish.id != stack.before.id):
        forget(call, wish)


def _settle_beneath(call: Call, stack: Stack) -> None:
    """Nobody takes back any more what the stacks nested in this one became."""
    shelf = call.shelf(Stack)
    for child in [each for each in shelf.values() if each.parent == stack.arn and each.status != "DELETE_COMPLETE"]:
        if child.before is not None:
            if not child.is_before:
                forget(call, child.before)
            shelf[child.name] = changed(child, before=None)
        _settle_beneath(call, child)


# The state of a deploy ---------------------------------------------------------------------------------


def state_of(call: Call, stack: Stack) -> State:
    """What `deploy` knows of the stack; what it changes is written down at once."""

    def keep(part: str, key: str, value: Any) -> None:
        if part == "status":
            _move_on(call, stack, value["status"], value["reason"])
        elif part == "operation_id":
            return
        elif value is None:
            rows.run(
                "delete from cloudformation_part where stack = ? and part = ? and key = ?",
                stack.id,
                part,
                key,
            )
        else:
            rows.run(
                "insert or replace into cloudformation_part values (?,?,?,?)",
                stack.id,
                part,
                key,
                pack(value),
            )

    rows = call.rows(PARTS)
    state = State(
        stack_id=stack.arn,
        stack_name=stack.name,
        status=stack.status,
        reason=stack.reason,
        operation_id=stack.operation,
        tags=stack.wish.tags,
        on_failure=stack.on_failure,
        keep=keep,
    )
    state.load(rows.all("select part, key, body from cloudformation_part where stack = ?", stack.id))
    return state


def _move_on(call: Call, stack: Stack, status: str, reason: str) -> None:
    shelf = call.shelf(Stack)
    stack = changed(shelf[stack.name], status=status, reason=reason)
    if status in ("UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        let_go(call, stack, stack.previous)
        stack = changed(stack, previous=None, policy=stack.policy_after or stack.policy)
    elif status in ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE") and stack.previous is not None:
        let_go(call, stack, stack.wish)
        stack = changed(stack, wish=stack.previous, previous=None)
    elif status == "DELETE_COMPLETE":
        export.withdraw(call, stack.arn)
        let_go(call, stack, stack.previous)
        if not stack.is_before:
            forget(call, stack.before)
        stack = changed(stack, previous=None, before=None, deleted=call.now())
        export.use(call, stack.name, set())
        call.rows(PARTS).run("delete from cloudformation_part where stack = ?", stack.id)
        call.rows(CHECKED).run("delete from cloudformation_drift where stack = ?", stack.id)
        call.shelf(Checked).pop(stack.id, None)
        del shelf[stack.name]
        _forget_long_gone(call)
    if status in ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
        stack = changed(stack, deleting=call.now())
    if status == "DELETE_COMPLETE" or status in WHOLE and stack.before is None:
        _settle_beneath(call, stack)
    if not stack.is_busy:
        stack = changed(stack, policy_of_update="", policy_after="", watched_until=0.0)
    if stack.previous is None and not stack.deleted:
        export.use(call, stack.name, set(stack.wish.imports))
    shelf[stack.key] = stack


def _forget_long_gone(call: Call) -> None:
    shelf = call.shelf(Stack)
    for key, gone in shelf.items():
        if gone.deleted and gone.deleted < call.now() - KEPT_DELETED_S:
            forget(call, gone.wish)
            event.forget(call, gone.id)
            del shelf[key]


def outputs_of(call: Call, stack: Stack) -> list[dict[str, str]]:
    found = []
    for key, body in _part(call, stack, "outputs"):
        output = msgspec.msgpack.decode(body)
        shown = {"OutputKey": key, "OutputValue": _text(output["Value"])}
        if "Description" in output:
            shown["Description"] = output["Description"]
        if "Export" in output:
            shown["ExportName"] = output["Export"]["Name"]
        found.append(shown)
    return found


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def resources_of(call: Call, stack: Stack) -> dict[str, Standing]:
    return {key: unpack(body, Standing) for key, body in _part(call, stack, "resources")}


def owner(call: Call, kind: str, physical_id: str) -> Stack | None:
    """The stack that has a resource of this type and id."""
    for stack in living(call):
        for standing in resources_of(call, stack).values():
            if standing.type == kind and standing.physical_id == physical_id:
                return stack
    return None


def _part(call: Call, stack: Stack, part: str) -> list[tuple[str, bytes]]:
    return call.rows(PARTS).all(
        "select key, body from cloudformation_part where stack = ? and part = ? order by key", stack.id, part
    )


# Shown -----------------------------------------------------------------------------------------------


def _drift(call: Call, stack: Stack) -> dict[str, Any]:
    checked = call.shelf(Checked).get(stack.id)
    if checked is None:
        return {"StackDriftStatus": "NOT_CHECKED"}
    return {"StackDriftStatus": checked.status, "LastCheckTimestamp": checked.at}


def rollback_configuration(triggers: tuple[dict[str, str], ...] = (), watched_s: float = 0.0) -> dict[str, Any]:
    if not triggers and not watched_s:
        return {}
    return {"RollbackTriggers": list(triggers), "MonitoringTimeInMinutes": int(watched_s / 60)}


def shown(call: Call, stack: Stack) -> dict[str, Any]:
    """A stack as DescribeStacks answers it."""
    wish = stack.wish
    reply: dict[str, Any] = {
        "StackId": stack.arn,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "RollbackConfiguration": rollback_configuration(stack.triggers, stack.watched_s),
        "NotificationARNs": list(stack.notified),
        "Tags": [{"Key": key, "Value": value} for key, value in wish.tags.items()],
        "DriftInformation": _drift(call, stack),
    }
    if stack.status != "DELETE_COMPLETE":
        reply["EnableTerminationProtection"] = stack.is_protected
    is_going = stack.status.startswith(("ROLLBACK_", "DELETE_"))
    optional = {
        # A stack that does not stand has none: recorded, localstack/localstack, test_change_set_*.snapshot.json.
        "ChangeSetId": "" if is_going else stack.change_set,
        "Description": wish.description,
        "Parameters": list(wish.parameters),
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleting or stack.deleted,
        "StackStatusReason": stack.reason,
        "Capabilities": list(wish.capabilities),
        "Outputs": outputs_of(call, stack),
        "LastOperations": event.last_operations(call, stack.id),
        "RoleARN": stack.role,
        "TimeoutInMinutes": int(stack.timeout_s / 60),
        "ParentId": stack.parent,
        "RootId": stack.root,
    }
    if stack.mode == "EXPRESS":
        reply["DeploymentConfig"] = {"Mode": stack.mode, "DisableRollback": stack.on_failure == "DO_NOTHING"}
    return reply | {name: value for name, value in optional.items() if value}


def summary(call: Call, stack: Stack) -> dict[str, Any]:
    """A stack as ListStacks answers it."""
    reply: dict[str, Any] = {
        "StackId": stack.arn,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        "DriftInformation": _drift(call, stack),
    }
    optional = {
        "TemplateDescription": stack.wish.description,
        "LastOperations": event.last_operations(call, stack.id),
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleting or stack.deleted,
        "StackStatusReason": stack.reason,
        "ParentId": stack.parent,
        "RootId": stack.root,
    }
    return reply | {name: value for name, value in optional.items() if value}


def resources_shown(call: Call, stack: Stack) -> list[dict[str, Any]]:
    """The resources of a stack, by logical id. Of a deleted stack its events still know them."""
    checked = call.rows(CHECKED).all(
        "select logical, status, at from cloudformation_drift where stack = ?", stack.id
    )
    drifts = {
        name: {"StackResourceDriftStatus": status, "LastCheckTimestamp": at} for name, status, at in checked
    }
    last = event.last_of_each(call, stack.id)
    if stack.status == "DELETE_COMPLETE":
        return [_resource(stack, *found) for (_, physical), found in sorted(last.items()) if physical]
    shown_ = []
    for name, standing in resources_of(call, stack).items():
        # Events know when, and why; what was replaced has events of its own under another physical id.
        _, kind, physical, _, at, reason = last.get((name, standing.physical_id)) or (
            name, standing.type, standing.physical_id, "", stack.created, "",
        )  # fmt: skip
        shown_.append(_resource(stack, name, kind, physical, standing.status, at, reason))
        shown_[-1]["DriftInformation"] = drifts.get(name, shown_[-1]["DriftInformation"])
    return shown_


def _resource(
    stack: Stack, name: str, kind: str, physical: str, status: str, at: float, reason: str
) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "StackName": stack.name,
        "StackId": stack.arn,
        "LogicalResourceId": name,
        "ResourceType": kind,
        "LastUpdatedTimestamp": at,
        "Timestamp": at,
        "ResourceStatus": status,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    if physical:
        reply["PhysicalResourceId"] = physical
    if reason:
        reply["ResourceStatusReason"] = reason
    return reply
