"""Scheduled actions: at given times the bounds of a target become others, and its capacity moves into them.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.application_autoscaling import activity, change
from kumoniwa.services.application_autoscaling.errors import ObjectNotFoundException, ValidationException
from kumoniwa.services.application_autoscaling.resource import named
from kumoniwa.services.application_autoscaling.target import Target, check_bounds, registered, spelled
from kumoniwa.store.rows import Table

DUE = Table(
    "application_autoscaling_due",
    """create table if not exists application_autoscaling_due (action text primary key, at real);
    create index if not exists application_autoscaling_due_at on application_autoscaling_due (at)""",
)
"""When each action is done next."""
WAITING = ("application-autoscaling", "schedule")


class Action(Record):
    """Shelved by its target's key and its name."""

    id: str
    name: str
    target: str
    namespace: str
    resource: str
    dimension: str
    expression: str
    bounds: dict[str, int]
    created: float
    zone: str | None = None
    starts: float | None = None
    ends: float | None = None

    @property
    def key(self) -> str:
        return f"{self.target}|{self.name}"

    @property
    def times(self) -> schedule_expression.Schedule:
        return schedule_expression.of_scheduler(self.expression, ZoneInfo(self.zone or "UTC"))


def PutScheduledAction(
    call: Call,
    *,
    ServiceNamespace: str,
    ScheduledActionName: str,
    ResourceId: str,
    ScalableDimension: str,
    Schedule: str | None = None,
    Timezone: str | None = None,
    StartTime: float | None = None,
    EndTime: float | None = None,
    ScalableTargetAction: dict[str, int] | None = None,
) -> None:
    """A change keeps what it does not say, but for the times of start and end, which it deletes."""
    resource = named(ServiceNamespace, ResourceId, ScalableDimension)
    target = registered(call, resource)
    held = call.shelf(Action).get(f"{target.key}|{ScheduledActionName}")
    expression = Schedule or (held.expression if held else None)
    bounds = ScalableTargetAction or (held.bounds if held else {})
    zone = Timezone or (held.zone if held else None)
    if expression is None:
        raise ValidationException("Schedule must be specified to create a scheduled action")
    if not bounds:
        # https://github.com/aws-cloudformation/community-registry-extensions/issues/255
        raise ValidationException("At least one of minimum capacity and maximum capacity should be provided")
    check_bounds(resource, bounds.get("MinCapacity"), bounds.get("MaxCapacity"))
    if StartTime is not None and EndTime is not None and EndTime <= StartTime:
        raise ValidationException("End time must be after start time")
    _check_times(expression, zone)
    action = Action(
        id=held.id if held else call.new_id(), name=ScheduledActionName, target=target.key, namespace=ServiceNamespace, resource=ResourceId,
        dimension=ScalableDimension, expression=expression, bounds=bounds, created=held.created if held else call.now(), zone=zone,
        starts=StartTime, ends=EndTime,
    )  # fmt: skip
    call.shelf(Action)[action.key] = action
    _plan(call, action)
    call.after_commit(lambda: call.home.wake(WAITING))


def _check_times(expression: str, zone: str | None) -> None:
    try:
        schedule_expression.of_scheduler(expression, ZoneInfo(zone or "UTC"))
    except schedule_expression.InvalidExpression:
        raise ValidationException(f"Invalid schedule expression: {expression}") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationException(f"Invalid time zone: {zone}") from None


def _plan(call: Call, action: Action) -> None:
    rows, first = call.rows(DUE), action.starts if action.starts is not None else action.created
    rows.run("delete from application_autoscaling_due where action = ?", action.key)
    at = action.times.after(max(call.now(), first), anchored=first)
    if at is not None and (action.ends is None or at <= action.ends):
        rows.run("insert into application_autoscaling_due (action, at) values (?, ?)", action.key, at)


def DeleteScheduledAction(
    call: Call, *, ServiceNamespace: str, ScheduledActionName: str, ResourceId: str, ScalableDimension: str
) -> None:
    resource = named(ServiceNamespace, ResourceId, ScalableDimension)
    key = f"{resource.key}|{ScheduledActionName}"
    if key not in call.shelf(Action):
        raise ObjectNotFoundException(f"No scheduled action found for {spelled(resource)}, scheduled action name: {ScheduledActionName}")
    _drop(call, key)


def _drop(call: Call, key: str) -> None:
    del call.shelf(Action)[key]
    call.rows(DUE).run("delete from application_autoscaling_due where action = ?", key)


def drop_all(call: Call, target_key: str) -> None:
    """With their target they go."""
    for key in [key for key, action in call.shelf(Action).items() if action.target == target_key]:
        _drop(call, key)


def DescribeScheduledActions(
    call: Call,
    *,
    ServiceNamespace: str,
    ScheduledActionNames: list[str] | None = None,
    ResourceId: str | None = None,
    ScalableDimension: str | None = None,
) -> dict:
    found = [
        action for _, action in sorted(call.shelf(Action).items())
        if action.namespace == ServiceNamespace and (not ScheduledActionNames or action.name in ScheduledActionNames)
        and ResourceId in (None, action.resource) and ScalableDimension in (None, action.dimension)
    ]  # fmt: skip
    return {"ScheduledActions": [_shown(call, action) for action in found]}


def _shown(call: Call, action: Action) -> dict[str, Any]:
    where = f"scheduledAction:{action.id}:resource/{action.namespace}/{action.resource}:scheduledActionName/{action.name}"
    shown = {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": call.arn(where, "autoscaling"),
        "ServiceNamespace": action.namespace,
        "Schedule": action.expression,
        "Timezone": action.zone,
        "ResourceId": action.resource,
        "ScalableDimension": action.dimension,
        "StartTime": action.starts,
        "EndTime": action.ends,
        "ScalableTargetAction": action.bounds,
        "CreationTime": action.created,
    }
    return {name: value for name, value in shown.items() if value is not None}


# When their time has come -------------------------------------------------------------------------


async def fire_all(call: Call) -> float | None:
    """Do what is due; answers when the next is."""
    for (key,) in call.rows(DUE).all("select action from application_autoscaling_due where at <= ? order by at", call.now()):
        action = call.shelf(Action).get(key)
        if action is not None:
            await _fire(call, action)
    return call.rows(DUE).one("select min(at) from application_autoscaling_due")[0]


async def _fire(call: Call, action: Action) -> None:
    resource = named(action.namespace, action.resource, action.dimension)
    try:
        capacity = await resource.capacity(call)
    except AwsError as error:
        call.home.note("unscaled", target=action.target, code=error.code)
        capacity = None

    def move() -> None:
        held = call.shelf(Action).get(action.key)
        if held is None:
            return
        target = call.shelf(Target)[action.target]
        if not target.suspended["ScheduledScalingSuspended"]:
            _move(call, action, target, capacity)
        _plan(call, held)

    call.atomically(move)


def _move(call: Call, action: Action, target: Target, capacity: int | None) -> None:
    """The words are those of https://docs.aws.amazon.com/cli/latest/reference/application-autoscaling/describe-scaling-activities.html"""
    resource = named(action.namespace, action.resource, action.dimension)
    least, most = action.bounds.get("MinCapacity", target.least), action.bounds.get("MaxCapacity", target.most)
    said = [f"{word} capacity to {action.bounds[name]}" for name, word in (("MinCapacity", "min"), ("MaxCapacity", "max")) if name in action.bounds]
    told = {"description": f"Setting {' and '.join(said)}", "cause": f"scheduled action name {action.name} was triggered"}
    if most < least:
        message = f"Failed to set {' and '.join(said)}. Reason: Maximum capacity cannot be less than minimum capacity"
        activity.note(call, call.new_id(), resource, **told, status=activity.FAILED, message=message)
        return
    moved = call.shelf(Target)[target.key] = changed(target, least=least, most=most)
    activity.note(call, call.new_id(), resource, **told, status=activity.SUCCESSFUL, message=f"Successfully set {' and '.join(said)}")
    change.into_bounds(call, moved, capacity)
